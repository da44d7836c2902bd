"""The sections of the summary of a job, as HTML; a section that has nothing to tell is empty."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from typing import Any, Final
from urllib.parse import quote

from sdjp._version import __version__
from sdjp.batch.quantities import duration, file_size
from sdjp.batch.spec import Job, JobSpec
from sdjp.batch.summary.contact_sheet import Thumbnail
from sdjp.batch.summary.markup import both, escape, quoted, section, shortened
from sdjp.batch.summary.tally import Frequencies, Tally

_WAYS: Final = 5

_STATUSES: Final = {
    "drawn": ("描いた絵", "drawn"),
    "failed": ("失敗", "failed"),
    "refused": ("描けない行", "refused"),
    "missing": ("残り", "left"),
}
_SAFETY: Final = {
    "flagged": ("見せたくないかもしれないもの", "flagged"),
    "clear": ("問題なし", "clear"),
    "off": ("確認していない（オフ）", "not checked (off)"),
    "unavailable": ("確認していない（チェッカーがない）", "not checked (no checker)"),
    "failed": ("確認していない（エラー）", "not checked (an error)"),
}
_WATERMARK: Final = {
    "readable": ("入れて、読み戻せた", "embedded, and read back"),
    "partly": ("入れたが、一部しか読み戻せない", "embedded, only partly readable"),
    "skipped": ("入らなかった", "none fits"),
    "off": ("入れていない（オフ）", "none (off)"),
    "failed": ("入れていない（エラー）", "none (an error)"),
}


def head(job: Job, tally: Tally) -> str:
    """The name of the job, what became of it in a sentence, and its figures."""
    done, count = tally.statuses["drawn"], job.count
    lacking = count - done
    if lacking == 0:
        lead = both(ja=f"{count:,} 枚をすべて描きました。", en=f"All {count:,} pictures are drawn.")
    else:
        lead = both(
            ja=f"{count:,} 枚のうち {done:,} 枚を描きました。",
            en=f"{done:,} of {count:,} pictures are drawn.",
        )
    figures = "".join(
        _figure(both(ja=ja, en=en), f"{tally.statuses[status]:,}", status if tally.statuses[status] else "")
        for status, (ja, en) in _STATUSES.items()
    )
    bar = "".join(
        f'<span class="{status}" style="flex: {tally.statuses[status]}"></span>'
        for status in _STATUSES
        if tally.statuses[status]
    )
    return (
        '<header><div><p class="over">sdjp batch</p>'
        f"<h1>{quoted(str(job.spec.input.get('name', '')))}</h1></div>"
        '<div class="languages"><label for="ja" lang="ja">日本語</label>'
        '<label for="en" lang="en">English</label></div></header>\n'
        f'<p class="lead">{lead}</p>\n<div class="bar" aria-hidden="true">{bar}</div>\n'
        f'<dl class="figures">{figures}{_pace(tally)}</dl>'
    )


def _pace(tally: Tally) -> str:
    spans = tally.activity.spans()
    if not spans:
        return ""
    seconds = sum(stop - start for start, stop in spans)
    figures = _figure(both(ja="描いていた時間", en="time drawing"), _time(seconds))
    if seconds > 0:
        pace = 60 * tally.statuses["drawn"] / seconds
        figures = (
            _figure(
                both(ja="枚/分", en="pictures a minute"), f"{pace:,.0f}" if pace >= 100 else f"{pace:.1f}"
            )
            + figures
        )
    return figures


def sheet(thumbnails: Iterable[Thumbnail], drawn: int) -> str:
    """The contact sheet."""
    figures = [_thumbnail(thumbnail) for thumbnail in thumbnails]
    if not figures:
        return ""
    if len(figures) < drawn:
        note = both(
            ja=f"{drawn:,} 枚の全体から選んだ {len(figures)} 枚です。絵を選ぶと、もとの大きさで開きます。",
            en=f"{len(figures)} chosen from all {drawn:,}. Each opens in full size.",
        )
    else:
        note = both(ja="絵を選ぶと、もとの大きさで開きます。", en="Each opens in full size.")
    return section(both(ja="絵", en="Pictures"), f'<ul class="sheet">{"".join(figures)}</ul>', note)


def _thumbnail(thumbnail: Thumbnail) -> str:
    record = thumbnail.record
    about = [
        shortened(record.prompt, 300),
        shortened(record.english, 300),
        f"行/row {record.row} · シード/seed {record.seed}" + (f" · {record.key}" if record.key else ""),
    ]
    if thumbnail.hidden:
        about.append(
            "安全性チェッカーが見つけたため、ぼかしました / flagged by the safety checker, blurred here"
        )
    if thumbnail.jpeg is None:
        picture = '<span class="absent">' + both(ja="読めません", en="cannot be read") + "</span>"
    else:
        data = base64.b64encode(thumbnail.jpeg).decode("ascii")
        picture = (
            f'<img src="data:image/jpeg;base64,{data}" alt="{escape(shortened(record.prompt, 300))}" '
            f'width="{thumbnail.width}" height="{thumbnail.height}">'
        )
    link = f'href="{escape(quote(record.file))}" title="{escape(chr(10).join(about))}"'
    caption = f"<figcaption>{quoted(record.prompt, most=80)}</figcaption>"
    return f'<li><figure><a {link}><span class="thumb">{picture}</span>{caption}</a></figure></li>\n'


def checks(tally: Tally) -> str:
    """What the safety checker and the watermark did."""
    if not tally.statuses["drawn"]:
        return ""
    safety = section(both(ja="安全性チェッカー", en="Safety checker"), _counts(tally.safety, _SAFETY))
    watermark = section(both(ja="透かし", en="Watermark"), _counts(tally.watermark, _WATERMARK))
    return f'<section class="columns">{safety}{watermark}</section>'


def about(job: Job, tally: Tally) -> str:
    """What the job is, and what it was drawn with."""
    spec = job.spec
    model = {name: value for name, value in spec.model.items() if name != "source"}
    weights = [f"{name} {value}" for name, value in spec.weights.items()]
    pairs = [
        (
            both(ja="入力", en="input"),
            _codes([spec.input.get("name", ""), f"SHA-256 {spec.input.get('sha256', '')}"], lines=True),
        ),
        (both(ja="モデル", en="model"), _codes([str(spec.model.get("source", "mini")), *_settings(model)])),
        (
            both(ja="重み（SHA-256）", en="weights (SHA-256)"),
            _codes(weights, lines=True),
        ),
        (both(ja="すべての行の設定", en="settings of all rows"), _codes(_settings(spec.options))),
        (
            both(ja="シード", en="seeds"),
            both(
                ja=f"{spec.seed} + 絵の番号（0 から）。行に指定があれば、その値",
                en=f"{spec.seed} + the number of the picture (from 0), unless its row has one",
            ),
        ),
        (both(ja="絵の形式", en="format of pictures"), _codes([_format(spec)])),
        (both(ja="描き方", en="drawn as"), _common(tally.ways)),
        (both(ja="実行環境", en="drawn with"), _common(tally.runtimes)),
        (both(ja="ワーカー", en="workers"), f"{len(tally.workers):,}{'' if tally.workers.exact else '+'}"),
        (both(ja="ワーカーの計算時間の合計", en="time of all workers"), _time(tally.activity.seconds)),
        (both(ja="描いた期間", en="drawn from, to"), _when(tally)),
        (both(ja="2 回以上試した絵", en="tried more than once"), f"{tally.retried:,}"),
        (both(ja="絵の大きさの合計", en="bytes of pictures"), file_size(tally.bytes)),
        (both(ja="フィンガープリント", en="fingerprint"), f"<code>{escape(spec.fingerprint)}</code>"),
    ]
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>\n" for name, value in pairs if value)
    return section(both(ja="このジョブ", en="This job"), f'<dl class="pairs">{rows}</dl>')


def _format(spec: JobSpec) -> str:
    return spec.picture_format if spec.quality is None else f"{spec.picture_format} {spec.quality}"


def foot(now: datetime) -> str:
    """When the page was made, and where everything else is."""
    moment = f"{now:%Y-%m-%d %H:%M %Z}"
    return (
        "<footer>"
        + both(
            ja=f"{moment}、sdjp {__version__}。すべての絵の記録は、同じフォルダーの manifest にあります。",
            en=f"sdjp {__version__}, {moment}. The records of all pictures are in the manifest beside it.",
        )
        + "</footer>"
    )


def _figure(name: str, value: str, kind: str = "") -> str:
    return f'<div class="{kind}"><dt>{name}</dt><dd>{value}</dd></div>'


def _counts(counts: Counter[str], names: Mapping[str, tuple[str, str]]) -> str:
    pairs = ""
    for kind, count in counts.most_common():
        ja, en = names.get(kind, (kind, kind))
        pairs += f"<dt>{both(ja=ja, en=en)}</dt><dd>{both(ja=f'{count:,} 枚', en=f'{count:,}')}</dd>"
    return f'<dl class="pairs">{pairs}</dl>'


def _common(found: Frequencies[tuple[str, ...]]) -> str:
    items = "".join(
        f"<li><code>{escape('  '.join(parts))}</code>"
        f'<span class="count">{both(ja=f"{count:,} 枚", en=f"{count:,}")}</span></li>'
        for parts, count in found.common(_WAYS)
    )
    rest = len(found) - _WAYS
    more = "" if rest <= 0 else f"<li>{both(ja=f'ほか {rest:,} 通り', en=f'{rest:,} more')}</li>"
    return f'<ul class="lines">{items}{more}</ul>' if items else ""


def _settings(values: Mapping[str, Any]) -> list[str]:
    return [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]


def _codes(texts: Iterable[str], *, lines: bool = False) -> str:
    items = "".join(f"<li><code>{escape(shortened(text, 400))}</code></li>" for text in texts)
    return f"<ul{' class=lines' if lines else ''}>{items}</ul>" if items else ""


def _when(tally: Tally) -> str:
    spans = tally.activity.spans()
    if not spans:
        return ""
    first, last = (datetime.fromtimestamp(t, timezone.utc).astimezone() for t in (spans[0][0], spans[-1][1]))
    text = f"{first:%Y-%m-%d %H:%M:%S} – {last:%Y-%m-%d %H:%M:%S %Z}"
    pauses = len(spans) - 1
    if not pauses:
        return escape(text)
    return escape(text) + both(ja=f"（中断 {pauses:,} 回）", en=f" ({pauses:,} pauses)")


def _time(seconds: float) -> str:
    number, ja = duration(seconds, "ja").split()
    return f"{number}<small> {both(ja=ja, en=duration(seconds, 'en').split()[1])}</small>"
