"""Networks that see the pictures: they turn pictures, and texts, into features.

None ships with sdjp: CLIP comes from a folder as Hugging Face has it (``openai/clip-vit-large-patch14`` …),
Inception from the file of weights that FID is measured with (``pt_inception-2015-12-05-6726825d.pth``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from sdjp.errors import InputError, WeightsError
from sdjp.evaluation.inception import Inception
from sdjp.images import clip_pixels
from sdjp.weights.files.readers import open_file
from sdjp.weights.source import is_hub_id

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[np.float32]


class PictureFeatures(Protocol):
    """Anything that turns pictures into features (B, D) float32."""

    @property
    def name(self) -> str:
        """Its name in the table."""
        ...

    def pictures(self, images: Sequence[Image]) -> Array:
        """Return features (B, D) of RGB pictures."""
        ...


class InceptionFeatures:
    """The 2,048 features that FID is defined on."""

    name = "inception-v3"

    def __init__(self, path: str | Path) -> None:
        """Load the weights.

        Raises:
            WeightsError: If the file is not Inception v3 under its usual names; all that is wrong is told.
        """
        path = Path(path)
        if not path.is_file():
            raise WeightsError(
                "inception.missing",
                ja=f"Inception の重み {path} がありません。場所を確かめてください。",
                en=f"there are no Inception weights at {path}. Check the path.",
            )
        file = open_file(path)
        with torch.device("meta"):
            network = Inception()
        wanted = {name: tuple(t.shape) for name, t in network.state_dict().items() if t.ndim > 0}
        wrong = sorted(
            name for name, shape in wanted.items()
            if name not in file.entries or tuple(file.entries[name].shape) != shape
        )  # fmt: skip
        if wrong:
            shown = ", ".join(wrong[:10])
            raise WeightsError(
                "inception.tensors",
                ja=f"{path} は FID 用の Inception v3 ではありません。"
                f"ないか形の違うテンソル {len(wrong)} 個: {shown}",
                en=f"{path} is not the Inception v3 of FID. "
                f"{len(wrong)} tensors are missing or misshapen: {shown}",
            )
        tensors = {name: file.read(name).float() for name in wanted}
        counters = {name: torch.tensor(0) for name, t in network.state_dict().items() if t.ndim == 0}
        network.load_state_dict({**tensors, **counters}, assign=True)
        self._network = network.eval().requires_grad_(False)

    @torch.inference_mode()
    def pictures(self, images: Sequence[Image]) -> Array:
        """Return features (B, 2048); each picture may have a size of its own."""
        rows = []
        for image in images:
            pixels = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)[None]
            rows.append(self._network(pixels))
        features: Array = torch.cat(rows).numpy()
        return features


class ClipFeatures:
    """Features of pictures and texts in CLIP's common space."""

    def __init__(self, source: str | Path) -> None:
        """Load a CLIP model, from a folder or, if it is a hub id, from the hub.

        Raises:
            WeightsError: If there is no CLIP model.
        """
        from transformers import AutoTokenizer, CLIPModel

        self.name = f"clip ({Path(source).name})"
        local = Path(source).exists() or not is_hub_id(str(source))
        try:
            model: Any = CLIPModel.from_pretrained(source, local_files_only=local)
            self._tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise WeightsError(
                "clip.unreadable",
                ja=f"CLIP のモデル {source} を読み込めません（{reason}）。"
                "Hugging Face 形式のフォルダー（config.json、重み、トークナイザー）を指定してください。",
                en=f"cannot load the CLIP model {source} ({reason}). "
                "Give a folder as Hugging Face has it: config.json, weights, tokenizer.",
            ) from error
        self._model = model.eval().requires_grad_(False)

    @torch.inference_mode()
    def pictures(self, images: Sequence[Image]) -> Array:
        """Return features (B, D)."""
        side = self._model.config.vision_config.image_size
        pixels = torch.from_numpy(np.stack([clip_pixels(image.convert("RGB"), side) for image in images]))
        pooled = self._model.vision_model(pixel_values=pixels).pooler_output
        features: Array = self._model.visual_projection(pooled).float().numpy()
        return features

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Array:
        """Return features (B, D); a text is cut after 75 tokens, as CLIP has it."""
        length = self._model.config.text_config.max_position_embeddings
        batch: Any = self._tokenizer(
            list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
        )
        pooled = self._model.text_model(
            input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
        ).pooler_output
        features: Array = self._model.text_projection(pooled).float().numpy()
        return features


def read_pictures(folder: Path) -> list[Path]:
    """List the pictures in a folder and below, in a fixed order.

    Raises:
        InputError: If there are fewer than two.
    """
    kinds = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in kinds) if folder.is_dir() else []
    if len(found) < 2:
        raise InputError(
            "evaluate.reference",
            ja=f"比較する画像のフォルダー {folder} に、画像が 2 枚以上必要です（{len(found)} 枚）。",
            en=f"the folder of reference pictures {folder} needs at least two, not {len(found)}.",
        )
    return found
