"""Whether the attention of the embedded model to a word lies where the word was drawn: the pointing game.

    python examples/bench/pointing.py
    python examples/bench/pointing.py --rounds 10                        # nouns
    python examples/bench/run.py --only pointing --out bench          # with JSON

A picture of each noun before a white background, in Japanese; its drawing is what differs from the border.
A word is right if the greatest value of its map lies in a cell of which at least half was drawn on; chance is
the share of such cells. Beside the shares as they are (DAAM) stand the same divided by those of all words of
the prompt, the same followed back through the text encoder (rollout: what mini tells if nothing is said),
and, to compare, that of 背景 (the background), which should be elsewhere. Of two things, one left and
one right, each word is right if its greatest value lies in its half; chance is a half.
No time is measured.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import numpy as np
import part

from sdjp import Pipeline
from sdjp.choices import Among

Values: TypeAlias = "np.ndarray[Any, Any]"
NOUNS: Final = (
    *(
        "猫",
        "犬",
        "馬",
        "牛",
        "豚",
        "羊",
        "うさぎ",
        "象",
        "ライオン",
        "虎",
        "熊",
        "猿",
        "鶏",
        "カエル",
        "亀",
        "蛇",
    ),
    *("鯨", "イルカ", "蝶", "蜂", "りんご", "バナナ", "ぶどう", "いちご", "桃", "レモン", "ケーキ", "ピザ"),
    *(
        "ハンバーガー",
        "おにぎり",
        "寿司",
        "車",
        "バス",
        "自転車",
        "飛行機",
        "船",
        "電車",
        "ロケット",
        "家",
        "城",
    ),
    *("木", "ひまわり", "チューリップ", "きのこ", "傘", "時計", "本", "ギター", "帽子", "ロボット"),
)
PAIRS: Final = tuple(zip(NOUNS[0:40:2], NOUNS[41:1:-2], strict=True))
"""Things that stand left and right, each noun at most in two pairs."""
DRAWN: Final = 40
"""Levels of 255 by which a pixel of the drawing differs from the border, in one of its channels at least."""
BATCH: Final = 5
WAYS: Final[dict[str, Among]] = {"shares": "all", "divided": "words", "rollout": "rollout"}
"""Of what the values are shares."""
SETTINGS: Final = {"sampler": "dpm++_2m", "num_inference_steps": 25}


def drawn(pixels: Values, size: tuple[int, int]) -> Values:
    """Which cells (h, w) were drawn on, of a picture (H, W, 3)."""
    levels = pixels.astype(int)
    border = np.concatenate([levels[:4].reshape(-1, 3), levels[-4:].reshape(-1, 3)])
    differs = np.abs(levels - np.median(border, axis=0)).max(axis=-1) > DRAWN  # (H, W)
    h, w = size
    cells = differs.reshape(h, len(levels) // h, w, levels.shape[1] // w)
    share: Values = cells.mean(axis=(1, 3))
    return share >= 0.5


def greatest(values: Values) -> tuple[int, int]:
    """The cell with the greatest value."""
    row, column = np.unravel_index(values.argmax(), values.shape)
    return int(row), int(column)


def alone(pipe: Pipeline, nouns: list[str], **settings: Any) -> dict[str, list[float]]:
    """For each noun: whether it was right in each of the ways, whether 背景 was on the drawing, chance."""
    found: dict[str, list[float]] = {name: [] for name in (*WAYS, "other_word", "chance")}
    result = pipe.generate(
        [f"{noun}、白い背景" for noun in nouns], seed=list(range(len(nouns))), attention=True,
        batch_size=BATCH, progress=False, **settings,
    )  # fmt: skip
    for index, noun in enumerate(nouns):
        maps = {name: result.attention(noun, index, among=way).values for name, way in WAYS.items()}
        h, w = maps["shares"].shape
        inside = drawn(np.asarray(result.images[index]), (h, w))
        for name, values in maps.items():
            found[name].append(float(inside[greatest(values)]))
        found["other_word"].append(float(inside[greatest(result.attention("背景", index).values)]))
        found["chance"].append(float(inside.mean()))
    return found


def beside(pipe: Pipeline, pairs: list[tuple[str, str]], **settings: Any) -> dict[str, list[float]]:
    """For each thing of each pair, whether its map was greatest in its half."""
    found: dict[str, list[float]] = {name: [] for name in (*WAYS, "chance")}
    result = pipe.generate(
        [f"左に{left}、右に{right}" for left, right in pairs], seed=list(range(len(pairs))), attention=True,
        batch_size=BATCH, progress=False, **settings,
    )  # fmt: skip
    for index, pair in enumerate(pairs):
        for side, noun in enumerate(pair):
            for name, way in WAYS.items():
                values = result.attention(noun, index, among=way).values
                found[name].append(float((greatest(values)[1] >= values.shape[1] / 2) == bool(side)))
            found["chance"].append(0.5)
    return found


def measure(*, tiny: bool = False, rounds: int = len(NOUNS)) -> list[dict[str, object]]:
    """One row for things alone, one for pairs."""
    count, settings = (3, {**SETTINGS, "num_inference_steps": 4}) if tiny else (rounds, SETTINGS)
    pipe = Pipeline.from_pretrained(dtype="float32", watermark=False, safety="off")
    cases = {
        "alone": alone(pipe, list(NOUNS[:count]), **settings),
        "left and right": beside(pipe, list(PAIRS[:count]), **settings),
    }
    return [
        {"case": case, "maps": len(found["shares"])}
        | {name: round(float(np.mean(values)), 3) for name, values in found.items()}
        for case, found in cases.items()
    ]


if __name__ == "__main__":
    part.main(__doc__, "pointing", measure)
