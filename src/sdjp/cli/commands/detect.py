"""``sdjp detect``: what a picture says of where it comes from: watermark, XMP, C2PA manifest, record."""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_args

from sdjp import errors
from sdjp.cli.parser import Parser
from sdjp.cli.pictures import look_at
from sdjp.cli.speech import put, say
from sdjp.errors import InputError
from sdjp.options import WatermarkMethod

if TYPE_CHECKING:
    from sdjp.postprocess import Detection
    from sdjp.postprocess.findings import Findings


def parser() -> Parser:
    """The options of ``sdjp detect``."""
    options = Parser(
        prog="sdjp detect",
        description="Look for what tells that a machine drew a picture: invisible watermarks (those of "
        "Stable Diffusion, SDXL, FLUX.1 and sdjp, or a text), XMP, C2PA manifests and records. Exit code: 0 "
        "something in every picture, 1 in at least one nothing was found, 2 a picture cannot be read; with "
        "--text or --method the watermark alone decides. That nothing is found does not mean that a picture "
        "was not drawn by a machine."
        if errors.get_language() == "en"
        else "機械が描いた絵だと分かるものを探します。不可視の透かし（Stable Diffusion、SDXL、FLUX.1、"
        "sdjp、または指定した文字列）、XMP、C2PA の署名、描き方の記録です。"
        "終了コード: 0 すべての画像にどれかが見つかった、1 何も見つからない画像がある、2 読めない画像がある。"
        "--text か --method を付けると、透かしだけで決まります。"
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
    from sdjp.postprocess.findings import inspect
    from sdjp.postprocess.marking.payload import payload_of

    if args.text is not None:
        payload_of(args.text)  # a text that nobody can have embedded
    mark_alone = args.text is not None or args.method is not None
    missing = False
    announced: set[str] = set()

    def look(path: Path) -> None:
        nonlocal missing
        found = inspect(path, args.text, method=args.method, thorough=args.thorough)
        missing = missing or not (found.mark.found if mark_alone else found.generated)
        if args.json:
            _print({"file": str(path), **found.to_json()})
        else:
            say(ja=f"{path}: {_ja(found.mark)}", en=f"{path}: {_en(found.mark)}")
            for line in (_xmp(found), _c2pa(found), _record(found)):
                say(ja=f"  {line.ja}", en=f"  {line.en}")
        _warn(found, announced)

    readable = look_at(args.files, look, partial(_refuse, as_json=args.json))
    return 2 if not readable else 1 if missing else 0


class _Line(NamedTuple):
    ja: str
    en: str


_ANYBODY: Final = _Line("だれでも書けるので、証明にはなりません。", "Anybody can write that: it is no proof.")


def _xmp(found: Findings) -> _Line:
    source = found.source_type
    if source is None:
        return _Line("XMP: どうできた絵か、書かれていません。", "XMP: nothing on how the picture came to be.")
    code = _visible(source.code)
    if source.generated:
        ja, en = "学習した AI が作った絵だと書かれています", "says that a trained model made it"
    else:
        ja, en = "学習した AI が作った絵だとは書かれていません", "says something else"
    return _Line(f"XMP: {ja}（{code}）。{_ANYBODY.ja}", f"XMP: {en} ({code}). {_ANYBODY.en}")


def _c2pa(found: Findings) -> _Line:
    manifest = found.manifest
    if not found.manifests:
        return _Line("C2PA: 調べていません。", "C2PA: not looked for.")
    if manifest is None:
        return _Line("C2PA: 署名はありません。", "C2PA: no signature.")
    if manifest.state == "unreadable":
        return _Line("C2PA: 署名がありますが、壊れています。", "C2PA: a signature that cannot be read.")
    if manifest.state == "elsewhere":
        return _Line(
            "C2PA: 署名はネットワークの別の場所にあると書かれています。問い合わせないので、調べていません。",
            "C2PA: the file says that its signature is elsewhere on a network, which is not asked.",
        )
    who, problems = _visible(manifest.signer) or "?", _visible(", ".join(manifest.problems))
    if manifest.changed:
        return _Line(
            f"C2PA: 「{who}」の署名のあとで、ファイルが変えられています（{problems}）。",
            f"C2PA: the file was changed after '{who}' signed it ({problems}).",
        )
    if not manifest.intact:
        return _Line(
            f"C2PA: 「{who}」の署名がありますが、正しくありません（{problems}）。",
            f"C2PA: a signature of '{who}' that does not hold ({problems}).",
        )
    tool = _visible(manifest.tool) or "?"
    says = _Line("", "")
    if manifest.generated:
        says = _Line("学習した AI が作った絵だと書かれ、", "says that a trained model made it, ")
    if manifest.state == "trusted":
        return _Line(
            f"C2PA: {says.ja}「{who}」が署名しています（{tool}）。署名のあと変わっていません。",
            f"C2PA: {says.en}signed by '{who}' ({tool}). Nothing was changed since.",
        )
    return _Line(
        f"C2PA: {says.ja}「{who}」の名で署名されています（{tool}）。署名のあと変わっていません。"
        "その名が本人のものかは、確かめられていません。",
        f"C2PA: {says.en}signed in the name of '{who}' ({tool}). Nothing was changed since. Whether the "
        "name is true could not be checked.",
    )


def _record(found: Findings) -> _Line:
    if found.record is None:
        return _Line("記録: 描き方の記録はありません。", "record: none of how it was drawn.")
    if found.record == "damaged":
        return _Line("記録: sdjp の記録がありますが、壊れています。", "record: one of sdjp that is damaged.")
    whose = _Line("sdjp の", "of sdjp")
    if found.record == "parameters":
        whose = _Line("AUTOMATIC1111 形式の", "in AUTOMATIC1111's form")
    return _Line(
        f"記録: {whose.ja}描き方の記録があります（sdjp info で見られます）。{_ANYBODY.ja}",
        f"record: one {whose.en} of how it was drawn (see sdjp info). {_ANYBODY.en}",
    )


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


def _warn(found: Findings, announced: set[str]) -> None:
    """Say once what could not be looked for."""
    for method in found.mark.unavailable:
        if method not in announced:
            announced.add(method)
            say(
                ja=f"注意: OpenCV を読み込めないため、{method} 方式の透かしは調べていません。"
                "pip install invisible-watermark で入ります。",
                en=f"note: marks of the method {method} were not looked for, since OpenCV cannot be loaded. "
                "Run: pip install invisible-watermark.",
                file=sys.stderr,
            )
    if not found.manifests and "C2PA" not in announced:
        announced.add("C2PA")
        say(
            ja="注意: c2pa-python がないため、C2PA の署名は調べていません。"
            "pip install 'sdjp[provenance]' で入ります。",
            en="note: C2PA signatures were not looked for, since c2pa-python is not installed. "
            "Run: pip install 'sdjp[provenance]'.",
            file=sys.stderr,
        )


def _refuse(file: Path, error: InputError, *, as_json: bool) -> None:
    say(ja=f"エラー: {error.ja}", en=f"error: {error.en}", file=sys.stderr)
    if as_json:
        _print({"file": str(file), "error": error.message()})


def _print(data: dict[str, Any]) -> None:
    put(json.dumps(data, ensure_ascii=False, allow_nan=False))
