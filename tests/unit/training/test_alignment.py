"""Where the UNet is told to look: the state that tells of each place, behind the middle, with one head."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from sdjp.config import MINI
from sdjp.models import UNet
from sdjp_training.trainers.alignment import Alignment, states


def test_each_place_has_the_state_of_its_cell() -> None:
    fine = states(16, 16, 77).view(16, 16)
    assert fine[0, 0] == 13
    assert fine[0, 15] == 20
    assert fine[2, 0] == fine[3, 1] == 21
    assert fine[15, 15] == 76
    assert states(8, 8, 77).tolist() == list(range(13, 77))


def test_only_the_first_head_behind_the_middle_counts() -> None:
    looks = Alignment()
    keys = F.one_hot(torch.arange(77), 80).float()[None] * 40
    right = F.one_hot(states(8, 8, 77), 80).float()[None] * 40
    wrong = torch.roll(right, 1, dims=1)
    both = torch.cat([right, wrong], dim=-1)  # the second head looks elsewhere
    looks.add(wrong, keys, 1, size=(8, 8))  # before the middle
    looks.add(wrong[:, :16], keys, 1, size=(4, 4))
    looks.add(both, torch.cat([keys, keys], dim=-1), 2, size=(8, 8))
    assert float(looks.loss) == pytest.approx(0, abs=1e-4)
    looks.add(wrong, keys, 1, size=(8, 8))
    assert float(looks.loss) > 50


def test_a_unet_learns_where_to_look() -> None:
    torch.manual_seed(0)
    unet = UNet.from_config(MINI.unet)
    context, z = torch.randn(1, 77, MINI.unet.context_dim).expand(2, -1, -1), torch.randn(2, 8, 16, 16)
    optimizer = torch.optim.Adam(unet.parameters(), 2e-3)
    losses = []
    for _ in range(12):
        looks = Alignment()
        unet(z, torch.tensor([900, 999]), context, maps=looks)
        losses.append(float(looks.loss.detach()))
        optimizer.zero_grad()
        looks.loss.backward()
        optimizer.step()
    assert losses[-1] < 0.9 * losses[0]
