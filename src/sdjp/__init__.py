"""Japanese-first Stable Diffusion v1: a Japanese prompt in, a picture out, offline.

Importing this package does no work: each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sdjp._version import __version__
    from sdjp.config import MINI, SD_V1, TINY, ModelConfig
    from sdjp.errors import SdjpError, set_language
    from sdjp.generation.controls import Control
    from sdjp.interop import japanese, translate
    from sdjp.options import GenerationOptions
    from sdjp.pipeline import Pipeline, Progress
    from sdjp.records import PromptInfo, Report
    from sdjp.result import GenerationResult
    from sdjp.text.normalize import normalize
    from sdjp.text.translate.words_file import words_path

_HOMES: Final = {
    "Control": "sdjp.generation.controls",
    "GenerationOptions": "sdjp.options",
    "GenerationResult": "sdjp.result",
    "MINI": "sdjp.config",
    "ModelConfig": "sdjp.config",
    "Pipeline": "sdjp.pipeline",
    "Progress": "sdjp.generation.progress",
    "PromptInfo": "sdjp.records",
    "Report": "sdjp.records",
    "SD_V1": "sdjp.config",
    "SdjpError": "sdjp.errors",
    "TINY": "sdjp.config",
    "japanese": "sdjp.interop",
    "normalize": "sdjp.text.normalize",
    "set_language": "sdjp.errors",
    "__version__": "sdjp._version",
    "translate": "sdjp.interop",
    "words_path": "sdjp.text.translate.words_file",
}

__all__ = [
    "MINI",
    "SD_V1",
    "TINY",
    "Control",
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
    "words_path",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
