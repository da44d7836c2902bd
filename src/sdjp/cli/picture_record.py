"""What a picture says of how it was made: shown by ``sdjp info``, drawn again by ``sdjp --from-png``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from sdjp.cli.speech import say
from sdjp.errors import InputError
from sdjp.options import PRESETS

if TYPE_CHECKING:
    from sdjp.images import Metadata
    from sdjp.images.a1111 import Parameters


def show_picture(path: str, *, as_json: bool) -> None:
    """Print the record of a picture.

    Raises:
        InputError: If it cannot be read.
    """
    from sdjp.images import open_picture, read_metadata
    from sdjp.images.a1111 import read_parameters

    found = read_metadata(path)
    size = "×".join(map(str, open_picture(path).size))
    text = None if found.parameters is None else read_parameters(found.parameters)
    if as_json:
        parts = None if text is None else {**vars(text), "settings": dict(text.settings)}
        print(json.dumps({"path": path, "size": size, "sdjp": found.sdjp, "parameters": parts},
                         ensure_ascii=False, indent=2))  # fmt: skip
        return
    say(ja=f"画像:       {path}（{size}）", en=f"picture:    {path} ({size})")
    rows = _ours(found) or ([] if text is None else _theirs(text))
    if not rows:
        say(ja="描き方の記録はありません。", en="there is no record of how it was made.")
    for ja, en, value in rows:
        if value not in (None, ""):
            say(ja=f"{ja}: {_visible(str(value))}", en=f"{en}: {_visible(str(value))}")


def _ours(found: Metadata) -> list[tuple[str, str, Any]]:
    """The rows of a record of sdjp; the first picture of a grid."""
    if found.sdjp is None:
        return []
    grid = found.sdjp.get("grid")
    record: Any = grid[0] if isinstance(grid, list) and grid else found.sdjp
    options, prompt, negative = (
        value if isinstance(value, dict) else {}
        for value in (record.get("options"), record.get("prompt"), record.get("negative_prompt"))
    )
    runtime, versions = record.get("runtime") or {}, found.sdjp.get("versions") or {}
    return [
        ("一覧", "grid", f"{len(grid)}" if isinstance(grid, list) else None),
        ("プロンプト", "prompt", prompt.get("source", options.get("prompt"))),
        ("英語", "English", prompt.get("english")),
        ("テンプレート", "template", (record.get("templates") or {}).get("prompt")),
        ("ネガティブ", "negative", negative.get("source", options.get("negative_prompt"))),
        ("シード", "seed", record.get("seed")),
        ("ステップ", "steps", options.get("num_inference_steps")),
        ("サンプラー", "sampler", options.get("sampler")),
        ("ステップの間隔", "spacing", options.get("spacing")),
        ("ガイダンス", "guidance", options.get("guidance_scale")),
        ("拡大", "enlarged by", options.get("upscaler")),
        ("描いた大きさ", "drawn size", f"{options.get('width')}×{options.get('height')}"),
        ("元の絵", "from", _origin(record.get("image"))),
        ("マスク", "mask", _origin(record.get("mask"))),
        ("画像プロンプト", "image prompt", ", ".join(_image_prompts(record))),
        ("ControlNet", "ControlNet", ", ".join(_controls(record))),
        ("モデル", "model", record.get("model")),
        ("モデルのライセンス", "licence of the model", runtime.get("license")),
        ("VAE", "VAE", runtime.get("vae")),
        ("翻訳", "translator", runtime.get("translator")),
        ("sdjp", "sdjp", versions.get("sdjp")),
    ]


def _theirs(text: Parameters) -> list[tuple[str, str, Any]]:
    """The rows of a text of AUTOMATIC1111's web UI, whose names stay as they are."""
    named = [(name, name, value) for name, value in text.settings.items()]
    return [
        ("プロンプト", "prompt", text.prompt),
        ("ネガティブ", "negative", text.negative_prompt),
        *named,
    ]


def _origin(record: Any) -> str | None:
    if not isinstance(record, dict):
        return None
    digest = record.get("sha256") or record.get("pixels_sha256")
    return f"{record.get('name') or ''} (SHA-256 {digest})".strip()


def _image_prompts(record: Mapping[str, Any]) -> list[str]:
    origins = record.get("image_prompt")
    found = [_origin(one) for one in origins] if isinstance(origins, list) else []
    return [origin for origin in found if origin is not None]


def _controls(record: Mapping[str, Any]) -> list[str]:
    """The ControlNets of a record as ``--control`` takes them, each with what tells its picture."""
    found = record.get("controls")
    return [_control(one) for one in (found if isinstance(found, list) else []) if isinstance(one, dict)]


def _control(one: Mapping[str, Any]) -> str:
    image = one.get("image")
    name = image.get("name", "…") if isinstance(image, dict) else "…"
    text = f"{one.get('name')}={name}:{one.get('weight')}:{one.get('start')}-{one.get('end')}"
    if one.get("preprocess") is not None:
        text += f" --control-preprocess {one['preprocess']}"
    return f"{text} ({_origin(image)})"


def _visible(text: str) -> str:
    """A text from a picture is anybody's: no control characters reach the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


class Networks(NamedTuple):
    """What a picture was drawn with, as far as its record tells.

    Attributes:
        model: The name of the model; None if it is not told.
        vae: That of the autoencoder in place of the model's, ``""`` if it had its own; None likewise.
    """

    model: str | None
    vae: str | None


def take_record(args: argparse.Namespace) -> Networks:
    """Fill what the command line leaves out from the record of ``--from-png``; say what cannot be taken over.

    Returns:
        What it was drawn with.

    Raises:
        InputError: If there is no record, or none of a single picture with a prompt.
    """
    from sdjp.images import read_metadata
    from sdjp.images.a1111 import read_parameters

    path = args.from_png
    found = read_metadata(path)
    record, options = found.sdjp, found.options
    left: list[str] = []
    vae: Any = None
    if record is not None and options is not None:
        values, model = options.to_json(), record.get("model")
        vae = (record.get("runtime") or {}).get("vae") or ""
        if record.get("image") is not None and args.init_img is None:
            left.append(f"--init-img {_origin(record['image'])}")
        if record.get("mask") is not None and args.mask is None:
            left.append(f"--mask {_origin(record['mask'])}")
        if values.get("upscaler") is not None and values.get("hires") is None:  # of sdjp upscale
            left.append(f"--upscaler {values.pop('upscaler')} (sdjp upscale)")
        if args.image_prompt is None:
            left += [f"--image-prompt {origin}" for origin in _image_prompts(record)]
        if not args.controls:
            left += [f"--control {text}" for text in _controls(record)]
        if any(report.get("name") == "random" for report in record.get("reports", ())):
            left.append("sdjp txt2img / img2img (random numbers)")
    elif record is None and found.parameters is not None:
        text = read_parameters(found.parameters)
        values, left = text.options()
        model, vae = text.settings.get("Model"), text.settings.get("VAE")
    else:
        values, model = {}, None
    if not isinstance(values.get("prompt"), str) or not values["prompt"]:
        raise InputError(
            "from_png.none",
            ja=f"{path} には、1 枚の絵を描き直せる記録がありません。"
            "sdjp が保存した PNG か、AUTOMATIC1111 の web UI が保存した絵を指定してください"
            "（一覧の絵からは描けません）。",
            en=f"{path} has no record from which one picture can be drawn again. Give a PNG that sdjp "
            "saved, or a picture of AUTOMATIC1111's web UI, and no grid.",
        )
    _fill(args, values)
    if left:
        shown = _visible("、".join(left)), _visible(", ".join(left))
        say(
            ja=f"注意: {path} の記録のうち、引き継げないもの: {shown[0]}",
            en=f"note: in the record of {path}, not taken over: {shown[1]}",
            file=sys.stderr,
        )
    return Networks(*(name if isinstance(name, str) else None for name in (model, vae)))


def _fill(args: argparse.Namespace, values: dict[str, Any]) -> None:
    args.recorded = set()
    typed = [text for text in (args.prompt, args.prompt_option) if text]
    prompt = values.pop("prompt")
    if not typed and args.from_file is None:
        args.prompt, args.prompt_option = prompt, None
        args.recorded.add("prompt")
    given = set(args.given)
    if {"preset", "turbo"} & given:
        given |= _of_presets(args.preset)  # what was typed comes first, and so does what it stands for
    for name, value in values.items():
        if value is not None and hasattr(args, name) and name not in given:
            loras = name == "loras" and [f"{lora}:{weight}" for lora, weight in value.items()]
            setattr(args, name, loras or value)
            args.recorded.add(name)


def _of_presets(name: str | None) -> set[str]:
    """What a preset sets, or any of them, and what has no meaning beside another sampler or scale."""
    presets = PRESETS.values() if name is None else [PRESETS[name]] if name in PRESETS else []
    values = [item for preset in presets for item in dataclasses.asdict(preset).items()]
    return {"eta", "guidance_interval", *(option for option, value in values if value is not None)}


def announce_model(recorded: Networks, *, model: str, vae: str | None) -> None:
    """Say so where a picture is drawn again with another model or autoencoder than it was drawn with."""
    if recorded.model is not None and recorded.model != model:
        name = _visible(recorded.model)
        say(
            ja=f"注意: 記録ではモデル {name} で描かれています（いまは {model}）。同じ絵にはなりません。",
            en=f"note: it was drawn with the model {name}, and this is {model}: the picture will differ.",
            file=sys.stderr,
        )
    if recorded.vae is not None and recorded.vae != (vae or ""):
        before, now = (_visible(name or "") for name in (recorded.vae, vae))
        say(
            ja=f"注意: 記録では VAE {before or '（モデルのもの）'} で描かれています"
            f"（いまは {now or 'モデルのもの'}。--vae で指定できます）。同じ絵にはなりません。",
            en=f"note: it was drawn with the VAE {before or 'of the model'}, and this is "
            f"{now or 'that of the model'} (see --vae): the picture will differ.",
            file=sys.stderr,
        )
