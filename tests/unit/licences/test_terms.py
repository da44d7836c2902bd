"""Terms for applications: complete, and the same restrictions in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sdjp.licences.catalogue import openrail_text
from sdjp.licences.terms import attachment_a, terms

ROOT = Path(__file__).parents[3]
WORDS = (  # of each restriction in the order of the original, a word and what stands for it
    ("applicable national, federal, state, local or international law", "国、連邦、州若しくは地方"),
    ("minors", "未成年者"),
    ("verifiably false information", "虚偽であることを検証できる情報"),
    ("personal identifiable information", "個人を識別することができる情報"),
    ("defame", "名誉を毀損"),
    ("fully automated decision making", "完全に自動化された意思決定"),
    ("online or offline social behavior", "オンライン若しくはオフラインにおける社会的行動"),
    ("vulnerabilities", "ぜい弱性"),
    ("legally protected characteristics", "法的に保護された特性"),
    ("medical advice", "医学的な助言"),
    ("administration of justice", "司法の運営"),
)


def test_attachment_a_is_whole_in_both_languages() -> None:
    english = re.findall(r"^- (.+)$", attachment_a("en"), re.MULTILINE)
    japanese = re.findall(r"^\(\d+\) (.+)$", attachment_a("ja"), re.MULTILINE)
    assert len(english) == len(japanese) == len(WORDS) == 11
    for (word, wort), original, translation in zip(WORDS, english, japanese, strict=True):
        assert word in original
        assert wort in translation
    assert attachment_a("en").startswith("Attachment A\n\nUse Restrictions\n")
    assert attachment_a("en").rstrip() in openrail_text()


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_page_has_attachment_a_word_for_word(language: Any) -> None:
    page = (ROOT / "docs" / language / "licences.md").read_text(encoding="utf-8")
    for line in attachment_a(language).splitlines()[3:]:
        assert re.sub(r"^(- |\(\d+\) )", "", line) in page


@pytest.mark.parametrize("language", ["ja", "en"])
def test_terms_pass_on_what_the_licence_asks(language: Any) -> None:
    text = terms(language)
    assert text.endswith(attachment_a(language))
    needed = {
        "ja": (
            "強制可能な条項",  # 4 a
            "第 5 条の適用を受けることを、提供先に通知",
            "本ライセンスの写し",
            "変更した旨を目立つように表示",
            "著作権、特許、商標及び帰属に関する表示を維持",
            "適法な目的のために",  # 5
            "遵守させなければなりません",
            "権利を主張しません",  # 6
            "英語の原文が優先します",
            "法的助言ではありません",
        ),
        "en": (
            "enforceable provision",
            "give notice that they are subject to paragraph 5",
            "a copy of the License",
            "prominent notices",
            "retain all notices of copyright, patents, trademarks and attribution",
            "only for lawful purposes",
            "require them to comply",
            "claims no rights in the Output",
            "no legal advice",
        ),
    }[language]
    for words in needed:
        assert words in text
