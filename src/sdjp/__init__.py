"""Japanese-first Stable Diffusion v1: a Japanese prompt in, a picture out, offline.

Importing this package does no work: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sdjp.config import MINI, SD_V1, TINY, ModelConfig
    from sdjp.errors import SdjpError, set_language
    from sdjp.interop import japanese, translate
    from sdjp.pipeline import Pipeline, Progress
    from sdjp.result import GenerationResult
    from sdjp.text.normalize import normalize
    from sdjp.types import GenerationOptions, PromptInfo, Report

__version__ = "0.1.0"

_HOMES: Final = {
    "GenerationOptions": "sdjp.types",
    "GenerationResult": "sdjp.result",
    "MINI": "sdjp.config",
    "ModelConfig": "sdjp.config",
    "Pipeline": "sdjp.pipeline",
    "Progress": "sdjp.pipeline",
    "PromptInfo": "sdjp.types",
    "Report": "sdjp.types",
    "SD_V1": "sdjp.config",
    "SdjpError": "sdjp.errors",
    "TINY": "sdjp.config",
    "japanese": "sdjp.interop",
    "normalize": "sdjp.text.normalize",
    "set_language": "sdjp.errors",
    "translate": "sdjp.interop",
}

__all__ = [
    "MINI",
    "SD_V1",
    "TINY",
    "GenerationOptions",
    "GenerationResult",
    "ModelConfig",
    "Pipeline",
    "Progress",
    "PromptInfo",
    "Report",
    "SdjpError",
    "__version__",
    "japanese",
    "normalize",
    "set_language",
    "translate",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
