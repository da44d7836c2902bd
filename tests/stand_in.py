"""A small random model, written as an original checkpoint would be."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from sdjp.config import to_json
from sdjp.weights import to_layout
from tests.conftest import SMALL, random_models


def save_stand_in(path: Path) -> None:
    """Write a ``.ckpt``: pickled, with the names of the real file, which has 4 GB.

    The configuration beside it (as sdjp writes it) gives 64 pixels and 3 steps: a picture takes no time.
    """
    model = random_models(SMALL)
    tensors = to_layout("ldm", SMALL, unet=model.unet, vae=model.vae, text=model.text)
    torch.save({"state_dict": tensors, "global_step": 470000}, path)
    path.with_suffix(".json").write_text(json.dumps(to_json(SMALL)), encoding="utf-8")
