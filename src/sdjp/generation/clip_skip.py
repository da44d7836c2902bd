"""Which layer of the text encoder conditions the UNet: whether a model lets one choose, and has it."""

from __future__ import annotations

from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.options import OPTIONS


def check_clip_skip(clip_skip: int, config: ModelConfig) -> None:
    """Refuse a layer that the text encoder of a model does not have, or does not let one choose.

    Raises:
        InputError: If it is not a number from 1 to that of the layers, or 1 for encoders other than CLIP's.
    """
    option = OPTIONS["clip_skip"]
    option.rule.check("clip_skip", clip_skip, factor=1, label=option.label)
    text = config.text.own if config.text.kind == "adapter" else config.text
    if text.kind != "clip" and clip_skip != 1:
        raise InputError(
            "clip_skip.encoder",
            ja=f"clip_skip は CLIP のテキストエンコーダーのための設定です。モデル {config.name} の"
            f"テキストエンコーダー（{text.kind}）では使えないので、1（既定値）にしてください。",
            en=f"clip_skip is for text encoders of CLIP. That of the model {config.name} is {text.kind}: "
            "leave clip_skip at 1, the default.",
        )
    if clip_skip > text.layers:
        raise InputError(
            "clip_skip.layers",
            ja=f"clip_skip {clip_skip} は指定できません。モデル {config.name} のテキストエンコーダーは "
            f"{text.layers} 層なので、1 から {text.layers} までにしてください。",
            en=f"clip_skip cannot be {clip_skip}: the text encoder of the model {config.name} has "
            f"{text.layers} layers. Give a number from 1 to {text.layers}.",
        )
