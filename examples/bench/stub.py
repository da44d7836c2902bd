"""A model that draws nothing: what is left is what a job costs beside its pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdjp.config import MINI
from sdjp.options import GenerationOptions, ResolvedOptions
from sdjp.records import PromptInfo

PICTURE = Image.new("RGB", (1, 1))


@dataclass(frozen=True, kw_only=True)
class StubResult:
    """As a result of sdjp, as far as a worker looks at it."""

    prompts: tuple[PromptInfo, ...]
    seeds: tuple[int, ...]
    images: tuple[Image.Image, ...]
    reports: tuple[tuple[()], ...]
    model: str = "stub"
    runtime: None = None

    def png(self, index: int) -> bytes:
        """A PNG of one pixel, different for each seed."""
        info, buffer = PngInfo(), io.BytesIO()
        info.add_text("seed", str(self.seeds[index]))
        self.images[index].save(buffer, format="PNG", pnginfo=info)
        return buffer.getvalue()

    def options_of(self, index: int) -> ResolvedOptions:
        """The options of a picture."""
        return _resolved(self.prompts[index].source, self.seeds[index])


class Stub:
    """As a pipeline of sdjp, as far as a job needs one."""

    config = MINI

    def check(self, prompt: str, **arguments: Any) -> ResolvedOptions:
        """Refuse nothing."""
        return _resolved(prompt, 0)

    def explain(self, prompt: str, **arguments: Any) -> PromptInfo:
        """Read nothing."""
        return PromptInfo(source=prompt, normalized=prompt, english=prompt, tokens=1)

    def generate(self, prompt: Sequence[str], *, seed: Sequence[int] = (0,), **arguments: Any) -> StubResult:
        """Draw nothing."""
        return StubResult(
            prompts=tuple(self.explain(text) for text in prompt),
            seeds=tuple(seed),
            images=(PICTURE,) * len(prompt),
            reports=((),) * len(prompt),
        )


def load(**model: Any) -> Stub:
    """Load nothing."""
    return Stub()


def _resolved(prompt: str, seed: int) -> ResolvedOptions:
    return GenerationOptions(prompt=prompt, seed=seed).resolve(
        height=1, width=1, num_inference_steps=1, guidance_scale=1.0, sampler="ddim"
    )
