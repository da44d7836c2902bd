"""Inception v3, in the form that the Fréchet distance is measured with.

Szegedy et al. 2016, arXiv 1512.00567, as TensorFlow's ``inception-2015-12-05`` graph has it, which Heusel et
al. 2017 (arXiv 1706.08500) use: average pooling leaves the padding out, the last block pools by maximum, and
pictures are scaled as TensorFlow 1 does. The names are those of the weights that PyTorch users share
(``pt_inception-2015-12-05``).

Axes: B batch, C channels, H W sides.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kernel: TypeAlias = "int | tuple[int, int]"
Row: TypeAlias = "tuple[str, int, Kernel]"
"""Name, width and kernel of one convolution."""
Pool = Literal["average", "maximum", "halve"]

SIDE: Final = 299
FEATURES: Final = 2048

_ACROSS: Final = (1, 7)
_DOWN: Final = (7, 1)


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, cin: int, cout: int, kernel: Kernel, *, stride: int = 1, same: bool = True) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (height // 2, width // 2) if same else (0, 0)
        self.conv = nn.Conv2d(cin, cout, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(cout, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to (B, cout, H', W')."""
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side, each a chain of convolutions; their outputs are laid together.

    Args:
        cin: Channels that come in.
        branches: The chains, in the order of the output. A pair of rows in place of one row splits the chain:
            both see the same input, and both go into the output.
        pool: How the last branch pools; ``"halve"`` takes every other pixel, here and in the last convolution
            of each chain.
    """

    def __init__(self, cin: int, branches: list[list[Row | tuple[Row, Row]]], pool: Pool) -> None:
        super().__init__()
        self.pool = pool
        self.chains: list[list[list[str]]] = []
        for branch in branches:
            chain, width = [], cin
            for i, entry in enumerate(branch):
                rows = [entry] if isinstance(entry[0], str) else list(entry)
                halve = pool == "halve" and i == len(branch) - 1
                for name, cout, kernel in rows:
                    self.add_module(name, Conv(width, cout, kernel, stride=1 + halve, same=not halve))
                chain.append([row[0] for row in rows])
                width = rows[0][1]
            self.chains.append(chain)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, cin, H, W) to the channels of all branches."""
        outputs = []
        for chain in self.chains:
            now = self._pooled(x) if chain == [["branch_pool"]] else x
            for names in chain:
                several = [self.get_submodule(name)(now) for name in names]
                now = torch.cat(several, dim=1)
            outputs.append(now)
        if self.pool == "halve":
            outputs.append(F.max_pool2d(x, 3, stride=2))
        return torch.cat(outputs, dim=1)

    def _pooled(self, x: Tensor) -> Tensor:
        if self.pool == "maximum":
            return F.max_pool2d(x, 3, stride=1, padding=1)
        return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _a(cin: int, pooled: int) -> Block:
    return Block(
        cin,
        [
            [("branch1x1", 64, 1)],
            [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
            [("branch_pool", pooled, 1)],
        ],
        "average",
    )


def _b(cin: int) -> Block:
    return Block(
        cin,
        [
            [("branch3x3", 384, 3)],
            [("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)],
        ],
        "halve",
    )


def _c(cin: int, c: int) -> Block:
    twice: list[Row | tuple[Row, Row]] = [
        ("branch7x7dbl_1", c, 1),
        ("branch7x7dbl_2", c, _DOWN),
        ("branch7x7dbl_3", c, _ACROSS),
        ("branch7x7dbl_4", c, _DOWN),
        ("branch7x7dbl_5", 192, _ACROSS),
    ]
    return Block(
        cin,
        [
            [("branch1x1", 192, 1)],
            [("branch7x7_1", c, 1), ("branch7x7_2", c, _ACROSS), ("branch7x7_3", 192, _DOWN)],
            twice,
            [("branch_pool", 192, 1)],
        ],
        "average",
    )


def _d(cin: int) -> Block:
    return Block(
        cin,
        [
            [("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)],
            [
                ("branch7x7x3_1", 192, 1),
                ("branch7x7x3_2", 192, _ACROSS),
                ("branch7x7x3_3", 192, _DOWN),
                ("branch7x7x3_4", 192, 3),
            ],
        ],
        "halve",
    )


def _e(cin: int, pool: Pool) -> Block:
    return Block(
        cin,
        [
            [("branch1x1", 320, 1)],
            [("branch3x3_1", 384, 1), (("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1)))],
            [
                ("branch3x3dbl_1", 448, 1),
                ("branch3x3dbl_2", 384, 3),
                (("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))),
            ],
            [("branch_pool", 192, 1)],
        ],
        pool,
    )


class Inception(nn.Module):
    """Pictures to the 2,048 features before the classifier; 23,850,960 parameters with it."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2, same=False)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3, same=False)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, same=False)
        self.Mixed_5b = _a(192, 32)
        self.Mixed_5c = _a(256, 64)
        self.Mixed_5d = _a(288, 64)
        self.Mixed_6a = _b(288)
        self.Mixed_6b = _c(768, 128)
        self.Mixed_6c = _c(768, 160)
        self.Mixed_6d = _c(768, 160)
        self.Mixed_6e = _c(768, 192)
        self.Mixed_7a = _d(768)
        self.Mixed_7b = _e(1280, "average")
        self.Mixed_7c = _e(2048, "maximum")
        self.fc = nn.Linear(FEATURES, 1008)  # not used; the files have it

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (B, 3, H, W) in 0 … 255, of any size, to features (B, 2048)."""
        x = (resize(pixels.float(), SIDE) - 128) / 128
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, stride=2)
        for name, block in self.named_children():
            if name.startswith("Mixed"):
                x = block(x)
        return x.mean(dim=(2, 3))


def resize(pixels: Tensor, side: int) -> Tensor:
    """Scale (B, C, H, W) to a square, linearly, as TensorFlow 1 does: pixel i lies at i, not at i + ½."""
    for dim in (2, 3):
        length = pixels.shape[dim]
        at = torch.arange(side, dtype=torch.float32, device=pixels.device) * (length / side)
        low = at.long()
        high = (low + 1).clamp(max=length - 1)
        shape = [side if d == dim else 1 for d in range(4)]
        share = (at - low).view(shape)
        first, second = pixels.index_select(dim, low), pixels.index_select(dim, high)
        pixels = first + (second - first) * share
    return pixels
