"""Maps of attention against diffusers' UNet, whose processors are replaced by ones that keep probabilities.

The reference follows DAAM (Tang et al. 2022, section 3.1) in plain words: of the rows with the prompt, the
softmax of each cross-attention, its mean over heads, resized (bicubic, clamped), summed, divided by calls.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sdjp.config import MINI, TINY, ModelConfig
from sdjp.models.attention_maps import AttentionMaps
from sdjp.weights.configs.diffusers import to_files
from tests.parity.test_models_diffusers import ODD, randn, twin

diffusers = pytest.importorskip("diffusers")


class Keeping:
    """A processor that answers as diffusers' own does and keeps what cross-attention looked at.

    diffusers numbers the places of a map row by row; ``sizes`` has (h, w) for each number of places.
    """

    def __init__(self, kept: list[Tensor], sizes: dict[int, tuple[int, int]]) -> None:
        self.kept, self.sizes = kept, sizes

    def __call__(self, attn: Any, x: Tensor, encoder_hidden_states: Tensor | None = None, **_: Any) -> Tensor:
        context = x if encoder_hidden_states is None else encoder_hidden_states
        q, k, v = (attn.head_to_batch_dim(t) for t in (attn.to_q(x), attn.to_k(context), attn.to_v(context)))
        probabilities: Tensor = attn.get_attention_scores(q, k)  # (B K, L, M)
        if encoder_hidden_states is not None:
            of_heads = probabilities.unflatten(0, (len(x), attn.heads))  # (B, K, L, M)
            share = of_heads.mean(dim=1).transpose(1, 2)  # (B, M, L)
            self.kept.append(share.unflatten(2, self.sizes[share.shape[2]]))
        out: Tensor = attn.to_out[1](attn.to_out[0](attn.batch_to_head_dim(probabilities @ v)))
        return out


@pytest.mark.parametrize("config", [TINY, MINI, ODD], ids=lambda c: c.name)
@pytest.mark.parametrize("guided", [False, True], ids=["plain", "guided"])
@torch.inference_mode()
def test_maps(config: ModelConfig, guided: bool) -> None:
    torch.manual_seed(0)
    theirs = diffusers.UNet2DConditionModel.from_config(to_files(config)["unet"]).double().eval()
    ours = twin("unet", theirs, config)
    size, pictures, rows = (16, 8), 2, 4 if guided else 2
    levels = [(-(-size[0] // 2**i), -(-size[1] // 2**i)) for i in range(len(config.unet.channel_mult))]
    kept: list[Tensor] = []
    theirs.set_attn_processor(Keeping(kept, {h * w: (h, w) for h, w in levels}))
    total, calls = torch.zeros(pictures, 11, *size, dtype=torch.float64), 0
    maps = AttentionMaps.empty(pictures, 11, size, torch.device("cpu"))
    context = randn(rows, 11, config.unet.context_dim)
    for t in (981.0, 401.0, 1.0):
        x = randn(rows, config.unet.in_channels, *size) * (1 + t / 1000)
        steps = torch.full((rows,), t)
        expected = theirs(x, steps, context).sample
        torch.testing.assert_close(ours(x, steps, context, maps=maps), expected, rtol=0, atol=1e-6)
    for share in kept:
        resized = F.interpolate(share[-pictures:], size=size, mode="bicubic").clamp(min=0)
        total, calls = total + (share[-pictures:] if share.shape[2:] == size else resized), calls + 1
    assert maps.counts.unique().tolist() == [calls]
    torch.testing.assert_close(maps.mean().double(), total / calls, rtol=0, atol=1e-6)  # ours is in float32
