"""Draw the pictures of the documentation with the embedded model: ``python -m sdjp.training gallery``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

HELLO: Final = "馬に乗る宇宙飛行士"
PROMPTS: Final = (
    "馬に乗る宇宙飛行士",
    "猫",
    "雪の中の鳥居",
    "青い背景のペンギン",
    "夜のドラゴン",
    "宇宙のロケット",
    "花畑の蝶",
    "猫と犬",
    "二つのりんご",
    "夕焼けのお城",
    "森の中の狐",
    "寿司",
    "海のクジラ",
    "桜の木の下のパンダ",
    "カエルに乗る忍者",
    "赤い車、街",
)
COLUMNS: Final = 4
SEED: Final = 7


def draw(folder: Path) -> None:
    """Write ``hello.png`` and ``gallery.png`` below ``folder``."""
    from sdjp.images import grid
    from sdjp.pipeline import Pipeline

    folder.mkdir(parents=True, exist_ok=True)
    pipe = Pipeline.from_pretrained(watermark=False, safety="off")
    pictures = [pipe.generate(prompt, seed=SEED, progress=False).image for prompt in PROMPTS]
    pictures[PROMPTS.index(HELLO)].save(folder / "hello.png", optimize=True)
    grid(pictures, columns=COLUMNS).save(folder / "gallery.png", optimize=True)
