"""Names in AUTOMATIC1111's API, and ours: of samplers, schedulers and upscalers."""

from __future__ import annotations

from typing import Final, NamedTuple

from sdjp.errors import InputError
from sdjp.images.a1111 import LANCZOS, SAMPLER_NAMES, SCHEDULE_NAMES, UPSCALER_NAMES, upscaler_name
from sdjp.options.names import own_names
from sdjp.samplers import ALIASES, SPACINGS, get_sampler
from sdjp.samplers.names import AUTOMATIC, plain


class Scheduler(NamedTuple):
    """A spacing under its name in the API.

    Attributes:
        name: What requests call it.
        label: What people are shown.
        spacing: Ours; None is the one that a sampler has of its own.
    """

    name: str
    label: str
    spacing: str | None


_API_NAMES: Final = {
    # What the web UI calls them inside. Its "beta" is that of diffusers, see docs/en/samplers.md.
    "time_uniform": "sgm_uniform",
    "compvis": "ddim",
    "beta_sigmas": "beta",
    "beta": "beta_comfyui",
}
_LABELS: Final = {**SCHEDULE_NAMES, "compvis": "DDIM", "beta": "Beta (ComfyUI)"}

SCHEDULERS: Final = (
    Scheduler("automatic", AUTOMATIC, None),
    *(
        Scheduler(_API_NAMES.get(spacing, spacing), _LABELS.get(spacing, spacing), spacing)
        for spacing in SPACINGS
    ),
)

NO_UPSCALER: Final = "None"
"""The web UI's name for enlarging without a network, as Lanczos does."""


def spacing_of(scheduler: str | None) -> str | None:
    """Our spacing of a scheduler, by its name, its label, or any name that we have for it elsewhere.

    Returns:
        None for "Automatic" in any spelling, and where none is given.

    Raises:
        InputError: If there is no such scheduler.
    """
    given = plain(scheduler or AUTOMATIC)
    for one in SCHEDULERS:
        if given in (plain(one.name), plain(one.label)):
            return one.spacing
    _, spacing = own_names(None, scheduler)
    if spacing not in SPACINGS:
        names = ", ".join(one.label for one in SCHEDULERS)
        raise InputError(
            "scheduler.unknown",
            ja=f"スケジューラー {scheduler!r} は sdjp にありません。使えるもの: {names}",
            en=f"sdjp has no scheduler {scheduler!r}. Allowed: {names}",
        )
    return spacing


def sampler_and_spacing(sampler: str | None, scheduler: str | None) -> tuple[str | None, str | None]:
    """Our names of a sampler and a scheduler; "DPM++ 2M Karras" is both.

    Raises:
        InputError: If one is not there (``sampler.unknown``, ``scheduler.unknown``), or the name of the
            sampler has another scheduler in it.
    """
    own, spacing = own_names(sampler or None, spacing_of(scheduler))
    return None if own is None else get_sampler(own).name, spacing


def sampler_label(sampler: str) -> str:
    """What the web UI calls a sampler of ours."""
    return SAMPLER_NAMES.get(sampler, sampler)


def scheduler_label(spacing: str | None) -> str:
    """What the web UI calls a spacing of ours."""
    return AUTOMATIC if spacing is None else _LABELS.get(spacing, spacing)


def sampler_aliases(sampler: str) -> list[str]:
    """Other names that are understood for a sampler of ours."""
    names = [sampler, *(alias for alias, own in ALIASES.items() if own == sampler)]
    return [name for name in names if name != sampler_label(sampler)]


def own_upscaler(name: str | None, *, field: str) -> str | None:
    """Our name of an upscaler; None is Lanczos.

    Raises:
        InputError: If there is no such upscaler.
    """
    known: dict[str, str | None] = {plain(NO_UPSCALER): None, plain(LANCZOS): None}
    for own in UPSCALER_NAMES:
        known |= {plain(own): own, plain(upscaler_name(own)): own}
    given = plain(name or NO_UPSCALER)
    if given not in known:
        names = ", ".join([NO_UPSCALER, LANCZOS, *map(upscaler_name, UPSCALER_NAMES)])
        raise InputError(
            "upscaler.unknown",
            ja=f"{field}: アップスケーラー {name!r} は sdjp にありません。使えるもの: {names}",
            en=f"{field}: sdjp has no upscaler {name!r}. Allowed: {names}",
        )
    return known[given]
