from __future__ import annotations

from sdjp.text.translate.base import Piece, Translation, Translator
from sdjp.text.translate.passthrough import PassthroughTranslator


def test_every_text_comes_back_as_it_is() -> None:
    texts = ["An astronaut riding a horse", "", "  spaces , (kept) ", "猫 and 犬"]
    assert [t.english for t in PassthroughTranslator().translate(texts)] == texts


def test_japanese_is_reported_as_not_understood() -> None:
    (record,) = PassthroughTranslator().translate(["masterpiece, 3匹の猫, best quality"])
    assert record == Translation(
        source="masterpiece, 3匹の猫, best quality",
        english="masterpiece, 3匹の猫, best quality",
        translator="passthrough",
        pieces=(
            Piece(
                source="masterpiece, 3匹の猫, best quality",
                english="masterpiece, 3匹の猫, best quality",
                how="copied",
            ),
        ),
        unknown=("3匹の猫",),
    )


def test_it_is_a_translator() -> None:
    assert isinstance(PassthroughTranslator(), Translator)
    assert PassthroughTranslator().translate([]) == []
