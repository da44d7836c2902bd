"""Samplers: from noise to latents, given any callable that predicts the noise.

::

    schedule = Schedule.from_config(model.config.schedule)
    sampler = get_sampler("plms")
    plan = sampler.plan(schedule, 50)
    denoise = classifier_free(unet, cond, uncond, 7.5)
    for step in sampler(denoise, x_T, plan, noise):
        show(step.x0)

How to add one:

1. Write ``<name>.py`` here: one generator function ``(denoise, x_T, plan, noise) -> Iterator[Step]`` (see
   ``base.py``), with its paper and equations in the docstring. ``euler.py`` is a short example.
2. Add one line to :data:`SAMPLERS` below, and to :data:`ALIASES` in ``names.py`` the names it has elsewhere.
   The line says what differs from one call of the model a step (``evaluations_per_step``,
   ``extra_evaluations``), and whether it draws noise.
3. Add it to the tables of docs/ja/samplers.md and docs/en/samplers.md, with its calls of the model.
4. Run ``pytest tests/contract/test_samplers.py tests/property/test_sampler_properties.py``: they find it by
   themselves.
5. Where another implementation exists, step it side by side in ``tests/parity/test_samplers_diffusers.py``.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Final

from sdjp.errors import InputError
from sdjp.samplers.base import Sampler, Step
from sdjp.samplers.ddim import ddim
from sdjp.samplers.dpm_solver import dpm_solver
from sdjp.samplers.dpmpp_2m import dpmpp_2m
from sdjp.samplers.dpmpp_2m_sde import dpmpp_2m_sde
from sdjp.samplers.dpmpp_sde import dpmpp_sde
from sdjp.samplers.euler import euler
from sdjp.samplers.euler_a import euler_a
from sdjp.samplers.guidance import classifier_free, composable, eps_from_v
from sdjp.samplers.heun import heun
from sdjp.samplers.inpaint import beside, keep_known, renew_known
from sdjp.samplers.lcm import lcm
from sdjp.samplers.names import ALIASES, SPACING_ALIASES, by_plain_name, plain
from sdjp.samplers.plms import plms
from sdjp.samplers.schedule import STRENGTH_RULES, Plan, Schedule
from sdjp.samplers.spacing import SPACINGS
from sdjp.samplers.tcd import tcd
from sdjp.samplers.tiles import tiled
from sdjp.samplers.unipc import unipc

__all__ = [
    "ALIASES",
    "SAMPLERS",
    "SPACINGS",
    "SPACING_ALIASES",
    "STRENGTH_RULES",
    "Plan",
    "Sampler",
    "Schedule",
    "Step",
    "beside",
    "classifier_free",
    "composable",
    "eps_from_v",
    "get_sampler",
    "keep_known",
    "renew_known",
    "tiled",
]

SAMPLERS: Final[Mapping[str, Sampler]] = {
    "ddim": Sampler(name="ddim", function=ddim, takes_eta=True),
    "plms": Sampler(name="plms", function=plms, extra_evaluations=1),
    "dpm_solver": Sampler(name="dpm_solver", function=dpm_solver, spacing="time_uniform"),
    "dpm++_2m": Sampler(name="dpm++_2m", function=dpmpp_2m),
    "euler": Sampler(name="euler", function=euler),
    "euler_a": Sampler(name="euler_a", function=euler_a, stochastic=True),
    "heun": Sampler(name="heun", function=heun, evaluations_per_step=2, extra_evaluations=-1),
    "dpm++_2m_sde": Sampler(name="dpm++_2m_sde", function=dpmpp_2m_sde, stochastic=True),
    "dpm++_sde": Sampler(
        name="dpm++_sde",
        function=dpmpp_sde,
        stochastic=True,
        evaluations_per_step=2,
        extra_evaluations=-1,
    ),
    "unipc": Sampler(name="unipc", function=unipc),
    "lcm": Sampler(name="lcm", function=lcm, spacing="lcm", stochastic=True, distilled=True),
    "tcd": Sampler(name="tcd", function=tcd, spacing="lcm", takes_eta=True, eta=0.3, distilled=True),
}


def get_sampler(name: str) -> Sampler:
    """Look a sampler up by its name here or elsewhere: ``"dpm++_2m"``, ``"DPM++ 2M"``, ``"k_dpmpp_2m"`` …

    Raises:
        InputError: If there is none; the message lists those that exist.
    """
    given = plain(name) if isinstance(name, str) else ""
    known = by_plain_name(SAMPLERS, ALIASES)
    if given not in known:
        names = ", ".join(SAMPLERS)
        near = difflib.get_close_matches(given, known, n=1)
        ja, en = (f"もしかして: {known[near[0]]}。", f" Did you mean {known[near[0]]}?") if near else ("", "")
        raise InputError(
            "sampler.unknown",
            ja=f"サンプラー {name!r} はありません。{ja}使えるもの: {names}",
            en=f"there is no sampler {name!r}.{en} Allowed: {names}",
        )
    return SAMPLERS[known[given]]
