"""The figures of the translator: each set apart, prompts by kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdjp.errors import TranslationError
from sdjp_training.release import translation
from sdjp_training.release.translation import Prompt


def test_each_set_is_measured_apart(tmp_path: Path) -> None:
    prompts, typed = tmp_path / "prompts.tsv", tmp_path / "natural.tsv"
    prompts.write_text("馬に乗る宇宙飛行士\tan astronaut riding a horse\n", encoding="utf-8")
    typed.write_text("赤い帽子の猫を描いて\ta cat wearing a red hat\trequest\n", encoding="utf-8")
    figures = translation.measure(tmp_path, prompts=prompts, forms=typed)
    assert figures["prompts_chrf"] == pytest.approx(100)
    assert figures["natural_content"] == pytest.approx(200 / 3, abs=40)
    assert 0 < figures["natural_model_chrf"] <= 100
    assert figures["natural_kinds"]["others"]["prompts"] == 1
    assert "sentences_bleu" not in figures


def test_kinds_with_few_prompts_are_told_together() -> None:
    typed = [Prompt("", "a cat", kind) for kind in ["tags"] * 10 + ["place"] * 2 + ["number"]]
    kinds = translation.by_kind(typed, ["a cat"] * 10 + ["a dog"] * 3)
    assert {kind: of["prompts"] for kind, of in kinds.items()} == {"tags": 10, "others": 3}
    assert [of["content"] for of in kinds.values()] == [100, 0]


def test_what_cannot_be_translated_counts_as_nothing() -> None:
    class Refuses:
        name = "refuses"

        def translate(self, texts: list[str]) -> list[object]:
            raise TranslationError("test", ja="訳せません。", en="no.")

    assert translation.english(["猫", "犬"], Refuses()) == ["", ""]  # type: ignore[arg-type]
