"""The contenders: one set of random weights in the networks of diffusers and in ours, run in several ways.

All hold the same tensors, so that what they give is compared as well. Memory is shared wherever a way leaves
the weights as they are: Stable Diffusion v1 has 3.4 GB of them in float32.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from machine import BUSY, Neighbours, available, give_back
from paired import Step, Timings, compare
from torch import Tensor, nn

from sdjp.allocator import kept_pages
from sdjp.config import ModelConfig
from sdjp.device import bfloat16_is_fast
from sdjp.errors import MissingDependencyError
from sdjp.models import VAE, UNet
from sdjp.weights.networks import Networks, on_meta

SPARE = 2_000_000_000
"""Bytes that stay free for what a network computes with, before a contender is built."""


@dataclass(frozen=True)
class Way:
    """How a network is run.

    Attributes:
        library: ``"diffusers"`` or ``"sdjp"``.
        dtype: Dtype of the weights.
        engine: One of ``sdjp.engines.ENGINES``; None for diffusers.
        channels_last: Whether the weights of diffusers are laid out with the channels last.
        compiled: Whether diffusers' module goes through ``torch.compile``.
    """

    library: str
    dtype: torch.dtype
    engine: str | None = None
    channels_last: bool = False
    compiled: bool = False

    @property
    def name(self) -> str:
        """For tables: library, engine, dtype, settings."""
        words = [self.library, self.engine or "", str(self.dtype).removeprefix("torch.")]
        words += ["channels_last"] * self.channels_last + ["compile"] * self.compiled
        return " ".join(word for word in words if word)

    @property
    def copies(self) -> float:
        """How often it holds the weights beside those that are shared, at most."""
        if self.engine == "openvino":
            return 2.5
        return 1.5 if self.engine is not None or self.compiled else float(self.channels_last)


def ways(*, every: bool = False) -> list[Way]:
    """Diffusers as it comes first, then its settings, then each engine of ours.

    Args:
        every: Take bfloat16 on processors that only emulate it as well, and what torch.compile makes, which
            takes minutes before the first call.
    """
    dtypes = [torch.float32] + [torch.bfloat16] * (every or bfloat16_is_fast())
    theirs = [Way("diffusers", torch.float32)]
    theirs += [Way("diffusers", dtype, channels_last=True) for dtype in dtypes]
    if every:
        theirs.append(Way("diffusers", dtypes[-1], channels_last=True, compiled=True))
    ours = [engine for engine in engines() if every or engine != "compile"]
    return theirs + [Way("sdjp", dtype, engine=engine) for engine in ours for dtype in dtypes]


def default_engine(dtype: torch.dtype) -> str | None:
    """What a pipeline on a CPU takes by itself; None for the plain modules, where there are no engines."""
    if engines() == [None]:
        return None
    from sdjp.engines import make_engine

    return make_engine(dtype=dtype).name


def engines() -> list[str | None]:
    """Names of the engines; None alone, for the plain modules, where there are none."""
    try:
        from sdjp.engines import ENGINES
    except ImportError:
        return [None]
    return list(ENGINES)


class Shared:
    """One network of a model with random weights; the others have no memory.

    Args:
        config: The model.
        part: ``"unet"`` or ``"vae"``.
        seed: Of the weights.
    """

    def __init__(self, config: ModelConfig, part: str, *, seed: int = 0) -> None:
        self.config = config
        self.part = part
        torch.manual_seed(seed)
        build: Mapping[str, Callable[[], nn.Module]] = {
            "unet": lambda: UNet.from_config(config.unet),
            "vae": lambda: VAE.from_config(config.vae),
        }
        module = build[part]().eval().requires_grad_(False)
        self.parameters = sum(p.numel() for p in module.parameters())
        self._by_dtype: dict[torch.dtype, nn.Module] = {torch.float32: module}

    def ours(self, dtype: torch.dtype) -> Any:
        """A module of its own around the shared tensors: what an engine does to it, no other sees."""
        if dtype not in self._by_dtype:
            self._by_dtype[dtype] = self._twin(torch.float32).to(dtype)
        return self._twin(dtype)

    def theirs(self, dtype: torch.dtype) -> Any:
        """The module of diffusers around the shared tensors."""
        from sdjp.weights.diffusers.modules import to_modules

        networks: Networks = on_meta(self.config)
        networks.unet.conv_in.to_empty(device="cpu")  # it tells where buffers belong
        networks = networks._replace(**{self.part: self.ours(dtype)})
        modules = to_modules(self.config, unet=networks.unet, vae=networks.vae, text=networks.text)
        return modules[self.part]

    def _twin(self, dtype: torch.dtype) -> nn.Module:
        module: nn.Module = getattr(on_meta(self.config), self.part)
        module.load_state_dict(self._by_dtype[dtype].state_dict(), assign=True)
        return module.eval().requires_grad_(False)


def diffusers_module(shared: Shared, way: Way) -> Any:
    """The module of diffusers as ``way`` has it."""
    module = shared.theirs(way.dtype)
    if way.channels_last:
        module = module.to(memory_format=torch.channels_last)
    return module


def with_engine(shared: Shared, way: Way) -> Callable[..., Tensor]:
    """Our network as the engine of ``way`` runs it: the UNet, or the decoder of the autoencoder."""
    module = shared.ours(way.dtype)
    if way.engine is None:
        return module if shared.part == "unet" else module.decode  # type: ignore[no-any-return]
    from sdjp.engines import make_engine

    engine = make_engine(way.engine, dtype=way.dtype)
    run: Callable[..., Tensor] = engine.unet(module) if shared.part == "unet" else engine.decoder(module)
    return run


def step(call: Callable[[], Tensor], way: Way) -> Step:
    """One call of many; ours with the allocator as a pipeline sets it from the first to the last."""
    return Step(call, nullcontext if way.engine is None else kept_pages)


def laid_out(x: Tensor, way: Way) -> Tensor:
    """An input (B, C, h, w) in the dtype and layout of ``way``."""
    layout = torch.channels_last if way.channels_last else torch.contiguous_format
    return x.to(way.dtype).contiguous(memory_format=layout)


def failed(error: Exception) -> dict[str, str]:
    """The first line of what went wrong, for a table."""
    first = f"{type(error).__name__}: {str(error).strip()}".splitlines()[0][:160]
    return {"ja": f"失敗（{first}）", "en": f"failed ({first})"}


@dataclass
class Field:
    """Contenders that are ready, what each gave, and why others are not.

    Attributes:
        calls: Name to what is timed.
        outputs: What each gave, float32; the first is what the others are compared with.
        reasons: Name to why it takes no part, in both languages.
    """

    calls: dict[str, Callable[[], Tensor]]
    outputs: dict[str, Tensor]
    reasons: dict[str, dict[str, str]]

    @classmethod
    def of(
        cls, entries: Mapping[str, Callable[[], Callable[[], Tensor]]], *, needs: Mapping[str, float]
    ) -> Field:
        """Build each entry and call it once; what cannot be built or run says why.

        Args:
            entries: Name to what builds the call.
            needs: Name to the bytes that building it may take.
        """
        field = cls({}, {}, {})
        for name, build in entries.items():
            gc.collect()
            give_back()
            free = available()
            if free is not None and free < needs.get(name, 0.0) + SPARE:
                wanted = (needs.get(name, 0.0) + SPARE) / 1e9
                field.reasons[name] = {
                    "ja": f"メモリーが {wanted:.1f} GB 必要（空きは {free / 1e9:.1f} GB）",
                    "en": f"needs {wanted:.1f} GB of memory, {free / 1e9:.1f} are free",
                }
                continue
            try:
                call = build()
                with torch.inference_mode():
                    field.outputs[name] = call().float().clone()
                field.calls[name] = call
            except MissingDependencyError as error:
                field.reasons[name] = {"ja": error.ja, "en": error.en}
            except Exception as error:  # a peer that fails is a result, too
                field.reasons[name] = failed(error)
        return field

    def rows(
        self,
        case: str,
        *,
        rounds: int,
        plain: str,
        rivals: Sequence[str],
        device: torch.device | None = None,
    ) -> list[dict[str, object]]:
        """Time all and give one row for each.

        Args:
            case: What is computed, for the table.
            rounds: Of :func:`paired.compare`.
            plain: The contender that all are compared with.
            rivals: Those whose fastest all are compared with as well.
        """
        watched = Neighbours()
        timings = compare(self.calls, rounds=rounds, warmup=0, device=device) if self.calls else None
        others = watched.share()
        rows: list[dict[str, object]] = []
        for name in [*self.calls, *self.reasons]:
            row: dict[str, object] = {"case": case, "contender": name}
            if name in self.calls and timings is not None:
                row |= self._figures(name, timings, plain, [r for r in rivals if r in self.calls])
                row |= {"rounds": rounds, "others": others, "quiet": others is None or others < BUSY}
            else:
                row["note"] = self.reasons[name]
            rows.append(row)
        return rows

    def _figures(self, name: str, timings: Timings, plain: str, rivals: Sequence[str]) -> dict[str, object]:
        row: dict[str, object] = {"seconds": timings.spread(name).to_json()}
        if plain in self.calls:
            row["to_plain"] = timings.ratio(name, plain).to_json()
        if rivals:
            best = timings.fastest(rivals)
            row |= {"to_best": timings.ratio(name, best).to_json(), "best": best}
        reference = next(iter(self.outputs.values()))
        difference = self.outputs[name] - reference
        row["max_abs_difference"] = float(difference.abs().max())
        row["relative_error"] = float(difference.norm() / reference.norm())
        row["all_seconds"] = list(timings.seconds[name])
        return row
