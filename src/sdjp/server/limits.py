"""How much one request may ask for; each cap is a flag of ``sdjp serve``, and each refusal names it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sdjp.checks import is_real, is_whole, shown
from sdjp.errors import InputError
from sdjp.options import GenerationOptions

FLAGS: Final = {
    "max_pixels": "--max-pixels",
    "max_steps": "--max-steps",
    "max_prompt": "--max-prompt",
    "max_pictures": "--max-pictures",
    "max_body": "--max-body",
    "max_queue": "--max-queue",
    "max_picture_pixels": "--max-picture-pixels",
}
"""The flag of ``sdjp serve`` that changes each cap."""


class LimitError(InputError):
    """A request for more than this server gives; the code is ``limit.`` and the name of the cap."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The caps of a server.

    Attributes:
        max_pixels: Width times height of a picture that is drawn, after it was enlarged.
        max_steps: Sampling steps.
        max_prompt: Characters of one prompt.
        max_pictures: Pictures of one job.
        max_body: Bytes of the body of a request.
        max_queue: Jobs that wait at once.
        max_picture_pixels: Width times height of a picture that a client sends.
    """

    max_pixels: int = 1_048_576
    max_steps: int = 150
    max_prompt: int = 10_000
    max_pictures: int = 16
    max_body: int = 32 * 2**20
    max_queue: int = 100
    max_picture_pixels: int = 25_000_000

    def __post_init__(self) -> None:
        for name, flag in FLAGS.items():
            value = getattr(self, name)
            if not is_whole(value) or value < 1:
                raise InputError(
                    f"{name}.range",
                    ja=f"{flag} は、1 以上の整数で指定してください（指定された値: {shown(value)}）。",
                    en=f"{flag} must be a whole number of at least 1, not {shown(value)}.",
                )

    def check(self, options: GenerationOptions) -> None:
        """Refuse options that ask for too much, before anything is queued.

        What is None is not judged: fill in the model's own size and steps before. Nor are values of a wrong
        type: that is for :func:`~sdjp.options.check_options`.

        Raises:
            LimitError: ``limit.pixels``, ``limit.steps``, ``limit.prompt`` or ``limit.pictures``.
        """
        prompts = _several(options.prompt)
        for name, texts in (
            ("prompt", prompts),
            ("negative_prompt", _several(options.negative_prompt)),
        ):
            for text in texts:
                self.check_prompt(text, name=name)
        if is_whole(options.num_images_per_prompt):
            self.check_pictures(options.num_images_per_prompt * max(len(prompts), 1))
        steps = options.num_inference_steps
        if is_whole(steps) and steps > self.max_steps:
            raise LimitError(
                "limit.steps",
                ja=f"ステップ数 {shown(steps)} は多すぎます。このサーバーでは {self.max_steps} までです"
                f"（{_changed('max_steps')}）。",
                en=f"{shown(steps)} steps are too many: this server draws up to {self.max_steps} "
                f"({FLAGS['max_steps']}).",
            )
        if is_whole(options.width) and is_whole(options.height):
            factor = options.hires if is_real(options.hires) else 1.0
            self.check_size(options.width, options.height, factor=factor)

    def check_size(self, width: int, height: int, *, factor: float = 1.0) -> None:
        """Refuse a picture that would have too many pixels.

        Args:
            width: Pixels before it is enlarged.
            height: The same.
            factor: How many times larger it becomes.

        Raises:
            LimitError: ``limit.pixels``.
        """
        factor = max(factor, 1.0)
        if not width * height <= self.max_pixels / (factor * factor):  # NaN is not, either
            size = f"{shown(width)}×{shown(height)}"
            grown = f" × {factor:g}" if factor != 1 else ""
            raise LimitError(
                "limit.pixels",
                ja=f"{size}{grown} の絵は大きすぎます。このサーバーでは、幅 × 高さが "
                f"{self.max_pixels:,} ピクセルまでです（{_changed('max_pixels')}）。",
                en=f"a picture of {size}{grown} is too large: on this server width times height is "
                f"up to {self.max_pixels:,} pixels ({FLAGS['max_pixels']}).",
            )

    def check_prompt(self, text: object, *, name: str = "prompt") -> None:
        """Refuse a prompt that is too long to be read.

        Raises:
            LimitError: ``limit.prompt``.
        """
        if isinstance(text, str) and len(text) > self.max_prompt:
            raise LimitError(
                "limit.prompt",
                ja=f"{name} が長すぎます（{len(text):,} 文字）。"
                f"このサーバーでは {self.max_prompt:,} 文字までです（{_changed('max_prompt')}）。",
                en=f"{name} is too long ({len(text):,} characters): this server takes up to "
                f"{self.max_prompt:,} ({FLAGS['max_prompt']}).",
            )

    def check_pictures(self, count: int) -> None:
        """Refuse a job of too many pictures.

        Raises:
            LimitError: ``limit.pictures``.
        """
        if count > self.max_pictures:
            raise LimitError(
                "limit.pictures",
                ja=f"1 回に {shown(count)} 枚は多すぎます。このサーバーでは {self.max_pictures} 枚までです"
                f"（{_changed('max_pictures')}）。何回かに分けてください。",
                en=f"{shown(count)} pictures at once are too many: this server draws up to "
                f"{self.max_pictures} ({FLAGS['max_pictures']}). Ask for them in several requests.",
            )

    def check_picture(self, width: int, height: int, *, name: str = "image") -> None:
        """Refuse a picture of a client by its size, before it is decoded.

        Raises:
            LimitError: ``limit.picture_pixels``.
        """
        if width * height > self.max_picture_pixels:
            raise LimitError(
                "limit.picture_pixels",
                ja=f"{name} の画像 {width}×{height} は大きすぎます。このサーバーで読める画像は、幅 × 高さが "
                f"{self.max_picture_pixels:,} ピクセルまでです（{_changed('max_picture_pixels')}）。"
                "小さくしてからお送りください。",
                en=f"the picture of {name}, {width}×{height}, is too large: this server reads up to "
                f"{self.max_picture_pixels:,} pixels ({FLAGS['max_picture_pixels']}). Send a smaller one.",
            )

    def body_error(self) -> LimitError:
        """The error of a body of more than :attr:`max_body` bytes: ``limit.body``."""
        size = f"{self.max_body / 2**20:.6g} MiB"
        return LimitError(
            "limit.body",
            ja=f"リクエストが大きすぎます。このサーバーでは {size} までです（{_changed('max_body')}）。"
            "画像を小さくするか、枚数を減らしてください。",
            en=f"the request is too large: this server takes up to {size} ({FLAGS['max_body']}). "
            "Send smaller pictures, or fewer.",
        )

    def to_json(self) -> dict[str, int]:
        """Return the caps as plain JSON data."""
        return dataclasses.asdict(self)


def _several(value: object) -> Sequence[object]:
    """One prompt as a list of one; none as an empty list."""
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _changed(name: str) -> str:
    return f"起動時の {FLAGS[name]} で変えられます"
