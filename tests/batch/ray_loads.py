"""Models of jobs that go wrong; actors of Ray load them by these names."""

from __future__ import annotations

import os
import signal
from typing import Any

from sdjp.batch.pipelines import load
from sdjp.errors import WeightsError
from sdjp.pipeline import Pipeline

POISON = "猫が 7 匹"


def refused(**model: Any) -> Pipeline:
    """A model that cannot be loaded; to check prompts it can."""
    if model.get("memory") == "sequential":
        return load(**model)
    raise WeightsError("weights.test", ja="この重みは使えません。", en="these weights cannot be used.")


def shipped(**model: Any) -> Pipeline:
    """A model whose word list was sent to the node."""
    if model.get("memory") != "sequential" and "sdjp-weights-" not in model["user_lexicon"]:
        return refused(**model)
    return load(**model)


def deadly(**model: Any) -> Pipeline:
    """A model that its process dies of."""
    if model.get("memory") != "sequential":
        os.kill(os.getpid(), signal.SIGKILL)
    return load(**model)


def poisoned(**model: Any) -> Pipeline:
    """A model whose process dies of one prompt."""
    pipe = load(**model)
    if model.get("memory") != "sequential":
        generate = pipe.generate

        def careless(prompt: list[str], **options: Any) -> Any:
            if POISON in prompt:
                os.kill(os.getpid(), signal.SIGKILL)
            return generate(prompt, **options)

        pipe.generate = careless  # type: ignore[method-assign, assignment]
    return pipe
