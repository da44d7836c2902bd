"""The normalizer rule by rule: the rows of ``tests/cases/normalizer.tsv``, and more of our own."""

from __future__ import annotations

import doctest
import json
import time
import unicodedata
from pathlib import Path

import pytest

from sdjp.text import normalize as module
from sdjp.text.normalize import normalize

CASES = Path(__file__).parents[2] / "cases" / "normalizer.tsv"


def rows() -> list[tuple[str, str]]:
    lines = CASES.read_text(encoding="utf-8").split("\n")
    fields = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(json.loads(f'"{row[0]}"'), json.loads(f'"{row[1]}"')) for row in fields]


OWN = {
    "N01 invisible characters": [
        ("\ufeff猫\u200b\u200c\u2060\u00ad犬", "猫犬"),
        ("\u202e猫\u202c\u200e犬\u200f\u2066鳥\u2069\u061c", "猫犬鳥"),
        ("猫\x00\x07\x1b\x7f\x9f犬", "猫犬"),
        ("猫\x1c\x1d\x1e\x1f犬", "猫犬"),
        ("猫\ud83d犬\ude00", "猫犬"),
        ("猫\ud83d\ude00", "猫😀"),  # both halves, in order: an emoji after all
        ("\ud83d\ud83d\ude00", "😀"),
        ("猫\ue000\uf8ff\U000f0000\U0010fffd犬", "猫犬"),
        ("猫\u200d犬", "猫犬"),
        ("か\u200b\u3099", "が"),
    ],
    "N02 line breaks": [
        *(
            (f"猫{b}犬", "猫, 犬")
            for b in ("\n", "\r", "\r\n", "\n\n", "\v", "\f", "\x85", "\u2028", "\u2029")
        ),
        ("猫、\n犬", "猫, 犬"),
        ("猫\n,犬", "猫, 犬"),
        ("猫　\n　犬", "猫, 犬"),
        ("\n猫\n", "猫"),
        ("森の家。\n夜。", "森の家。夜。"),
        ("森の家。\r\n　夜。", "森の家。夜。"),
        ("夜\n森の家。", "夜, 森の家。"),
        ("猫、\n犬がいる。", "猫、犬がいる。"),
        ("猫\t犬", "猫 犬"),
        ("（\n猫\n）", "(猫)"),
    ],
    "N03 NFKC": [
        ("①Ⅳ℃㎡㍿…", "1IV°Cm2株式会社..."),
        ("㌔㍍ ㋐ ㊤ ﬁ ²", "キロメートル ア 上 fi 2"),
        ("\ufa19社の\ufa12れ", "神社の晴れ"),
        ("㈱モミジ", "(株)モミジ"),
        ("猫´¨¯￣", "猫´¨¯￣"),
        ("(￣ー￣)猫", "(￣ー￣)猫"),
        ("猫‥", "猫.."),
    ],
    "N04 half-width katakana": [
        ("ｶﾞｷﾞｸﾞｹﾞｺﾞﾊﾟﾋﾟ", "ガギグゲゴパピ"),
        ("ｳﾞｨｵﾗｯｷｬｯﾄ", "ヴィオラッキャット"),
        ("ﾜﾞ ｦﾞ", "ヷ ヺ"),
        ("｢ﾈｺ｣､ｲﾇ", '"ネコ", イヌ'),
        ("ﾈｺｶﾞﾈﾙ｡", "ネコガネル。"),
        ("ﾗ･ﾗ", "ラ・ラ"),
    ],
    "N05 composition": [
        ("か゛っこう", "がっこう"),
        ("は゛ は゜", "ば ぱ"),
        ("ハ\u309aン", "パン"),
        ("う゛ぁいおりん", "ゔぁいおりん"),
        ("あ゛", "あ"),
        ("゛猫\u3099", "猫"),
        ("か ゛", "か"),
        ("が゛", "が"),
        ("は゛゜", "ば"),
        ("ｱﾞ", "ア"),
        ("re\u0301sume\u0301 A\u030a", "résumé Å"),
        ("の゜ら", "のら"),
    ],
    "N06 full-width ASCII, spaces": [
        ("Ａｂ９＃＆＋", "Ab9#&+"),
        ("猫　　 犬 ", "猫 犬"),
        ("猫\u00a0\u2003犬", "猫 犬"),
        ("５０％ ＠", "50% @"),
    ],
    "N07 quotes and headings": [
        ("『猫』", '"猫"'),
        ("『「猫」の本』", '""猫"の本"'),
        ("“cat” ‘dog’ „bird“", '"cat" \'dog\' "bird"'),
        ("﹁猫﹂", '"猫"'),
        ("【猫】【犬】", "猫, 犬"),
        ("猫〔白〕犬", "猫, 白, 犬"),
        ("（【高画質】猫）", "(高画質, 猫)"),
        ("夜。【油絵】", "夜。油絵"),
    ],
    "N08 separators": [
        ("猫 ,犬 、 鳥", "猫, 犬, 鳥"),
        ("、猫、、犬、", "猫, 犬"),
        ("１，０００匹と2,000匹", "1,000匹と2,000匹"),
        ("1、2、3", "1, 2, 3"),
        ("1, 2", "1, 2"),
        ("1girl,2boys", "1girl, 2boys"),
        ("1,000人がいる。", "1,000人がいる。"),
        ("桜の下で，猫が寝ている｡", "桜の下で、猫が寝ている。"),
        ("春､夏､秋がすぎる。", "春、夏、秋がすぎる。"),
        ("夜。。。", "夜。"),
        ("夜。 朝。", "夜。 朝。"),
        ("ア・イ", "ア・イ"),
        ("スター・ウォーズ", "スター・ウォーズ"),
        ("猫・カフェ", "猫, カフェ"),
        ("Ａ・Ｂ・Ｃ", "A, B, C"),
        ("猫・・犬・・・", "猫...犬..."),
        ("ガ・・ギ", "ガ...ギ"),
        ("・猫\n・犬", "猫, 犬"),
        ("(´・ω・｀)猫", "(´・ω・`)猫"),
        ("🐱・🐶", "🐱, 🐶"),
        ("(猫、)", "(猫)"),
    ],
    "N09 dashes": [
        *((f"コ{d}ヒ{d}", "コーヒー") for d in "‐‑‒–—―−－─-"),
        ("ら-めん", "らーめん"),
        ("カ-2 カ―a", "カ-2 カ-a"),
        ("ガンダム――01", "ガンダム--01"),
        ("ねこ－Ｃ", "ねこ-C"),
        ("ネコ-é", "ネコ-é"),
        ("ラーメン-、", "ラーメンー"),
        ("東京－大阪", "東京-大阪"),
        ("東京―大阪", "東京―大阪"),
        ("semi-realistic – Wi‐Fi", "semi-realistic – Wi‐Fi"),
        ("コ一ヒ一カップ", "コーヒーカップ"),
        ("一人と一匹、コ一", "一人と一匹, コ一"),
        ("らーめん一杯", "らーめん一杯"),
        ("Ｔーシャツ、3ーD", "T-シャツ, 3-D"),
    ],
    "N10 long vowels, runs": [
        ("らーめん〜", "らーめんー"),
        ("え〜と", "えーと"),
        ("すごい～！！", "すごいー!"),
        ("すごい〰い∼", "すごいーいー"),
        ("ふわ〜 猫", "ふわー 猫"),
        ("ふわ〜（猫）", "ふわー(猫)"),
        ("ふわ〜、猫", "ふわー, 猫"),
        ("わ～猫", "わー猫"),
        ("2時〜3時", "2時~3時"),
        ("１〜２", "1~2"),
        ("あ〜1", "あ~1"),
        ("ア～Z", "ア~Z"),
        ("朝～～夜", "朝~夜"),
        ("～猫～", "~猫~"),
        ("すー〜ー～い", "すーい"),
        ("す〜-い、す-〜1", "すーい, すー~1"),
        ("え？？！！", "え?!"),
        ("!?!?猫‼", "!?!?猫!"),
    ],
    "N11 digits": [
        ("２０２５年", "2025年"),
        ("٣匹と३匹", "3匹と3匹"),
        ("三毛猫 五重塔 千本鳥居 一人 二十四の瞳", "三毛猫 五重塔 千本鳥居 一人 二十四の瞳"),
        ("〇と零", "〇と零"),
    ],
    "N12 weights": [
        ("（（猫耳））", "((猫耳))"),
        ("［ 背景 ］｛ 帽子 ｝", "[背景]{帽子}"),
        ("( 笑顔 , 海 : 1.2 )", "(笑顔, 海:1.2)"),
        ("(笑顔 :1.1)", "(笑顔:1.1)"),
        ("((a) :.5)", "((a):.5)"),
        ("（猫", "(猫"),
        ("猫））", "猫))"),
        ("¥（笑￥）＼（＼）\\(\\)¥[￥]", r"\(笑\)\(\)\(\)\[\]"),
        ("￥１０００の猫", "¥1000の猫"),
        (r"猫\( 笑 \)", r"猫\( 笑 \)"),
        ("比率 ： 高い", "比率 : 高い"),
    ],
    "N13 Latin": [
        ("It's a semi-realistic 8K Photo, f/1.8", "It's a semi-realistic 8K Photo, f/1.8"),
        ("a cat,a dog ,bird", "a cat, a dog, bird"),
        ("don’t", "don't"),
        ("masterpiece, (1girl:1.2), [bad hands], {a|b}", "masterpiece, (1girl:1.2), [bad hands], {a|b}"),
        ("Привет, γάτα, 고양이, แมว, हिन्दी, قطة", "Привет, γάτα, 고양이, แมว, हिन्दी, قطة"),
    ],
    "N14 iteration marks": [
        ("こゝろ、いすゞ、かゞみ、たゞ", "こころ, いすず, かがみ, ただ"),
        ("学問のすゝめ", "学問のすすめ"),
        ("バナヽ、ハヾ", "バナナ, ハバ"),
        ("一つづゝ", "一つづつ"),
        ("あゝゝ", "あああ"),
        ("こゝ\u3099", "こご"),
        ("なゞ", "なな"),
        ("ゝ猫、山ヽ", "ゝ猫, 山ヽ"),
        ("人々と佐々木、〆切", "人々と佐々木, 〆切"),
    ],
    "N16 emoji": [
        *((e, e) for e in ("🐱", "🈚", "🈂", "🅰", "👍🏽", "🇯🇵", "1️⃣", "#️⃣", "㊗️", "™️", "‼️", "〰️", "☀", "❤️‍🔥")),
        ("👩🏽‍⚕️🏳️‍🌈", "👩🏽‍⚕️🏳️‍🌈"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
        ("🏴\U000e0067猫", "🏴猫"),
        ("1️⃣,2️⃣", "1️⃣, 2️⃣"),
        ("㊗ ™ ‼", "祝 TM !"),
        ("猫\ufe0f☆\ufe0f", "猫☆"),
        ("🐱\u200d猫", "🐱猫"),
        ("👨\u200d👩\u200d👧を描く", "👨\u200d👩\u200d👧を描く"),
    ],
    "N17 variants": [
        ("髙橋と﨑と𠮷野家と\u2ed1", "高橋と崎と吉野家と長"),
        ("\u2f4a\u2f8f", "木行"),
        ("葛\U000e0100城、辻\U000e0101、神\ufe00", "葛城, 辻, 神"),
        ("國 龍 櫻 齋", "國 龍 櫻 齋"),
    ],
    "N18 tags and kept syntax": [
        ("<lora:ﾈｺ、ｶ\uff9e  ー－１:0.8>、猫", "<lora:ﾈｺ、ｶ\uff9e  ー－１:0.8>, 猫"),
        ("<lora:か\u3099:1>", "<lora:か\u3099:1>"),
        ("<hypernet:和。:1>、猫", "<hypernet:和。:1>, 猫"),
        ("＜lora：着物＿v1：０．８＞、和室", "<lora:着物_v1:0.8>, 和室"),
        ("＜猫＞ 1<2", "<猫> 1<2"),
        ("__色__の猫、{赤|青}、[猫:犬:0.5]", "__色__の猫, {赤|青}, [猫:犬:0.5]"),
        ("｛赤｜青｝、＿＿色＿＿", "{赤|青}, __色__"),
        ("猫 BREAK 犬 AND 鳥", "猫 BREAK 犬 AND 鳥"),
        ("猫\nＢＲＥＡＫ\n犬", "猫, BREAK, 犬"),
        ("らーめん〜<lora:a:1>", "らーめんー<lora:a:1>"),
    ],
    "N19 nothing said": [
        *(
            (t, "")
            for t in (
                "",
                " ",
                "、。",
                "！？",
                "（）",
                "★☆♪",
                "〜〜",
                "---",
                "・・・",
                "゛",
                "\u200b",
                "「」",
                "((",
            )
        ),
        ("1", "1"),
        ("🐱", "🐱"),
        ("ー", "ー"),
        ("<lora:a:1>", "<lora:a:1>"),
    ],
}


@pytest.mark.parametrize(("text", "expected"), rows(), ids=ascii)
def test_shared_cases(text: str, expected: str) -> None:
    assert normalize(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [pytest.param(*row, id=f"{rule}-{i}") for rule, rows in OWN.items() for i, row in enumerate(rows)],
)
def test_own_cases(text: str, expected: str) -> None:
    assert normalize(text) == expected
    assert normalize(expected) == expected


def test_every_character_between_kana() -> None:
    """All of Unicode but plain ideographs and syllables: nothing raises, nothing changes the second time."""
    for character in map(chr, range(0x110000)):
        plain = unicodedata.category(character) in ("Lo", "Co", "Cn", "Cs")
        if not plain or unicodedata.normalize("NFKC", character) != character:
            once = normalize(f"あ{character}ア")
            assert normalize(once) == once, hex(ord(character))


def test_letters_of_all_scripts_stay() -> None:
    """A letter on its own never vanishes; half-width (han)dakuten are letters to Unicode, but marks to us."""
    for character in map(chr, [*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x17000)]):
        if unicodedata.category(character)[0] == "L" and character not in "ﾞﾟ":
            assert normalize(character) != "", hex(ord(character))


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "あ-",
            "〜",
            "、",
            " ",
            "　\n",
            "・",
            "(",
            "( ",
            "<a:",
            "<",
            ":1",
            "1,",
            "こゝ",
            "か゛",
            "。、",
            "¥ )",
            "\\",
        ),
        *(
            "\u0301\u0316",
            "e" + "\u0301\u0316" * 40,
            "ﾞ\u0301",
            "\u0f73",
            "👨\u200d",
            "🏴\U000e0067",
            "\ud83d",
        ),
    ],
    ids=ascii,
)
def test_linear_time(unit: str) -> None:
    """100,000 characters take some tenths of a second; quadratic time would be minutes."""
    text = (unit * 100_000)[:100_000]
    start = time.process_time()
    normalize(text)
    assert time.process_time() - start < 5.0


def test_docstrings() -> None:
    assert doctest.testmod(module).failed == 0
