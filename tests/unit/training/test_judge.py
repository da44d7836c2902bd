"""The judge of the embedded model, and the figures that come of its verdicts."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from sdjp.text.translate import make_translator
from sdjp_training.loop import checkpoint
from sdjp_training.release import card, evaluate, questions
from sdjp_training.release.questions import Question
from sdjp_training.scenes.artwork import Artwork, concepts
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import BACKGROUNDS, COLORS, QUESTIONS
from sdjp_training.trainers import judge


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    (folder / "artwork").symlink_to(artwork_folder)
    return folder


def test_every_background_has_japanese_words_and_english_ones() -> None:
    assert tuple(QUESTIONS) == BACKGROUNDS
    translate = make_translator("lexicon").translate
    for place, english in zip(
        QUESTIONS, translate([phrase.format("猫") for phrase in QUESTIONS.values()]), strict=True
    ):
        assert english.english.startswith("a cat ")
        if place in COLORS:
            assert f"{place} background" in english.english


def test_what_it_learns_from_says_what_is_in_it(folder: Path) -> None:
    drawings = judge.Drawings(Artwork(folder / "artwork"))
    x, subjects, places = judge.batch(drawings, random.Random(3), 24)
    assert x.shape == (24, 3, 64, 64)
    assert x.min() >= -1
    assert x.max() <= 1
    assert {round(v, 2) for v in subjects.sum(dim=1).tolist()} <= {0.0, 1.0}, "scenes without a subject"
    torch.testing.assert_close(places.sum(dim=1), torch.ones(24))
    assert {round(v, 2) for v in subjects.unique().tolist()} == {0.0, 0.5, 1.0}


@pytest.mark.usefixtures("counted_steps")
def test_training_goes_on_where_it_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "BATCH", 8)
    monkeypatch.setattr(judge, "HELD_OUT", 30)
    for _ in range(2):
        judge.train(folder, minutes=0.01)
    state = checkpoint.load(folder / "judge.pt")
    assert state is not None
    assert state["step"] == 2
    assert len((folder / "judge.jsonl").read_text().splitlines()) == 2
    told = judge.load(folder / "judge.pt")(torch.zeros(2, 3, 64, 64))
    assert told.subjects.shape == (2, len(concepts()))
    assert told.places.shape == (2, len(BACKGROUNDS))


def test_what_is_written_for_tests_says_what_it_tells_apart(folder: Path, tmp_path: Path) -> None:
    judge.export(folder, tmp_path / "judge.safetensors")
    read = judge.read(tmp_path / "judge.safetensors")
    assert read.emojis == tuple(concept.emoji for concept in concepts())
    verdict = read(torch.zeros(1, 3, 64, 64))
    assert verdict.backgrounds == BACKGROUNDS
    (first,) = verdict.subjects.argmax(dim=1).tolist()
    artwork = Artwork(folder / "artwork")
    artwork.index.clear()  # the order is the judge's own
    assert judge.seen(verdict, artwork, [(read.emojis[first],)], 1) == [True]


def test_no_judge_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="training judge"):
        judge.load(tmp_path / "judge.pt")


def test_questions_are_the_same_every_time(folder: Path) -> None:
    artwork = Artwork(folder / "artwork")
    asked = questions.nouns(artwork, None) + questions.others(artwork, len(QUESTIONS))
    assert asked == questions.nouns(artwork, None) + questions.others(artwork, len(QUESTIONS))
    assert sum(q.kind == "single" for q in asked) == len(concepts())
    assert set(questions.nouns(artwork, 9)) < set(asked)
    assert {q.place for q in asked if q.kind == "place"} == set(QUESTIONS)
    assert all(len(q.subjects) == 2 for q in asked if q.kind in {"pair", "riding"})
    assert {q.side for q in asked if q.kind == "side"} == {"left", "right"}


def test_figures_are_the_shares_of_what_the_judge_saw(folder: Path) -> None:
    artwork = Artwork(folder / "artwork")
    names = [c.emoji for c in artwork.concepts]
    asked = [
        Question(kind="single", prompt="", scene=Scene(emojis=(names[0],))),
        Question(kind="single", prompt="", scene=Scene(emojis=(names[1],))),
        Question(kind="pair", prompt="", scene=Scene(emojis=(names[0], names[1]))),
        Question(kind="pair", prompt="", scene=Scene(emojis=(names[0], names[40]))),
    ]

    def seen(x: torch.Tensor) -> judge.Verdict:
        subjects = torch.zeros(len(x), len(names))
        subjects[:, :7] = torch.linspace(7, 1, 7)  # the first concept most, then the second …
        return judge.Verdict(subjects, torch.zeros(len(x), len(BACKGROUNDS)))

    figures = evaluate.judged(seen, artwork, asked, [np.zeros((256, 256, 3), np.uint8)] * len(asked))
    assert figures["top1"] == 0.5
    assert figures["top5"] == 1.0
    assert figures["pair"] == 0.5
    assert np.isnan(figures["riding"])
    assert np.isnan(figures["side"])


def test_the_half_in_which_a_subject_is_seen_more_is_its_side(folder: Path) -> None:
    artwork = Artwork(folder / "artwork")
    asked = [
        Question(kind="side", prompt="", scene=Scene(emojis=(artwork.concepts[0].emoji,), layout=side))
        for side in ("left", "right", "right")
    ]
    picture = np.zeros((256, 256, 3), np.uint8)
    picture[:, 128:] = 255  # something on the right alone

    def seen(x: torch.Tensor) -> judge.Verdict:
        subjects = torch.zeros(len(x), len(artwork.concepts))
        subjects[:, 0] = x.mean(dim=(1, 2, 3))
        return judge.Verdict(subjects, torch.zeros(len(x), len(BACKGROUNDS)))

    figures = evaluate.judged(seen, artwork, asked, [picture, picture, picture[:, ::-1]])
    assert figures["side"] == pytest.approx(1 / 3)


CARD = """前
<!-- pictures -->
old pictures
<!-- /pictures -->
間
<!-- translation -->
old translation
<!-- /translation -->
後
"""


def test_figures_go_between_the_marks_of_the_card(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(CARD, encoding="utf-8")
    shares = dict.fromkeys(["top1", "top5", "place", "color", "pair", "riding", "side", "both"], 0.25)
    more = {
        "translator": {
            "prompts_bleu": 81.26,
            "prompts_chrf": 90.0,
            "natural_model_bleu": 14.0,
            "natural_model_chrf": 40.0,
            "natural_model_content": 55.5,
            "natural_kinds": {"tags": {"prompts": 25, "bleu": 50.1, "chrf": 70.2, "content": 80.4}},
        },
        "clip": {"text": 0.9, "picture": 0.92},
    }
    figures = {"model": {**shares, "clip": 31.4}, "judge": shares, "autoencoder_psnr": 28.44}
    card.write({**figures, **more}, path)
    text = path.read_text(encoding="utf-8")
    assert "old" not in text
    assert "25 %" in text
    assert "28.4 dB" in text
    assert "31.4" in text
    assert "64 prompts that all development was tuned to (flattering): BLEU 81.3, chrF 90.0\n" in text
    assert "its model alone: BLEU 14.0, chrF 40.0, 内容語 · content words 56 %" in text
    assert "\n| タグの列 · tags | 25 | 50 | 70 | 80 % |\n" in text
    assert "90 % / 92 %" in text
    assert text.startswith("前\n<!-- pictures -->\n|")
    assert text.endswith("<!-- /translation -->\n後\n")


def test_a_part_that_was_not_measured_stays_in_the_card(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(CARD, encoding="utf-8")
    card.write({"model": {"psnr": {"single": 20.84}}, "autoencoder_psnr": 28.44}, path)
    text = path.read_text(encoding="utf-8")
    assert "old pictures" not in text
    assert "| 1 つの主題 · one subject | 20.8 dB | – | – | – | – |\n" in text
    assert "1 位" not in text, "no classifier has looked"
    card.write({"model": {"clip": 31.4}, "autoencoder_psnr": 28.44, "clip": {"text": 0.9}}, path)
    text = path.read_text(encoding="utf-8")
    assert "| CLIP スコア · CLIP score | 31.4 | – | – |\n" in text, "nor does the small CLIP need one"
    assert "90 %" in text
    assert "<!-- translation -->\nold translation\n<!-- /translation -->\n" in text
