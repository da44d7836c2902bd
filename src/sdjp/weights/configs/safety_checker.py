"""The configuration of a safety checker: Hugging Face's JSON, or else the shapes of its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdjp.config import Concept, SafetyCheckerConfig
from sdjp.weights.configs.clip_vision import Shapes, from_json, from_shapes
from sdjp.weights.files.json_file import to_object


def to_config(data: Mapping[str, Any], shapes: Shapes) -> SafetyCheckerConfig:
    """Return the configuration of a checker.

    Args:
        data: Its ``config.json``; empty if it has none.
        shapes: The shapes of its tensors, which tell what ``data`` does not.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, IndexError: If either makes no sense.
    """
    vision = data.get("vision_config", data.get("vision_config_dict"))
    return SafetyCheckerConfig(
        vision=from_shapes(shapes) if vision is None else from_json(data, to_object(vision), len(shapes)),
        concepts=_concepts(data.get("concepts"), shapes.get("concept_embeds", (17,))[0]),
        special=_concepts(data.get("special_concepts"), shapes.get("special_care_embeds", (3,))[0]),
    )


def _concepts(names: Any, count: int) -> tuple[Concept, ...]:
    if names is None:
        return (Concept(),) * count
    concepts = tuple(Concept(ja=str(name["ja"]), en=str(name["en"])) for name in names)
    if len(concepts) != count:
        raise ValueError(f"{len(concepts)} names / {count} concepts")
    return concepts
