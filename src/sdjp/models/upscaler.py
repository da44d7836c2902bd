"""Networks that enlarge pictures: SRVGGNetCompact of Real-ESRGAN, and RRDBNet of ESRGAN.

Both are convolutions only. Their modules have the names of the files that BasicSR writes.

Axes: B batch, F features, H W pixels; pictures are RGB, floats in [0, 1], and so is about what comes out.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 3
"""Dense blocks in one block of an RRDBNet."""
_RESIDUE = 0.2
"""The share of a block that is added to what comes in; the β of the paper."""


class Compact(nn.Module):
    """SRVGGNetCompact (Wang et al. 2021, arXiv 2107.10833, and its code): all of it at the size of the input.

    Args:
        features: F.
        layers: Convolutions between the first and the last.
        scale: How many times larger the sides become.
    """

    def __init__(self, *, features: int, layers: int, scale: int) -> None:
        super().__init__()
        self.scale = scale
        body: list[nn.Module] = [_conv(3, features), nn.PReLU(features)]
        for _ in range(layers):
            body += [_conv(features, features), nn.PReLU(features)]
        self.body = nn.Sequential(*body, _conv(features, 3 * scale**2))
        self.reach = layers + 2  # a pixel for each convolution

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, 3, H, W) to (B, 3, scale H, scale W)."""
        detail = F.pixel_shuffle(self.body(x), self.scale)
        return detail + F.interpolate(x, scale_factor=self.scale, mode="nearest")


class RRDBNet(nn.Module):
    """The generator of ESRGAN (Wang et al. 2018, arXiv 1809.00219, section 3.1).

    Args:
        features: F.
        growth: Features that each convolution of a dense block adds.
        blocks: Residual-in-residual dense blocks.
        doublings: How often the sides double after them.
        shuffle: Pixels of a square of this side become channels first: 1, or 2 or 4 in Real-ESRGAN, whose
            files for scale 2 and 1 are like this.
    """

    def __init__(self, *, features: int, growth: int, blocks: int, doublings: int, shuffle: int = 1) -> None:
        super().__init__()
        self.shuffle = shuffle
        self.scale = 2**doublings // shuffle
        self.conv_first = _conv(3 * shuffle**2, features)
        self.body = nn.Sequential(*(_Block(features, growth) for _ in range(blocks)))
        self.conv_body = _conv(features, features)
        self.conv_up = nn.ModuleList(_conv(features, features) for _ in range(doublings))
        self.conv_hr = _conv(features, features)
        self.conv_last = _conv(features, 3)
        # Those that come after a doubling see less far; they count in full.
        self.reach = shuffle * (2 + blocks * GROUPS * _Dense.LAYERS + doublings + 2)

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, 3, H, W) to (B, 3, scale H, scale W)."""
        height, width = (side * self.scale for side in x.shape[-2:])
        if self.shuffle > 1:
            right, below = (-x.shape[-1] % self.shuffle, -x.shape[-2] % self.shuffle)
            x = F.pixel_unshuffle(F.pad(x, (0, right, 0, below), mode="replicate"), self.shuffle)
        x = self.conv_first(x)
        x = x + self.conv_body(self.body(x))
        for conv in self.conv_up:
            x = _lrelu(conv(F.interpolate(x, scale_factor=2, mode="nearest")))
        out: Tensor = self.conv_last(_lrelu(self.conv_hr(x)))
        return out[..., :height, :width]


class _Block(nn.Module):
    """A residual-in-residual dense block."""

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (_Dense(features, growth) for _ in range(GROUPS))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, F, H, W) to its like."""
        out: Tensor = x + _RESIDUE * self.rdb3(self.rdb2(self.rdb1(x)))
        return out


class _Dense(nn.Module):
    """A dense block: each convolution sees what all before it gave."""

    LAYERS = 5

    def __init__(self, features: int, growth: int) -> None:
        super().__init__()
        for i in range(self.LAYERS):
            last = i == self.LAYERS - 1
            self.add_module(f"conv{i + 1}", _conv(features + i * growth, features if last else growth))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, F, H, W) to its like."""
        seen = x
        *convs, last = self.children()
        for conv in convs:
            seen = torch.cat([seen, _lrelu(conv(seen))], dim=1)
        out: Tensor = x + _RESIDUE * last(seen)
        return out


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def _lrelu(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)
