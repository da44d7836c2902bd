"""A model small enough to be written many times, whose configuration can be told from its shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor

from sdjp.config import CLIPTextConfig, ModelConfig, UNetConfig, VAEConfig
from sdjp.weights import Loaded, to_layout
from tests.conftest import random_models


@pytest.fixture(scope="session")
def small_config() -> ModelConfig:
    return ModelConfig(
        name="small",
        unet=UNetConfig(
            model_channels=32,
            channel_mult=(1, 2),
            num_res_blocks=1,
            attention=(True, False),
            context_dim=64,
        ),
        vae=VAEConfig(ch=32, ch_mult=(1, 2), num_res_blocks=1),
        text=CLIPTextConfig(width=64, layers=1, heads=1, mlp_width=128),
    )


@pytest.fixture(scope="session")
def small(small_config: ModelConfig) -> Loaded:
    return random_models(small_config)


@pytest.fixture(scope="session")
def original(small: Loaded) -> dict[str, Tensor]:
    """Its tensors under the names of an original checkpoint."""
    return to_layout("ldm", small.config, unet=small.unet, vae=small.vae, text=small.text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with Japanese letters and a space in its name."""
    path = tmp_path / "日本語 テスト"
    path.mkdir()
    return path
