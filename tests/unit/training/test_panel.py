"""The panel: sheets that do not say what was asked for, and what becomes of the answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from sdjp import Pipeline
from sdjp_training.release import card, panel
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.tables import rows


@pytest.fixture
def folder(tmp_path: Path, artwork_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    some = panel.pictures(Artwork(artwork_folder))
    few = [next(p for p in some if p.kind == kind) for kind in ("single", "single", "newcomer", "riding")]
    monkeypatch.setattr(panel, "pictures", lambda _: list(few))
    pipe = Pipeline.from_pretrained(watermark=False, safety="off")
    panel.draw(tmp_path / "panel", Artwork(artwork_folder), pipe, 5)
    return tmp_path / "panel"


def answer(folder: Path, *, single: str) -> None:
    key = list(rows(folder / "key.tsv"))
    seen = {"single": single, "newcomer": "何かの動物", "riding": ""}
    looks = {"single": "2", "newcomer": "1", "riding": "0"}
    lines = [f"{number}\t{seen[kind]}\t{looks[kind]}" for number, kind, *_ in key]
    (folder / "answers.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_panel_sees_single_subjects_what_newcomers_type_and_every_kind(artwork_folder: Path) -> None:
    shown = panel.pictures(Artwork(artwork_folder))
    assert shown == panel.pictures(Artwork(artwork_folder))
    counts = {kind: sum(p.kind == kind for p in shown) for kind in ("single", "newcomer", *panel.KINDS)}
    assert counts["single"] == 64
    assert counts["newcomer"] == len(set(panel.NEWCOMERS)) == 32
    assert all(counts[kind] == panel.EACH for kind in panel.KINDS)
    assert all(p.answers for p in shown if p.kind == "single")


def test_sheets_have_numbers_and_no_names(folder: Path) -> None:
    with Image.open(folder / "sheet-01.png") as sheet:
        assert sheet.width > 4 * 256
    assert list(rows(folder / "answers.tsv")) == [[str(i), "", ""] for i in range(1, 5)]
    assert len(list(rows(folder / "key.tsv"))) == 4


def test_answers_are_compared_and_what_is_open_is_decided_by_someone(folder: Path) -> None:
    with pytest.raises(ValueError, match="1, 2, 3, 4"):
        panel.score(folder)
    (name,) = {cells[4].split(" | ")[1] for cells in rows(folder / "key.tsv") if cells[1] == "single"}
    answer(folder, single=f"A {name.upper()}")
    with pytest.raises(ValueError, match="y or n"):
        panel.score(folder)
    path = folder / "decisions.tsv"
    text = path.read_text(encoding="utf-8")
    assert text.count("何かの動物") == 1
    assert name.upper() not in text, "a right name needs no decision"
    path.write_text(text.replace("何かの動物\t", "何かの動物\ty"), encoding="utf-8")
    scores = panel.score(folder)
    assert scores["single"] == {"pictures": 2, "right": 1, "clean": 1}
    assert scores["newcomer"] == {"pictures": 1, "right": 1, "clean": 0}
    assert scores["riding"] == {"pictures": 1, "right": 0, "clean": 0}, "what is not said is not right"
    assert scores["all"] == {"pictures": 4, "right": 0.75, "clean": 0.5}
    assert json.loads((folder / "scores.json").read_text(encoding="utf-8")) == scores


def test_wrong_names_are_wrong_once_someone_has_said_so(folder: Path) -> None:
    answer(folder, single="something else")
    with pytest.raises(ValueError, match="y or n"):
        panel.score(folder)
    path = folder / "decisions.tsv"
    lines = [line + "n" if line.endswith("\t") else line for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert panel.score(folder)["all"]["right"] == 0


def test_the_card_says_who_graded() -> None:
    shares = dict.fromkeys(["top1", "top5", "place", "color", "pair", "riding", "side", "both"], 0.25)
    figures = {
        "model": {**shares, "psnr": {"single": 17.04, "riding": 16.5}},
        "adapter": {**shares, "psnr": {"single": 17.12}},
        "judge": shares,
        "autoencoder_psnr": 28.4,
        "panel": {
            "grader": "one person, 2026",
            "kinds": {"single": {"pictures": 64, "right": 0.85, "clean": 0.6}},
        },
    }
    text = card.parts(figures)["pictures"]
    assert "| 1 つの主題 · one subject | 17.0 dB | 17.1 dB | 64 | 85 % | 60 % |\n" in text
    assert "| 乗る · riding | 16.5 dB | – | – | – | – |\n" in text
    assert "one person, 2026" in text


@pytest.mark.parametrize(
    ("seen", "right", "is_right"),
    [
        ("red balloon", ("風船", "balloon"), True),
        ("風船", ("風船", "balloon"), True),
        ("The Balloon", ("風船", "balloon"), True),
        ("bear or brown bison", ("野牛", "bison"), True),
        ("mirror with a gold frame", ("鏡", "mirror"), True),
        ("hot dog", ("犬", "dog"), False),
        ("hot dog", ("ホットドッグ", "hot dog"), True),
        ("cat and dog", ("犬", "dog"), False),
        ("orange lump, perhaps", ("みかん", "orange"), False),
        ("orange ball (planet, or an orange)", ("みかん", "orange"), True),
        ("", ("犬", "dog"), False),
    ],
)
def test_a_name_is_found_as_the_noun_of_what_was_seen(
    seen: str, right: tuple[str, ...], is_right: bool
) -> None:
    assert panel._names(seen, right) is is_right
