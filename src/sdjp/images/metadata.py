"""The record in a picture of how it was made.

Two texts: ``parameters``, one text as AUTOMATIC1111's web UI writes it, which many tools read; and
``sdjp``, JSON with everything, the Japanese prompt included, from which the very picture can be drawn again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from typing import IO, Any

from sdjp.errors import InputError
from sdjp.images.a1111 import (
    SAMPLER_NAMES,
    SCHEDULE_NAMES,
    TEMPLATE_NAMES,
    control_text,
    read_parameters,
    upscaler_name,
)
from sdjp.images.encoding import Texts, find_packet
from sdjp.images.exif_comment import read_comment
from sdjp.images.read import load_file, unreadable
from sdjp.options import GenerationOptions, ResolvedOptions
from sdjp.provenance.settings import Provenance
from sdjp.provenance.xmp import Packet
from sdjp.records import PromptInfo


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """The record of a picture, as :func:`read_metadata` found it; None where it has no such text.

    Attributes:
        parameters: The text for other tools.
        sdjp: The ``record`` that was given to :func:`texts_of`, and ``versions``.
        packet: The XMP, which tells where a picture comes from.
    """

    parameters: str | None
    sdjp: Mapping[str, Any] | None
    packet: Packet | None = None

    @property
    def texts(self) -> Texts | None:
        """The record as it was, for another file of the picture; None without one of sdjp."""
        if self.sdjp is None:
            return None
        return Texts(parameters=self.parameters or "", sdjp=json.dumps(self.sdjp, ensure_ascii=False))

    @property
    def generated(self) -> bool:
        """Whether its XMP says that a trained model made it."""
        source = None if self.packet is None else self.packet.source_type
        return source is not None and source.generated

    @property
    def provenance(self) -> Provenance:
        """What another file of the picture says of where it comes from: the same, without a signature."""
        return Provenance(xmp=self.generated)

    @property
    def options(self) -> GenerationOptions | None:
        """The options that draw the picture again; None for a grid, or if sdjp did not make it.

        Raises:
            InputError: If they hold keys that this version does not know.
        """
        if self.sdjp is None or "options" not in self.sdjp:
            return None
        # Records of pictures drawn before there was a multiplier have none: it was 1.
        return GenerationOptions.from_json({"noise_multiplier": 1.0, **self.sdjp["options"]})


def parameters(
    *,
    options: ResolvedOptions,
    prompt: PromptInfo | None,
    negative: PromptInfo | None,
    model: str,
    vae: str | None = None,
    templates: Mapping[str, str] | None = None,
    controls: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Write the options of one picture as AUTOMATIC1111's web UI does.

    Args:
        options: Of this very picture, its own seed included.
        prompt: The prompt; its English is what other tools can use.
        negative: The negative prompt, if there is one.
        model: Name of the model.
        vae: Name of the autoencoder in place of the model's, if there is one.
        templates: Dynamic prompts that they were chosen from, as sd-dynamic-prompts tells of its own.
        controls: The ControlNets, as a record has them.
    """
    spacing = options.spacing
    values = {
        "Steps": options.num_inference_steps,
        "Sampler": SAMPLER_NAMES.get(options.sampler, options.sampler),
        **({} if spacing is None else {"Schedule type": SCHEDULE_NAMES.get(spacing, spacing)}),
        "CFG scale": options.guidance_scale,
        "Seed": options.seed,
        "Size": f"{options.width}x{options.height}",
        "Model": model,
        **({} if vae is None else {"VAE": vae}),
        **({"Clip skip": options.clip_skip} if options.clip_skip != 1 else {}),
        **({"Eta": options.eta} if options.eta != 0 else {}),
        **({"Noise multiplier": options.noise_multiplier} if options.noise_multiplier != 1 else {}),
        **({"Token merging ratio": options.token_merging} if options.token_merging > 0 else {}),
        **_enlarged(options),
        **{TEMPLATE_NAMES[name]: text for name, text in (templates or {}).items()},
        **{f"ControlNet {i}": control_text(control) for i, control in enumerate(controls)},
        "Version": f"sdjp {_versions()['sdjp']}",
    }
    lines = [] if prompt is None else [prompt.english]
    if negative is not None and negative.english:
        lines.append(f"Negative prompt: {negative.english}")
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in values.items()))
    return "\n".join(lines)


def _enlarged(options: ResolvedOptions) -> dict[str, object]:
    """What an upscaler did: after drawing, or to a picture from elsewhere."""
    if options.upscaler is None:
        return {}
    name = upscaler_name(options.upscaler)
    if options.hires is None:
        return {"Postprocess upscaler": name}
    return {
        "Denoising strength": options.hires_strength,
        "Hires upscale": options.hires,
        "Hires upscaler": name,
    }


def texts_of(text: str, record: Mapping[str, Any]) -> Texts:
    """Pack the text of :func:`parameters` and a record of one's own, for ``encode``.

    Args:
        text: For other tools.
        record: Plain JSON data; the versions are added to it.
    """
    # default=str: a figure of a type that JSON lacks must not cost the picture.
    data = json.dumps({**record, "versions": _versions()}, ensure_ascii=False, default=str)
    return Texts(parameters=text, sdjp=data)


def read_metadata(path: str | PathLike[str] | IO[bytes]) -> Metadata:
    """Read what a picture, a file or an open one, says about how it was made.

    A PNG says so in texts; a JPEG or a WebP in its EXIF comment, where AUTOMATIC1111's web UI has it, too,
    and in its XMP.

    Raises:
        InputError: If the file is no readable picture, or its ``sdjp`` text no JSON object.
    """
    where = f" {path}" if isinstance(path, str | PathLike) else ""
    try:
        with load_file(path) as image:  # whole: text chunks may also stand behind the pixels
            texts = {key: value for key, value in image.info.items() if isinstance(value, str)}
            comment = None if "parameters" in texts else read_comment(image)
            found = find_packet(image)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever comes up in what they cannot make sense of
        raise unreadable(where, error) from error
    own = {} if found is None or image.format == "PNG" else found.texts
    texts |= {
        name: own[key] for name, key in (("sdjp", "record"), ("parameters", "parameters")) if key in own
    }
    record = None
    if "sdjp" in texts:
        try:
            record = json.loads(texts["sdjp"])
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise InputError(
                "metadata.invalid",
                ja=f"画像{where} の sdjp メタデータが壊れています。",
                en=f"the sdjp metadata of the picture{where} is damaged.",
            )
    if comment is not None and read_parameters(comment).settings:  # and not of a photograph
        texts["parameters"] = comment
    return Metadata(parameters=texts.get("parameters"), sdjp=record, packet=found)


def _quoted(value: object) -> str:
    """Put a value with a comma, colon, quote or line break in it into quotes, as readers expect."""
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:"\n\r]', text) else text


def _versions() -> dict[str, str]:
    """Versions that decide what a seed gives. Reads package metadata; imports nothing."""
    from sdjp._version import __version__

    found = {"sdjp": __version__}
    for package in ("torch", "pillow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
