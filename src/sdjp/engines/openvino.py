"""OpenVINO: the networks as its programs, on a CPU; pip install "sdjp[openvino]".

The networks are traced once, at a small size, and compiled for each size that is drawn.
"""

from __future__ import annotations

import copy
import importlib.util
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sdjp.device import plain_tensors
from sdjp.engines.base import Engine, WeightCache, require_cpu
from sdjp.errors import MissingDependencyError

if TYPE_CHECKING:
    from sdjp.models import VAE, UNet


class OpenVINO(Engine):
    """Runs programs that OpenVINO compiles.

    Raises:
        InputError: If the networks are not on the CPU.
        MissingDependencyError: If OpenVINO is not installed.
    """

    name = "openvino"
    shortcuts = False

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        require_cpu(self.name, device)
        if importlib.util.find_spec("openvino") is None:
            raise MissingDependencyError(
                "engine.openvino",
                ja='engine="openvino" には OpenVINO が必要です: pip install "sdjp[openvino]"',
                en='engine="openvino" needs OpenVINO: pip install "sdjp[openvino]"',
            )
        self._programs: WeightCache[_Programs] = WeightCache(_Programs)

    def unet(self, unet: UNet) -> Callable[..., Tensor]:
        """Return the traced network; the first call of each size compiles it."""
        return self._programs(unet, "forward")

    def decoder(self, vae: VAE) -> Callable[[Tensor], Tensor]:
        """Return the traced decoder; the first call of each size compiles it."""
        return self._programs(vae, "decode")


class _Method(nn.Module):
    """One method of a network as a network, for the tracer."""

    def __init__(self, network: nn.Module, method: str) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, *inputs: Tensor) -> Tensor:
        out: Tensor = getattr(self.network, self.method)(*inputs)
        return out


class _Programs:
    """One method of one network, traced; a program for each set of shapes."""

    def __init__(self, network: nn.Module, method: str) -> None:
        self._dtype = next(network.parameters()).dtype
        self._precision = "bf16" if self._dtype == torch.bfloat16 else "f32"
        self._network, self._method = network, method
        self._model: Any = None
        self._compiled: dict[tuple[tuple[int, ...], ...], Any] = {}
        self._lock = threading.Lock()

    def __call__(self, *inputs: Tensor) -> Tensor:
        shapes = tuple(tuple(x.shape) for x in inputs)
        with self._lock:
            if shapes not in self._compiled:
                self._compiled[shapes] = self._compile(inputs, shapes)
            program = self._compiled[shapes]
        request = program.create_infer_request()  # of this call alone: a program serves many threads
        out = request.infer([x.float().contiguous().numpy() for x in inputs])
        return torch.from_numpy(out[0].copy()).to(self._dtype)

    def _compile(self, inputs: tuple[Tensor, ...], shapes: tuple[tuple[int, ...], ...]) -> Any:
        import openvino

        if self._model is None:
            network = self._network if self._dtype == torch.float32 else copy.deepcopy(self._network).float()
            small = tuple(_small(x) for x in inputs)
            with plain_tensors():
                self._model = openvino.convert_model(_Method(network, self._method), example_input=small)
        model = self._model.clone()
        model.reshape({i: list(shape) for i, shape in enumerate(shapes)})
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": self._precision,
            "INFERENCE_NUM_THREADS": str(torch.get_num_threads()),
        }
        return openvino.Core().compile_model(model, "CPU", settings)


def _small(x: Tensor) -> Tensor:
    """An input to trace with: as ``x``, with small sides where it is a picture."""
    return torch.zeros(*x.shape[:2], 16, 16) if x.ndim == 4 else torch.zeros(x.shape)
