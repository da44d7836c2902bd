"""What ``sdjp batch --dry-run`` says: how rows are read, which cannot be drawn, and what it all takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdjp.batch.quantities import duration, few_digits, file_size
from sdjp.cli.speech import put
from sdjp.errors import Language, get_language

if TYPE_CHECKING:
    from sdjp.batch.estimate import DryRun, Estimate
    from sdjp.batch.item import Item
    from sdjp.records import PromptInfo


def announce_dry_run(found: DryRun) -> None:
    """Say it on standard output."""
    for line in dry_run_lines(found, get_language()):
        put(line)


def dry_run_lines(found: DryRun, language: Language) -> list[str]:
    """What is said, line by line."""
    en = language == "en"
    rows, pictures, refused = f"{found.rows:,}", f"{found.pictures:,}", f"{found.refused:,}"
    lines = [f"{rows} rows, {pictures} pictures" if en else f"{rows} 行、{pictures} 枚"]
    if found.readings:
        lines += ["", "How they are read:" if en else "読まれ方:"]
        for item, info in found.readings:
            lines += _reading(item, info, en=en)
    if found.refused:
        lines += ["", f"Rows that cannot be drawn: {refused}" if en else f"描けない行: {refused}"]
        lines += [
            f"  {_where(row.row, row.key, en=en)}: {row.error[language]}" for row in found.first_refused
        ]
        more = found.refused - len(found.first_refused)
        if more:
            lines.append(f"  and {more:,} more" if en else f"  ほか {more:,} 行")
    lines += [
        f"  {_where(event.row, None, en=en)}: {(event.error or {}).get(language, '')}"
        for event in found.failures
    ]
    return [*lines, "", *_estimate(found.estimate, en=en)]


def _reading(item: Item, info: PromptInfo, *, en: bool) -> list[str]:
    english = info.read or info.english
    lines = [f"  {_where(item.row, item.key, en=en)}: {item.options.prompt}", f"    → {english}"]
    if info.unknown:
        words = (", " if en else "、").join(info.unknown)
        lines.append(f"    not understood: {words}" if en else f"    わからなかった語: {words}")
    if info.truncated:
        lines.append(f"    cut: {info.truncated}" if en else f"    入りきらなかった部分: {info.truncated}")
    if info.chunks > 1:
        lines.append(
            f"    {info.tokens} tokens in {info.chunks} chunks"
            if en
            else f"    {info.tokens} トークン（{info.chunks} つに分けて読みます）"
        )
    return lines


def _where(row: int, key: str | None, *, en: bool) -> str:
    of = f" ({key})" if en else f"（{key}）"
    return (f"row {row:,}" if en else f"{row:,} 行目") + ("" if key is None else of)


def _estimate(estimate: Estimate | None, *, en: bool) -> list[str]:
    if estimate is None:
        return [
            "There is no estimate: nothing could be drawn."
            if en
            else "1 枚も描けなかったため、見積もりはありません。"
        ]
    language: Language = "en" if en else "ja"
    each, total = few_digits(estimate.seconds), duration(estimate.total_seconds, language)
    workers = f"{estimate.workers:,}"
    size, sizes = file_size(estimate.bytes), file_size(estimate.total_bytes)
    if en:
        lines = [
            f"Estimate, from {estimate.measured:,} pictures of this job that were just drawn on this machine "
            f"with {workers} workers (and not kept):",
            f"  time: {each} s a picture, {total} in all",
            f"  size: {size} a picture, {sizes} in all",
        ]
    else:
        lines = [
            f"見積もり（このジョブの {estimate.measured:,} 枚を、このマシンのワーカー {workers} 個で描いて"
            "測りました。絵は残していません）:",
            f"  時間: 1 枚 {each} 秒、全部で {total}",
            f"  大きさ: 1 枚 {size}、全部で {sizes}",
        ]
    if estimate.free is not None:
        lines.append(_room(estimate, free=file_size(estimate.free), en=en))
    if estimate.scaled:
        lines.append(
            "  Rows differ in steps or size: time is scaled by steps × pixels of them all, bytes by pixels."
            if en
            else "  行によってステップ数や大きさが違うので、時間は全部の「ステップ数 × 画素数」、"
            "大きさは画素数に合わせて計算しました。"
        )
    return lines


def _room(estimate: Estimate, *, free: str, en: bool) -> str:
    assert estimate.free is not None
    if estimate.total_bytes > estimate.free:
        return (
            f"  There is NOT ENOUGH ROOM: {free} are free there."
            if en
            else f"  空き容量が足りません（空きは {free}）。"
        )
    share = round(100 * estimate.total_bytes / estimate.free)
    if share < 1:
        return f"  less than 1% of the {free} that are free" if en else f"  空き {free} の 1% 未満です"
    return f"  {share}% of the {free} that are free" if en else f"  空き {free} の {share}% です"
