"""The text that AUTOMATIC1111's web UI, and much that follows it, writes into a PNG: read back.

::

    a cat, (red:1.2) <lora:x:0.8>
    Negative prompt: text, blurry
    Steps: 20, Sampler: Euler a, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768, Model: "a, b"
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Final

from sdjp.options.names import own_names
from sdjp.samplers import SAMPLERS, SPACINGS

SAMPLER_NAMES: Final[Mapping[str, str]] = {
    # As the web UI shows them; a sampler that it does not know keeps its own name.
    "ddim": "DDIM",
    "plms": "PLMS",
    "dpm++_2m": "DPM++ 2M",
    "euler": "Euler",
    "euler_a": "Euler a",
    "heun": "Heun",
    "dpm++_2m_sde": "DPM++ 2M SDE",
    "dpm++_sde": "DPM++ SDE",
    "unipc": "UniPC",
    "lcm": "LCM",
    "tcd": "TCD",
}
SCHEDULE_NAMES: Final[Mapping[str, str]] = {
    # Likewise of spacings, which it calls types of schedules.
    "time_uniform": "SGM Uniform",
    "karras": "Karras",
    "exponential": "Exponential",
    "beta_sigmas": "Beta",
    "normal": "Normal",
    "simple": "Simple",
}

UPSCALER_NAMES: Final[Mapping[str, str]] = {"animevideo": "R-ESRGAN AnimeVideo"}
"""Likewise; it shows a file as its name without the ending."""
LANCZOS: Final = "Lanczos"

NEGATIVE: Final = "Negative prompt:"
_PAIR: Final = re.compile(r'\s*(\w[\w \-/]*):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)')
_FEWEST: Final = 3
"""Pairs in a line from which on it holds settings, and no prompt with colons; as in the web UI."""
TEMPLATE_NAMES: Final[Mapping[str, str]] = {"prompt": "Template", "negative_prompt": "Negative Template"}
"""Dynamic prompts, as sd-dynamic-prompts names them, beside the prompts that were chosen."""
_FACTS: Final = ("Version", "Model", "Model hash", "VAE", "VAE hash", *TEMPLATE_NAMES.values())
"""What says how a picture was made, and is no option."""


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """The three parts of such a text.

    Attributes:
        prompt: The prompt; it may have several lines.
        negative_prompt: The negative prompt, likewise.
        settings: All others, by their names and in their order.
    """

    prompt: str = ""
    negative_prompt: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> tuple[dict[str, Any], list[str]]:
        """Return what of it are options of a generation, and the settings that sdjp has no option for."""
        found: dict[str, Any] = {"prompt": self.prompt}
        if self.negative_prompt:
            found["negative_prompt"] = self.negative_prompt
        left = []
        for name, value in self.settings.items():
            try:
                if name == "Denoising strength" and "Hires upscale" in self.settings:
                    found["hires_strength"] = float(value)  # else it is that of a picture to start from
                else:
                    found.update(_OPTIONS[name](value))
            except (KeyError, ValueError):
                if name not in _FACTS:
                    left.append(f"{name}: {value}")
        return found, left


def read_parameters(text: str) -> Parameters:
    """Take such a text apart; any text will do, for what is no setting is prompt."""
    lines = text.strip().splitlines()
    first = next((i for i in reversed(range(len(lines))) if _holds_settings(lines[i])), len(lines))
    settings = {
        name.strip(): _unquoted(value.strip())
        for line in lines[first:]
        for name, value in _PAIR.findall(line)
    }
    before = lines[:first]
    negative = next((i for i, line in enumerate(before) if line.strip().startswith(NEGATIVE)), first)
    return Parameters(
        prompt="\n".join(before[:negative]).strip(),
        negative_prompt="\n".join(before[negative:]).strip().removeprefix(NEGATIVE).strip(),
        settings=settings,
    )


def control_text(control: Mapping[str, Any]) -> str:
    """Write what a record has of a ControlNet as the web UI's extension does."""
    values = {
        "Module": control["preprocess"] or "none",
        "Model": f"{control['name']} [{control['sha256'][:8]}]",
        "Weight": control["weight"],
        "Guidance Start": control["start"],
        "Guidance End": control["end"],
        "Control Mode": "Balanced",
    }
    return ", ".join(f"{name}: {value}" for name, value in values.items())


def _holds_settings(line: str) -> bool:
    pairs = _PAIR.findall(line)
    return bool(re.match(r"\s*Steps: *\d+ *(,|$)", line)) or (
        len(pairs) >= _FEWEST and any(name.strip() in _OPTIONS for name, _ in pairs)
    )


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value


def _size(value: str) -> dict[str, Any]:
    width, height = value.lower().split("x")
    return {"width": int(width), "height": int(height)}


def _sampler(value: str) -> dict[str, Any]:
    """The sampler, and the spacing that older versions write behind it."""
    sampler, spacing = own_names(value, None)
    if sampler not in SAMPLERS:
        raise ValueError(value)
    return {"sampler": sampler} if spacing is None else {"sampler": sampler, "spacing": spacing}


def _schedule(value: str) -> dict[str, Any]:
    shown = {name: own for own, name in SCHEDULE_NAMES.items()} | {"DDIM": "ddim_uniform"}
    _, spacing = own_names(None, shown.get(value, value))
    if spacing is not None and spacing not in SPACINGS:
        raise ValueError(value)
    return {} if spacing is None else {"spacing": spacing}


def upscaler_name(upscaler: str) -> str:
    """The name that the web UI gives an upscaler, or would."""
    return UPSCALER_NAMES.get(upscaler) or PurePath(upscaler).stem


def _upscaler(value: str) -> dict[str, Any]:
    names = {shown: name for name, shown in UPSCALER_NAMES.items()}
    return {} if value == LANCZOS else {"upscaler": names[value]}


_OPTIONS: Final[Mapping[str, Callable[[str], dict[str, Any]]]] = {
    "Steps": lambda value: {"num_inference_steps": int(value)},
    "Sampler": _sampler,
    "Schedule type": _schedule,
    "CFG scale": lambda value: {"guidance_scale": float(value)},
    "Seed": lambda value: {"seed": int(value)},
    "Size": _size,
    "Clip skip": lambda value: {"clip_skip": int(value)},
    "Eta": lambda value: {"eta": float(value)},
    "Noise multiplier": lambda value: {"noise_multiplier": float(value)},
    "Hires upscale": lambda value: {"hires": float(value)},
    "Hires upscaler": _upscaler,
    "Token merging ratio": lambda value: {"token_merging": float(value)},
}
