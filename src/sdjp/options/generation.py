"""The options of one generation, one row each: its default, its rule, its Japanese label, its help.

How to add one:

1. Write its row in :class:`GenerationOptions`: everything about it that is the same everywhere.
2. Give ``Pipeline.generate`` the argument, and its name in :class:`GenerationArguments` for those that pass
   it on.
3. Give the command line a row: ``options.generation("<name>", "--flag")`` in ``cli/options.py``.
4. Say it in docs/ja/api.md and docs/en/api.md.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar, get_args

from sdjp.checks import MAX_LORA_WEIGHT, plain
from sdjp.choices import Fit, MaskRule, TranslateMode
from sdjp.errors import InputError
from sdjp.options.names import SAMPLER_NAMES, SPACING_NAMES, own_names
from sdjp.options.presets import PRESETS, get_preset
from sdjp.options.rules import (
    Choice,
    Interval,
    Pixels,
    Real,
    Registered,
    Rule,
    Several,
    Text,
    Weights,
    Whole,
)
from sdjp.samplers import SAMPLERS, SPACINGS, STRENGTH_RULES

MAX_SIDE: Final = 8192
MAX_PIXELS: Final = MAX_SIDE**2  # of an enlarged picture
MAX_SEED: Final = 2**64 - 1  # what torch takes
ENLARGEMENT: Final = Real(1, 8)

O = TypeVar("O", bound="GenerationOptions")  # noqa: E741  (a type, not a number)


@dataclass(frozen=True, kw_only=True)
class Option:
    """The row of an option: all but its type.

    Attributes:
        rule: What its value may be.
        label: Its name in Japanese, for messages; ``""`` if it has none.
        ja: Its help in Japanese.
        en: And in English.
        default: Its default.
        optional: Whether it may be None, which leaves it to the model or to what else is asked for.
    """

    rule: Rule
    label: str
    ja: str
    en: str
    default: object
    optional: bool


def _row(
    rule: Rule, *, ja: str, en: str, default: object = None, label: str = "", needed: bool = False
) -> Any:
    option = Option(rule=rule, label=label, ja=ja, en=en, default=default, optional=default is None)
    metadata = {"option": option}
    return field(metadata=metadata) if needed else field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class GenerationOptions:
    """All that decides one generation; None stands for the model's own default.

    Each row says what the option is, and what its value may be. Numbers and arrays of numpy become Python's,
    lists become tuples. Nothing is checked on construction: call :func:`check_options` before any heavy work.
    :data:`OPTIONS` has the rows by name, :meth:`schema` gives
    them as JSON Schema.
    """

    prompt: str | tuple[str, ...] | None = _row(
        Several(Text()),
        needed=True,
        ja="描きたいもの。並べると 1 つずつ描く。None ならテキストの状態を渡す",
        en="what to draw; several prompts as a list; None if text states are given instead",
    )
    negative_prompt: str | tuple[str, ...] | None = _row(
        Several(Text()),
        ja="描いてほしくないもの。全部に 1 つか、プロンプトと同じ数",
        en="what should not be there; one for all prompts, or one each",
    )
    height: int | None = _row(Pixels(MAX_SIDE), label="高さ", ja="高さ（ピクセル）", en="height in pixels")
    width: int | None = _row(Pixels(MAX_SIDE), label="幅", ja="幅（ピクセル）", en="width in pixels")
    num_inference_steps: int | None = _row(
        Whole(1, 1000), label="ステップ数", ja="ステップ数（1〜1000）", en="steps, 1 to 1000"
    )
    guidance_scale: float | None = _row(
        Real(0, math.inf),
        label="ガイダンスの強さ",
        ja="ガイダンスの強さ（1 ならガイダンスなし）",
        en="weight of the prompt; 1 is without guidance",
    )
    sampler: str | None = _row(
        Registered(tuple(SAMPLERS), elsewhere=SAMPLER_NAMES),
        ja=f"サンプラー: {', '.join(SAMPLERS)}",
        en=f"sampler: {', '.join(SAMPLERS)}",
    )
    spacing: str | None = _row(
        Registered(tuple(SPACINGS), elsewhere=SPACING_NAMES),
        ja=f"タイムステップの取り方: {', '.join(SPACINGS)}（compvis は元の実装と同じ）",
        en=f"choice of timesteps: {', '.join(SPACINGS)} (compvis: as the original)",
    )
    eta: float | None = _row(
        Real(0, 1),
        ja="ddim が戻すノイズ、tcd の γ（0〜1。省略時は ddim が 0、tcd が 0.3）",
        en="noise that ddim puts back, gamma of tcd, 0 to 1 (0 and 0.3 if left out)",
    )
    noise_multiplier: float | None = _row(
        Real(0, 1.5),
        label="最初のノイズに掛ける数",
        ja="最初のノイズに掛ける数（0〜1.5。省略時は 1、付属のモデルは 0.4）",
        en="what the starting noise is multiplied by, 0 to 1.5 (1 if left out; 0.4 with the embedded model)",
    )
    seed: int | tuple[int, ...] | None = _row(
        Several(Whole(0, MAX_SEED)),
        label="シード",
        ja="シード（同じシードなら同じ絵）。i 枚目は seed + i、並べると 1 枚ずつ",
        en="the same seed gives the same picture; picture i has seed + i, or one each as a list",
    )
    num_images_per_prompt: int = _row(
        Whole(1, 1000),
        default=1,
        label="枚数",
        ja="1 つのプロンプトで描く枚数",
        en="pictures for each prompt",
    )
    strength: float = _row(
        Real(0, 1),
        default=0.75,
        label="元の絵を変える強さ",
        ja="元の絵を変える強さ（0〜1）",
        en="how much of a given picture to replace, 0 to 1",
    )
    translate: TranslateMode = _row(
        Choice(get_args(TranslateMode)),
        default="auto",
        ja="いつ翻訳するか（auto は日本語の部分だけ）",
        en="when to translate (auto: what is Japanese)",
    )
    strength_rule: str = _row(
        Registered(STRENGTH_RULES),
        default="diffusers",
        ja="強さとステップの関係（compvis は元の実装と同じ）",
        en="from strength to steps (compvis: as the original)",
    )
    fit: Fit = _row(
        Choice(get_args(Fit)),
        default="crop",
        ja="元の絵を大きさに合わせる方法: 切る、足す、伸ばす",
        en="how a given picture comes to the size",
    )
    mask_rule: MaskRule = _row(
        Choice(get_args(MaskRule)),
        default="exact",
        ja="マスクの外の保ち方（compvis は元の実装と同じ）",
        en="how the rest of a masked picture is kept (compvis: as the original)",
    )
    paste_back: bool = _row(
        Choice((True, False)),
        default=True,
        ja="マスクの外を元の画素に戻す",
        en="put the pixels outside the mask back",
    )
    feather: int = _row(
        Whole(0, 512),
        default=8,
        label="境目をぼかす幅",
        ja="マスクの境目をなじませる幅（ピクセル）",
        en="pixels over which the edge of the mask fades",
    )
    tile: int | None = _row(
        Pixels(MAX_SIDE),
        label="タイルの一辺",
        ja="大きな絵を描くときのタイルの一辺（ピクセル）",
        en="side of the tiles of large pictures in pixels",
    )
    overlap: int | None = _row(
        Pixels(MAX_SIDE, zero=True),
        label="タイルの重なり",
        ja="タイルどうしの重なり（省略時は一辺の 4 分の 1）",
        en="pixels that tiles share (a quarter of one, if left out)",
    )
    hires: float | None = _row(
        ENLARGEMENT,
        label="拡大の倍率",
        ja="描いた絵を X 倍（1〜8）にして描き込む",
        en="enlarge what is drawn X times, 1 to 8, and redraw it",
    )
    hires_strength: float | None = _row(
        Real(0, 1),
        label="拡大後に描き直す強さ",
        ja="hires で描き込む強さ（0〜1。省略時は 0.4、付属のモデルは 0）",
        en="how much hires replaces, 0 to 1 (0.4 if left out; 0 with the embedded model)",
    )
    upscaler: str | None = _row(
        Text(),
        ja="拡大に使うネットワーク: animevideo（付属）か、ESRGAN の形のファイル（省略時は Lanczos。"
        "付属のモデルは、強さも省略すると animevideo）",
        en="what enlarges: animevideo (it ships), or a file of the kind of ESRGAN (Lanczos, if left out; "
        "with the embedded model animevideo, if the strength is left out, too)",
    )
    loras: Mapping[str, float] | None = _row(
        Weights(MAX_LORA_WEIGHT),
        ja="どのプロンプトにも使う LoRA とその重み（-10〜10）",
        en="LoRAs for every prompt with their weights, -10 to 10",
    )
    clip_skip: int = _row(
        Whole(1, 100),
        default=1,
        label="CLIP の層",
        ja="CLIP のどの層の出力を使うか（1 が最後の層、2 がその 1 つ前）",
        en="which layer of CLIP to take (1: the last one, 2: the one before it)",
    )
    image_prompt_scale: float = _row(
        Real(0, 5),
        default=0.6,
        label="画像プロンプトの強さ",
        ja="画像プロンプトの強さ（0〜5、0 なら使わない）",
        en="weight of the pictures that are prompts, 0 to 5; 0 is without them",
    )
    preset: str | None = _row(
        Registered(tuple(PRESETS)),
        ja=f"設定のセット: {', '.join(PRESETS)}",
        en=f"settings that go together: {', '.join(PRESETS)}",
    )
    guidance_interval: tuple[float, float] | None = _row(
        Interval(),
        label="ガイダンスをかける区間",
        ja="ガイダンスをかける区間（0 が最初、1 が最後。例: 0 0.6）",
        en="guide only this part of the run (0: beginning, 1: end), such as 0 0.6",
    )
    token_merging: float | None = _row(
        Real(0, 0.75),  # of four neighbours one stays
        label="トークンをまとめる割合",
        ja="自己注意の前にまとめるトークンの割合（0〜0.75）",
        en="share of tokens merged before self-attention, 0 to 0.75",
    )
    feature_reuse: int | None = _row(
        Whole(1, 10),
        label="深い部分を使い回す間隔",
        ja="UNet の深い部分を N ステップに 1 度だけ計算する（1〜10）",
        en="compute the deep part of the UNet at every N-th step only, 1 to 10",
    )
    attention: bool = _row(
        Choice((True, False)),
        default=False,
        ja="どの語がどこを描いたかを記録する（絵は変わらない）",
        en="record which word drew what (the picture stays the same)",
    )

    def __post_init__(self) -> None:
        for row in dataclasses.fields(self):
            object.__setattr__(self, row.name, frozen(getattr(self, row.name)))

    def resolve(
        self,
        *,
        height: int,
        width: int,
        num_inference_steps: int,
        guidance_scale: float,
        sampler: str,
        spacing: str | None = None,
        noise_multiplier: float = 1.0,
        upscaler: str | None = None,
    ) -> ResolvedOptions:
        """Fill in the model's defaults wherever None was given."""
        defaults = {
            "height": height,
            "width": width,
            "num_inference_steps": num_inference_steps,
            "guidance_scale": guidance_scale,
            "sampler": sampler,
            "spacing": spacing,
            "noise_multiplier": noise_multiplier,
            "token_merging": 0.0,
            "feature_reuse": 1,
        }
        given = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        chosen = {name: value if given[name] is None else given[name] for name, value in defaults.items()}
        if self.hires is not None and self.hires_strength is None:
            chosen["upscaler"], chosen["hires_strength"] = enlarging(
                self.upscaler, default=upscaler, strength=0.4
            )
        known = SAMPLERS.get(str(chosen["sampler"]))
        if self.eta is None:
            chosen["eta"] = 0.0 if known is None else known.eta
        if known is not None and known.distilled and known.name != sampler:
            chosen["spacing"] = self.spacing
        return ResolvedOptions(**{**given, **chosen})

    def with_own_names(self: O) -> O:
        """Call the sampler and the spacing by our names, where those of other programs were given.

        Raises:
            InputError: If the name of the sampler has another spacing in it than the one that is given.
        """
        sampler, spacing = own_names(self.sampler, self.spacing)
        return dataclasses.replace(self, sampler=sampler, spacing=spacing)

    def with_preset(self: O, *, guidance_scale: float) -> O:
        """Fill in what is None from the preset that is named; what was given stays.

        Args:
            guidance_scale: The model's own, for options that have none: at 1 there is no guidance to limit.

        Returns:
            The same options if they name no preset; else options with no preset, which say all it stands for.

        Raises:
            InputError: If there is no such preset.
        """
        if self.preset is None:
            return self
        values = dataclasses.asdict(get_preset(self.preset))
        scales = (self.guidance_scale, values["guidance_scale"], guidance_scale)
        if next(scale for scale in scales if scale is not None) == 1:
            del values["guidance_interval"]
        if self.sampler not in (None, values["sampler"]):
            del values["eta"]  # it is for that sampler
        chosen = {name: value for name, value in values.items() if getattr(self, name) is None}
        return dataclasses.replace(self, preset=None, **chosen)

    @classmethod
    def schema(cls, *, factor: int = 1) -> dict[str, Any]:
        """The options as a JSON Schema (2020-12) of the object that :meth:`from_json` takes.

        Args:
            factor: Pixels to one latent cell; sizes are multiples of it.
        """
        needed = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": cls.__name__,
            "type": "object",
            "properties": {f.name: _schema_of(f, factor=factor) for f in dataclasses.fields(cls)},
            "required": needed,
            "additionalProperties": False,
        }

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
        return cls(**{name: _number(OPTIONS[name].rule, value) for name, value in data.items()})


@dataclass(frozen=True, kw_only=True)
class ResolvedOptions(GenerationOptions):
    """Options with no size, number of steps, scale, sampler or shortcut left open: what a result carries."""

    height: int = field()
    width: int = field()
    num_inference_steps: int = field()
    guidance_scale: float = field()
    sampler: str = field()
    eta: float = 0.0
    noise_multiplier: float = 1.0
    token_merging: float = 0.0
    feature_reuse: int = 1


OPTIONS: Final[Mapping[str, Option]] = {
    f.name: f.metadata["option"] for f in dataclasses.fields(GenerationOptions)
}
"""The row of each option."""


def check_options(options: GenerationOptions, *, factor: int) -> None:
    """Refuse options that cannot be drawn, before any heavy work; None is left for the model's defaults.

    Whether a sampler, a spacing or a preset of a name exists is for its registry to say.

    Args:
        options: What was asked for.
        factor: Pixels to one latent cell; sizes must be multiples of it.

    Raises:
        InputError: If a value has the wrong type or lies outside its range.
    """
    for name, option in OPTIONS.items():
        value = getattr(options, name)
        if value is not None or not option.optional:
            option.rule.check(name, value, factor=factor, label=option.label)


def checked_steps(steps: int | None, *, default: int) -> int:
    """Return how many steps a run has: ``default``, if None.

    Raises:
        InputError: If it cannot have so many.
    """
    if steps is None:
        return default
    check_option("num_inference_steps", steps)
    return steps


def check_option(name: str, value: object) -> None:
    """Refuse a value of one option, where its rule is the same with every model.

    Raises:
        InputError: If it has the wrong type or lies outside its range.
    """
    option = OPTIONS[name]
    option.rule.check(name, value, factor=1, label=option.label)


def enlarging(upscaler: str | None, *, default: str | None, strength: float) -> tuple[str | None, float]:
    """What enlarges, and how much is redrawn after that, where a caller leaves the latter open.

    Args:
        upscaler: What was asked for.
        default: The upscaler of the model, with which pictures stay as they are.
        strength: How much is redrawn where the model has none.
    """
    return (upscaler, strength) if default is None else (upscaler or default, 0.0)


def check_factor(factor: object) -> None:
    """Refuse a factor that no picture is enlarged by.

    Raises:
        InputError: If it is not a number from 1 to 8.
    """
    ENLARGEMENT.check("factor", factor, factor=1, label=OPTIONS["hires"].label)


def frozen(value: Any) -> Any:
    """A list as a tuple, a mapping as a copy, numpy's numbers and arrays as Python's; anything else as it is,
    for the checks to judge.
    """
    value = plain(value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


def _number(rule: Rule, value: Any) -> Any:
    """A value of JSON, where 8.0 is a whole number, too."""
    if isinstance(rule, Several):
        several = isinstance(value, list)
        return [_number(rule.of, one) for one in value] if several else _number(rule.of, value)
    whole = isinstance(rule, Whole | Pixels) and isinstance(value, float) and value.is_integer()
    return int(value) if whole else value


def _schema_of(row: dataclasses.Field[Any], *, factor: int) -> dict[str, Any]:
    option = OPTIONS[row.name]
    schema = option.rule.schema(factor=factor)
    if option.optional and row.metadata:  # rows of ResolvedOptions leave nothing open
        schema = {"anyOf": [schema, {"type": "null"}]}
    about = {"title": option.label or row.name, "description": f"{option.ja}\n{option.en}"}
    default = {} if row.default is dataclasses.MISSING else {"default": row.default}
    return {**about, **default, **schema}
