"""The weights that ship draw and translate what is asked for: floors a little below what was measured.

The judge was trained apart (``python -m sdjp_training judge``); all the figures are in the model card.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sdjp import Pipeline, cli
from sdjp.postprocess import SafetyCheck
from sdjp.text import read
from sdjp.text.translate import make_translator
from sdjp.text.translate.combined import EMBEDDED
from sdjp.weights.parts.safety_checker import load_checker
from sdjp_training.release import evaluate, fidelity, translation
from sdjp_training.release.questions import Question
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.composition import Scene
from sdjp_training.scenes.places import QUESTIONS
from sdjp_training.trainers import judge
from sdjp_training.translator import pairs, scores

CASES = Path(__file__).parents[1] / "cases"
JUDGE = CASES / "judge.safetensors"
COMMON = ["🐈", "🐕", "🐼", "🐧", "🦊", "🐸", "🍎", "🍣", "🌸", "🌻", "🚗", "🚀", "🏯", "⛩️", "🗻", "🎈"]
PLACES = ["red", "blue", "yellow", "green", "night", "sky", "snow", "sunset", "grass", "space"]


def figures(translator: str) -> dict[str, float]:
    artwork = Artwork(Path())  # names alone; its drawings do not ship
    names = {c.emoji: c.japanese for c in artwork.concepts}
    asked = [Question(kind="single", prompt=names[e], scene=Scene(emojis=(e,))) for e in COMMON]
    asked += [
        Question(
            kind="place", prompt=QUESTIONS[place].format(names[e]), scene=Scene(emojis=(e,), place=place)
        )
        for place, e in zip(PLACES, COMMON, strict=False)
    ]
    pipe = Pipeline.from_pretrained(translator=translator, watermark=False, safety="off")
    pictures = evaluate.draw(pipe, asked)
    seen = evaluate.judged(judge.read(JUDGE), artwork, asked, pictures)
    return {**seen, **fidelity.places(asked, pictures)}


@pytest.mark.parametrize(("translator", "subjects"), [("auto", 0.8), ("adapter", 0.8)])
def test_common_subjects_and_backgrounds_are_recognised(translator: str, subjects: float) -> None:
    seen = figures(translator)
    assert seen["top5"] >= subjects
    assert seen["place"] >= 0.9  # of ten; 132 of 135, each background three times


def test_the_adapter_tells_how_it_read_a_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "青い背景の犬", "--translator", "adapter", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["english"] == "青い背景の犬"
    assert told["read"] == "a dog on a blue background"
    pipe = Pipeline.from_pretrained(translator="adapter", watermark=False, safety="off")
    assert pipe.explain("猫 BREAK 犬").read == "cat dog"
    result = pipe.generate("猫", negative_prompt="", num_inference_steps=1, seed=1, progress=False)
    assert result.prompts[0] is not None
    assert result.prompts[0].read == "cat"


def figures_of_translation(table: str, **translator: object) -> tuple[float, float]:
    """BLEU and chrF on a table of the test cases."""
    rows = pairs.rows(CASES / table)
    said = read.to_english([ja for ja, _ in rows], translator=make_translator(**translator))  # type: ignore[arg-type]
    references = [english for _, english in rows]
    return scores.bleu(said, references), scores.chrf(said, references)


def test_sentences_that_were_never_shown_are_translated() -> None:
    bleu, chrf = figures_of_translation("sentences.tsv", translator="marian", model=EMBEDDED, plain=True)
    assert bleu >= 30
    assert chrf >= 49


def test_the_translator_that_ships_is_good_at_prompts_and_at_sentences() -> None:
    bleu, chrf = figures_of_translation("prompts.tsv", translator="auto")
    assert bleu >= 80
    assert chrf >= 88
    bleu, chrf = figures_of_translation("sentences.tsv", translator="auto")
    assert bleu >= 27
    assert chrf >= 47


def test_prompts_that_are_kept_for_measuring_are_translated() -> None:
    prompts = translation.natural(CASES / "natural.tsv")
    said = translation.english([prompt.japanese for prompt in prompts], make_translator("auto"))
    found = translation.scored(said, [prompt.english for prompt in prompts])
    assert found["chrf"] >= 57
    assert found["bleu"] >= 24
    assert found["content"] >= 71


def test_the_checker_finds_what_it_looks_for_and_lets_all_else_pass() -> None:
    with Image.open(CASES / "checker.webp") as sheet:
        rows = [[cell(sheet, row, column) for column in range(12)] for row in range(6)]
    checker = load_checker(None, model="mini")
    assert checker is not None
    check = SafetyCheck(checker=checker)
    for concept, row in enumerate(rows[:4]):
        found = [concept in check.look(picture).concepts for picture in row]
        assert sum(found) >= 9, checker.concept_names[concept].en
    flagged = [check.look(picture).flagged for row in rows[4:] for picture in row]
    assert sum(flagged) <= 1


def cell(sheet: Image.Image, row: int, column: int) -> Image.Image:
    return sheet.crop((column * 128, row * 128, column * 128 + 128, row * 128 + 128))


def test_what_the_model_draws_is_looked_at() -> None:
    pipe = Pipeline.from_pretrained(watermark=False)
    results = [pipe.generate(prompt, seed=7, progress=False) for prompt in ("短剣", "猫", "りんご", "赤い車")]
    assert [r.flagged for r in results] == [(True,), (False,), (False,), (False,)]
    assert all(r.safety_checked == (True,) for r in results)
