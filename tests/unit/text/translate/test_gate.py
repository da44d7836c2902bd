"""Who translates: what is told or said is the model's, prompts are the lexicon's."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp.text.normalize import normalize
from sdjp.text.translate.gate import is_told, table

CASES = Path(__file__).parents[3] / "cases"


@pytest.mark.parametrize(
    "text",
    ["彼女は昨日東京へ行った。", "私は猫が好きです。", "これは何ですか。", "トムはその話を信じなかった。"],
)
def test_what_people_say(text: str) -> None:
    assert is_told(text)


@pytest.mark.parametrize(
    "text",
    [
        "赤い帽子をかぶった猫",
        "猫が寝ている。",
        "夕焼けの海、逆光、シルエット",
        "窓の外には雪が降っている",
        "背景は白",
    ],
)
def test_what_pictures_are_made_of(text: str) -> None:
    assert not is_told(text)


def test_hardly_a_prompt_is_told() -> None:
    rows = (CASES / "prompts.tsv").read_text("utf-8").splitlines()
    prompts = [normalize(row.split("\t")[0]) for row in rows]
    assert sum(map(is_told, prompts)) <= len(prompts) // 20


def test_the_table_is_whole() -> None:
    assert len(table()) > 10
    assert all(row.name for row in table())
