"""TAESD's decoder, against diffusers' ``AutoencoderTiny``: the folder that it writes, read here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sdjp.models.taesd import TAESDDecoder
from sdjp.weights.parts.preview import load_preview

diffusers = pytest.importorskip("diffusers")


def test_a_folder_of_diffusers_decodes_alike(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8)
    ).eval()
    theirs.save_pretrained(tmp_path)
    ours = load_preview(tmp_path)
    assert isinstance(ours, TAESDDecoder)
    x = 3 * torch.randn(2, 4, 6, 9)
    with torch.no_grad():
        right = theirs.decode(x).sample
        found = ours(x)
    assert right.std() > 0.001
    assert torch.allclose(found, right, atol=1e-6)


def test_another_activation_is_refused(tmp_path: Path) -> None:
    theirs = diffusers.AutoencoderTiny(
        encoder_block_out_channels=(4, 4, 4, 4), decoder_block_out_channels=(4, 4, 4, 4), act_fn="silu"
    )
    theirs.save_pretrained(tmp_path)
    with pytest.raises(Exception, match="silu"):
        load_preview(tmp_path)
