"""The text of a watermark: which one, how long, and as bytes."""

from __future__ import annotations

from typing import Final

from sdjp.errors import InputError

TEXT: Final = "StableDiffusionV1"
"""The text that the original txt2img.py embeds."""

MAX_BYTES: Final = 64
"""Longest text: each of its bits stands at least twice in the smallest picture of the original's method."""


def payload_of(text: str) -> bytes:
    """The bytes of a text.

    Raises:
        InputError: If it is no text, empty, too long, holds a NUL, or cannot be written in UTF-8.
    """
    if not isinstance(text, str):
        raise InputError(
            "watermark.type",
            ja=f"透かしの文字列には文字列を指定してください（{type(text).__name__} が渡されました）。",
            en=f"the text of the watermark must be a string, not {type(text).__name__}.",
        )
    try:
        payload = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise _unusable(text) from error
    if "\0" in text:
        raise _unusable(text)
    if not 1 <= len(payload) <= MAX_BYTES:
        raise InputError(
            "watermark.length",
            ja=f"透かしの文字列は UTF-8 で 1〜{MAX_BYTES} バイト（日本語なら {MAX_BYTES // 3} 文字まで）に"
            f"してください（指定されたものは {len(payload)} バイト）。"
            "透かしを入れない場合は watermark=False（コマンドでは --no-watermark）を指定してください。",
            en=f"the text of the watermark must have 1 to {MAX_BYTES} bytes of UTF-8, not {len(payload)}. "
            "For no watermark, use watermark=False (--no-watermark on the command line).",
        )
    return payload


def _unusable(text: str) -> InputError:
    return InputError(
        "watermark.text",
        ja=f"透かしの文字列 {text!r} には、NUL 文字か、UTF-8 で書き表せない文字が含まれています。"
        "取り除いてください。",
        en=f"the text of the watermark {text!r} holds a NUL or a character that UTF-8 does not have. "
        "Remove it.",
    )
