"""Requests to change a picture: what is to be seen afterwards."""

from __future__ import annotations

import pytest

from sdjp.text.read import to_english
from sdjp.text.translate import make_translator

LEXICON = make_translator("lexicon")


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("背景を夕焼けに変えて", "a sunset in the background"),
        ("背景を海にしてください", "the sea in the background"),
        ("背景は白にして", "white background"),
        ("背景を森に変更", "a forest in the background"),
        ("空を星空に置き換えて", "starry sky"),
        ("もっと明るく", "bright"),
        ("もっと暗くしてください", "dark"),
        ("全体を明るくして", "bright"),
        ("影を濃くして", "a deep shadow"),
        ("髪を長くして", "long hair"),
        ("髪の色を金色に", "golden hair"),
        ("髪の色を青に変えて", "blue hair"),
        ("壁を赤いレンガに", "a red brick wall"),
        ("床を木にして", "a wooden floor"),
        ("季節を秋にして", "autumn"),
        ("時間を夜に変えて", "night"),
        ("通行人を消して", "no passersby"),
        ("ロゴを削除してください", "no logo"),
        ("背景の人を消して", "no people in the background"),
        ("虹を追加して", "rainbow"),
        ("左上に月を足して", "the moon in the upper left"),
        ("手前に花を入れてください", "flowers in the foreground"),
        ("水彩画風にして", "watercolor painting style"),
        ("この写真をアニメ調に変換してください", "anime style"),
        ("油絵風に加工して", "oil painting style"),
        ("白黒写真にして", "black and white photo"),
        ("笑顔にして", "smile"),
        ("椅子に座らせて", "sitting on a chair"),
        ("雪を降らせて", "snow falling"),
        ("彩度を下げて", "desaturated"),
        ("服を赤いドレスに変えて", "a red dress"),
        ("文字は入れないで", "no text"),
        ("人は描かないで", "no people"),
        ("車は描かない", "no car"),
        ("木は描かない、家も描かない", "no tree, no house"),
        ("看板は入れない", "no signboard"),
        ("文字は書かない", "no text"),
        ("影はつけない", "no shadow"),
        ("この写真の空を夕焼けに変えて", "the sky at sunset"),
        ("元の画像の髪を金髪にして", "blond hair"),
        ("この絵の背景を森に変えて", "a forest in the background"),
        ("この画像の服を赤い着物に変えてください", "a red kimono"),
        ("夜にはしないで", "no night"),
    ],
)
def test_a_change_is_what_it_makes(japanese: str, english: str) -> None:
    assert to_english([japanese], translator=LEXICON) == [english]


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        ("色を変える魔女", "a witch changing a color"),
        ("電気を消す少年", "a boy turning off the lights"),
        ("少女が花を飾る", "a girl decorating with flowers"),
        ("雪を降らせる女神", "a goddess making snow fall"),
    ],
)
def test_what_somebody_does_is_no_request(japanese: str, english: str) -> None:
    said = to_english([japanese], translator=LEXICON)[0]
    assert not said.startswith("no ")
    assert english.split(" ")[1] in said
