"""Load an image encoder of CLIP: transformers' ``CLIPVisionModelWithProjection``, as a folder or a file."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from sdjp.config import CLIPVisionConfig
from sdjp.models.clip_vision import CLIPVision
from sdjp.weights.configs.clip_vision import Shapes, from_json, from_shapes
from sdjp.weights.files.faults import Invalid, texts_of, unloadable
from sdjp.weights.files.json_file import read_object, to_object
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.names.clip_vision import IGNORED, canonical, vision_names
from sdjp.weights.names.compare import compare
from sdjp.weights.networks import Unfilled
from sdjp.weights.on_demand import OnDemand
from sdjp.weights.source import weight_file

PART = "image_encoder"
"""What :class:`OnDemand` calls it; also the folder in which it is published beside IP-Adapters."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageEncoderFile:
    """An image encoder that was found to be whole; its tensors have not been read.

    Attributes:
        path: The folder or the file that was asked for.
        file: Its tensors.
        names: The name there of each of ours.
        config: Its sizes.
    """

    path: Path
    file: TensorFile
    names: dict[str, str]
    config: CLIPVisionConfig

    @property
    def states(self) -> int:
        """The states of one picture: one of the class, then one of each patch."""
        return int((self.config.image_size // self.config.patch_size) ** 2 + 1)

    def load(self, *, dtype: torch.dtype, device: torch.device, on_demand: OnDemand | None) -> CLIPVision:
        """Read it.

        Args:
            dtype: Of the weights.
            device: Where to put them.
            on_demand: Takes charge of it, as :data:`PART`; None to read it now.
        """
        with torch.device("meta"), Unfilled():
            encoder = CLIPVision.from_config(self.config)

        def read(ours: str) -> Tensor:
            return self.file.read(self.names[ours], dtype=dtype, device=device)

        if on_demand is None:
            encoder.load_state_dict({ours: read(ours) for ours in self.names}, strict=True, assign=True)
        else:
            on_demand.add(
                PART,
                encoder,
                read,
                give_back=lambda name: self.file.give_back(self.names[name]),
                dtype=lambda name: dtype,
                device=device,
            )
        return encoder.eval().requires_grad_(False)


def open_encoder(source: str | Path) -> ImageEncoderFile:
    """Open an image encoder, and see that it is whole.

    Args:
        source: Its folder (``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``), or its file:
            without a ``config.json`` beside it, sizes are those of its tensors.

    Raises:
        WeightsError: If it is missing, damaged, or no such encoder; all that is wrong with its tensors is in
            one message.
    """
    path = Path(os.path.expanduser(source))
    weights = path
    if path.is_dir():
        chosen = weight_file(os.listdir(path))
        if chosen is None or chosen.endswith(".json"):
            raise _refused(path, "重みのファイルがありません", "it has no file of weights")
        weights = path / chosen
    file = open_file(weights)
    theirs = {canonical(name): name for name in file.entries}
    shapes = {name: file.entries[here].shape for name, here in theirs.items()}
    beside = weights.parent / "config.json"
    try:
        config = _config(beside if beside.is_file() else None, shapes)
        with torch.device("meta"), Unfilled():
            encoder = CLIPVision.from_config(config)
    except (Invalid, KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        ja, en = texts_of(error)
        raise _refused(path, f"設定を使えません: {ja}", f"bad configuration: {en}") from error
    names = dict(vision_names(config.layers))
    own = {names[ours]: tuple(tensor.shape) for ours, tensor in encoder.state_dict().items()}
    unknown = [name for name in shapes if name not in own and not IGNORED.fullmatch(name)]
    problems = compare(shapes, own, unknown=unknown)
    if problems is not None:
        ja, en = problems
        raise _refused(path, f"\n{ja}\n", f"\n{en}\n")
    return ImageEncoderFile(
        path=path, file=file, names={ours: theirs[name] for ours, name in names.items()}, config=config
    )


def _config(path: Path | None, shapes: Shapes) -> CLIPVisionConfig:
    """From ``config.json``, where the settings stand at the top, or in those of a whole CLIP."""
    data = {} if path is None else read_object(path)
    vision = data.get("vision_config", data if "hidden_size" in data else None)
    return from_shapes(shapes) if vision is None else from_json(data, to_object(vision), len(shapes))


_refused: Final = functools.partial(
    unloadable,
    code="image_encoder.weights",
    part=("画像エンコーダー", "an image encoder"),
    advice=(
        "transformers の CLIPVisionModelWithProjection のフォルダーかファイルを指定してください。",
        "Give a folder or a file of transformers' CLIPVisionModelWithProjection.",
    ),
)
