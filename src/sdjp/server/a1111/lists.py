"""What there is to choose from, in the shapes of the web UI: models, samplers, upscalers, add-ons …

Files are told by their names alone: where they are on the server is nobody's business.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Final

from sdjp.images.a1111 import LANCZOS, UPSCALER_NAMES, upscaler_name
from sdjp.samplers import SAMPLERS
from sdjp.server.a1111.controlnet import MODULES
from sdjp.server.a1111.names import NO_UPSCALER, SCHEDULERS, sampler_aliases, sampler_label
from sdjp.server.context import Context
from sdjp.server.models.entry import ModelEntry

SCALE: Final = 4.0
"""What the upscaler that ships enlarges by in one go; any factor is reached from there."""

NOTHING: Final[tuple[str, ...]] = (
    "sd-vae",
    "sd-modules",
    "hypernetworks",
    "face-restorers",
    "realesrgan-models",
    "prompt-styles",
    "latent-upscale-modes",
    "script-info",
    "extensions",
)
"""Lists that are empty: sdjp has none of these."""


def models(context: Context) -> list[dict[str, Any]]:
    """Models that can be used."""
    return [_model(entry) for entry in context.models.entries() if entry.problem is None]


def _model(entry: ModelEntry) -> dict[str, Any]:
    return {
        "title": entry.title,
        "model_name": entry.name,
        "hash": None if entry.sha256 is None else entry.sha256[:10],
        "sha256": entry.sha256,
        "filename": entry.file,
        "config": None,
    }


def samplers() -> list[dict[str, Any]]:
    """Samplers, by the web UI's names where it has them."""
    return [{"name": sampler_label(own), "aliases": sampler_aliases(own), "options": {}} for own in SAMPLERS]


def schedulers() -> list[dict[str, Any]]:
    """Schedulers, likewise."""
    return [
        {
            "name": one.name,
            "label": one.label,
            "aliases": None if one.spacing in (None, one.name) else [one.spacing],
            "default_rho": 7.0 if one.spacing == "karras" else -1.0,
            "need_inner_model": False,
        }
        for one in SCHEDULERS
    ]


def upscalers() -> list[dict[str, Any]]:
    """Upscalers; the one that ships comes first of those that are any, for clients take the first."""
    names = [NO_UPSCALER, *map(upscaler_name, UPSCALER_NAMES), LANCZOS]
    return [
        {"name": name, "model_name": None, "model_path": None, "model_url": None, "scale": SCALE}
        for name in names
    ]


def loras(context: Context) -> list[dict[str, Any]]:
    """LoRA files; ``path`` is their name, too."""
    return [
        {"name": name, "alias": name, "path": name, "metadata": {}}
        for name in context.models.addons()["loras"]
    ]


def embeddings(context: Context) -> dict[str, Any]:
    """Words that textual inversion gives; what is in their files is read when one is used."""
    unread = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 0, "vectors": 0}
    return {"loaded": dict.fromkeys(context.models.addons()["embeddings"], unread), "skipped": {}}


def control_models(context: Context) -> dict[str, Any]:
    """ControlNets, as sd-webui-controlnet lists them."""
    return {"model_list": list(context.models.addons()["controlnets"])}


def control_modules() -> dict[str, Any]:
    """Its preprocessors that there are."""
    detail = {name: {"model_free": False, "sliders": []} for name in MODULES}
    return {"module_list": list(MODULES), "module_detail": detail}


def scripts() -> dict[str, list[str]]:
    """No scripts."""
    return {"txt2img": [], "img2img": []}


def flags(context: Context) -> dict[str, Any]:
    """Flags of the command line, as far as clients may know them."""
    settings = context.settings
    return {
        "api": True,
        "nowebui": False,
        "port": settings.port,
        "share": False,
        "enable_insecure_extension_access": False,
    }


def memory() -> dict[str, Any]:
    """Bytes of memory: of the machine and this process, and of a graphics card if there is one."""
    return {"ram": _ram(), "cuda": _cuda()}


def _ram() -> dict[str, Any]:
    try:
        page = os.sysconf("SC_PAGE_SIZE")
        total = page * os.sysconf("SC_PHYS_PAGES")
        used = page * int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (AttributeError, OSError, ValueError, IndexError):  # not on this system
        return {"error": "unavailable"}
    return {"free": total - used, "used": used, "total": total}


def _cuda() -> dict[str, Any]:
    torch = sys.modules.get("torch")  # before a model is loaded there is nothing to tell
    if torch is None or not torch.cuda.is_available():
        return {"error": "unavailable"}
    free, total = torch.cuda.mem_get_info()
    allocated = {"current": torch.cuda.memory_allocated(), "peak": torch.cuda.max_memory_allocated()}
    reserved = {"current": torch.cuda.memory_reserved(), "peak": torch.cuda.max_memory_reserved()}
    return {
        "system": {"free": free, "used": total - free, "total": total},
        "allocated": allocated,
        "reserved": reserved,
    }
