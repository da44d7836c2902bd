"""The safety checker: finds pictures that many people would not want to see, and says so or hides them.

A picture is compared with concepts (:mod:`sdjp.models.safety_checker`). What follows is the original's rule
(CompVis; diffusers 0.3): a score is the cosine less the concept's threshold, rounded to three decimals; a
picture is flagged if the score of any concept is above 0. A special concept above 0 makes the checker
stricter by 0.01 from there on; by itself it flags nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, get_args

from sdjp.checks import is_real, plain
from sdjp.choices import SafetyMode
from sdjp.errors import LANGUAGES, InputError, NonFiniteError
from sdjp.postprocess.base import PostProcessor
from sdjp.records import Report, Status

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.models.safety_checker import SafetyChecker

SAFETY_MODES: Final = get_args(SafetyMode)

SPECIAL_ADJUSTMENT: Final = 0.01
"""How much stricter the checker becomes when a special concept is in the picture."""
BLUR: Final = 1 / 12
"""Radius of the blur, as a share of the shorter side."""

_DONE: Final[Mapping[str, tuple[str, str]]] = {
    "none": ("画像はそのまま残しています。", "The picture is left as it is."),
    "blur": (
        "画像をぼかしました。同じシードと safety='flag' で、元の画像を描き直せます。",
        "It was blurred. The same seed with safety='flag' draws it again.",
    ),
    "black": (
        "画像を黒く塗りつぶしました。同じシードと safety='flag' で、元の画像を描き直せます。",
        "It was blackened. The same seed with safety='flag' draws it again.",
    ),
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict of the checker on one picture.

    Attributes:
        scores: Of each concept, rounded; above 0 it is in the picture.
        special: Of each special concept, likewise.
    """

    scores: tuple[float, ...]
    special: tuple[float, ...]

    @property
    def concepts(self) -> tuple[int, ...]:
        """The concepts in the picture, counted from 0."""
        return tuple(i for i, score in enumerate(self.scores) if score > 0)

    @property
    def flagged(self) -> bool:
        """Whether any is."""
        return bool(self.concepts)


def judge(
    concepts: Sequence[float],
    special: Sequence[float],
    *,
    concept_thresholds: Sequence[float],
    special_thresholds: Sequence[float],
    adjustment: float = 0.0,
) -> Verdict:
    """Turn the cosines of one picture into a verdict.

    Args:
        concepts: Cosine with each concept.
        special: Cosine with each special concept.
        concept_thresholds: As many as there are concepts.
        special_thresholds: As many as there are special concepts.
        adjustment: Added to every score: above 0 is stricter.

    Raises:
        NonFiniteError: If a cosine or a threshold is NaN or infinite: no comparison with it means anything.
    """
    if not all(map(math.isfinite, (*concepts, *special, *concept_thresholds, *special_thresholds))):
        raise NonFiniteError(
            "nan.safety",
            ja="安全性チェッカーの計算で数値があふれたため、この画像は判定できません。"
            "チェッカーの重みが壊れている可能性があります。",
            en="the safety checker gave NaN: it cannot judge this picture. Its weights are probably damaged.",
        )
    special_scores = []
    extra = 0.0
    for cosine, threshold in zip(special, special_thresholds, strict=True):
        special_scores.append(round(cosine - threshold + adjustment + extra, 3))
        if special_scores[-1] > 0:
            extra = SPECIAL_ADJUSTMENT  # for those that follow; never twice
    scores = (
        round(cosine - threshold + adjustment + extra, 3)
        for cosine, threshold in zip(concepts, concept_thresholds, strict=True)
    )
    return Verdict(scores=tuple(scores), special=tuple(special_scores))


@dataclass(frozen=True, kw_only=True)
class SafetyCheck:
    """Looks at each picture by itself; flags, blurs or blackens what the checker finds.

    What cannot be checked (there is no checker, or it fails) is hidden too where the mode hides pictures: who
    asks for that must not see one that nobody looked at. The picture that is hidden is not kept. The report
    says what was done; the same seed with the mode ``"flag"`` draws it again, and the last latents of a
    result are those of the picture itself.

    Attributes:
        mode: What becomes of flagged pictures: ``"flag"`` only says so, ``"blur"`` and ``"black"`` hide
            them; ``"off"`` looks at none.
        adjustment: Added to every score, -1 to 1: above 0 is stricter.
        checker: The network; None if there is none, which every report then says.

    Raises:
        InputError: If the mode or the adjustment is another.
    """

    mode: SafetyMode = "flag"
    adjustment: float = 0.0
    checker: SafetyChecker | None = None

    def __post_init__(self) -> None:
        _check_mode(self.mode)
        object.__setattr__(self, "adjustment", plain(self.adjustment))
        _check_adjustment(self.adjustment)

    @property
    def name(self) -> str:
        """The registry name."""
        return "safety"

    def __call__(self, images: list[Image], /) -> tuple[list[Image], list[Report]]:
        """Check each picture; the report's ``data`` tells ``checked``, ``flagged`` and all scores."""
        results = [self._one(image) for image in images]
        return [image for image, _ in results], [report for _, report in results]

    def _one(self, image: Image) -> tuple[Image, Report]:
        if self.mode == "off":
            return image, self._off()
        if self.checker is None:
            return self._unchecked(
                image,
                "unavailable",
                ja="このモデルには安全性チェッカーが入っていないため、この画像は確認されていません。",
                en="no safety checker is installed for this model: this picture was not checked.",
            )
        try:
            verdict = self.look(image)
        except Exception as error:  # whatever it is: a picture that nobody looked at is not to be shown
            ja, en = (getattr(error, lang, None) or str(error) or type(error).__name__ for lang in LANGUAGES)
            return self._unchecked(
                image,
                "failed",
                ja=f"安全性チェックでエラーが起きたため、この画像は確認されていません: {ja}",
                en=f"the safety check failed: this picture was not checked: {en}",
                error=type(error).__name__,
            )
        return self._treat(image, verdict)

    def look(self, image: Image) -> Verdict:
        """Judge one RGB picture.

        Raises:
            ValueError: If there is no checker.
            NonFiniteError: If it gives NaN, or has NaN among its thresholds.
        """
        import torch

        from sdjp.images import clip_pixels

        if self.checker is None:
            raise ValueError("there is no safety checker to look with")
        checker = self.checker
        with torch.inference_mode():
            pixels = torch.from_numpy(clip_pixels(image, checker.image_size))[None]
            cosines = checker(pixels.to(checker.concepts.device, checker.concepts.dtype))
        return judge(
            cosines.concepts[0].tolist(),
            cosines.special[0].tolist(),
            concept_thresholds=checker.concept_thresholds.tolist(),
            special_thresholds=checker.special_thresholds.tolist(),
            adjustment=self.adjustment,
        )

    def _treat(self, image: Image, verdict: Verdict) -> tuple[Image, Report]:
        """The picture as the mode has it, and what is to be told."""
        assert self.checker is not None
        names = self.checker.concept_names
        found: list[dict[str, Any]] = [
            {"index": i, "ja": names[i].ja, "en": names[i].en, "score": verdict.scores[i]}
            for i in verdict.concepts
        ]
        action = self.mode if verdict.flagged and self.mode != "flag" else "none"
        data: dict[str, Any] = {
            "checked": True,
            "flagged": verdict.flagged,
            "mode": self.mode,
            "action": action,
            "adjustment": self.adjustment,
            "scores": list(verdict.scores),
            "special": list(verdict.special),
            "concepts": found,
        }
        if not verdict.flagged:
            ja = "安全性チェッカーは、この画像に問題を見つけませんでした。"
            en = "the safety checker found nothing in this picture."
            return image, Report(name=self.name, status="done", ja=ja, en=en, data=data)
        ja_names = "、".join(c["ja"] or f"概念 {c['index']}" for c in found)
        en_names = ", ".join(c["en"] or f"concept {c['index']}" for c in found)
        done = _DONE[action]
        report = Report(
            name=self.name,
            status="done",
            ja=f"安全性チェッカーが、見せたくないかもしれないものを見つけました（{ja_names}）。{done[0]}",
            en=f"the safety checker found what may not be fit to be shown ({en_names}). {done[1]}",
            data=data,
        )
        return _hidden(image, action), report

    def _off(self) -> Report:
        return Report(
            name=self.name,
            status="off",
            ja="安全性チェックはオフです。この画像は確認されていません。",
            en="the safety check is off: this picture was not checked.",
            data={"checked": False},
        )

    def _unchecked(
        self, image: Image, status: Status, *, ja: str, en: str, **data: str
    ) -> tuple[Image, Report]:
        """What becomes of a picture that cannot be checked, and why it could not."""
        action = "none" if self.mode == "flag" else self.mode
        done = _DONE[action] if action != "none" else ("", "")
        report = Report(
            name=self.name,
            status=status,
            ja=ja + done[0],
            en=f"{en} {done[1]}".rstrip(),
            data={"checked": False, "mode": self.mode, "action": action, **data},
        )
        return _hidden(image, action), report


def make_safety(value: SafetyMode | SafetyCheck) -> SafetyCheck:
    """Turn the switch into a post-processor.

    Args:
        value: A mode, or a :class:`SafetyCheck` with a checker and an adjustment.

    Raises:
        InputError: If it is something else.
    """
    return value if isinstance(value, SafetyCheck) else SafetyCheck(mode=value)


def with_checker(
    processors: Sequence[PostProcessor], checker: SafetyChecker | None
) -> tuple[PostProcessor, ...]:
    """Give the safety check among ``processors`` its network."""
    return tuple(replace(p, checker=checker) if isinstance(p, SafetyCheck) else p for p in processors)


def _hidden(image: Image, action: str) -> Image:
    from PIL import Image as PILImage
    from PIL import ImageFilter

    if action == "black":
        return PILImage.new(image.mode, image.size)
    if action == "blur":
        return image.filter(ImageFilter.GaussianBlur(max(1.0, min(image.size) * BLUR)))
    return image


def _check_mode(mode: object) -> None:
    if not isinstance(mode, str) or mode not in SAFETY_MODES:
        allowed = ", ".join(map(repr, SAFETY_MODES))
        raise InputError(
            "safety.unknown",
            ja=f"safety に {mode!r} は使えません。使える値: {allowed}",
            en=f"safety cannot be {mode!r}. Allowed: {allowed}",
        )


def _check_adjustment(value: object) -> None:
    if not is_real(value) or not -1 <= value <= 1:
        raise InputError(
            "safety.adjustment",
            ja="安全性チェックの調整値（safety_adjustment）は -1 から 1 までの数で指定してください"
            f"（指定された値: {value!r}）。大きいほど厳しくなります。",
            en=f"safety_adjustment must be a number from -1 to 1, not {value!r}; larger is stricter.",
        )
