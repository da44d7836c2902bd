"""Inception v3 against the numbers of torch-fidelity's extractor, on weights that both draw by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sdjp.evaluation.inception import FEATURES, Inception, resize
from tests.golden.make_inception import SIZES, draw, picture

GOLDEN = Path(__file__).parents[2] / "golden" / "inception.npz"


@pytest.fixture(scope="module")
def model() -> Inception:
    with torch.device("meta"):
        network = Inception()
    state = network.state_dict()
    drawn = {
        name: torch.tensor(0) if t.ndim == 0 else draw(name, tuple(t.shape)) for name, t in state.items()
    }
    network.load_state_dict(drawn, strict=True, assign=True)  # the names are those of the shared files
    return network.eval().requires_grad_(False)


def test_it_is_the_whole_network(model: Inception) -> None:
    assert sum(p.numel() for p in model.parameters()) == 23_850_960


@pytest.mark.parametrize("name", SIZES)
def test_features_are_those_of_torch_fidelity(model: Inception, name: str) -> None:
    features = model(picture(name))
    assert features.shape == (1, FEATURES)
    # 94 layers of float32, summed in another order.
    np.testing.assert_allclose(features.numpy(), np.load(GOLDEN)[name], rtol=0, atol=2e-4)


def test_resizing_keeps_a_ramp_where_tensorflow_has_it() -> None:
    ramp = torch.arange(4.0).repeat(1, 1, 4, 1)
    assert resize(ramp, 8)[0, 0, 0].tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3]
    assert torch.equal(resize(ramp, 4), ramp)
