"""The image encoder and the cosines, against numbers of transformers 4.19 and diffusers 0.3."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.images import clip_pixels
from sdjp.models.safety_checker import SafetyChecker
from sdjp.weights.parts.safety_checker import load_checker
from tests.golden_models import Golden
from tests.safety_files import save_checker

TOLERANCE = 2e-5  # float32 over two layers; the reference itself moves by 1e-6 with other kernels


@pytest.fixture(scope="module")
def golden() -> Golden:
    return Golden("safety")


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> SafetyChecker:
    found = load_checker(save_checker(tmp_path_factory.mktemp("checker")), model="mini")
    assert found is not None
    return found


@torch.inference_mode()
def test_states_pooled_and_projected(checker: SafetyChecker, golden: Golden) -> None:
    x = golden["clip_input"]
    torch.testing.assert_close(checker.vision.states(x), golden["last_hidden_state"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(checker.vision.pooled(x), golden["pooled"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(checker.vision(x), golden["image_embeds"], atol=TOLERANCE, rtol=0)


@torch.inference_mode()
def test_cosines(checker: SafetyChecker, golden: Golden) -> None:
    cosines = checker(golden["clip_input"])
    torch.testing.assert_close(cosines.concepts, golden["cos_dist"], atol=TOLERANCE, rtol=0)
    torch.testing.assert_close(cosines.special, golden["special_cos_dist"], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("side", [32, 64])
def test_pixels_as_the_original_extractor_makes_them(golden: Golden, side: int) -> None:
    image = Image.fromarray(golden.data["preproc/image_uint8"])  # 80×48: the margins are odd and even
    wanted = golden.data[f"preproc/pixel_values_{side}"][0]
    np.testing.assert_allclose(clip_pixels(image, side), wanted, atol=1e-6, rtol=0)  # one level is 0.015


def test_pixels_of_a_large_picture(golden: Golden) -> None:
    image = Image.fromarray(golden.data["preproc/image_uint8"]).resize((512, 512), Image.Resampling.NEAREST)
    wanted = golden.data["preproc/pixel_values_224_of_nearest512_rows_100_104"][0]
    np.testing.assert_allclose(clip_pixels(image, 224)[:, 100:104], wanted, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(8, 8), (1, 40), (33, 32), (500, 37)])
def test_pixels_of_any_size(size: tuple[int, int]) -> None:
    assert clip_pixels(Image.new("RGB", size, "white"), 32).shape == (3, 32, 32)
