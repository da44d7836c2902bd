"""Which watermark lives through what: every method against every change, measured.

    python examples/bench/watermark.py --drawn 10 --photos 8 --out bench-watermark

Pictures drawn by the embedded model, and noise with the spectrum of photographs (1/f) under a smooth sky,
each marked by each method and then changed. Writes ``watermark.md`` and ``watermark.json``. A cell says in
how many of the marked pictures the mark is found, and which share of its bits is read on average.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from sdjp.postprocess import detect
from sdjp.postprocess.marking import METHODS
from sdjp.postprocess.watermark import percent, psnr

TEXT = "StableDiffusionV1"
PROMPTS = (
    "馬に乗る宇宙飛行士",
    "夕焼けの海",
    "桜の咲く丘",
    "赤い家と青い空",
    "夜の街",
    "雪山",
    "黄色い花",
    "森の中の小さな家",
    "青い鳥",
    "りんごの木",
)
BICUBIC = Image.Resampling.BICUBIC


def jpeg(image: Image.Image, quality: int, subsampling: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=quality, subsampling=subsampling)
    return Image.open(file).convert("RGB")


def png(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return Image.open(file).convert("RGB")


def resize(image: Image.Image, factor: float, *, back: bool) -> Image.Image:
    small = image.resize((round(image.width * factor), round(image.height * factor)), BICUBIC)
    return small.resize(image.size, BICUBIC) if back else small


def crop(image: Image.Image, left: int, top: int, share: float) -> Image.Image:
    width, height = round(image.width * share), round(image.height * share)
    return image.crop((left, top, min(left + width, image.width), min(top + height, image.height)))


# Name, change, and whether only a thorough search can find the mark afterwards.
CHANGES: tuple[tuple[str, Callable[[Image.Image], Image.Image], bool], ...] = (
    ("PNG", png, False),
    ("PNG, 256 colours", lambda i: i.convert("P", palette=Image.Palette.ADAPTIVE).convert("RGB"), False),
    ("JPEG q95 4:4:4", lambda i: jpeg(i, 95, 0), False),
    ("JPEG q95 4:2:0", lambda i: jpeg(i, 95, 2), False),
    ("JPEG q80 4:4:4", lambda i: jpeg(i, 80, 0), False),
    ("JPEG q80 4:2:0", lambda i: jpeg(i, 80, 2), False),
    ("JPEG q50 4:2:0", lambda i: jpeg(i, 50, 2), False),
    ("brightness +10", lambda i: i.point(lambda v: min(255, v + 10)), False),
    ("brightness x1.1", lambda i: i.point(lambda v: min(255, round(v * 1.1))), False),
    ("0.5 and back", lambda i: resize(i, 0.5, back=True), False),
    ("0.75 and back", lambda i: resize(i, 0.75, back=True), False),
    ("0.5", lambda i: resize(i, 0.5, back=False), True),
    ("0.75", lambda i: resize(i, 0.75, back=False), True),
    ("crop by 8 pixels", lambda i: crop(i, 8, 8, 1.0), True),
    ("crop to 3/4", lambda i: crop(i, 13, 21, 0.75), True),
    ("mirror", lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT), False),
)


def drawn(count: int) -> Iterator[Image.Image]:
    if count == 0:
        return
    from sdjp import Pipeline

    pipe = Pipeline.from_pretrained(watermark=False, safety="off")
    for seed in range(count):
        yield pipe.generate(PROMPTS[seed % len(PROMPTS)], seed=seed, num_inference_steps=20).image


def photos(count: int) -> Iterator[Image.Image]:
    """Every fourth one is 512 pixels wide, the others 256."""
    for seed in range(count):
        side = 512 if seed % 4 == 3 else 256
        rng = np.random.RandomState(seed)
        y, x = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
        spectrum = np.fft.fft2(rng.standard_normal((4, side, side))) / np.maximum(np.hypot(y, x), 1 / side)
        planes = np.fft.ifft2(spectrum).real
        planes /= planes.std((1, 2), keepdims=True)
        # Mostly grey, with some colour of its own in each channel, as photographs are.
        ground = 120 + 42 * planes[0][..., None] + 14 * np.moveaxis(planes[1:], 0, -1)
        ground[: side // 4] = np.linspace(170, 235, side // 4)[:, None, None] * (0.8, 0.9, 1.0)
        yield Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))


def measure(pictures: list[Image.Image], changes: list[str]) -> list[dict[str, object]]:
    """One row for each method and change."""
    rows: list[dict[str, object]] = []
    for name, method in METHODS.items():
        bits = method.frame(TEXT.encode())
        pixels = [np.asarray(picture) for picture in pictures]
        marked = [method.embed(before, bits) for before in pixels]
        costs = [psnr(before, after) for before, after in zip(pixels, marked, strict=True)]
        known = [cost for cost in costs if cost is not None]
        for label, change, thorough in CHANGES:
            if label not in changes:
                continue
            found = [
                detect(change(Image.fromarray(after)), TEXT, method=name, thorough=thorough)
                for after in marked
            ]
            rows.append(
                {
                    "method": name,
                    "change": label,
                    "pictures": len(found),
                    "found": sum(f.found for f in found),
                    "exact": sum(f.exact for f in found),
                    "too_small": sum(f.comparisons == 0 for f in found),
                    "bit_accuracy": float(np.mean([f.bit_accuracy for f in found if f.comparisons] or [0.5])),
                    "psnr_mean": float(np.mean(known)),
                    "psnr_min": min(known),
                }
            )
            print(name, label, rows[-1]["found"], "/", len(found), flush=True)
    return rows


def cell(row: dict[str, object]) -> str:
    """Found, and the share of bits, rounded down."""
    if row["too_small"] == row["pictures"]:
        return "–"
    return f"{row['found']} ({percent(float(str(row['bit_accuracy'])))}%)"


def table(rows: list[dict[str, object]]) -> str:
    """Changes down, methods across."""
    cells = {(row["change"], row["method"]): row for row in rows}
    count = rows[0]["pictures"]
    lines = [f"| {count} pictures | " + " | ".join(f"`{name}`" for name in METHODS) + " |"]
    lines.append("|---" * (len(METHODS) + 1) + "|")
    for label in dict.fromkeys(row["change"] for row in rows):
        row = [cells[label, name] for name in METHODS]
        lines.append(f"| {label} | " + " | ".join(cell(r) for r in row) + " |")
    quality = [next(row for row in rows if row["method"] == name) for name in METHODS]
    if ("PNG", quality[0]["method"]) in cells:  # PNG changes nothing
        exact = [str(cells["PNG", name]["exact"]) for name in METHODS]
        lines.append("| every bit right after embedding | " + " | ".join(exact) + " |")
    ratios = [f"{r['psnr_mean']:.1f} ({r['psnr_min']:.1f}) dB" for r in quality]
    lines.append("| PSNR, mean (lowest) | " + " | ".join(ratios) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--drawn", type=int, default=10, help="pictures of the embedded model")
    parser.add_argument("--photos", type=int, default=8, help="pictures with the spectrum of photographs")
    names = [label for label, _, _ in CHANGES]
    parser.add_argument("--changes", nargs="+", choices=names, default=names, help="some changes only")
    parser.add_argument("--out", default="bench-watermark", help="folder to write into")
    args = parser.parse_args()
    folder = Path(args.out)
    folder.mkdir(parents=True, exist_ok=True)
    results = {}
    text = ""
    for kind, pictures in (("drawn", list(drawn(args.drawn))), ("photos", list(photos(args.photos)))):
        if pictures:
            results[kind] = measure(pictures, args.changes)
            text += f"## {kind}\n\n{table(results[kind])}\n"
    (folder / "watermark.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    (folder / "watermark.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
