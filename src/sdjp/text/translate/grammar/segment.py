"""From text to words: the longest match over the tables, then morpheme by morpheme.

At every morpheme the longest stretch that a table knows is taken, as it stands or with its last morpheme in
dictionary form; a stretch that no table knows is looked up by dictionary form, standard spelling and reading,
first in the own tables, then in the glossaries, and is spelt out in the end.
"""

from __future__ import annotations

from sdjp.text.translate.grammar.counted import number
from sdjp.text.translate.grammar.cuts import before_style, cut
from sdjp.text.translate.grammar.kana import respell, with_sources
from sdjp.text.translate.grammar.longest import match
from sdjp.text.translate.grammar.morphemes import morphemes
from sdjp.text.translate.grammar.predicates import PLAIN
from sdjp.text.translate.grammar.reading import Reading
from sdjp.text.translate.grammar.single import single
from sdjp.text.translate.grammar.words import Form, Word
from sdjp.text.translate.lexicon_table import Table


def segment(text: str, user: Table) -> list[Word]:
    """Split ``text`` into words whose sources concatenate to it.

    Args:
        text: One text leaf, normalized.
        user: The user's own table.
    """
    head = text[: len(text) - len(text.lstrip())]
    words = [Word(source=head, kind="punct", english="", how="copied")] if head else []
    body = text[len(head) :]
    if not body:
        return words
    pairs = respell(body, user)
    spelt = "".join(spelling for _, spelling in pairs)
    respelt = [spelling for source, spelling in pairs if source != spelling]
    forced = dict.fromkeys([*user, *respelt, *before_style(spelt, user)])
    reading = Reading(cut(with_sources(morphemes(spelt, forced), pairs)), user)
    i = 0
    while i < len(reading.chain):
        i = number(reading, i) or _stem(reading, i) or match(reading, i) or single(reading, i)
    return words + reading.words


def _stem(reading: Reading, i: int) -> int | None:
    """Take a verb's stem that MeCab has for a noun: 猫が眠り、"""
    m, before, after = reading.chain[i], reading.before(), reading.at(i + 1)
    goes_on = after is not None and after.surface in {"、", ","} and reading.at(i + 2) is not None
    if not goes_on or not m.is_("名詞") or before is None or before.source not in {"が", "を"}:
        return None
    if m.surface[-1] not in PLAIN:
        return None
    verb = m.surface[:-1] + PLAIN[m.surface[-1]]
    entry = reading.verb(verb)
    return None if entry is None else reading.add(i, i + 1, "verb", entry, form=Form(link="te"))
