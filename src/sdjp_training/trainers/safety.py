"""Make a safety checker of an image encoder: concepts as points, thresholds from harmless pictures.

A concept is the mean direction of what shows it: pictures, or texts where there is a text encoder of the same
space; or a point that the encoder was trained with. Its threshold is set so that few of the harmless pictures
pass it: a checker that cries wolf is switched off.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from sdjp.config import CLIPVisionConfig, Concept, SafetyCheckerConfig
from sdjp.images import clip_pixels
from sdjp.models.clip_vision import CLIPVision
from sdjp.models.safety_checker import SafetyChecker
from sdjp.postprocess import SafetyCheck
from sdjp.weights.configs.clip_vision import vision_settings
from sdjp.weights.names.safety_checker import tensor_names

if TYPE_CHECKING:
    from PIL.Image import Image

EncodeTexts = Callable[[Sequence[str]], Tensor]
"""Texts to points (n, P) of the space that the image encoder shares."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A concept, and what shows it.

    Attributes:
        concept: Its names.
        pictures: RGB pictures of it.
        texts: Texts that describe it.
        special: Whether it only makes the checker stricter about the others.
        point: Where it lies (P,), if that is known.
    """

    concept: Concept
    pictures: Sequence[Image] = ()
    texts: Sequence[str] = ()
    special: bool = False
    point: Tensor | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """The figures of a checker on the pictures that it was made from.

    Attributes:
        found: For each concept, the share of its own pictures that it is found in; None without pictures.
        false_positives: Share of the harmless pictures that are flagged.
    """

    found: tuple[float | None, ...]
    false_positives: float


def make_checker(
    folder: Path,
    vision: CLIPVision,
    config: CLIPVisionConfig,
    shown: Sequence[Shown],
    harmless: Sequence[Image],
    *,
    encode_texts: EncodeTexts | None = None,
    false_positives: float = 0.001,
    dtype: torch.dtype = torch.float32,
) -> Made:
    """Write a checker's ``config.json`` and ``model.safetensors``, as ``safety_checker=`` takes them.

    Args:
        folder: Where to; for a model's own, its ``safety_checker`` folder.
        vision: The image encoder.
        config: Its sizes.
        shown: The concepts, the special ones among them anywhere.
        harmless: RGB pictures of which hardly any may be flagged; many, and like those that will be drawn.
        encode_texts: The text encoder of the same space, if texts are among ``shown``.
        false_positives: Share of ``harmless`` that may be flagged in all. Special concepts get none of it.
        dtype: Of the image encoder in the file.

    Returns:
        How well it does.

    Raises:
        ValueError: If there is no concept, nothing shows one, or nothing is harmless.
    """
    ordinary, special = ([s for s in shown if s.special is kind] for kind in (False, True))
    if not ordinary or not harmless or not all(s.pictures or s.texts or s.point is not None for s in shown):
        raise ValueError("a checker needs concepts, something that shows each, and harmless pictures")
    quiet = _unit(_encode(vision, harmless))  # (m, P)
    allowed = int(false_positives * len(harmless) / len(ordinary))  # for one concept
    checker = SafetyChecker(
        vision,
        projection=config.projection,
        concepts=tuple(s.concept for s in ordinary),
        special=tuple(s.concept for s in special),
    )
    with torch.no_grad():
        for points, thresholds, group, passes in (
            (checker.concepts, checker.concept_thresholds, ordinary, allowed),
            (checker.special, checker.special_thresholds, special, 0),
        ):
            for i, one in enumerate(group):
                points[i] = _direction(vision, one, encode_texts)
                cosines = (quiet @ points[i]).sort(descending=True).values
                thresholds[i] = cosines[min(passes, len(cosines) - 1)]
    _write(folder, checker.eval(), config, dtype)
    check = SafetyCheck(checker=checker)
    return Made(
        found=tuple(
            sum(i in check.look(p).concepts for p in s.pictures) / len(s.pictures) if s.pictures else None
            for i, s in enumerate(ordinary)
        ),
        false_positives=sum(check.look(p).flagged for p in harmless) / len(harmless),
    )


def _direction(vision: CLIPVision, shown: Shown, encode_texts: EncodeTexts | None) -> Tensor:
    """The mean direction (P,) of what shows a concept; pictures and texts weigh the same."""
    if shown.point is not None:
        return _unit(shown.point)
    kinds = []
    if shown.pictures:
        kinds.append(_unit(_encode(vision, shown.pictures)).mean(dim=0))
    if shown.texts:
        if encode_texts is None:
            raise ValueError("texts need encode_texts")
        kinds.append(_unit(encode_texts(shown.texts)).mean(dim=0))
    return _unit(torch.stack([_unit(kind) for kind in kinds]).mean(dim=0))


@torch.inference_mode()
def _encode(vision: CLIPVision, pictures: Sequence[Image]) -> Tensor:
    """Points (n, P), one picture at a time as the checker looks at them."""
    inputs = (torch.from_numpy(clip_pixels(picture, vision.image_size))[None] for picture in pictures)
    return torch.cat([vision(x) for x in inputs])


def _unit(x: Tensor) -> Tensor:
    return F.normalize(x, dim=-1)


def _write(folder: Path, checker: SafetyChecker, vision: CLIPVisionConfig, dtype: torch.dtype) -> None:
    config = SafetyCheckerConfig(vision=vision, concepts=checker.concept_names, special=checker.special_names)
    state = checker.state_dict()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(
        {
            theirs: (state[ours].to(dtype) if ours.startswith("vision.") else state[ours]).contiguous()
            for ours, theirs in tensor_names(config)
        },
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    (folder / "model.safetensors").chmod(0o644)
    settings = {
        "model_type": "clip",
        "projection_dim": vision.projection,
        "vision_config": vision_settings(vision),
        "concepts": [{"ja": c.ja, "en": c.en} for c in checker.concept_names],
        "special_concepts": [{"ja": c.ja, "en": c.en} for c in checker.special_names],
    }
    text = json.dumps(settings, ensure_ascii=False, indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
