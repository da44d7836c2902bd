"""The switch of the safety checker.

No checker ships with sdjp yet. Until one is installed, every mode but "off" says beside each picture that it
was not checked; nothing here pretends to check.
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from sdjp.errors import InputError
from sdjp.postprocess.base import Note, PostProcessor
from sdjp.types import Report

SafetyMode = Literal["flag", "blur", "black", "off"]
SAFETY_MODES: Final = get_args(SafetyMode)


def make_safety(mode: SafetyMode) -> PostProcessor:
    """Turn the switch into a post-processor.

    Args:
        mode: What is to become of pictures that a checker flags: ``"flag"`` only says so, ``"blur"`` and
            ``"black"`` hide them; ``"off"`` checks nothing and loads nothing.

    Returns:
        A post-processor whose reports carry ``data["checked"]``: whether the picture was looked at.

    Raises:
        InputError: If the mode is another.
    """
    if mode not in SAFETY_MODES:
        allowed = ", ".join(map(repr, SAFETY_MODES))
        raise InputError(
            "safety.unknown",
            ja=f"safety に {mode!r} は使えません。使える値: {allowed}",
            en=f"safety cannot be {mode!r}. Allowed: {allowed}",
        )
    if mode == "off":
        return Note(
            Report(
                name="safety",
                status="off",
                ja="安全性チェックはオフです。この画像は確認されていません。",
                en="the safety check is off: this picture was not checked.",
                data={"checked": False},
            )
        )
    return Note(
        Report(
            name="safety",
            status="unavailable",
            ja="このモデルには安全性チェッカーが入っていないため、この画像は確認されていません。",
            en="no safety checker is installed for this model: this picture was not checked.",
            data={"checked": False, "mode": mode},
        )
    )
