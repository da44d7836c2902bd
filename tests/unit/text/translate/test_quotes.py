"""Text that is to be written in the picture stays as it is; other quotes are translated."""

from __future__ import annotations

import pytest

from sdjp.text.read import to_english
from sdjp.text.translate import make_translator

LEXICON = make_translator("lexicon")


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("「営業中」と書かれた看板", 'a signboard that says "営業中"'),
        ("ケーキのプレートに「Happy Birthday さき」", '"Happy Birthday さき" on a cake plate'),
        ("段ボール箱に「こわれもの」のシール", 'a sticker reading "こわれもの" on a cardboard box'),
        ("うさぎ、「おつかれ」、白背景", 'rabbit, "おつかれ", white background'),
        ("看板の文字を「本日休業」にして", 'signboard text reading "本日休業"'),
        ("「はい」「いいえ」の選択肢", 'options reading "はい" "いいえ"'),
        ("「また来年」が書かれた紙", 'paper with "また来年" written'),
        ("うちわに「目線ください」", '"目線ください" on an uchiwa round fan'),
        ("「りょ」と敬礼しているコアラ", 'a koala saluting "りょ"'),
        ("手書き風フォントで「ありがとう」", '"ありがとう" with a handwritten-style font'),
        ("胸に「山田」の刺繍", 'an embroidery reading "山田" on the chest'),
    ],
)
def test_what_is_to_be_written_stays(japanese: str, english: str) -> None:
    assert to_english([japanese], translator=LEXICON) == [english]


@pytest.mark.parametrize(
    "japanese",
    ["「猿も木から落ちる」を面白く", "「ありがとう」と言う少女", "タロットカードの「塔」", "テーマは「秋」"],
)
def test_what_is_meant_is_translated(japanese: str) -> None:
    english = to_english([japanese], translator=LEXICON)[0]
    assert english.isascii()
