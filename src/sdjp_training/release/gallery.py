"""Draw the pictures of the documentation with the embedded model, and write its gallery page.

Screenshots of the page that the server has are drawn by ``python -m tests.browser.screenshots``.

``python -m sdjp_training gallery``
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

HELLO: Final = "馬に乗る宇宙飛行士"
SEED: Final = 7
SIDE: Final = 160
"""Pixels of a picture in a sheet."""
QUALITY: Final = 88
TUTORIAL: Final = ("森の中のお城", "夜のお城", "森の中の赤い風船")
"""What the tutorial draws, in its order."""
MASK: Final = (40, 30, 216, 236)
"""What the tutorial paints over: the corners of a rectangle, as its page has them."""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Pictures on one sheet.

    Attributes:
        name: Of its file.
        ja: Its heading.
        en: The same in English.
        prompts: The pictures, row by row.
        columns: Pictures in a row.
    """

    name: str
    ja: str
    en: str
    prompts: tuple[str, ...]
    columns: int = 4


_NAMES: Final = tuple(
    """
    猫 犬 馬 ユニコーン 牛 豚 羊 象 うさぎ 熊 パンダ 狐 狼 ライオン 虎 鹿 猿 鳥 ペンギン フクロウ
    カエル 亀 ドラゴン クジラ イルカ 魚 タコ 蝶 女の子 男の子 女性 男性 おじいさん おばあさん
    赤ちゃん 宇宙飛行士 忍者 お姫様 王子 魔法使い 妖精 人魚 幽霊 宇宙人 鬼 ロボット 雪だるま
    かぼちゃ りんご みかん スイカ いちご きのこ パン ハンバーガー ピザ 寿司 おにぎり ラーメン お茶
    ケーキ 桜 バラ ひまわり
    """.split()
)
"""What people ask for first; another list would be another page."""
SHEETS: Final = (
    Sheet(
        name="scenes",
        ja="ものと場所",
        en="Things and places",
        prompts=(
            "馬に乗る宇宙飛行士", "雪の中の鳥居", "青い背景のペンギン", "夜のドラゴン",
            "宇宙のロケット", "花畑の蝶", "夕焼けのお城", "森の中の狐",
            "海のクジラ", "桜の木の下のパンダ", "赤い車、街", "和室の寿司",
        ),
    ),
    Sheet(
        name="styles",
        ja="画風",
        en="Styles",
        prompts=(
            "お城", "お城のドット絵", "白黒のお城", "お城の水彩画",
            "お城のスケッチ", "ネオン風のお城", "浮世絵風のお城", "フラットデザインのお城",
        ),
    ),
    Sheet(
        name="several",
        ja="数と位置",
        en="Numbers and positions",
        prompts=(
            "二つのりんご", "三匹の魚", "猫と犬", "傘とカエル",
            "左側の風船", "右側のうさぎ", "カエルに乗る忍者", "月の上のうさぎ",
        ),
    ),
    Sheet(
        name="names",
        ja="64 の名前",
        en="64 names",
        prompts=_NAMES,
        columns=8,
    ),
)  # fmt: skip


def draw(folder: Path) -> None:
    """Write ``ja/gallery.md``, ``en/gallery.md`` and the pictures in ``img`` below ``folder``.

    Among them are those of the tutorial and of the page on attention.
    """
    from sdjp.images import grid
    from sdjp.pipeline import Pipeline

    pictures = folder / "img"
    pictures.mkdir(parents=True, exist_ok=True)
    pipe = Pipeline.from_pretrained(watermark=False, safety="off")
    _picture(pipe, HELLO).save(pictures / "hello.png", optimize=True)
    for sheet in SHEETS:
        small = [_picture(pipe, prompt).resize((SIDE, SIDE)) for prompt in sheet.prompts]
        grid(small, columns=sheet.columns).save(pictures / f"{sheet.name}.webp", quality=QUALITY)
    for name, strip in (("tutorial", tutorial(pipe)), ("attention", attention(pipe))):
        grid(strip, columns=len(strip)).save(pictures / f"{name}.webp", quality=QUALITY)
    english = {info.source: info.english for info in pipe.explain([p for s in SHEETS for p in s.prompts])}
    for lang in ("ja", "en"):
        (folder / lang).mkdir(exist_ok=True)
        (folder / lang / "gallery.md").write_text(page(lang, english), encoding="utf-8")


def tutorial(pipe: Pipeline) -> list[Image.Image]:
    """The pictures that the tutorial draws: the first, one that begins with it, one painted over in part."""
    castle, night, balloon = TUTORIAL
    first = _picture(pipe, castle)
    mask = Image.new("L", first.size, "black")
    ImageDraw.Draw(mask).rectangle(MASK, fill="white")
    return [
        first,
        _picture(pipe, night, image=first, strength=0.6),
        _picture(pipe, balloon, image=first, mask=mask, strength=0.9),
    ]


def attention(pipe: Pipeline) -> list[Image.Image]:
    """A picture, and the maps of its two subjects."""
    result = pipe.generate(HELLO, seed=1, attention=True, progress=False)  # as its page does
    return [result.image, *(result.attention(word).overlay() for word in ("馬", "宇宙飛行士"))]


def _picture(pipe: Pipeline, prompt: str, **options: Any) -> Image.Image:
    return pipe.generate(prompt, seed=SEED, progress=False, **options).image


def page(lang: str, english: dict[str, str]) -> str:
    """The page in one language; ``english`` has what each prompt is read as."""
    japanese = lang == "ja"
    lines = [
        "# ギャラリー" if japanese else "# Gallery",
        "",
        "付属のモデルが、既定の設定で描いた絵です。選び直しはしていません。シードはどれも 7 です。"
        if japanese
        else "Drawn by the embedded model at its default settings. Seed 7, none chosen over another.",
        "",
        "```sh",
        f'sdjp "{HELLO}" --seed {SEED}',
        "```",
        "",
        "このページと絵は `python -m sdjp_training gallery` で作り直せます。"
        if japanese
        else "`python -m sdjp_training gallery` makes this page and its pictures again.",
    ]
    for sheet in SHEETS:
        title = sheet.ja if japanese else sheet.en
        lines += ["", f"## {title}", "", f"![{title}](../img/{sheet.name}.webp)", ""]
        lines += _table(sheet, english if not japanese else {})
    return "\n".join(lines) + "\n"


def _table(sheet: Sheet, english: dict[str, str]) -> list[str]:
    """The prompts where their pictures are."""
    said = [f"{p}<br>{english[p]}" if p in english else p for p in sheet.prompts]
    rows = [said[i : i + sheet.columns] for i in range(0, len(said), sheet.columns)]
    marks = ["" for _ in range(sheet.columns)]
    return [f"| {' | '.join(row)} |" for row in (marks, ["---"] * sheet.columns, *rows)]
