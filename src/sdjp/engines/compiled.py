"""torch.compile: the networks as programs of their own; minutes of compiling before the first picture.

On a CPU the weights are frozen into the program (packed, and each operation fused with its neighbours); on
CUDA the whole call is one CUDA graph. Each size and batch is a program of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sdjp.device import plain_tensors
from sdjp.engines.base import Engine, WeightCache
from sdjp.errors import MissingDependencyError

if TYPE_CHECKING:
    from sdjp.models import VAE, UNet


class Compiled(Engine):
    """Runs programs that torch.compile makes.

    Raises:
        MissingDependencyError: If there is no C++ compiler, which the programs need on a CPU.
    """

    name = "compile"
    shortcuts = False

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        if device.type == "cpu":
            _require_compiler()
        self._programs: WeightCache[Callable[..., Tensor]] = WeightCache(_program)

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return the compiled network; the first call of each size compiles it."""
        return self._programs(unet, "forward")

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return the compiled decoder; the first call of each size compiles it."""
        return self._programs(vae, "decode")


def _require_compiler() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise MissingDependencyError(
            "engine.compiler",
            ja="engine='compile' には C++ コンパイラー（g++ など）が必要です。インストールするか、"
            "engine='eager' をお使いください。",
            en="engine='compile' needs a C++ compiler such as g++. Install one, or use engine='eager'.",
        ) from error


def _program(network: nn.Module, method: str) -> Callable[..., Tensor]:
    cuda = next(network.parameters()).is_cuda
    settings: dict[str, Any] = {"mode": "max-autotune"} if cuda else {"options": {"freezing": True}}
    function: Callable[..., Tensor] = torch.compile(getattr(network, method), dynamic=False, **settings)

    def run(*inputs: Tensor) -> Tensor:
        # Normal tensors: the program is compiled with no_grad, which freezing needs, and tensors made in
        # inference mode would make it a second program.
        with plain_tensors():
            out: Tensor = function(*(x.clone() if x.is_inference() else x for x in inputs))
            # The next replay of a CUDA graph writes over what this one gave.
            return out.clone() if cuda else out

    return run
