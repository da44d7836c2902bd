"""``sdjp detect``: is there an invisible watermark in a picture, and which?"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from sdjp import errors
from sdjp.cli.parser import Parser
from sdjp.cli.pictures import look_at
from sdjp.cli.speech import put, say
from sdjp.errors import InputError
from sdjp.options import WatermarkMethod

if TYPE_CHECKING:
    from sdjp.postprocess import Detection


def parser() -> Parser:
    """The options of ``sdjp detect``."""
    options = Parser(
        prog="sdjp detect",
        description="Look for invisible watermarks: those of Stable Diffusion, SDXL, FLUX.1 and sdjp, or a "
        "text. Exit code: 0 one in every picture, 1 in at least one none was found, 2 a picture cannot be "
        "read. That none is found does not mean that a picture was not drawn by a machine."
        if errors.get_language() == "en"
        else "不可視の透かし（Stable Diffusion、SDXL、FLUX.1、sdjp、または指定した文字列）を探します。"
        "終了コード: 0 すべての画像に見つかった、1 見つからない画像がある、2 読めない画像がある。"
        "見つからなくても、機械が描いた絵ではないとは言えません。",
    )
    options.option("files", nargs="+", metavar="FILE", ja="調べる画像、またはそのフォルダー",
                   en="pictures, or folders of them")  # fmt: skip
    options.option("--text", metavar="TEXT", ja="入っているはずの文字列", en="the text that is expected")
    options.option(
        "--method",
        choices=get_args(WatermarkMethod),
        ja="この方式だけを調べる",
        en="look for this method only",
    )
    options.option("--thorough", action="store_true",
                   ja="大きさが変わったり切り抜かれたりした spread 方式の透かしも探す（1 枚に数秒）",
                   en="look for spread marks that were resized or cropped too (seconds each)")  # fmt: skip
    options.option(
        "--json", action="store_true", ja="1 行に 1 つの JSON で出力する", en="one JSON object a line"
    )
    return options


def run(args: argparse.Namespace) -> int:
    """Look at each picture; one that cannot be read does not stop the others."""
    from sdjp.images import open_picture
    from sdjp.postprocess import detect
    from sdjp.postprocess.marking.payload import payload_of

    if args.text is not None:
        payload_of(args.text)  # a text that nobody can have embedded
    missing = False
    announced: set[str] = set()

    def look(path: Path) -> None:
        nonlocal missing
        found = detect(open_picture(path), args.text, method=args.method, thorough=args.thorough)
        missing = missing or not found.found
        if args.json:
            _print({"file": str(path), **found.to_json()})
        else:
            say(ja=f"{path}: {_ja(found)}", en=f"{path}: {_en(found)}")
        _warn(found, announced)

    readable = look_at(args.files, look, partial(_refuse, as_json=args.json))
    return 2 if not readable else 1 if missing else 0


def _ja(found: Detection) -> str:
    name, facts = _visible(found.mark), _facts(found, "ja")
    if found.found:
        return f"透かしあり「{name}」（{facts}）。{_origin(found, 'ja')}"
    if found.mark is None:
        return "透かしは見つかりません（小さすぎて、調べられる方式がありません）。"
    return f"透かしは見つかりません（いちばん近いのは「{name}」: {facts}）。"


def _en(found: Detection) -> str:
    name, facts = _visible(found.mark), _facts(found, "en")
    if found.found:
        return f"watermark '{name}' ({facts}). {_origin(found, 'en')}"
    if found.mark is None:
        return "no watermark found (too small to look for one by any method)."
    return f"no watermark found (nearest: '{name}', {facts})."


def _visible(text: str | None) -> str:
    """A text from a picture is anybody's: no control characters reach the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text or "")


def _facts(found: Detection, language: errors.Language) -> str:
    from sdjp.postprocess.watermark import percent

    share, chance = percent(found.bit_accuracy), f"{found.chance:.1g}"
    read = _visible(found.text) if found.found and found.text and not found.exact else None
    if language == "ja":
        change = {"none": "", "resized": "、大きさが変わっている", "cropped": "、切り抜かれている"}
        text = "" if read is None else f"、読み取れた文字列「{read}」"
        facts = f"方式 {found.method}、ビットの一致 {share}%、偶然に一致する確率 {chance}"
        return f"{facts}{change[found.change]}{text}"
    change = {"none": "", "resized": ", resized since", "cropped": ", cropped since"}
    text = "" if read is None else f", read as '{read}'"
    return f"method {found.method}, {share}% of the bits, by chance {chance}{change[found.change]}{text}"


def _origin(found: Detection, language: errors.Language) -> str:
    """Where such a mark comes from, as far as it says."""
    from sdjp.postprocess.known_marks import KNOWN

    ja, en = "文字列は、だれでも入れられます（作者の証明にはなりません）。", "Anybody can choose the text."
    if found.method == "spread":
        ja, en = "sdjp の方式です。", "The method is that of sdjp."
    elif found.method == "dwtDct":
        for mark in KNOWN:
            if mark.name == found.mark:
                ja, en = f"これを入れるもの: {mark.ja}。", f"Embedded by: {mark.en}."
    return ja if language == "ja" else en


def _warn(found: Detection, announced: set[str]) -> None:
    """Say once what could not be looked for."""
    for method in found.unavailable:
        if method not in announced:
            announced.add(method)
            say(
                ja=f"注意: OpenCV を読み込めないため、{method} 方式の透かしは調べていません。"
                "pip install invisible-watermark で入ります。",
                en=f"note: marks of the method {method} were not looked for, since OpenCV cannot be loaded. "
                "Run: pip install invisible-watermark.",
                file=sys.stderr,
            )


def _refuse(file: Path, error: InputError, *, as_json: bool) -> None:
    say(ja=f"エラー: {error.ja}", en=f"error: {error.en}", file=sys.stderr)
    if as_json:
        _print({"file": str(file), "error": error.message()})


def _print(data: dict[str, Any]) -> None:
    put(json.dumps(data, ensure_ascii=False, allow_nan=False))
