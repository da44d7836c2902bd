"""The fields of the web UI's requests: read with the types that it gives them, and what sdjp does not have.

Clients send many fields by rote, with the web UI's own defaults in them. What has no meaning in sdjp is
refused where the picture would be another one than was asked for (:data:`REFUSED`), and told in the reply
where it only tunes how it is drawn (:data:`TOLD`); a field at its default is neither.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from sdjp.checks import shown
from sdjp.errors import InputError

MISSING: Final[tuple[object, ...]] = (None, "", [], {})
"""What stands for a field that was not sent."""


class Lacking(NamedTuple):
    """A field that sdjp does nothing with.

    Attributes:
        ja: What it is.
        en: The same in English.
        neutral: Values that change nothing, besides :data:`MISSING`.
    """

    ja: str
    en: str
    neutral: Sequence[object] = ()


REFUSED: Final[Mapping[str, Lacking]] = {
    "restore_faces": Lacking("顔の補正", "face restoration", (False,)),
    "tiling": Lacking("継ぎ目なくつながる絵", "seamless tiling", (False,)),
    "styles": Lacking("保存されたスタイル", "saved styles"),
    "script_name": Lacking("スクリプト", "scripts", ("None",)),
    "subseed_strength": Lacking("バリエーションのシード", "variation seeds", (0,)),
    "refiner_checkpoint": Lacking("リファイナー", "a refiner", ("None",)),
    "firstpass_image": Lacking("1 回目に描いた絵", "a picture of the first pass"),
    "firstphase_width": Lacking("1 回目に描く幅", "a width of the first pass", (0,)),
    "firstphase_height": Lacking("1 回目に描く高さ", "a height of the first pass", (0,)),
    "infotext": Lacking("設定の文章", "settings as a text"),
    "disable_extra_networks": Lacking("LoRA を使わない指定", "turning LoRA off", (False,)),
}
"""Fields with which another picture would be meant."""

REFUSED_OF_HIRES: Final[Mapping[str, Lacking]] = {
    "hr_checkpoint_name": Lacking(
        "描き込みだけのモデル", "a model of the second pass", ("Use same checkpoint",)
    ),
    "hr_prompt": Lacking("描き込みだけのプロンプト", "a prompt of the second pass"),
    "hr_negative_prompt": Lacking(
        "描き込みだけのネガティブプロンプト", "a negative prompt of the second pass"
    ),
}
"""The same, where the picture is enlarged and redrawn (``enable_hr``)."""

TOLD: Final[Mapping[str, Lacking]] = {
    "s_min_uncond": Lacking("ネガティブの省略", "leaving the negative prompt out", (0,)),
    "s_churn": Lacking("サンプラーの細かい設定", "fine tuning of samplers", (0,)),
    "s_tmax": Lacking("サンプラーの細かい設定", "fine tuning of samplers", (0,)),
    "s_tmin": Lacking("サンプラーの細かい設定", "fine tuning of samplers", (0,)),
    "s_noise": Lacking("サンプラーの細かい設定", "fine tuning of samplers", (1,)),
    "initial_noise_multiplier": Lacking("最初のノイズの強さ", "the strength of the first noise", (1,)),
    "seed_resize_from_w": Lacking("別の大きさのシード", "seeds of another size", (0, -1)),
    "seed_resize_from_h": Lacking("別の大きさのシード", "seeds of another size", (0, -1)),
    "refiner_switch_at": Lacking("リファイナー", "a refiner", (0, 1)),
    "distilled_cfg_scale": Lacking("Flux のガイダンス", "guidance of Flux"),
    "comments": Lacking("絵に書き込む注釈", "comments in the picture"),
    "do_not_save_samples": Lacking(
        "保存しない指定（サーバーは絵を期限まで保存します）",
        "not to save (the server keeps pictures for its own time)",
        (False,),
    ),
    "do_not_save_grid": Lacking("一覧を保存しない指定", "not to save a grid", (False, True)),  # none is made
}
"""Fields that tune how a picture is drawn."""

TOLD_OF_HIRES: Final[Mapping[str, Lacking]] = {
    "hr_second_pass_steps": Lacking("描き込みだけのステップ数", "steps of the second pass", (0,)),
    "hr_sampler_name": Lacking(
        "描き込みだけのサンプラー", "a sampler of the second pass", ("Use same sampler",)
    ),
    "hr_scheduler": Lacking(
        "描き込みだけのスケジューラー", "a scheduler of the second pass", ("Use same scheduler",)
    ),
}
"""The same, where the picture is enlarged and redrawn."""

TOLD_OF_MASKS: Final[Mapping[str, Lacking]] = {
    "inpaint_full_res": Lacking(
        "マスクの周りだけを切り出す指定（絵の全体を描きます）",
        "cutting out what is around the mask (the whole picture is drawn)",
        (False, 0),
    ),
    "mask_blur_x": Lacking("横だけのマスクのぼかし", "blur of the mask in one direction"),
    "mask_blur_y": Lacking("縦だけのマスクのぼかし", "blur of the mask in one direction"),
    "mask_round": Lacking("マスクの階調", "shades of the mask", (True,)),
}
"""The same, where there is a mask."""

USED: Final = frozenset(
    "prompt negative_prompt seed batch_size n_iter steps cfg_scale width height sampler_name sampler_index "
    "scheduler denoising_strength eta clip_skip enable_hr hr_scale hr_upscaler hr_resize_x hr_resize_y "
    "init_images mask mask_blur inpainting_mask_invert inpainting_fill resize_mode override_settings "
    "override_settings_restore_afterwards alwayson_scripts send_images save_images include_init_images "
    "force_task_id".split()
)
"""Fields that mean something here. (``save_images`` does by itself: the server keeps every picture.)"""

_IDLE: Final = frozenset(
    # Without meaning where they have none in the web UI either: beside no script, no variation, no
    # instruct-pix2pix model. url and auth are what SillyTavern says to itself.
    "script_args subseed image_cfg_scale inpaint_full_res_padding url auth".split()
)


@dataclass(frozen=True, kw_only=True)
class Note:
    """What a request asked for that was drawn otherwise, or not at all."""

    field: str
    ja: str
    en: str

    def to_json(self) -> dict[str, str]:
        """Return it as plain JSON data."""
        return {"field": self.field, "ja": self.ja, "en": self.en}


class FieldError(InputError):
    """A field that cannot be read.

    Attributes:
        field: Its name.
    """

    def __init__(self, name: str, *, ja: str, en: str) -> None:
        super().__init__("field.type", ja=ja, en=en)
        self.field = name

    def __reduce__(self) -> tuple[object, ...]:
        return (_field_error, (self.field, self.ja, self.en))


def _field_error(name: str, ja: str, en: str) -> FieldError:
    return FieldError(name, ja=ja, en=en)


@dataclass(frozen=True)
class Fields:
    """The fields of one request, and notes of those that nothing is done with.

    Numbers may come as text, as the web UI takes them, too.
    """

    body: Mapping[str, Any]
    notes: list[Note] = field(default_factory=list)

    def given(self, name: str) -> bool:
        """Whether a field was sent with something in it."""
        value = self.body.get(name)
        return not any(value is other or (type(value) is type(other) and value == other) for other in MISSING)

    def text(self, name: str) -> str | None:
        """A text, or None if there is none."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong(name, value, ja="文字列", en="a text")
        return value

    def real(self, name: str) -> float | None:
        """A finite number, or None if there is none."""
        value: Any = self.body.get(name)
        if not self.given(name):
            return None
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise _wrong(name, value, ja="数", en="a number")
        return number

    def whole(self, name: str) -> int | None:
        """A whole number, or None if there is none."""
        value = self.body.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value  # a seed may have more digits than a float holds
        if isinstance(value, str) and value.strip().lstrip("+-").isdecimal() and len(value) <= 32:
            return int(value)
        number = self.real(name)
        if number is not None and not number.is_integer():
            raise _wrong(name, value, ja="整数", en="a whole number")
        return None if number is None else int(number)

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false, also as 1 or 0."""
        value = self.body.get(name)
        if not self.given(name):
            return default
        if value not in (True, False):  # 1 and 0 are equal to them
            raise _wrong(name, value, ja="true か false", en="true or false")
        return bool(value)

    def items(self, name: str) -> list[Any]:
        """A list, empty if there is none."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, list):
            raise _wrong(name, value, ja="リスト", en="a list")
        return value or []

    def table(self, name: str) -> dict[str, Any]:
        """An object, empty if there is none."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, dict):
            raise _wrong(name, value, ja="オブジェクト", en="an object")
        return value or {}

    def note(self, name: str, *, ja: str, en: str) -> None:
        """Remember what is to be told in the reply."""
        self.notes.append(Note(field=name, ja=ja, en=en))

    def refuse(self, lacking: Mapping[str, Lacking]) -> None:
        """Refuse a request that needs one of these fields.

        Raises:
            InputError: If there is one that is not neutral (``field.lacking``).
        """
        for name, about in lacking.items():
            if self._asks(name, about):
                raise lacks(name, ja=about.ja, en=about.en)

    def tell(self, lacking: Mapping[str, Lacking]) -> None:
        """Remember which of these fields were sent with something that is not neutral."""
        for name, about in lacking.items():
            if self._asks(name, about):
                value = shown(self.body[name])
                self.note(
                    name,
                    ja=f"{name}（{about.ja}）は sdjp にないので、使いませんでした（指定された値: {value}）。",
                    en=f"{name} ({about.en}) is not in sdjp and was not used; it was {value}.",
                )

    def tell_unknown(self) -> None:
        """Remember the names of fields that nobody knows; their values may be anything and stay out."""
        tables = (REFUSED, REFUSED_OF_HIRES, TOLD, TOLD_OF_HIRES, TOLD_OF_MASKS)
        known = USED.union(_IDLE, *tables)
        for name in sorted(set(self.body) - known):
            if self.given(name) and self.body[name] is not False:
                self.note(
                    name,
                    ja=f"{shown(name)} という項目は sdjp にないので、使いませんでした。",
                    en=f"sdjp knows no field {shown(name)}; it was not used.",
                )

    def _asks(self, name: str, about: Lacking) -> bool:
        value = self.body.get(name)
        return self.given(name) and not any(value == neutral for neutral in about.neutral)


def lacks(name: str, *, ja: str, en: str) -> InputError:
    """The error for a field that asks for what sdjp does not have.

    Args:
        name: The field.
        ja: What it stands for.
        en: The same in English.
    """
    return InputError(
        "field.lacking",
        ja=f"{name}（{ja}）は sdjp にありません。{name} を外すか、既定の値にしてください。",
        en=f"sdjp does not have {name} ({en}): leave it out, or give its default.",
    )


def _wrong(name: str, value: object, *, ja: str, en: str) -> FieldError:
    return FieldError(
        name,
        ja=f"{name} は{ja}で指定してください（指定された値: {shown(value)}）。",
        en=f"{name} must be {en}, not {shown(value)}.",
    )
