"""Measures pictures, a few at a time: they are never all in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from PIL import Image

from sdjp.errors import InputError
from sdjp.evaluation.features import ClipFeatures, PictureFeatures, read_pictures
from sdjp.evaluation.scores import Moments, clip_scores, frechet_distance
from sdjp.images import open_picture, to_rgb

BATCH: Final = 8  # pictures whose features are taken together

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What was measured.

    Attributes:
        pictures: Of how many pictures.
        clip_score: Mean of 100 max(cos, 0); None without CLIP, or without pictures.
        frechet: Distance to the reference pictures; None without any, or with fewer than two pictures.
    """

    pictures: int = 0
    clip_score: float | None = None
    frechet: float | None = None


class Measure:
    """What pictures are measured with.

    Args:
        clip: For the CLIP score.
        seen_by: For the Fréchet distance; CLIP's own features if None.
        reference: Folder of real pictures for the Fréchet distance; they are seen at once.

    Attributes:
        clip: See above.
        eyes: What sees the pictures for the Fréchet distance; None without any.

    Raises:
        InputError: If there is nothing to measure with, or a real picture cannot be read.
    """

    def __init__(
        self, clip: ClipFeatures | None, seen_by: PictureFeatures | None, reference: Path | None
    ) -> None:
        self.clip = clip
        self.eyes = clip if seen_by is None else seen_by
        if clip is None and (self.eyes is None or reference is None):
            raise InputError(
                "evaluate.nothing",
                ja="測るものがありません。CLIP のフォルダー（--clip）か、比較する画像のフォルダー"
                "（--reference）と特徴量のモデル（--clip か --inception）を指定してください。",
                en="there is nothing to measure with. Give a CLIP folder (--clip), or reference pictures "
                "(--reference) and a model for their features (--clip or --inception).",
            )
        self._real: Moments | None = None
        if reference is not None and self.eyes is not None:
            self._real = Moments()
            for paths in _batches(read_pictures(reference)):
                self._real.add(self.eyes.pictures([to_rgb(open_picture(path)) for path in paths]))

    def check_count(self, count: int) -> None:
        """Refuse fewer pictures than can be measured, before they are drawn.

        Raises:
            InputError: If there is only one, and its Fréchet distance is to be measured.
        """
        if self._real is not None and count < 2:
            raise InputError(
                "evaluate.too_few",
                ja=f"フレシェ距離には 2 枚以上の画像が必要です（プロンプトが {count} 個です）。",
                en=f"the Fréchet distance needs at least two pictures, and there is {count} prompt.",
            )

    def figures(self, pictures: Iterable[tuple[Image.Image, str]]) -> Figures:
        """Measure RGB pictures, each with the English that it was drawn from: CLIP reads no Japanese."""
        scores: list[float] = []
        moments = Moments()
        count = 0
        for batch in _batches(pictures):
            images = [image for image, _ in batch]
            count += len(images)
            if self.clip is not None:
                texts = self.clip.texts([english for _, english in batch])
                scores += clip_scores(self.clip.pictures(images), texts).tolist()
            if self._real is not None and self.eyes is not None:
                moments.add(self.eyes.pictures(images))
        near = None if self._real is None or count < 2 else frechet_distance(moments, self._real)
        return Figures(pictures=count, clip_score=float(np.mean(scores)) if scores else None, frechet=near)


def _batches(things: Iterable[T]) -> Iterator[list[T]]:
    left = iter(things)
    while batch := list(islice(left, BATCH)):
        yield batch
