"""``sdjp info FILE``: what weights hold, without loading them, or how a picture was made."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp import errors
from sdjp.cli.parser import Parser
from sdjp.cli.picture_record import show_picture
from sdjp.cli.speech import put, say

if TYPE_CHECKING:
    from sdjp.weights.about import About

PICTURES: Final = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of pictures; no weights have them."""
PARTS: Final = {
    "unet": ("UNet", "UNet"),
    "vae": ("オートエンコーダー", "autoencoder"),
    "text": ("テキストエンコーダー", "text encoder"),
    "ema": ("UNet の EMA（移動平均）", "moving average (EMA) of the UNet"),
    "other": ("その他（ノイズの表など）", "others (tables of the schedule and the like)"),
}
LAYOUTS: Final = {
    "ldm": ("元の実装（CompVis）の名前", "names of the original (CompVis)"),
    "diffusers": ("diffusers のフォルダー", "a diffusers folder"),
}
KINDS: Final = {
    "plain": (
        "一種類（通常の名前）。EMA は別には入っていません",
        "one kind, under the plain names; no EMA besides",
    ),
    "ema": ("EMA だけ", "EMA alone"),
    "both": (
        "通常の重みと EMA の両方。既定では EMA を使い、--ema false（ema=False）で通常の重みを使います",
        "plain and EMA both: EMA is used unless you say --ema false (ema=False)",
    ),
    "none": ("UNet がありません", "there is no UNet"),
}


def parser() -> Parser:
    """The options of ``sdjp info``."""
    options = Parser(
        prog="sdjp info",
        description="Say what is in a checkpoint (layout, parts, parameters, EMA, SHA-256, published name), "
        "or how a picture was made: the record in a PNG of sdjp, or in a PNG, JPEG or WebP of "
        "AUTOMATIC1111's web UI."
        if errors.get_language() == "en"
        else "重みのファイルに何が入っているかを調べます"
        "（形式、部品、パラメーター数、EMA、SHA-256、公開されているものならその名前）。"
        "絵なら、どう描いたか（sdjp の PNG か、AUTOMATIC1111 の web UI の PNG・JPEG・WebP に残る記録）を"
        "示します。",
    )
    options.option("source", metavar="FILE", ja="調べるファイルかフォルダー（mini も可）",
                   en="the file or folder (or mini)")  # fmt: skip
    options.option("--json", action="store_true", ja="JSON で出力する", en="as JSON")
    options.option("--no-sha256", action="store_true", ja="SHA-256 を計算しない（大きなファイルでも速い）",
                   en="no SHA-256 (quick for large files, too)")  # fmt: skip
    return options


def run(args: argparse.Namespace) -> int:
    """Look and tell."""
    if args.source.lower().endswith(PICTURES) and not Path(args.source).is_dir():
        show_picture(args.source, as_json=args.json)
        return 0
    from sdjp.weights.about import describe

    about = describe(args.source, checksums=not args.no_sha256)
    if args.json:
        put(json.dumps(about.to_json(), ensure_ascii=False, indent=2))
    else:
        show(about)
    return 0


def show(about: About) -> None:
    """Print it for a person."""
    from sdjp.weights.known import LICENSE, LICENSE_TEXT
    from sdjp.weights.source import EMBEDDED_MODEL, locate

    say(
        ja=f"場所:     {about.path}（{about.size:,} バイト）",
        en=f"path:     {about.path} ({about.size:,} bytes)",
    )
    layout = LAYOUTS.get(about.layout or "", ("sdjp で読める形式ではありません", "none that sdjp loads"))
    say(ja=f"形式:     {layout[0]}", en=f"layout:   {layout[1]}")
    for name, part in about.parts.items():
        ja, en = PARTS[name]
        dtypes = ", ".join(part.dtypes)
        say(ja=f"  {ja}: {part.tensors} テンソル、{part.parameters:,} パラメーター（{dtypes}）",
            en=f"  {en}: {part.tensors} tensors, {part.parameters:,} parameters ({dtypes})")  # fmt: skip
    ja, en = KINDS[about.kinds]
    say(ja=f"重み:     {ja}", en=f"weights:  {en}")
    for file, digest in about.sha256.items():
        say(ja=f"SHA-256:  {digest}  {file}", en=f"SHA-256:  {digest}  {file}")
    if about.known is not None:
        training = about.known.training
        say(
            ja=f"名前:     {about.known.file}（{training.name}）",
            en=f"name:     {about.known.file} ({training.name})",
        )
        say(ja=f"学習:     {training.ja}", en=f"training: {training.en}")
        say(ja=f"ライセンス: {LICENSE}（使い方に制限があります: {LICENSE_TEXT}）",
            en=f"licence:  {LICENSE} (some uses are not allowed: {LICENSE_TEXT})")  # fmt: skip
    elif about.path == locate(EMBEDDED_MODEL).path:
        say(ja=f"名前:     sdjp に付属のモデル（ライセンス: {about.path / 'LICENSE'}）",
            en=f"name:     the model embedded in sdjp (licence: {about.path / 'LICENSE'})")  # fmt: skip
    elif about.licence.name is not None:
        say(ja=f"ライセンス: {about.licence.name}（{about.licence.where}）",
            en=f"licence:  {about.licence.name} ({about.licence.where})")  # fmt: skip
    elif about.layout is not None and about.sha256:
        say(ja=f"名前:     公開されている Stable Diffusion v1 のファイルとは一致しません。"
            f"SD v1 をもとにした重みなら、そのライセンス（多くは {LICENSE}）に従ってください。",
            en="name:     none of the published files of Stable Diffusion v1. If it was made from one, keep "
            f"to its licence (mostly {LICENSE}).")  # fmt: skip
    if about.problem is not None:
        say(ja=f"使えません: {about.problem.ja}", en=f"not usable: {about.problem.en}")
