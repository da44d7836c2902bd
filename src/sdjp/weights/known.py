"""Published files of Stable Diffusion v1, recognised by their SHA-256.

Where the checksums come from: the SHA-256 of a file is its object name in the storage of Hugging Face, and
other projects list them to check downloads. ``sd-v1-4.ckpt``, ``sd-v1-4-full-ema.ckpt`` and those of v1-5 are
the same in several lists that do not depend on each other. Those of v1-1 to v1-3 are in one list that many
notebooks share (Deforum's), which agrees with the others wherever they overlap.

What is said of their training is from the README of CompVis/stable-diffusion and the model cards of
runwayml/stable-diffusion-v1-5 and runwayml/stable-diffusion-inpainting.

To add one: a line in :data:`KNOWN`, with a checksum that two sources agree on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from sdjp.licences.catalogue import OPENRAIL

LICENSE: Final = OPENRAIL.name
LICENSE_TEXT: Final = OPENRAIL.url
BLOCK: Final = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Training:
    """The training of one of the models.

    Attributes:
        name: Such as ``"sd-v1-4"``.
        ja: In Japanese.
        en: In English.
    """

    name: str
    ja: str
    en: str


@dataclass(frozen=True, kw_only=True)
class Known:
    """A published file.

    Attributes:
        file: The name it was published under.
        model: A key of :data:`TRAININGS`.
        holds: ``"ema"`` (the averaged weights alone, under the plain names) or ``"both"``.
    """

    file: str
    model: str
    holds: Literal["ema", "both"]

    @property
    def training(self) -> Training:
        """The training of its model."""
        return TRAININGS[self.model]


TRAININGS: Final[Mapping[str, Training]] = {
    t.name: t
    for t in (
        Training(
            name="sd-v1-1",
            ja="laion2B-en（256×256）で 237,000 ステップ、続けて laion-high-resolution"
            "（512×512。LAION-5B のうち 1024×1024 以上の 1 億 7 千万枚）で 194,000 ステップ。",
            en="237,000 steps at 256×256 on laion2B-en, then 194,000 at 512×512 on laion-high-resolution "
            "(170 million pictures of LAION-5B of 1024×1024 or more).",
        ),
        Training(
            name="sd-v1-2",
            ja="sd-v1-1 から、laion-aesthetics v2 5+（512×512）で 515,000 ステップ。laion2B-en のうち、"
            "美しさの推定値が 5.0 を超え、元の大きさが 512×512 以上で、"
            "透かしのある確率の推定値が 0.5 未満のもの。",
            en="from sd-v1-1, 515,000 steps at 512×512 on laion-aesthetics v2 5+ (pictures of laion2B-en "
            "with an estimated aesthetics score above 5.0, 512×512 or more, estimated probability of a "
            "watermark below 0.5).",
        ),
        Training(
            name="sd-v1-3",
            ja="sd-v1-2 から、laion-aesthetics v2 5+（512×512）で 195,000 ステップ。"
            "ガイダンスのため、10 % は文章なしで学習。",
            en="from sd-v1-2, 195,000 steps at 512×512 on laion-aesthetics v2 5+, without the text in 10 % "
            "of cases, for guidance.",
        ),
        Training(
            name="sd-v1-4",
            ja="sd-v1-2 から、laion-aesthetics v2 5+（512×512）で 225,000 ステップ。"
            "ガイダンスのため、10 % は文章なしで学習。",
            en="from sd-v1-2, 225,000 steps at 512×512 on laion-aesthetics v2 5+, without the text in 10 % "
            "of cases, for guidance.",
        ),
        Training(
            name="sd-v1-5",
            ja="sd-v1-2 から、laion-aesthetics v2 5+（512×512）で 595,000 ステップ。"
            "ガイダンスのため、10 % は文章なしで学習。",
            en="from sd-v1-2, 595,000 steps at 512×512 on laion-aesthetics v2 5+, without the text in 10 % "
            "of cases, for guidance.",
        ),
        Training(
            name="sd-v1-5-inpainting",
            ja="sd-v1-2 から 595,000 ステップ、続けてインペインティングを 440,000 ステップ（512×512）。"
            "UNet の入力は 9 チャンネル。",
            en="from sd-v1-2, 595,000 steps, then 440,000 of inpainting at 512×512; "
            "its UNet takes 9 channels.",
        ),
    )
}
"""The models of the family, by name."""

KNOWN: Final[Mapping[str, Known]] = {
    "86cd1d3ccb044d7ba8db743d717c9bac603c4043508ad2571383f954390f3cea": Known(
        file="sd-v1-1.ckpt", model="sd-v1-1", holds="ema"
    ),
    "efdeb5dc418a025d9a8cc0a8617e106c69044bc2925abecc8a254b2910d69829": Known(
        file="sd-v1-1-full-ema.ckpt", model="sd-v1-1", holds="both"
    ),
    "3b87d30facd5bafca1cbed71cfb86648aad75d1c264663c0cc78c7aea8daec0d": Known(
        file="sd-v1-2.ckpt", model="sd-v1-2", holds="ema"
    ),
    "bc5086a904d7b9d13d2a7bccf38f089824755be7261c7399d92e555e1e9ac69a": Known(
        file="sd-v1-2-full-ema.ckpt", model="sd-v1-2", holds="both"
    ),
    "2cff93af4dcc07c3e03110205988ff98481e86539c51a8098d4f2236e41f7f2f": Known(
        file="sd-v1-3.ckpt", model="sd-v1-3", holds="ema"
    ),
    "54632c6e8a36eecae65e36cb0595fab314e1a1545a65209f24fde221a8d4b2ca": Known(
        file="sd-v1-3-full-ema.ckpt", model="sd-v1-3", holds="both"
    ),
    "fe4efff1e174c627256e44ec2991ba279b3816e364b49f9be2abc0b3ff3f8556": Known(
        file="sd-v1-4.ckpt", model="sd-v1-4", holds="ema"
    ),
    "14749efc0ae8ef0329391ad4436feb781b402f4fece4883c7ad8d10556d8a36a": Known(
        file="sd-v1-4-full-ema.ckpt", model="sd-v1-4", holds="both"
    ),
    "cc6cb27103417325ff94f52b7a5d2dde45a7515b25c255d8e396c90014281516": Known(
        file="v1-5-pruned-emaonly.ckpt", model="sd-v1-5", holds="ema"
    ),
    "6ce0161689b3853acaa03779ec93eafe75a02f4ced659bee03f50797806fa2fa": Known(
        file="v1-5-pruned-emaonly.safetensors", model="sd-v1-5", holds="ema"
    ),
    "e1441589a6f3c5a53f5f54d0975a18a7feb7cdf0b0dee276dfc3331ae376a053": Known(
        file="v1-5-pruned.ckpt", model="sd-v1-5", holds="both"
    ),
    "1a189f0be69d6106a48548e7626207dddd7042a418dbf372cefd05e0cdba61b6": Known(
        file="v1-5-pruned.safetensors", model="sd-v1-5", holds="both"
    ),
    "c6bbc15e3224e6973459ba78de4998b80b50112b0ae5b5c67113d56b4e366b19": Known(
        file="sd-v1-5-inpainting.ckpt", model="sd-v1-5-inpainting", holds="ema"
    ),
}
"""SHA-256 to file."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file in lower-case hexadecimal; reads all of it."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
