"""What 16 bits cost: pictures of the embedded model beside those of float32, the same prompts and seeds.

    python examples/bench/precision.py
    python examples/bench/precision.py --rounds 4        # prompts

Where the processor does not multiply bfloat16 by itself, every operation is computed in float32 and its
result rounded to 16 bits, also within operations that such processors do in one. The row says so; it costs
some decibels more than the instructions (two pictures of 3 steps: 36 and 38 dB against 43 and 45).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import part
import torch
from paired import Spread
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from sdjp import Pipeline
from sdjp.device import bfloat16_is_fast

SUBJECTS: Final = (
    "赤い車",
    "雪の中の城",
    "二匹の猫",
    "夜の海と船",
    "馬に乗る宇宙飛行士",
    "青い鳥",
    "富士山と桜",
    "緑の森の家",
)
STYLES: Final = ("", "、水彩画", "、ドット絵", "、浮世絵風")
MODES: Final[Mapping[str, tuple[str, ...]]] = {
    "all": (),
    "norms in float32": ("norm",),
}
ROUNDED: Final[Mapping[str, dict[str, str]]] = {
    "all": {"ja": "すべて", "en": "all"},
    "norms in float32": {"ja": "正規化のほか", "en": "all but normalization"},
}


class Rounded(TorchDispatchMode):
    """Every floating-point result goes through ``dtype``, but for operations whose names contain ``kept``."""

    def __init__(self, dtype: torch.dtype, kept: Sequence[str] = ()) -> None:
        super().__init__()
        self.dtype, self.kept = dtype, kept

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(name in str(func) for name in self.kept):
            return out
        if isinstance(out, Tensor):
            return self.rounded(out)
        return type(out)(self.rounded(o) for o in out) if isinstance(out, (tuple, list)) else out

    def rounded(self, x: Any) -> Any:
        """The nearest that 16 bits hold."""
        if not isinstance(x, Tensor) or x.dtype != torch.float32:
            return x
        return x.to(self.dtype).float()


class RoundedNetwork(nn.Module):
    """A network that computes as in 16 bits."""

    def __init__(self, network: nn.Module, dtype: torch.dtype, kept: Sequence[str]) -> None:
        super().__init__()
        self.network, self.dtype, self.kept = network, dtype, kept

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("network"), name)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """As the network, rounded at every operation."""
        with Rounded(self.dtype, self.kept):
            out: Tensor = self.network(x.to(self.dtype).float(), *others)
        return out

    def decode(self, z: Tensor) -> Tensor:
        """As the autoencoder, rounded at every operation."""
        with Rounded(self.dtype, self.kept):
            out: Tensor = self.network.decode(z.to(self.dtype).float())
        return out


@contextlib.contextmanager
def emulated(pipe: Pipeline, dtype: torch.dtype, kept: Sequence[str]) -> Iterator[None]:
    """Let the UNet and the decoder of a float32 pipeline compute as in ``dtype``."""
    plain = pipe.unet, pipe.vae
    for network in plain:
        network.apply(lambda m: [p.copy_(p.to(dtype).float()) for p in m.parameters(recurse=False)] and None)
    pipe.unet, pipe.vae = (RoundedNetwork(network, dtype, kept) for network in plain)  # type: ignore[assignment]
    try:
        yield
    finally:
        pipe.unet, pipe.vae = plain


def psnr(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    """Peak signal-to-noise ratio of two 8-bit pictures in dB, 99 where they are the same."""
    error = float(((a.astype(float) - b.astype(float)) ** 2).mean())
    return 99.0 if error == 0 else 10 * float(np.log10(255**2 / error))


def draw(pipe: Pipeline, prompts: Sequence[str], steps: int) -> list[np.ndarray[Any, Any]]:
    """One picture of each, the seed its number."""
    seeds = list(range(len(prompts)))
    made = pipe.generate(
        list(prompts), seed=seeds, num_inference_steps=steps, sampler="plms", batch_size=4, progress=False
    )
    return [np.asarray(image) for image in made.images]


def measure(*, tiny: bool = False, rounds: int = 32) -> list[dict[str, object]]:
    """One row for each dtype, and for each set of operations that stays in float32."""
    prompts = [subject + style for style in STYLES for subject in SUBJECTS][: 2 if tiny else rounds]
    steps = 2 if tiny else 50
    settings: dict[str, Any] = {"watermark": False, "safety": "off", "engine": "eager"}

    def pipeline(dtype: torch.dtype) -> Pipeline:
        return Pipeline.from_pretrained(dtype=dtype, **settings)

    exact = draw(pipeline(torch.float32), prompts, steps)
    rows: list[dict[str, object]] = []
    for dtype in (torch.bfloat16, torch.float16):
        real = dtype == torch.bfloat16 and bfloat16_is_fast()
        for mode, kept in MODES.items():
            if real and kept:
                continue  # the networks have no such switch: what it would be worth is emulated elsewhere
            pipe = pipeline(dtype if real else torch.float32)
            with torch.inference_mode(False), torch.no_grad():
                context = contextlib.nullcontext() if real else emulated(pipe, dtype, kept)
                with context:
                    drawn = draw(pipe, prompts, steps)
            found = [psnr(a, b) for a, b in zip(exact, drawn, strict=True)]
            rows.append(
                {
                    "dtype": str(dtype).removeprefix("torch."),
                    "rounded": ROUNDED[mode],
                    "how": {"ja": "命令", "en": "instructions"} if real else {"ja": "模擬", "en": "emulated"},
                    "pictures": len(found),
                    "psnr_db": Spread.of(found).to_json(),
                    "least_psnr": min(found),
                    "all": sorted(round(value, 2) for value in found),
                }
            )
    return rows


if __name__ == "__main__":
    part.main(__doc__, "precision", measure)
