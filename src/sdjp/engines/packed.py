"""PyTorch alone, with the weights laid out as the processor wants to read them.

oneDNN, which multiplies for PyTorch on a CPU, brings the weights of a convolution into blocks of its own at
every call; at the deep levels of the UNet, where there are many weights and few pixels, that takes as long as
the convolution. Here it is done once. And a convolution after an enlargement by nearest neighbour is done
before it, with a kernel for each of the four pixels that come of one (as in Shi et al. 2016, arXiv
1609.05158): of its nine products a pixel four are left, since the others multiply the same numbers. The other
3×3 convolutions take sixteen products where there are thirty-six, in float32; see ``winograd.py``.

The numbers are those of the plain networks but for the order of summation.
"""

from __future__ import annotations

import copy
import functools
import threading
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.allocator import lasting_memory
from sdjp.device import plain_tensors
from sdjp.engines import winograd
from sdjp.engines.base import CONTROLS, Engine, WeightCache, channels_last, require_cpu
from sdjp.engines.pictures import by_picture
from sdjp.errors import InputError
from sdjp.models.attention import GEGLU
from sdjp.models.blocks import ResBlock, Upsample
from sdjp.models.unet import UNet

if TYPE_CHECKING:
    from sdjp.models import VAE, ControlNet

T = TypeVar("T")

CELLS: Final = 16
"""Cells of a map below which convolutions, too, depend on how many maps there are (oneDNN, with AMX)."""


class PackedConv2d(nn.Module):
    """A convolution with its weights laid out at the first call: in oneDNN's blocks, or Winograd's.

    Args:
        conv: The convolution.
        forget: Called once the weights are in blocks and the plain ones let go; :meth:`give_back` has them
            again. None to keep both.
    """

    def __init__(self, conv: nn.Conv2d, forget: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias
        self.padding, self.stride = [int(n) for n in conv.padding], list(conv.stride)
        self._winograd = winograd.suits(conv)
        self._forget = None if self._winograd else forget
        self._kernel: Tensor | None = None
        self._packed: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, h, w) as the convolution does."""
        if self._winograd and winograd.large_enough(x):
            if self._kernel is None:
                self._kernel = winograd.kernel(self.weight.detach())
            return winograd.convolve(x, self._kernel, self.bias)
        return _convolve(x, self._laid_out(x), self.bias, self.padding, self.stride)

    def add_to(self, sum_: Tensor, x: Tensor) -> Tensor:
        """Add what :meth:`forward` makes of ``x`` to ``sum_``, within the convolution where that can be."""
        if self._winograd and winograd.large_enough(x):
            return sum_.add_(self(x))
        packed = self._laid_out(x)

        def sums(sum_: Tensor, x: Tensor) -> Tensor:
            out: Tensor = torch.ops.mkldnn._convolution_pointwise_.binary(
                sum_, x, packed, self.bias, self.padding, self.stride, [1, 1], 1, "add", 1.0, None, [], None
            )
            return out

        return by_picture(sums, sum_, x) if _few_cells(x, self.stride) else sums(sum_, x)

    def _laid_out(self, x: Tensor) -> Tensor:
        return self._lay_out(x) if self._packed is None else self._packed

    def _lay_out(self, x: Tensor) -> Tensor:
        with _laying_out:
            if self._packed is None:  # another thread may have been here
                self._packed = _pack(self.weight, self.padding, self.stride, x)
                if self._forget is not None:
                    with plain_tensors():
                        self.weight.data = self.weight.data.new_zeros(()).expand(self.weight.shape)
                    self._forget()
            return self._packed

    def give_back(self) -> None:
        """Put the plain weights in their place again."""
        with _laying_out, plain_tensors():
            if self._forget is not None and self._packed is not None:
                self.weight.data = self._packed.to_dense()
            self._forget = None


class PhaseUpsample(nn.Module):
    """Nearest neighbour to twice the size and a 3×3 convolution, as a 2×2 convolution for each of its phases.

    The pixel (2y + i, 2x + j) sees rows y - 1 + i and y + i of the small picture, and columns likewise: the
    three rows of the kernel fall on these two, and where two fall on one their weights add up.
    """

    def __init__(self, upsample: Upsample) -> None:
        super().__init__()
        self.plain = upsample
        self._packed: list[Tensor] | None = None

    def forward(self, x: Tensor, size: tuple[int, int] | None = None) -> Tensor:
        """Map (B, C, h, w) to (B, C, 2h, 2w), or to ``size`` where a skip with odd sides waits."""
        h, w = x.shape[-2:]
        if size is not None and size != (2 * h, 2 * w):
            out: Tensor = self.plain(x, size)
            return out
        padding, stride = [1, 1], [1, 1]
        if self._packed is None:
            self._packed = [_pack(kernel, padding, stride, x) for kernel in self._kernels()]
        y = torch.empty(
            (x.shape[0], self.plain.conv.out_channels, 2 * h, 2 * w),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        for number, packed in enumerate(self._packed):
            i, j = divmod(number, 2)
            phase = _convolve(x, packed, self.plain.conv.bias, padding, stride)  # (B, O, h + 1, w + 1)
            y[:, :, i::2, j::2] = phase[:, :, i : i + h, j : j + w]
        return y

    def _kernels(self) -> Tensor:
        """The kernels of the four phases: (4, O, I, 2, 2)."""
        weight = self.plain.conv.weight.detach()  # (O, I, 3, 3)
        rows = torch.tensor([[[1, 0, 0], [0, 1, 1]], [[1, 1, 0], [0, 0, 1]]], device=weight.device).float()
        phases = torch.einsum("iay,jbx,ocyx->ijocab", rows, rows, weight.float())  # (2, 2, O, I, 2, 2)
        return phases.flatten(0, 1).to(weight.dtype)


class FusedResBlock(nn.Module):
    """A residual block whose sum is made within its last convolution: a map less to make, and to go through.

    Args:
        block: The block; its convolutions are packed already.
        overwrite: Whether the input may be written over, because nobody else holds it.
    """

    def __init__(self, block: ResBlock, *, overwrite: bool) -> None:
        super().__init__()
        self.block = block
        self.overwrite = overwrite

    def forward(self, x: Tensor, time: Tensor | None = None) -> Tensor:
        """Map x (B, in_channels, h, w) and time (B, D) to (B, out_channels, h, w)."""
        if self.block.shortcut is None and not self.overwrite:
            out: Tensor = self.block(x, time)
            return out
        y = self.block.inner(x, time)
        sum_: Tensor = x if self.block.shortcut is None else self.block.shortcut(x)
        last = cast("PackedConv2d", self.block.conv_out)
        return last.add_to(sum_, y)


class PackedLinear(nn.Module):
    """A linear layer, picture by picture. In bfloat16 its bias is added within the product; PyTorch writes it
    into the output first.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, C) to (…, O)."""
        return _linear(x, self.weight, self.bias)


class SplitGEGLU(nn.Module):
    """The gated feed-forward block with a product for the values and one for the gates.

    Cut out of one product, each half has gaps between its rows, over which GELU and the product with the
    values run at half of their speed.
    """

    def __init__(self, block: GEGLU) -> None:
        super().__init__()
        self.proj_in, self.proj_out = block.proj_in, block.proj_out

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, L, width) to the same shape."""
        values, gates = self.proj_in.weight.chunk(2)
        value_bias, gate_bias = self.proj_in.bias.chunk(2)
        gate = F.gelu(_linear(x, gates, gate_bias))
        return _linear(_linear(x, values, value_bias).mul_(gate), self.proj_out.weight, self.proj_out.bias)


_laying_out = threading.Lock()


def _as_it_is(run: Callable[..., T]) -> Callable[..., T]:
    """Have ``run`` compute in the dtype of its weights, under ``torch.autocast`` as well: oneDNN's own
    operations are none that autocast knows, and would get a mixture of dtypes.
    """

    def computed(*inputs: Any, **shortcuts: Any) -> T:
        if not torch.is_autocast_enabled("cpu"):
            return run(*inputs, **shortcuts)
        with torch.autocast("cpu", enabled=False):
            return run(*inputs, **shortcuts)

    return computed


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    product = _fused_linear if x.dtype == torch.bfloat16 else F.linear
    return by_picture(lambda rows: product(rows, weight, bias), x)


def _fused_linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    out: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return out


def _pack(weight: Tensor, padding: list[int], stride: list[int], x: Tensor) -> Tensor:
    with lasting_memory():
        packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            weight.detach(), padding, stride, [1, 1], 1, list(x.shape)
        )
    return packed


def _convolve(
    x: Tensor, packed: Tensor, bias: Tensor | None, padding: list[int], stride: list[int]
) -> Tensor:
    def convolved(x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, packed, bias, padding, stride, [1, 1], 1, "none", [], ""
        )
        return out

    return by_picture(convolved, x) if _few_cells(x, stride) else convolved(x)


def _few_cells(x: Tensor, stride: list[int]) -> bool:
    return x.shape[-2] * x.shape[-1] < CELLS * stride[0] * stride[1]


@functools.cache
def problem(dtype: torch.dtype) -> str | None:
    """Why convolutions in ``dtype`` cannot be packed here; None if they can.

    torch keeps these operations for its own compiler, so they are tried once against the public ones.
    """
    if not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return "oneDNN"
    try:
        weight = torch.linspace(-1, 1, 8 * 8 * 9).reshape(8, 8, 3, 3)
        x = torch.linspace(-1, 1, 2 * 8 * 5 * 5).reshape(2, 8, 5, 5)
        own = x.to(dtype)
        out = _convolve(own, _pack(weight.to(dtype), [1, 1], [1, 1], own), None, [1, 1], [1, 1])
        rounding = 1e-4 if dtype == torch.float32 else 0.5  # of sums of the order of 10
        if not torch.allclose(out.float(), F.conv2d(x, weight, padding=1), atol=rounding):
            return "mkldnn::_convolution_pointwise"
        rows, matrix = x.flatten(2), weight.flatten(1)[:, :25]
        out = _fused_linear(rows.to(dtype), matrix.to(dtype), None)
        if not torch.allclose(out.float(), F.linear(rows, matrix), atol=rounding):
            return "mkldnn::_linear_pointwise"
    except (AttributeError, NotImplementedError, RuntimeError) as error:
        return str(error).splitlines()[0]
    return None


def packed(network: nn.Module, forget: Callable[[str], None] | None = None) -> nn.Module:
    """Return a copy of a network that shares its weights, with packed convolutions and linear layers that go
    picture by picture; in 16 bits, where the products take no longer than what is around them, fused ones.

    Args:
        network: Any network.
        forget: Let go of the plain weights of a convolution once they are packed, and call this with their
            name; None to keep them.
    """
    twin = copy.deepcopy(network, memo={id(p): p for p in network.parameters()})
    sixteen = next(network.parameters()).dtype == torch.bfloat16
    holds_skips = isinstance(network, UNet)

    def replace(parent: nn.Module, path: str = "") -> None:
        for name, child in list(parent.named_children()):
            if isinstance(child, Upsample):
                setattr(parent, name, PhaseUpsample(child))
            elif isinstance(child, ResBlock):
                replace(child, f"{path}{name}.")
                setattr(parent, name, FusedResBlock(child, overwrite=not holds_skips))
            elif isinstance(child, nn.Conv2d):
                setattr(parent, name, PackedConv2d(child, forget and partial(forget, f"{path}{name}.weight")))
            elif sixteen and isinstance(child, GEGLU):
                setattr(parent, name, SplitGEGLU(child))
            elif isinstance(child, nn.Linear):
                setattr(parent, name, PackedLinear(child))
            else:
                replace(child, f"{path}{name}.")

    replace(twin)
    return twin


class Packed(Engine):
    """Runs copies of the networks with packed convolutions; they share all else with the networks.

    Memory: the packed weights of the convolutions stand beside the plain ones, unless it owns the UNet.

    Raises:
        InputError: If the networks are not on the CPU, or this PyTorch or this processor cannot pack
            convolutions in ``dtype``.
    """

    name = "packed"
    shortcuts = True

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        require_cpu(self.name, device)
        reason = problem(dtype)
        if reason is not None:
            raise InputError(
                "engine.packed",
                ja=f"この環境では engine='packed' を {dtype} で使えません（{reason}）。"
                "engine='eager' か dtype='float32' を指定してください。",
                en=f"engine='packed' cannot be used with {dtype} here ({reason}). "
                "Use engine='eager' or dtype='float32'.",
            )
        self._copies: WeightCache[Any] = WeightCache(packed)
        self._controls: WeightCache[Any] = WeightCache(packed, most=CONTROLS)
        self._owned: dict[int, tuple[UNet, nn.Module]] = {}
        self._lock = threading.Lock()

    def own(self, unet: UNet, forget: Callable[[str], None]) -> None:
        """Keep the weights of its convolutions in blocks only, one after the other as they are used."""
        with self._lock:
            self._owned[id(unet)] = unet, packed(unet, forget)

    def give_back(self, unet: UNet) -> None:
        """Have them as they were; the next call packs them beside."""
        with self._lock:
            _, own = self._owned.pop(id(unet), (unet, None))
            for module in [] if own is None else own.modules():
                if isinstance(module, PackedConv2d):
                    module.give_back()

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return the packed network."""
        with self._lock:
            own = self._owned.get(id(unet))
        return _as_it_is(channels_last(self._copies(unet) if own is None else own[1]))

    def control(self, network: ControlNet) -> Callable[..., list[Tensor]]:
        """Return the packed network."""
        return _as_it_is(channels_last(self._controls(network)))

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return the packed decoder."""
        return _as_it_is(channels_last(self._copies(vae).decode))
