"""The safety checker beside diffusers' and transformers', on the same random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sdjp.models.safety_checker import SafetyChecker
from sdjp.postprocess.safety import judge
from sdjp.weights.parts.safety_checker import load_checker

transformers = pytest.importorskip("transformers")
checkers = pytest.importorskip("diffusers.pipelines.stable_diffusion.safety_checker")


def reference(activation: str) -> Any:
    vision = {
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "image_size": 48,
        "patch_size": 12,
        "hidden_act": activation,
    }
    config = transformers.CLIPConfig(vision_config=vision, projection_dim=24)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = checkers.StableDiffusionSafetyChecker(config).eval()
        for parameter in model.parameters():  # nothing stays at zero or one
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        model.concept_embeds.data.normal_()
        model.special_care_embeds.data.normal_()
    with torch.inference_mode():  # thresholds that some pictures pass and some do not
        x = F.normalize(model.visual_projection(model.vision_model(pixels()).pooler_output))
        for name, share in (("concept_embeds", 0.95), ("special_care_embeds", 0.8)):
            cosines = x @ F.normalize(getattr(model, name)).T
            getattr(model, f"{name}_weights").data.copy_(cosines.quantile(share, dim=0))
    return model


@pytest.fixture(params=["quick_gelu", "gelu"])
def both(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, SafetyChecker]:
    theirs = reference(request.param)
    theirs.save_pretrained(tmp_path)
    ours = load_checker(tmp_path, model="mini")
    assert ours is not None
    return theirs, ours


def pixels() -> torch.Tensor:
    return torch.randn(24, 3, 48, 48, generator=torch.Generator().manual_seed(4))


@torch.inference_mode()
def test_image_embeddings(both: tuple[Any, SafetyChecker]) -> None:
    theirs, ours = both[0].double(), both[1].double()  # float64: a difference of formula would show
    x = pixels().double()
    config: Any = theirs.config.vision_config
    config.projection_dim = 24
    encoder = transformers.CLIPVisionModelWithProjection(config).eval().double()
    state = {k: v for k, v in theirs.state_dict().items() if k.startswith("vis")}
    encoder.load_state_dict(state, strict=True)
    torch.testing.assert_close(ours.vision(x), encoder(x).image_embeds, atol=1e-10, rtol=1e-10)


@torch.inference_mode()
def test_verdicts(both: tuple[Any, SafetyChecker]) -> None:
    theirs, ours = both
    x = pixels()
    _, wanted = theirs(clip_input=x, images=np.ones((len(x), 4, 4, 3), np.float32))
    cosines = ours(x)
    found = [
        judge(
            concepts.tolist(),
            special.tolist(),
            concept_thresholds=ours.concept_thresholds.tolist(),
            special_thresholds=ours.special_thresholds.tolist(),
        )
        for concepts, special in zip(*cosines, strict=True)
    ]
    # A score within a ten-thousandth of a rounding edge may fall on either side of it in float32.
    edges = [any(abs(s) < 1.5e-3 for s in (*verdict.scores, *verdict.special)) for verdict in found]
    compared = [(v.flagged, w) for v, w, edge in zip(found, wanted, edges, strict=True) if not edge]
    assert len(compared) >= 10
    assert {flag for flag, _ in compared} == {True, False}
    assert all(flag == bool(want) for flag, want in compared)
