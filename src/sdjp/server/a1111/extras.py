"""Enlarging a picture: ``extra-single-image`` and ``extra-batch-images``."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from sdjp.images import encode, enlarge, read_metadata, to_rgb
from sdjp.options import check_factor
from sdjp.server.a1111.fields import FieldError, Fields, Lacking, lacks
from sdjp.server.a1111.names import own_upscaler
from sdjp.server.a1111.pictures import decoded
from sdjp.server.limits import Limits
from sdjp.server.sent_pictures import opened

_REFUSED: Final[Mapping[str, Lacking]] = {
    "gfpgan_visibility": Lacking("顔の補正", "face restoration", (0,)),
    "codeformer_visibility": Lacking("顔の補正", "face restoration", (0,)),
}


@dataclass(frozen=True, kw_only=True)
class Enlargement:
    """A picture that is to be enlarged.

    Attributes:
        picture: It.
        body: The same for the native API; None if there is no network to do it, which Lanczos does at once.
        factor: How many times larger.
        size: Width and height that are cut out of it in the end; None keeps all.
    """

    picture: Image.Image
    body: dict[str, Any] | None
    factor: float
    size: tuple[int, int] | None

    def plain(self) -> bytes:
        """The picture enlarged by Lanczos, as a PNG."""
        larger, keep = enlarge(to_rgb(self.picture), self.factor, multiple=1)
        return self.cut(encode(larger.crop((0, 0, *keep))))

    def cut(self, data: bytes) -> bytes:
        """The middle of an enlarged picture, with its record."""
        if self.size is None:
            return data
        with Image.open(io.BytesIO(data)) as picture:
            left, top = (picture.width - self.size[0]) // 2, (picture.height - self.size[1]) // 2
            middle = picture.crop((left, top, left + self.size[0], top + self.size[1]))
        found = read_metadata(io.BytesIO(data))
        return encode(middle, texts=found.texts, provenance=found.provenance)


def enlargement(given: Mapping[str, Any], image: object, *, name: str, limits: Limits) -> Enlargement:
    """Read what is to be done with one picture.

    Args:
        given: The body of the request.
        image: The picture, as it was sent.
        name: What messages call it.
        limits: Of its pixels, before and after.

    Raises:
        InputError: If a field cannot be read, or asks for what sdjp does not have.
    """
    fields = Fields(given)
    fields.refuse(_REFUSED)
    if fields.real("extras_upscaler_2_visibility") and own_upscaler(
        fields.text("upscaler_2"), field="upscaler_2"
    ):
        raise lacks("upscaler_2", ja="2 つめのアップスケーラー", en="a second upscaler")
    if not isinstance(image, str):
        raise FieldError(
            name,
            ja=f"{name} には base64 の画像を指定してください。",
            en=f"{name} must be a picture as base64.",
        )
    picture = opened(name, decoded(name, image, limits), limits)
    upscaler = own_upscaler(fields.text("upscaler_1"), field="upscaler_1")
    factor, size = _factor(fields, picture)
    check_factor(factor)
    limits.check_picture(round(picture.width * factor), round(picture.height * factor), name=name)
    body = {"task": "upscale", "image": image, "factor": factor, "upscaler": upscaler, "strength": 0}
    return Enlargement(picture=picture, body=None if upscaler is None else body, factor=factor, size=size)


def _factor(fields: Fields, picture: Image.Image) -> tuple[float, tuple[int, int] | None]:
    """How many times larger, and what is cut out of it."""
    if fields.whole("resize_mode") != 1:
        factor = fields.real("upscaling_resize")
        return 2.0 if factor is None else factor, None
    width, height = (fields.whole(f"upscaling_resize_{side}") for side in "wh")
    if not width or not height or width < 1 or height < 1:
        raise FieldError(
            "upscaling_resize_w",
            ja="resize_mode=1 では、upscaling_resize_w と upscaling_resize_h に 1 以上を指定してください。",
            en="with resize_mode=1 give upscaling_resize_w and upscaling_resize_h, at least 1.",
        )
    factor = max(width / picture.width, height / picture.height)
    crop = fields.flag("upscaling_crop", default=True)
    return factor, (width, height) if crop else None
