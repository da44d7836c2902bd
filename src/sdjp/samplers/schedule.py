"""The noise schedule of training, and the plan of one run through it.

Symbols: T trained timesteps, S steps of a run; alpha_bar_t is Ho et al.'s (2020, arXiv 2006.11239) cumulative
product of 1 - beta, which the DDIM paper calls alpha and diffusers ``alphas_cumprod``; see docs/notation.md.
"""

from __future__ import annotations

import math
import operator
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Final, Literal, get_args

from sdjp.errors import InputError
from sdjp.samplers.spacing import SPACINGS

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from sdjp.config import ScheduleConfig

StrengthRule = Literal["diffusers", "compvis"]
STRENGTH_RULES: Final = get_args(StrengthRule)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The noise that each of the T timesteps carries: sqrt(beta) is linear in t ("scaled linear").

    Attributes:
        num_train_timesteps: T.
        beta_start: beta at t = 0.
        beta_end: beta at t = T - 1.
    """

    num_train_timesteps: int = 1000
    beta_start: float = 0.00085
    beta_end: float = 0.012

    @classmethod
    def from_config(cls, config: ScheduleConfig) -> Schedule:
        """Build the schedule that a model was trained on."""
        return cls(
            num_train_timesteps=config.num_train_timesteps,
            beta_start=config.beta_start,
            beta_end=config.beta_end,
        )

    @cached_property
    def betas(self) -> Tensor:
        """Variance added at each timestep, (T,) float64."""
        import torch

        ends = math.sqrt(self.beta_start), math.sqrt(self.beta_end)
        return torch.linspace(*ends, self.num_train_timesteps, dtype=torch.float64) ** 2

    @cached_property
    def alpha_bar(self) -> Tensor:
        """Share of the picture's variance left at each timestep, (T,) float64, falling."""
        return (1 - self.betas).cumprod(dim=0)

    @cached_property
    def _log_alpha_bar(self) -> list[float]:
        return self.alpha_bar.log().tolist()

    def alpha_bar_at(self, t: float) -> float:
        """Return alpha_bar at ``t`` in 0 … T - 1; between timesteps its logarithm is linear.

        Source: DPM-Solver's treatment of discrete-time models (Lu et al. 2022, arXiv 2206.00927).
        """
        table = self._log_alpha_bar
        low = min(int(t), len(table) - 2)
        return math.exp(table[low] + (t - low) * (table[low + 1] - table[low]))

    def timestep_at(self, alpha_bar: float) -> float:
        """Return the t at which :meth:`alpha_bar_at` gives ``alpha_bar``; 0 or T - 1 where none does."""
        table, log = self._log_alpha_bar, math.log(alpha_bar)
        low = min(max(bisect(table, -log, key=operator.neg) - 1, 0), len(table) - 2)
        t = low + (log - table[low]) / (table[low + 1] - table[low])
        return min(max(t, 0.0), len(table) - 1.0)

    def alpha_sigma(self, t: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sqrt(alpha_bar) and sqrt(1 - alpha_bar) at ``t``, ready to multiply ``x`` with.

        Args:
            t: Timesteps, 0-d or (B,), whole or fractional, 0 to T - 1.
            x: (B, …).

        Returns:
            Two float32 tensors (B, 1, …) on the device of ``x``.
        """
        import torch

        table = _log_alpha_bar_on(self, x.device)
        t = t.to(x.device, torch.float32)
        low = t.long().clamp(max=len(table) - 2)
        log = torch.lerp(table[low], table[low + 1], t - low)
        log = log.expand(x.shape[0]).view(-1, *[1] * (x.dim() - 1))
        return (log / 2).exp(), (-log.expm1()).sqrt()

    def add_noise(self, x0: Tensor, noise: Tensor, t: Tensor | float) -> Tensor:
        """Return x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) noise (Ho et al. 2020, equation 4).

        Args:
            x0: Clean latents (B, …).
            noise: Standard normal, of the same shape.
            t: One timestep for all, or (B,), 0 to T - 1.
        """
        import torch

        alpha, sigma = self.alpha_sigma(torch.as_tensor(t), x0)
        return (alpha * x0 + sigma * noise).to(x0.dtype)

    def timesteps(self, spacing: str, steps: int) -> tuple[float, ...]:
        """Return the timesteps of a run, falling: exactly ``steps`` of them (``"compvis"``: see there).

        Raises:
            InputError: If ``steps`` is not a whole number in 1 … T, or the spacing is unknown or not usable.
        """
        steps = self._check_steps(steps)
        if spacing not in SPACINGS:
            names = ", ".join(SPACINGS)
            raise InputError(
                "spacing.unknown",
                ja=f"タイムステップの間隔 {spacing!r} はありません。使えるもの: {names}",
                en=f"there is no timestep spacing {spacing!r}. Allowed: {names}",
            )
        return tuple(sorted(SPACINGS[spacing](steps, self), reverse=True))

    def plan(self, steps: int, *, spacing: str = "leading", eta: float = 0.0) -> Plan:
        """Plan a run of ``steps`` steps from pure noise.

        Args:
            steps: S, 1 to T.
            spacing: A key of :data:`sdjp.samplers.SPACINGS`.
            eta: Noise that DDIM puts back, 0 (none) to 1 (as much as DDPM); gamma of TCD.

        Raises:
            InputError: If one of them cannot be used.
        """
        timesteps = self.timesteps(spacing, steps)
        if not 0 <= eta <= 1:
            raise InputError(
                "eta.range",
                ja=f"eta には 0 以上 1 以下の数を指定してください（指定: {eta!r}）。",
                en=f"eta must be a number from 0 to 1, not {eta!r}.",
            )
        alpha_bar = tuple(self.alpha_bar_at(t) for t in timesteps)
        return Plan(
            steps=steps,
            timesteps=timesteps,
            alpha_bar=alpha_bar,
            # The original's last step arrives at alpha_bar[0], not at 1 (diffusers: set_alpha_to_one=False).
            alpha_bar_prev=(*alpha_bar[1:], self.alpha_bar_at(0)),
            eta=eta,
            noised_at=timesteps[0],
            schedule=self,
        )

    def _check_steps(self, steps: int) -> int:
        try:
            whole = 0 if isinstance(steps, bool) else operator.index(steps)
        except TypeError:
            whole = 0
        if not 1 <= whole <= self.num_train_timesteps:
            T = self.num_train_timesteps
            raise InputError(
                "steps.range",
                ja=f"ステップ数には 1 から {T} までの整数を指定してください（指定: {steps!r}）。",
                en=f"the number of steps must be a whole number from 1 to {T}, not {steps!r}.",
            )
        return whole


@lru_cache(maxsize=16)
def _log_alpha_bar_on(schedule: Schedule, device: torch.device) -> Tensor:
    # The logarithm keeps both factors exact in float32: 1 - alpha_bar near t = 0 would lose four digits.
    return schedule.alpha_bar.log().float().to(device)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a sampler needs to know of one run; plain numbers, made by :meth:`Schedule.plan`.

    Attributes:
        steps: The S that was asked for.
        timesteps: Falling.
        alpha_bar: alpha_bar at each timestep.
        alpha_bar_prev: alpha_bar where the step from each timestep arrives.
        eta: See :meth:`Schedule.plan`.
        start: Index of the first step to run; those before it are left out (img2img, or a step by hand).
        noised_at: The timestep to which a picture is to be noised before the run; None: not at all.
        schedule: Where the steps are, for samplers that ask between two of them.
    """

    steps: int
    timesteps: tuple[float, ...]
    alpha_bar: tuple[float, ...]
    alpha_bar_prev: tuple[float, ...]
    eta: float = 0.0
    start: int = 0
    noised_at: float | None
    schedule: Schedule = field(repr=False)

    def __len__(self) -> int:
        """Steps that will run."""
        return len(self.timesteps) - self.start

    def moves(self, *, end: float | None = None) -> Iterator[tuple[int, float, float, float]]:
        """Give index (from 0), t, alpha_bar, alpha_bar_prev of each step that will run.

        Args:
            end: The alpha_bar at which the very last step arrives, where a sampler has its own.
        """
        arrivals = self.alpha_bar_prev if end is None else (*self.alpha_bar_prev[:-1], end)
        rows = list(zip(self.timesteps, self.alpha_bar, arrivals, strict=True))[self.start :]
        for index, (t, a, a_prev) in enumerate(rows):
            yield index, t, a, a_prev

    def from_strength(self, strength: float, *, rule: StrengthRule = "diffusers") -> Plan:
        """Plan to start from a picture instead of noise (SDEdit, Meng et al. 2022, arXiv 2108.01073).

        Noise the picture to ``noised_at`` (:meth:`Schedule.add_noise`), then run the plan. Rules:

        * ``"diffusers"``: the last int(S * strength) steps run, from the timestep that the picture was noised
          to. A strength above 0 runs at least one step; 0 runs none and adds no noise.
        * ``"compvis"``: the original noises one timestep deeper than it starts from, may run no step at all,
          and adds noise even then. Where it fails for want of a deeper timestep (S = 50, strength 1), the
          picture is noised to the first.

        Raises:
            InputError: If ``strength`` is not in 0 … 1, or the rule is unknown.
        """
        if not 0 <= strength <= 1:
            raise InputError(
                "strength.range",
                ja=f"strength には 0 以上 1 以下の数を指定してください（指定: {strength!r}）。"
                "0 は元の画像のまま、1 はすべて描き直しです。",
                en="strength must be a number from 0 (keep the picture) to 1 (draw it anew), "
                f"not {strength!r}.",
            )
        if rule not in STRENGTH_RULES:
            names = ", ".join(STRENGTH_RULES)
            raise InputError(
                "strength.rule",
                ja=f"strength の規則 {rule!r} はありません。使えるもの: {names}",
                en=f"there is no strength rule {rule!r}. Allowed: {names}",
            )
        run = int(strength * self.steps)
        if rule == "diffusers" and strength > 0:
            run = max(run, 1)
        start = len(self.timesteps) - run
        if rule == "compvis":
            return replace(self, start=start, noised_at=self.timesteps[max(start - 1, 0)])
        return replace(self, start=start, noised_at=self.timesteps[start] if run else None)
