"""The tables of pairs, from lines and XML as Tatoeba and JMdict write them."""

from __future__ import annotations

import io

from sdjp_training.translator import sources

XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE JMdict [<!ENTITY uk "word usually written using kana alone">]>
<JMdict>
<entry><k_ele><keb>猫</keb><ke_pri>ichi1</ke_pri></k_ele><r_ele><reb>ねこ</reb></r_ele>
<sense><gloss>cat (esp. the domestic cat, Felis catus)</gloss><gloss xml:lang="ger">Katze</gloss></sense>
<sense><gloss>shamisen</gloss><gloss>banjo</gloss></sense></entry>
<entry><k_ele><keb>可愛い</keb></k_ele><r_ele><reb>かわいい</reb><re_pri>ichi1</re_pri></r_ele>
<sense><misc>&uk;</misc><gloss>cute</gloss><gloss>adorable</gloss><gloss>charming</gloss></sense></entry>
<entry><k_ele><keb>根子</keb></k_ele><r_ele><reb>ねこ</reb></r_ele><sense><gloss>stump</gloss></sense></entry>
<entry><k_ele><keb>種</keb><ke_pri>nf01</ke_pri></k_ele><r_ele><reb>ねこ</reb></r_ele>
<sense><gloss>seed</gloss></sense></entry>
<entry><r_ele><reb>ドイツ</reb></r_ele><sense><gloss xml:lang="ger">Deutschland</gloss></sense></entry>
</JMdict>
"""


def test_words_of_jmdict() -> None:
    words = list(sources.jmdict_words(io.BytesIO(XML.encode())))
    assert list(sources.glosses(words)) == [
        ("猫", "cat"),
        ("猫", "shamisen"),
        ("可愛い", "cute"),
        ("可愛い", "adorable"),
        ("かわいい", "cute"),
        ("かわいい", "adorable"),
        ("根子", "stump"),
        ("種", "seed"),
    ]
    assert list(sources.common_glosses(words)) == [
        ("猫", "cat"),
        ("可愛い", "cute"),
        ("かわいい", "cute"),
        ("種", "seed"),
    ]
    assert list(sources.unambiguous(words)) == [("かわいい", "cute")]  # ねこ is a cat or a seed


def test_sentences_of_tatoeba() -> None:
    lines = ["1\t猫が　いる。\tThere is a cat.\t-\t-\n", "2\t英語がない。\t-\t-\tRien.\n"]
    assert list(sources.tatoeba(lines)) == [("猫が いる。", "There is a cat.")]
