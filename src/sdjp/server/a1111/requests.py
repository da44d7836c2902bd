"""From a body of ``txt2img`` or ``img2img`` to one of the native API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sdjp.choices import Fit
from sdjp.samplers import SAMPLERS
from sdjp.server.a1111 import controlnet
from sdjp.server.a1111.fields import (
    REFUSED,
    REFUSED_OF_HIRES,
    TOLD,
    TOLD_OF_HIRES,
    TOLD_OF_MASKS,
    FieldError,
    Fields,
    Note,
    lacks,
)
from sdjp.server.a1111.names import own_upscaler, sampler_and_spacing
from sdjp.server.a1111.pictures import mask_of
from sdjp.server.context import Context

FITS: Final[Mapping[int, Fit]] = {0: "stretch", 1: "crop", 2: "pad"}
"""``resize_mode``; 3 enlarges latents, which we do not."""
_NO_VAE: Final = ("automatic", "none")
_USED: Final = {
    "sd_vae", "sd_model_checkpoint", "CLIP_stop_at_last_layers", "token_merging_ratio",
    "initial_noise_multiplier",
}  # fmt: skip
"""Of ``override_settings``, what is in sdjp, too."""
_SETTINGS: Final = {
    # Of override_settings: values that change nothing, for clients send them by rote.
    "samples_format": ("png",),
    "forge_additional_modules": (),
    "eta_noise_seed_delta": (0,),
    "sd_hypernetwork": ("None",),
    "sd_lora": ("None",),
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a client of the web UI's API asked for.

    Attributes:
        body: The same for the native API.
        notes: What of it is not drawn as it was asked for.
        model: The model that stays in use afterwards, if the request says so.
        send_images: Whether the reply has the pictures in it.
        task: The client's own name of the job, if it gave one.
        echo: The request as the reply repeats it.
    """

    body: dict[str, Any]
    notes: tuple[Note, ...]
    model: str | None
    send_images: bool
    task: str | None
    echo: dict[str, Any]


def asked(given: Mapping[str, Any], context: Context, *, img2img: bool) -> Asked:
    """Read a body of ``txt2img`` or ``img2img``.

    Raises:
        InputError: If a field cannot be read, or asks for what sdjp does not have.
    """
    fields = Fields(given)
    fields.refuse(REFUSED)
    fields.tell(TOLD)
    body: dict[str, Any] = {
        "prompt": fields.text("prompt") or "",
        **_plain(fields),
        **_sampler(fields, context),
    }
    body |= _settings(fields, context, img2img=img2img)
    if img2img:
        body |= _pictures(fields, context)
    else:
        body |= _hires(fields, context)
        _tell_pictures(fields)
    body |= _controls(fields, body, img2img=img2img)
    fields.tell_unknown()
    keeps = not fields.flag("override_settings_restore_afterwards", default=True)
    return Asked(
        body=body,
        notes=tuple(fields.notes),
        model=body.get("model") if keeps else None,
        send_images=fields.flag("send_images", default=True),
        task=fields.text("force_task_id"),
        echo=_echo(fields),
    )


def _plain(fields: Fields) -> dict[str, Any]:
    """What goes by another name, and no more."""
    seed = fields.whole("seed")
    batches = [fields.whole(name) for name in ("batch_size", "n_iter")]
    for name, count in zip(("batch_size", "n_iter"), batches, strict=True):
        if count is not None and count < 1:
            raise FieldError(
                name,
                ja=f"{name} は 1 以上にしてください（{count}）。",
                en=f"{name} must be at least 1, not {count}.",
            )
    values = {
        "negative_prompt": fields.text("negative_prompt"),
        "width": fields.whole("width"),
        "height": fields.whole("height"),
        "num_inference_steps": fields.whole("steps"),
        "guidance_scale": fields.real("cfg_scale"),
        "seed": None if seed is None or seed < 0 else seed,
        "num_images_per_prompt": (batches[0] or 1) * (batches[1] or 1),
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _sampler(fields: Fields, context: Context) -> dict[str, Any]:
    """The sampler, the spacing, and eta, which to the web UI is something else for each kind of sampler."""
    name = fields.text("sampler_name") or fields.text("sampler_index")
    sampler, spacing = sampler_and_spacing(name, fields.text("scheduler"))
    eta, used = fields.real("eta"), sampler or str(_defaults(context, fields).get("sampler"))
    values: dict[str, Any] = {"sampler": sampler, "spacing": spacing}
    known = SAMPLERS.get(used)
    if known is None or known.takes_eta:
        values["eta"] = eta
    elif known.stochastic and eta not in (None, 1):  # 1 is all its noise, as it is drawn; others have none
        fields.note(
            "eta",
            ja=f"サンプラー {name} では eta を変えられないので、1 で描きました（指定された値: {eta:g}）。",
            en=f"eta of the sampler {name} cannot be changed and was 1; {eta:g} was given.",
        )
    return {option: value for option, value in values.items() if value is not None}


def _settings(fields: Fields, context: Context, *, img2img: bool) -> dict[str, Any]:
    """``override_settings``, and the layer of CLIP, which some send beside it."""
    settings = Fields(fields.table("override_settings"), fields.notes)
    vae = settings.text("sd_vae")
    if vae and vae.casefold() not in _NO_VAE:
        raise lacks("override_settings.sd_vae", ja="VAE の切り替え", en="another VAE")
    checkpoint = settings.text("sd_model_checkpoint")
    values = {
        "model": context.models.entry(checkpoint).name if checkpoint else None,
        "clip_skip": settings.whole("CLIP_stop_at_last_layers") or fields.whole("clip_skip") or None,
        "token_merging": settings.real("token_merging_ratio"),
        # To the web UI it is for pictures that start from another one.
        "noise_multiplier": settings.real("initial_noise_multiplier") if img2img else None,
    }
    for name in sorted(set(settings.body) - _USED):
        if settings.given(name) and settings.body[name] not in _SETTINGS.get(name, ()):
            fields.note(
                f"override_settings.{name}",
                ja=f"override_settings の {name} は sdjp にないので、使いませんでした。",
                en=f"{name} of override_settings is not in sdjp and was not used.",
            )
    return {name: value for name, value in values.items() if value is not None}


def _pictures(fields: Fields, context: Context) -> dict[str, Any]:
    """The picture to start from, its mask, and what is done with them."""
    pictures = fields.items("init_images")
    if len(pictures) != 1 or not isinstance(pictures[0], str):
        raise FieldError(
            "init_images",
            ja=f"init_images には、base64 の画像を 1 枚だけ入れてください（{len(pictures)} 個）。",
            en=f"init_images must hold one picture as base64, not {len(pictures)}.",
        )
    mode = fields.whole("resize_mode") or 0
    if mode not in FITS:
        raise lacks(
            "resize_mode",
            ja="画像の合わせ方（使えるのは 0、1、2）",
            en="a way to bring a picture to size; 0, 1 and 2 are there",
        )
    body: dict[str, Any] = {"image": pictures[0], "fit": FITS[mode]}
    strength = fields.real("denoising_strength")
    if strength is not None:
        body["strength"] = strength
    mask = fields.text("mask")
    if mask:
        body |= _mask(fields, mask, context)
    return body


def _mask(fields: Fields, mask: str, context: Context) -> dict[str, Any]:
    fields.tell(TOLD_OF_MASKS)
    fill = fields.whole("inpainting_fill")
    if fill not in (None, 0, 1):
        raise lacks(
            "inpainting_fill",
            ja="マスクの中の消し方（使えるのは 1）",
            en="a way to fill the mask; 1 is there",
        )
    if fill == 0:
        fields.note(
            "inpainting_fill",
            ja="inpainting_fill=0（周りの色で埋める）は sdjp にないので、1（もとの絵から）で描きました。",
            en="inpainting_fill=0 (fill with what is around) is not in sdjp; it was 1 (from the picture).",
        )
    blur = fields.whole("mask_blur")
    invert = fields.flag("inpainting_mask_invert", default=False)
    body: dict[str, Any] = {"mask": mask_of(mask, invert=invert, limits=context.limits)}
    if blur is not None:
        body["feather"] = 2 * blur  # a Gaussian of this width on both sides of the edge; ours is outside it
    return body


def _tell_pictures(fields: Fields) -> None:
    """Pictures in a request that is drawn from text alone."""
    for name in ("init_images", "mask"):
        if fields.given(name):
            fields.note(
                name,
                ja=f"{name} は txt2img では使いません。絵をもとにするには img2img をお使いください。",
                en=f"{name} is not used by txt2img; use img2img to start from a picture.",
            )


def _hires(fields: Fields, context: Context) -> dict[str, Any]:
    """Drawing, then enlarging and redrawing, which the web UI calls hires. fix."""
    if not fields.flag("enable_hr", default=False):
        return {}
    fields.refuse(REFUSED_OF_HIRES)
    fields.tell(TOLD_OF_HIRES)
    upscaler = fields.text("hr_upscaler")
    if upscaler is not None and upscaler.casefold().startswith("latent"):
        fields.note(
            "hr_upscaler",
            ja=f"hr_upscaler の {upscaler} は sdjp にないので、Lanczos で拡大しました。",
            en=f"{upscaler} of hr_upscaler is not in sdjp; the picture was enlarged by Lanczos.",
        )
        upscaler = None
    values = {
        "hires": _factor(fields, context),
        "hires_strength": fields.real("denoising_strength"),
        "upscaler": own_upscaler(upscaler, field="hr_upscaler"),
    }
    return {name: value for name, value in values.items() if value is not None}


def _factor(fields: Fields, context: Context) -> float:
    """How many times larger: as a factor, or by the sides in the end."""
    sides = {name: fields.whole(f"hr_resize_{axis}") or 0 for name, axis in (("width", "x"), ("height", "y"))}
    if not any(sides.values()):
        scale = fields.real("hr_scale")
        return 2.0 if scale is None else scale
    defaults = _defaults(context, fields)
    factors = {side / (fields.whole(name) or defaults[name]) for name, side in sides.items() if side > 0}
    if len(factors) != 1:
        raise lacks(
            "hr_resize_x, hr_resize_y",
            ja="縦横比を変える拡大",
            en="enlarging to other proportions",
        )
    return factors.pop()


def _controls(fields: Fields, body: Mapping[str, Any], *, img2img: bool) -> dict[str, Any]:
    """What ControlNets are asked to do; without another picture, the first says how theirs come to size."""
    units = controlnet.units(fields.table("alwayson_scripts"), fields)
    if not units:
        return {}
    found = [controlnet.control(unit, beside=body.get("image"), fields=fields) for unit in units]
    fit = body.get("fit", found[0][1])
    first = ("もとの絵", "that to start from") if img2img else ("最初のもの", "the first one")
    for _, own in found:
        if own != fit:
            fields.note(
                "ControlNet.resize_mode",
                ja=f"ControlNet の画像は、{first[0]}と同じ合わせ方（{fit}）にしました。",
                en=f"pictures of ControlNet were brought to size as {first[1]} ({fit}).",
            )
            break
    return {"controls": [control for control, _ in found], "fit": fit}


def _defaults(context: Context, fields: Fields) -> Mapping[str, Any]:
    """The settings of the model that will draw."""
    checkpoint = Fields(fields.table("override_settings")).text("sd_model_checkpoint")
    return context.models.entry(checkpoint or None).defaults or {}


def _echo(fields: Fields) -> dict[str, Any]:
    """The request without what is no field of the API, and without pictures, unless they are asked for."""
    echo = {name: value for name, value in fields.body.items() if name not in ("url", "auth")}
    if not fields.flag("include_init_images", default=False):
        echo |= {name: None for name in ("init_images", "mask") if name in echo}
    return echo
