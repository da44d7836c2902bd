"""The axis legend, and the records that travel between the parts.

Shapes in comments and docstrings use one set of letters::

    B batch    C channels    H W pixels    h w latent cells    L tokens    D width    K heads

Every record is frozen and turns into plain JSON data with ``to_json()``.
"""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeGuard, TypeVar, get_args

from sdjp.errors import InputError, Language, get_language

TranslateMode = Literal["auto", "always", "never"]
Fit = Literal["crop", "pad", "stretch"]
MaskRule = Literal["exact", "compvis"]
Status = Literal["done", "skipped", "off", "unavailable", "failed"]

MAX_STEPS: Final = 1000
MAX_COUNT: Final = 1000
MAX_SEED: Final = 2**63 - 1
MAX_ENLARGEMENT: Final = 8
MAX_LORA_WEIGHT: Final = 10.0
MAX_FEATHER: Final = 512
MAX_TOKEN_MERGING: Final = 0.75  # of four neighbours one stays
MAX_FEATURE_REUSE: Final = 10
MAX_SIDE: Final = 8192
MAX_PIXELS: Final = MAX_SIDE**2  # of an enlarged picture

O = TypeVar("O", bound="GenerationOptions")  # noqa: E741  (a type, not a number)


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """All that decides one generation; None stands for the model's own default.

    Nothing is checked on construction: call :func:`check_options` before any heavy work.

    Attributes:
        prompt: What was typed; several prompts as a tuple; None if text states were given instead.
        negative_prompt: What should not be in the picture; one for all prompts, or a tuple with one each.
        height: Pixels.
        width: Pixels.
        num_inference_steps: S, 1 to 1000.
        guidance_scale: Weight of the prompt, finite and not negative; 1 is without guidance.
        sampler: A name in ``sdjp.samplers.SAMPLERS``.
        spacing: A name in ``sdjp.samplers.SPACINGS``.
        eta: Noise that DDIM puts back, 0 to 1.
        seed: Picture i has seed + i; or a tuple with the seed of each picture.
        num_images_per_prompt: 1 to 1000.
        strength: Share of a given picture to redraw, 0 to 1.
        translate: ``"auto"`` (what is Japanese), ``"always"`` or ``"never"``.
        strength_rule: A name in ``sdjp.samplers.STRENGTH_RULES``.
        fit: How a given picture comes to the size; see ``sdjp.images.fit_picture``.
        mask_rule: How the latents outside a mask are kept; see ``sdjp.samplers.inpaint``.
        paste_back: Whether the pixels outside a mask are the given picture's own.
        feather: Pixels within which they go over into what was drawn, 0 to 512.
        tile: Side of the tiles in which latents are denoised, in pixels; None: the whole picture at once.
        overlap: Pixels that neighbouring tiles share; a quarter of a tile, if None.
        hires: Draw, then enlarge so many times and redraw, 1 to 8; None: do not.
        hires_strength: Share that is redrawn then, 0 to 1.
        loras: LoRAs by name with their weights, -10 to 10, beside those in the prompt.
        preset: A name in ``sdjp.generation.presets.PRESETS``, whose values stand in for what is None.
        guidance_interval: Guide only the steps that meet this part of the run, from 0 (its beginning) to 1;
            None: all.
        token_merging: Share of the tokens merged before self-attention, 0 (the default) to 0.75.
        feature_reuse: Compute the deep part of the UNet at every n-th step only, 1 (the default) to 10.
    """

    prompt: str | tuple[str, ...] | None
    negative_prompt: str | tuple[str, ...] | None = None
    height: int | None = None
    width: int | None = None
    num_inference_steps: int | None = None
    guidance_scale: float | None = None
    sampler: str | None = None
    spacing: str | None = None
    eta: float = 0.0
    seed: int | tuple[int, ...] | None = None
    num_images_per_prompt: int = 1
    strength: float = 0.75
    translate: TranslateMode = "auto"
    strength_rule: str = "diffusers"
    fit: Fit = "crop"
    mask_rule: MaskRule = "exact"
    paste_back: bool = True
    feather: int = 8
    tile: int | None = None
    overlap: int | None = None
    hires: float | None = None
    hires_strength: float = 0.4
    loras: Mapping[str, float] | None = None
    preset: str | None = None
    guidance_interval: tuple[float, float] | None = None
    token_merging: float | None = None
    feature_reuse: int | None = None

    def resolve(
        self, *, height: int, width: int, num_inference_steps: int, guidance_scale: float, sampler: str
    ) -> ResolvedOptions:
        """Fill in the model's defaults wherever None was given."""
        defaults = {
            "height": height,
            "width": width,
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "sampler": sampler,
            "token_merging": 0.0,
            "feature_reuse": 1,
        }
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        chosen = {name: value if given[name] is None else given[name] for name, value in defaults.items()}
        return ResolvedOptions(**{**given, **chosen})

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON data."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls: type[O], data: Mapping[str, Any]) -> O:
        """Build the options from the JSON data that :meth:`to_json` gave.

        Raises:
            InputError: If it is no object, a key is unknown, or one that is needed is missing. Values are for
                :func:`check_options` to judge.
        """
        if not isinstance(data, Mapping):
            raise InputError(
                "options.type",
                ja="生成の設定は JSON のオブジェクトで指定してください"
                f"（{type(data).__name__} が渡されました）。",
                en=f"the options must be a JSON object, not {type(data).__name__}.",
            )
        fields = dataclasses.fields(cls)
        unknown = sorted(set(data) - {f.name for f in fields})
        if unknown:
            names, allowed = ", ".join(unknown), ", ".join(sorted(f.name for f in fields))
            raise InputError(
                "options.unknown_key",
                ja=f"生成の設定に知らない項目があります: {names}。使える項目: {allowed}",
                en=f"unknown keys in the options: {names}. Allowed: {allowed}",
            )
        missing = [f.name for f in fields if f.default is dataclasses.MISSING and f.name not in data]
        if missing:
            names = ", ".join(missing)
            raise InputError(
                "options.missing_key",
                ja=f"生成の設定に必要な項目がありません: {names}",
                en=f"keys missing in the options: {names}",
            )
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class ResolvedOptions(GenerationOptions):
    """Options with no size, number of steps, scale, sampler or shortcut left open: what a result carries."""

    height: int = field()
    width: int = field()
    num_inference_steps: int = field()
    guidance_scale: float = field()
    sampler: str = field()
    token_merging: float = 0.0
    feature_reuse: int = 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """One stretch of a prompt and what became of it.

    Attributes:
        source: The stretch, normalized.
        english: What it became; ``""`` where it only carries grammar.
        how: What produced it: ``"lexicon"``, ``"copied"``, ``"romaji"`` …
    """

    source: str
    english: str
    how: str


@dataclass(frozen=True, kw_only=True)
class PromptInfo:
    """The way a prompt took from the keyboard to the tokens.

    Attributes:
        source: What was typed.
        normalized: The same after normalization.
        english: What the text encoder read.
        tokens: Tokens of the whole English prompt, without start and end.
        truncated: The text that found no room; ``""`` if all of it did.
        parts: How each part was translated, in order.
        unknown: What was not understood (it is still in ``english``, spelt out or copied).
        chunks: Chunks of tokens that were encoded.
        loras: LoRAs that it is drawn with, each with its weight.
        embeddings: Names in it that stand for vectors of their own (textual inversion).
        ignored: Tags in it that ask for nothing sdjp has.
        neighbours: English words that the model has never seen, each with what stands for it in ``english``;
            with ``""`` where nothing does, and the word is still there.
        read: What an adapter made of it, as far as that can be said in English words; ``""`` without one.
    """

    source: str
    normalized: str
    english: str
    tokens: int
    truncated: str = ""
    parts: tuple[Part, ...] = ()
    unknown: tuple[str, ...] = ()
    chunks: int = 1
    loras: tuple[tuple[str, float], ...] = ()
    embeddings: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    neighbours: tuple[tuple[str, str], ...] = ()
    read: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what ``sdjp explain --json`` prints."""
        return {
            "source": self.source,
            "normalized": self.normalized,
            "english": self.english,
            "tokens": self.tokens,
            "truncated": self.truncated != "",
            "truncated_text": self.truncated,
            "parts": [dataclasses.asdict(part) for part in self.parts],
            "unknown": list(self.unknown),
            "loras": dict(self.loras),
            "embeddings": list(self.embeddings),
            "ignored": list(self.ignored),
            "neighbours": dict(self.neighbours),
            "read": self.read,
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """What one post-processor did to one picture.

    Attributes:
        name: The name of the post-processor.
        status: ``"done"``; ``"skipped"`` (this picture cannot take it); ``"off"`` (switched off);
            ``"unavailable"`` (what it needs is not there); ``"failed"`` (an error; the picture is as it was).
        ja: The same in a Japanese sentence.
        en: And in an English one.
        data: Figures, as JSON data.
    """

    name: str
    status: Status
    ja: str
    en: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def message(self, language: Language | None = None) -> str:
        """Return the sentence in ``language``, or in the one that errors use."""
        return self.en if (language or get_language()) == "en" else self.ja

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What pictures were drawn with, beside their options: to draw them again exactly.

    Attributes:
        version: The version of sdjp.
        device: Such as ``"cpu"`` or ``"cuda:0"``.
        dtype: Dtype of the networks, such as ``"float32"``.
        ema: Whether averaged weights of a full checkpoint were taken.
        translator: The registry name of the translator.
        engine: The registry name of the engine.
        memory: What was done for less memory, as ``from_pretrained`` takes it.
    """

    version: str
    device: str
    dtype: str
    ema: bool
    translator: str
    engine: str = "eager"
    memory: str = "normal"

    def to_json(self) -> dict[str, Any]:
        """Return the record as plain JSON data."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Timings:
    """Seconds spent in each stage."""

    load: float = 0.0
    encode: float = 0.0
    sample: float = 0.0
    decode: float = 0.0
    postprocess: float = 0.0

    @property
    def total(self) -> float:
        """All stages together."""
        return self.load + self.encode + self.sample + self.decode + self.postprocess

    def __add__(self, other: Timings) -> Timings:
        return Timings(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in dataclasses.fields(self)}
        )

    def to_json(self) -> dict[str, float]:
        """Return the seconds by stage, ``total`` included."""
        return {**dataclasses.asdict(self), "total": self.total}


_JAPANESE: Final[Mapping[str, str]] = {
    "height": "高さ",
    "width": "幅",
    "num_inference_steps": "ステップ数",
    "guidance_scale": "ガイダンスの強さ",
    "seed": "シード",
    "num_images_per_prompt": "枚数",
    "n_samples": "枚数",
    "n_rows": "一覧の横に並べる枚数",
    "strength": "元の絵を変える強さ",
    "n_iter": "繰り返しの回数",
    "batch_size": "一度に描く枚数",
    "feather": "境目をぼかす幅",
    "tile": "タイルの一辺",
    "overlap": "タイルの重なり",
    "hires": "拡大の倍率",
    "hires_strength": "拡大後に描き直す強さ",
    "factor": "拡大の倍率",
    "token_merging": "トークンをまとめる割合",
    "feature_reuse": "深い部分を使い回す間隔",
}


def check_options(options: GenerationOptions, *, factor: int) -> None:
    """Refuse options that cannot be drawn, before any heavy work; None is left for the model's defaults.

    Whether the sampler and the spacing exist is for ``sdjp.samplers`` to say.

    Args:
        options: What was asked for.
        factor: Pixels to one latent cell; sizes must be multiples of it.

    Raises:
        InputError: If a value has the wrong type or lies outside its range.
    """
    _check_texts("prompt", options.prompt)
    _check_texts("negative_prompt", options.negative_prompt)
    for name, size in (("height", options.height), ("width", options.width)):
        if size is not None:
            _check_size(name, size, factor)
    if options.num_inference_steps is not None:
        _check_whole("num_inference_steps", options.num_inference_steps, 1, MAX_STEPS)
    if options.guidance_scale is not None:
        _check_real("guidance_scale", options.guidance_scale, math.inf)
    _check_real("eta", options.eta, 1)
    _check_real("strength", options.strength, 1)
    for seed in _each(options.seed):
        _check_whole("seed", seed, 0, MAX_SEED)
    check_count(options.num_images_per_prompt, "num_images_per_prompt")
    _check_choice("translate", options.translate, get_args(TranslateMode))
    _check_choice("fit", options.fit, get_args(Fit))
    _check_choice("mask_rule", options.mask_rule, get_args(MaskRule))
    _check_choice("paste_back", options.paste_back, (True, False))
    _check_whole("feather", options.feather, 0, MAX_FEATHER)
    if options.tile is not None:
        _check_size("tile", options.tile, factor)
    if options.overlap is not None and not (_is_whole(options.overlap) and options.overlap == 0):
        _check_size("overlap", options.overlap, factor)
    if options.hires is not None:
        check_enlargement("hires", options.hires)
    _check_real("hires_strength", options.hires_strength, 1)
    _check_loras(options.loras)
    if options.guidance_interval is not None:
        _check_interval(options.guidance_interval)
    if options.token_merging is not None:
        _check_real("token_merging", options.token_merging, MAX_TOKEN_MERGING)
    if options.feature_reuse is not None:
        _check_whole("feature_reuse", options.feature_reuse, 1, MAX_FEATURE_REUSE)


def _check_interval(interval: object) -> None:
    fits = (
        isinstance(interval, tuple)
        and len(interval) == 2
        and all(isinstance(end, int | float) and not isinstance(end, bool) for end in interval)
        and 0 <= interval[0] < interval[1] <= 1
    )
    if not fits:
        raise InputError(
            "guidance_interval.range",
            ja="ガイダンスをかける区間（guidance_interval）は、(0, 0.6) のように、0 から 1 までの 2 つの数を"
            f"小さい順に指定してください（指定された値: {_show(interval)}）。",
            en="guidance_interval must be two rising numbers from 0 to 1, such as (0, 0.6), "
            f"not {_show(interval)}.",
        )


def _check_loras(loras: object) -> None:
    fits = loras is None or (
        isinstance(loras, Mapping)
        and all(isinstance(name, str) and name.strip() for name in loras)
        and all(
            isinstance(w, int | float) and not isinstance(w, bool) and abs(w) <= MAX_LORA_WEIGHT
            for w in loras.values()
        )
    )
    if not fits:
        raise InputError(
            "loras.value",
            ja=f"loras は {{'名前': 0.8}} の形で、重みは -{MAX_LORA_WEIGHT:g} から {MAX_LORA_WEIGHT:g} の数に"
            f"してください（指定された値: {_show(loras)}）。",
            en="loras must be a mapping such as {'name': 0.8} with weights from "
            f"-{MAX_LORA_WEIGHT:g} to {MAX_LORA_WEIGHT:g}, not {_show(loras)}.",
        )


def check_count(value: int, name: str) -> None:
    """Refuse a number of things that is not a whole number from 1 to 1000.

    Raises:
        InputError: If it is not; ``name`` is what the message calls it.
    """
    _check_whole(name, value, 1, MAX_COUNT)


def check_enlargement(name: str, value: object) -> None:
    """Refuse a factor of enlargement that is not from 1 to 8.

    Raises:
        InputError: If it is not; ``name`` is what the message calls it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= MAX_ENLARGEMENT:
        raise InputError(
            f"{name}.range",
            ja=f"{_label(name)}は、1 から {MAX_ENLARGEMENT} までの数で指定してください"
            f"（指定された値: {_show(value)}）。",
            en=f"{name} must be a number from 1 to {MAX_ENLARGEMENT}, not {_show(value)}.",
        )


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if not any(type(value) is type(a) and value == a for a in allowed):
        values = ", ".join(map(repr, allowed))
        raise InputError(
            f"{name}.unknown",
            ja=f"{name} に {_show(value)} は使えません。使える値: {values}",
            en=f"{name} cannot be {_show(value)}. Allowed: {values}",
        )


def _check_texts(name: str, value: object) -> None:
    for text in _each(value):
        if not isinstance(text, str):
            raise InputError(
                f"{name}.type",
                ja=f"{name} は文字列で指定してください（{type(text).__name__} が渡されました）。",
                en=f"{name} must be a string, not {type(text).__name__}.",
            )


def _check_size(name: str, value: object, factor: int) -> None:
    if not _is_whole(value) or not 0 < value <= MAX_SIDE:
        ja, en = (f"、{factor} の倍数", f", a multiple of {factor}") if factor > 1 else ("", "")
        raise InputError(
            "size.large" if _is_whole(value) and value > 0 else "size.positive",
            ja=f"{_label(name)}は、{factor} から {MAX_SIDE} までの整数（ピクセル{ja}）で"
            f"指定してください（指定された値: {_show(value)}）。",
            en=f"{name} must be from {factor} to {MAX_SIDE} pixels{en}, not {_show(value)}.",
        )
    if value % factor != 0:
        low = max(value // factor, 1) * factor
        nearest = _show(low), _show(low + factor)
        raise InputError(
            "size.multiple",
            ja=f"{_label(name)} {_show(value)} は {factor} の倍数ではありません。"
            f"近い値は {nearest[0]} と {nearest[1]} です。",
            en=f"{name} {_show(value)} is not a multiple of {factor}. "
            f"The nearest are {nearest[0]} and {nearest[1]}.",
        )


def _check_whole(name: str, value: object, low: int, high: int) -> None:
    if not _is_whole(value) or not low <= value <= high:
        raise InputError(
            f"{name}.range",
            ja=f"{_label(name)}は、{low} から {high} までの整数で指定してください"
            f"（指定された値: {_show(value)}）。",
            en=f"{name} must be a whole number from {low} to {high}, not {_show(value)}.",
        )


def _check_real(name: str, value: object, high: float) -> None:
    """Refuse what is not a finite number from 0 to ``high``; NaN is in no range."""
    limit = min(high, sys.float_info.max)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= limit:
        ja, en = ("0 以上の有限の数", "finite and at least 0")
        if math.isfinite(high):
            ja, en = (f"0 から {high:g} までの数", f"a number from 0 to {high:g}")
        raise InputError(
            f"{name}.range",
            ja=f"{_label(name)}は、{ja}で指定してください（指定された値: {_show(value)}）。",
            en=f"{name} must be {en}, not {_show(value)}.",
        )


def _each(value: object) -> tuple[object, ...]:
    """One value, several in a tuple, or none."""
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _label(name: str) -> str:
    return f"{_JAPANESE[name]}（{name}）" if name in _JAPANESE else f"{name} "


def _show(value: object) -> str:
    """A value as it fits into a sentence; Python refuses to write very long integers in decimal."""
    text = hex(value) if isinstance(value, int) and value.bit_length() > 64 else repr(value)
    return text if len(text) <= 40 else text[:39] + "…"
