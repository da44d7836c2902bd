"""The sections of the summary of a job that name rows of its input; one with none to name is empty."""

from __future__ import annotations

from typing import Final

from sdjp.batch.summary.markup import both, escape, quoted, section
from sdjp.batch.summary.tally import Example, Examples, Tally

_WORDS: Final = 60
_KINDS: Final = {"failed": ("失敗", "failed"), "refused": ("描けない行", "refused")}


def errors(tally: Tally) -> str:
    """What could not be drawn, by reason."""
    cards = ""
    for (status, code), examples in sorted(tally.errors.items(), key=lambda one: -one[1].count):
        first = examples.first[0].error or {}
        same = all(example.error == first for example in examples.first)
        ja, en = _KINDS[status]
        title = both(ja=first.get("ja", code), en=first.get("en", code)) if same else both(ja=ja, en=en)
        rows = "".join(_row(example, with_error=not same) for example in examples.first)
        cards += (
            f'<details class="card"{"" if cards else " open"}><summary>{title}'
            f'<span class="count">{both(ja=f"{ja} {examples.count:,}", en=f"{examples.count:,} {en}")}</span>'
            f'</summary><code class="code">{escape(code)}</code><ul class="rows">{rows}</ul>'
            f"{_more(examples)}</details>\n"
        )
    if not cards:
        return ""
    note = both(
        ja="失敗した絵は、同じコマンドをもう一度実行すると、また試します。描けない行は、入力を直してから、"
        "別のフォルダーに描いてください。",
        en="Run the same command again and what failed is tried again. Mend rows that were refused in the "
        "input, and draw them into another folder.",
    )
    return section(both(ja="描けなかったもの", en="What could not be drawn"), cards, note)


def missing(tally: Tally) -> str:
    """What nothing is known of yet."""
    if not tally.missing.count:
        return ""
    note = both(
        ja="同じコマンドをもう一度実行すると、続きから描きます。",
        en="Run the same command again: it goes on from there.",
    )
    return section(both(ja="まだ描いていない絵", en="Not drawn yet"), _rows(tally.missing), note)


def words(tally: Tally) -> str:
    """Words that were not understood."""
    found = tally.unknown.common(_WORDS)
    if not found:
        return ""
    items = "".join(f'<li>{quoted(word)}<span class="count">{count:,}</span></li>' for word, count in found)
    rest = len(tally.unknown) - len(found)
    more = "" if rest <= 0 else f'<p class="more">{both(ja=f"ほか {rest:,} 語", en=f"{rest:,} more")}</p>'
    note = both(
        ja=f"{tally.misread:,} 枚のプロンプトにありました。数は枚数です"
        f"{'' if tally.unknown.exact else '（種類が多いので、少なめに数えています）'}。"
        "sdjp words add で訳を教えられます。",
        en=f"They are in the prompts of {tally.misread:,} pictures; the numbers are of pictures"
        f"{'' if tally.unknown.exact else ' (and a little low, as there are so many words)'}. "
        "Teach them with sdjp words add.",
    )
    return section(
        both(ja="わからなかった語", en="Not understood"), f'<ul class="words">{items}</ul>{more}', note
    )


def cut(tally: Tally) -> str:
    """What of prompts found no room."""
    if not tally.cut.count:
        return ""
    note = both(
        ja=f"{tally.cut.count:,} 枚のプロンプトが長すぎて、終わりの部分が入りませんでした。",
        en=f"The prompts of {tally.cut.count:,} pictures are too long: their ends found no room.",
    )
    return section(both(ja="入りきらなかった部分", en="Cut"), _rows(tally.cut), note)


def _rows(examples: Examples) -> str:
    rows = "".join(_row(example) for example in examples.first)
    return f'<div class="card"><ul class="rows">{rows}</ul>{_more(examples)}</div>'


def _row(example: Example, *, with_error: bool = False) -> str:
    where = both(ja=f"{example.row:,} 行目", en=f"row {example.row:,}")
    key = "" if example.key is None else f" {quoted(example.key, most=40)}"
    error = example.error or {}
    why = both(ja=error.get("ja", ""), en=error.get("en", ""))
    reason = f'<span class="why">{why}</span>' if with_error else ""
    text = quoted(example.text, most=160)
    return f'<li><span class="where">{where}{key}</span><span>{text}{reason}</span></li>'


def _more(examples: Examples) -> str:
    rest = examples.count - len(examples.first)
    if rest <= 0:
        return ""
    text = both(ja=f"ほか {rest:,} 件は manifest にあります。", en=f"{rest:,} more are in the manifest.")
    return f'<p class="more">{text}</p>'
