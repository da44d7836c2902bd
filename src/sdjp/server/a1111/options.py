"""``/sdapi/v1/options``: the settings that clients read, and the one that they can change, the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdjp.errors import InputError
from sdjp.server.a1111.fields import Fields
from sdjp.server.context import Context


def options(context: Context) -> dict[str, Any]:
    """The settings as they are now."""
    entry = context.models.entry()
    return {
        "sd_model_checkpoint": entry.title,
        "sd_checkpoint_hash": entry.sha256 or "",
        "sd_vae": "Automatic",
        "CLIP_stop_at_last_layers": 1,
        "samples_format": "png",
        "samples_save": True,
        "enable_pnginfo": True,
        "return_grid": False,
        "live_previews_enable": context.settings.previews,
        "show_progress_every_n_steps": 1,
        "token_merging_ratio": 0.0,
        "eta_ddim": 0.0,
        "eta_ancestral": 1.0,
        "eta_noise_seed_delta": 0,
        "sd_hypernetwork": "None",
    }


def change(given: Mapping[str, Any], context: Context) -> dict[str, Any] | None:
    """Change the model, if another one is named; whatever else is sent stays as it is.

    Args:
        given: All settings, or some of them: many clients send back all that they got.
        context: The parts of the server.

    Returns:
        None, as the web UI answers; or, under ``sdjp``, which settings would have changed and did not.

    Raises:
        ModelUnknown: If there is no such model.
        InputError: If it is no object.
    """
    if not isinstance(given, Mapping):
        raise InputError(
            "options.type",
            ja="本文は JSON のオブジェクトにしてください。",
            en="the body must be a JSON object.",
        )
    now = options(context)
    checkpoint = Fields(given).text("sd_model_checkpoint")
    if checkpoint and checkpoint != now["sd_model_checkpoint"]:
        context.models.use(checkpoint)
    kept = {**now, "sd_model_checkpoint": given.get("sd_model_checkpoint")}
    kept["sd_checkpoint_hash"] = given.get("sd_checkpoint_hash")  # of the model before
    ignored = sorted(name for name, value in given.items() if name not in kept or kept[name] != value)
    if not ignored:
        return None
    names = ", ".join(ignored[:20])
    ja = f"変えられない設定です（変えられるのは sd_model_checkpoint だけです）: {names}"
    en = f"these settings cannot be changed (only sd_model_checkpoint can): {names}"
    return {"sdjp": {"ignored": ignored, "ja": ja, "en": en}}
