"""``--control``: ControlNets on the command line, and the pictures that they read."""

from __future__ import annotations

import argparse
import dataclasses
import re
from typing import TYPE_CHECKING, Final, Literal, get_args

from sdjp.choices import Preprocess
from sdjp.cli.parser import Parser
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.generation.controls import Control

_NUMBER: Final = r"(?:\d+(?:\.\d*)?|\.\d+)"
_CONTROL: Final = re.compile(
    r"(?P<name>[^=]+)=(?P<picture>.+?)"
    rf"(?::(?P<weight>-?{_NUMBER})(?::(?P<start>{_NUMBER})-(?P<end>{_NUMBER}))?)?"
)


def controlnet_folder(parser: Parser) -> None:
    """Where ControlNets are that are called by name."""
    parser.option("--controlnet-dir", "--controlnet_dir", dest="controlnet_dir", metavar="D",
                  ja="ControlNet のファイルや diffusers のフォルダーがあるフォルダー"
                     "（--control に名前を書いて使う）",
                  en="folder of ControlNets: files, diffusers folders (name them in --control)")  # fmt: skip


def control_options(parser: Parser) -> None:
    """ControlNets and the pictures that they read."""
    controlnet_folder(parser)
    parser.option("--control", dest="controls", action="append", default=[], metavar="NAME=F[:W[:A-B]]",
                  ja="ControlNet とその画像、重み（0〜2）、かける区間（0〜1）。"
                     "例: canny=edges.png:0.8:0-0.6。名前の代わりにファイルのパスも書ける。"
                     "コロンのあとが数でなければ画像のパスの一部とみなすので、C:\\edges.png も"
                     "そのまま書ける（何度でも指定できる）",
                  en="a ControlNet, the picture it reads, its weight (0 to 2) and its part of the run (0 to "
                     "1), such as canny=edges.png:0.8:0-0.6. NAME may be the path of a file. What follows "
                     "a colon and is no number belongs to the picture, as in C:\\edges.png (may be "
                     "given several times)")  # fmt: skip
    parser.option("--control-preprocess", "--control_preprocess", dest="control_preprocess", action="append",
                  default=[], choices=("none", *get_args(Preprocess)), metavar="KIND",
                  ja=f"--control の画像にする前処理: {', '.join(get_args(Preprocess))}"
                     "（none は、もう済んだ画像）。何度か指定すると、順に 1 つずつ",
                  en="what makes the map of the picture of --control: "
                     f"{', '.join(get_args(Preprocess))} (none: it is one); given several times, one for "
                     "each in turn")  # fmt: skip


def open_controls(args: argparse.Namespace) -> list[Control]:
    """Read the pictures of ``--control`` once, before a model is loaded.

    Raises:
        InputError: If one cannot be read, or is asked for in a way that cannot be.
    """
    wanted, kinds = args.controls, args.control_preprocess
    if len(kinds) not in (0, 1, len(wanted)) or (kinds and not wanted):
        raise InputError(
            "control_preprocess.count",
            ja=f"--control-preprocess は、1 つか、--control と同じ {len(wanted)} 個にしてください"
            f"（{len(kinds)} 個）。",
            en=f"give one --control-preprocess, or {len(wanted)} as there are --control, not {len(kinds)}.",
        )
    if not wanted:
        return []
    from sdjp.addons.controlnets import ControlNets
    from sdjp.images import open_picture

    folder = ControlNets(args.controlnet_dir)
    controls = []
    for i, text in enumerate(wanted):
        kind: Preprocess | Literal["none"] = kinds[i % len(kinds)] if kinds else "none"
        control = _control(text, None if kind == "none" else kind)
        folder.path(control.name)
        assert control.image is not None
        picture = open_picture(control.image, name="control")
        controls.append(dataclasses.replace(control, image=picture))
    return controls


def _control(text: str, preprocess: Preprocess | None) -> Control:
    """One ``--control``: up to the first ``=`` the name, at the end the numbers."""
    from sdjp.generation.controls import Control

    match = _CONTROL.fullmatch(text)
    if match is None:
        raise InputError(
            "control.option",
            ja=f"--control {text} は読めません。canny=edges.png、canny=edges.png:0.8、"
            "canny=edges.png:0.8:0-0.6 のように、名前=画像[:重み[:始まり-終わり]] の形で指定してください。",
            en=f"cannot read --control {text}. Give NAME=PICTURE[:WEIGHT[:START-END]], such as "
            "canny=edges.png, canny=edges.png:0.8 or canny=edges.png:0.8:0-0.6.",
        )
    numbers = {key: float(match[key]) for key in ("weight", "start", "end") if match[key] is not None}
    return Control(match["name"], image=match["picture"], preprocess=preprocess, **numbers)
