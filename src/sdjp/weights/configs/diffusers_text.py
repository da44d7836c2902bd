"""The text encoder and the tokenizer in the JSON files of a diffusers folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sdjp.config import CLIPTextConfig, TextConfig, XLMRobertaConfig
from sdjp.weights.configs.values import flag, only, setting, whole

Json = Mapping[str, Any]
SIZE: Final = whole(10_000_000)  # vocabularies are large
ID: Final = whole(10_000_000, least=0)
ACTIVATION: Final = only("quick_gelu", "gelu")
ALT: Final = "RobertaSeriesModelWithTransformation"
"""The class of AltDiffusion's text encoder, in diffusers."""
FIXED: Final[Json] = {"layer_norm_eps": 1e-5}
# transformers' XLM-R can do more than AltDiffusion's.
FIXED_ALT: Final[Json] = {
    **FIXED,
    "hidden_act": "gelu",
    "is_decoder": False,
    "position_embedding_type": "absolute",
    "type_vocab_size": 1,
    "use_attention_mask": True,
}


def is_alt(text_encoder: Json) -> bool:
    """Whether the settings are those of AltDiffusion's text encoder."""
    return ALT in (text_encoder.get("architectures") or ()) or "project_dim" in text_encoder


def wrong_settings(text_encoder: Json) -> list[str]:
    """Return what makes it another network than ours, as ``key = value``."""
    architectures = text_encoder.get("architectures") or []
    wrong = []
    if not is_alt(text_encoder) and not all(str(name).startswith("CLIP") for name in architectures):
        wrong.append(f"architectures = {architectures!r}")
    fixed = FIXED_ALT if is_alt(text_encoder) else FIXED
    return wrong + [
        f"{key} = {text_encoder[key]!r}"
        for key, value in fixed.items()
        if key in text_encoder and text_encoder[key] != value
    ]


def to_config(text_encoder: Json) -> TextConfig:
    """Read our configuration from ``text_encoder/config.json``.

    Raises:
        KeyError: If something is left out.
        Invalid: If a value is not usable.
    """
    if is_alt(text_encoder):
        return XLMRobertaConfig(
            vocab_size=setting(text_encoder, "vocab_size", SIZE),
            width=setting(text_encoder, "hidden_size", SIZE),
            layers=setting(text_encoder, "num_hidden_layers", SIZE),
            heads=setting(text_encoder, "num_attention_heads", SIZE),
            mlp_width=setting(text_encoder, "intermediate_size", SIZE),
            positions=setting(text_encoder, "max_position_embeddings", SIZE),
            projection=setting(text_encoder, "project_dim", SIZE),
            pad_id=setting(text_encoder, "pad_token_id", ID, 1),
            pre_projection=setting(text_encoder, "has_pre_transformation", flag, False),
        )
    return CLIPTextConfig(
        vocab_size=setting(text_encoder, "vocab_size", SIZE),
        width=setting(text_encoder, "hidden_size", SIZE),
        layers=setting(text_encoder, "num_hidden_layers", SIZE),
        heads=setting(text_encoder, "num_attention_heads", SIZE),
        mlp_width=setting(text_encoder, "intermediate_size", SIZE),
        max_length=setting(text_encoder, "max_position_embeddings", SIZE),
        activation=setting(text_encoder, "hidden_act", ACTIVATION, "quick_gelu"),
    )


def to_settings(config: TextConfig) -> dict[str, Any]:
    """Return the contents of ``text_encoder/config.json``.

    Raises:
        ValueError: If diffusers has no such text encoder.
    """
    if config.kind == "clip":
        entries = min(config.vocab_size, CLIPTextConfig().vocab_size)  # more were added in training
        return {
            "architectures": ["CLIPTextModel"],
            "attention_dropout": 0.0,
            "bos_token_id": entries - 2,
            "eos_token_id": entries - 1,
            "hidden_act": config.activation,
            "hidden_size": config.width,
            "intermediate_size": config.mlp_width,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": config.max_length,
            "model_type": "clip_text_model",
            "num_attention_heads": config.heads,
            "num_hidden_layers": config.layers,
            "pad_token_id": entries - 1,
            "projection_dim": config.width,
            "vocab_size": config.vocab_size,
        }
    if config.kind == "xlm_roberta":
        return {
            "architectures": [ALT],
            "bos_token_id": 0,
            "eos_token_id": 2,
            "has_pre_transformation": config.pre_projection,
            "hidden_act": "gelu",
            "hidden_size": config.width,
            "intermediate_size": config.mlp_width,
            "layer_norm_eps": 1e-5,
            "max_position_embeddings": config.positions,
            "model_type": "xlm-roberta",
            "num_attention_heads": config.heads,
            "num_hidden_layers": config.layers,
            "pad_token_id": config.pad_id,
            "position_embedding_type": "absolute",
            "project_dim": config.projection,
            "type_vocab_size": 1,
            "use_attention_mask": True,
            "vocab_size": config.vocab_size,
        }
    raise ValueError(f"no text encoder of diffusers is like {config.kind}")


CLASSES: Final[Mapping[str, Mapping[str, Any]]] = {
    "clip": {
        "_class_name": "StableDiffusionPipeline",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
    },
    "t5": {
        "_class_name": "StableDiffusionPipeline",
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "T5Tokenizer"],
    },
    "xlm_roberta": {
        "_class_name": "AltDiffusionPipeline",
        "text_encoder": ["alt_diffusion", ALT],
        "tokenizer": ["transformers", "XLMRobertaTokenizer"],
    },
}
"""By the kind of vocabulary: what ``model_index.json`` says of pipeline, text encoder and tokenizer."""
