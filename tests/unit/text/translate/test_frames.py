"""Words that ask for a picture leave no trace, and are told."""

from __future__ import annotations

import pytest

from sdjp.text.read import read, to_english
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.text.translate.frames import Asked, unframed

LEXICON = make_translator("lexicon")

ASKED_FOR_A_CAT = """
猫を描いて
猫の絵を描いて
猫を描いてください
猫の絵を描いてください
猫の絵を描いてくれませんか
猫の絵を描いていただけますか
猫の絵を描いていただけませんか
猫の絵を描いていただけないでしょうか
猫の絵を描いていただきたいです
猫を描いてもらえますか
猫を描いてもらえませんか？
猫を描いてもらいたいです
猫を描いてほしい
猫を描いてほしいです
猫を描いてほしいんですけど
猫を描いてちょうだい
猫を描いてくれ
猫を描いてくれる？
猫を描いてね
猫を描いてよ
猫を描け
猫を描いてみて
猫を描いてみてください
猫を書いて
猫をかいて
猫が見たい
猫が見たいです
猫をお願いします
猫でお願いします
猫、お願いします
猫を希望
猫の画像を希望します
猫の画像を生成して
猫の画像を生成してください
猫の画像を生成
猫の画像を作成してください
猫の画像を作って
猫を作ってください
猫を出して
猫を出力して
猫を表示してください
猫を見せて
猫の画像をください
猫の画像が欲しいです
猫の絵が欲しいな
猫の絵を一枚お願いします
猫を頼む
あなたはプロの画家です。猫を描いてください。
以下の条件で描いてください：猫
テーマ：猫
すみません、猫を描いていただければ幸いです
猫を描画して
猫をデザインしてください
はじめまして。猫の絵を描いて頂けますでしょうか
猫の絵を描いて〜
猫、描ける？
猫って描けますか？
猫を描くことはできますか？
""".split()


@pytest.mark.parametrize("prompt", ASKED_FOR_A_CAT)
def test_of_all_ways_to_ask_for_a_cat_a_cat_is_left(prompt: str) -> None:
    assert to_english([prompt], translator=LEXICON)[0] in {"cat", "a cat"}


@pytest.mark.parametrize(
    ("prompt", "english"),
    [
        (
            "公園で眠る犬を描いて。背景は夕焼けでお願いします。",
            "a dog sleeping in a park, a sunset in the background",
        ),
        ("次の条件で画像を作成してください。被写体：フクロウ、場所：図書館", "owl, library"),
        (
            "お題は「夏休みの終わり」。誰もいない校庭を描いて",
            "end of summer vacation, schoolyard with no one around",
        ),
        ("希望", "hope"),
        ("お願いする少女", "a wishing girl"),
        ("希望に満ちた顔", "a face filled with hope"),
        ("絵を描いている画家", "a painter painting a picture"),
        ("猫を見せてくれる魔女の絵", "a picture of a witch showing a cat"),
    ],
)  # fmt: skip
def test_only_what_asks_is_cut(prompt: str, english: str) -> None:
    assert to_english([prompt], translator=LEXICON) == [english]


def test_what_is_cut_is_told() -> None:
    info = read(["猫の絵を描いてください"], translator=LEXICON, tokenizer=ClipTokenizer.from_assets())[0].info
    assert [(part.source, part.how) for part in info.parts][-1] == ("の絵を描いてください", "request")
    assert info.unknown == ()


def test_texts_that_only_ask_stay_where_nothing_else_is() -> None:
    assert unframed(["お願いします"]) == [Asked("お願いします")]
    assert unframed(["猫", "お願いします"])[1].content == ""


@pytest.mark.parametrize("piece", ["描いてかな", "お願いします", "被写体:", "のの", "ください", "かな"])
def test_long_texts_are_cut_in_linear_time(piece: str) -> None:
    text = piece * (20_000 // len(piece))
    assert "".join([unframed([text])[0].content, *unframed([text])[0].frame]) != ""
