"""How fast a job goes, how long it will go on, and how that is told."""

from __future__ import annotations

import io

import pytest

from sdjp.batch.progress import Progress
from sdjp.batch.quantities import duration, few_digits, file_size
from sdjp.batch.sinks import Event
from sdjp.cli.batch_progress import TOLD, Reporter
from sdjp.cli.help import columns
from sdjp.errors import set_language


class Clock:
    """Seconds that pass when they are told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


DRAWN = Event(kind="drawn", number=0, row=1)
SKIPPED = Event(kind="skipped", number=0, row=1)


def failed(row: int) -> Event:
    return Event(kind="failed", number=row, row=row, error={"code": "x", "ja": "だめ", "en": "no"})


def batches(progress: Progress, clock: Clock, count: int, *, size: int = 4, seconds: float = 8.0) -> None:
    """Batches that take so long, whose pictures are told one after the other."""
    for _ in range(count):
        clock.now += seconds
        for _ in range(size):
            progress.add(DRAWN)
            clock.now += 0.01
        clock.now -= 0.01 * size


def test_the_pace_is_that_of_drawing_and_not_of_what_comes_before() -> None:
    clock = Clock()
    progress = Progress(2000, 500, 3, clock=clock)
    assert progress.per_minute is None
    clock.now += 90  # the model is loaded
    batches(progress, clock, 1)
    clock.now += 2
    assert progress.per_minute is None  # from one moment nothing can be told
    clock.now -= 2
    for more in (1, 1, 5, 40):
        batches(progress, clock, more)
        clock.now += 2
        assert progress.per_minute == pytest.approx(30)  # 4 in 8 seconds
        clock.now -= 2
    assert progress.done == 500 + 4 * 48
    assert progress.seconds_left == pytest.approx(2 * (2000 - 3 - progress.done))


def test_in_the_middle_of_a_batch_the_pace_is_no_other() -> None:
    clock = Clock()
    progress = Progress(2000, clock=clock)
    batches(progress, clock, 5)
    clock.now += 8
    progress.add(DRAWN)  # the first of four
    assert progress.per_minute == pytest.approx(30)


def test_the_pace_is_that_of_the_last_minutes() -> None:
    clock = Clock()
    progress = Progress(100_000, clock=clock)
    batches(progress, clock, 100, seconds=2)
    assert progress.per_minute == pytest.approx(120, rel=0.02)
    batches(progress, clock, 40, seconds=8)
    assert progress.per_minute == pytest.approx(30, rel=0.02)


def test_pictures_that_take_minutes_have_a_pace_too() -> None:
    clock = Clock()
    progress = Progress(100, clock=clock)
    batches(progress, clock, 6, size=1, seconds=400)
    clock.now += 2
    assert progress.per_minute == pytest.approx(60 / 400)


def test_skipped_pictures_are_done_and_have_no_pace() -> None:
    clock = Clock()
    progress = Progress(1000, clock=clock)
    batches(progress, clock, 3)
    for _ in range(500):
        progress.add(SKIPPED)
    batches(progress, clock, 3)
    clock.now += 2
    assert progress.done == 524
    assert progress.per_minute == pytest.approx(30)


def test_when_nothing_comes_any_more_the_pace_falls() -> None:
    clock = Clock()
    progress = Progress(1000, clock=clock)
    batches(progress, clock, 10)
    clock.now += 7
    assert progress.per_minute == pytest.approx(30)  # it is not late yet
    clock.now += 600
    assert (progress.per_minute or 99) < 5


def test_failures_take_their_time_and_are_no_pictures() -> None:
    clock = Clock()
    progress = Progress(100, clock=clock)
    for row in range(20):
        clock.now += 6
        progress.add(failed(row) if row % 2 else DRAWN)
    clock.now += 2
    assert (progress.done, progress.failed, progress.left) == (10, 10, 80)
    assert progress.per_minute == pytest.approx(5, rel=0.06)
    assert progress.seconds_left == pytest.approx(80 * 6)


def test_a_line_in_both_languages() -> None:
    clock = Clock()
    progress = Progress(2000, 1200, 3, clock=clock)
    assert progress.line() == "1,200/2,000 枚（失敗 3）"
    batches(progress, clock, 9, seconds=3.87)
    clock.now += 2
    assert progress.line() == "1,236/2,000 枚（失敗 3）、62.0 枚/分、残り約 12 分"
    assert progress.line("en") == "1,236/2,000 pictures (3 failed), 62.0 a minute, about 12 min left"
    assert Progress(5).line("en") == "0/5 pictures"


def test_the_last_seconds_are_not_told_one_by_one() -> None:
    clock = Clock()
    progress = Progress(21, clock=clock)
    batches(progress, clock, 20, size=1, seconds=2)
    clock.now += 1
    assert progress.line() == "20/21 枚、30.0 枚/分、残り約 10 秒"
    batches(progress, clock, 1, size=1, seconds=1)
    clock.now += 1
    assert progress.line() == "21/21 枚、30.0 枚/分"


@pytest.mark.parametrize(
    ("seconds", "ja", "en"),
    [
        (0.52, "0.52 秒", "0.52 s"),
        (45, "45 秒", "45 s"),
        (119.7, "2 分", "2 min"),
        (3600 * 3.26, "3.3 時間", "3.3 h"),
        (86400 * 1234.5, "1,234.5 日", "1,234.5 d"),
    ],
)
def test_times_are_in_the_unit_that_fits(seconds: float, ja: str, en: str) -> None:
    assert duration(seconds, "ja") == ja
    assert duration(seconds, "en") == en


def test_sizes_and_numbers_have_few_digits() -> None:
    assert [file_size(n) for n in (0, 999, 999.9, 345_678, 1.2e12, 5e18)] == [
        "0 B", "999 B", "1 kB", "346 kB", "1.2 TB", "5,000 PB",
    ]  # fmt: skip
    assert [few_digits(n) for n in (0, 0.0123, 62.04, 1234.5)] == ["0.0", "0.012", "62.0", "1,234"]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def screen(written: str) -> list[str]:
    """What a terminal shows of it: a carriage return goes back to the beginning of the line."""
    lines = []
    for line in written.split("\n"):
        shown = ""
        for part in line.split("\r"):
            rest = shown
            while rest and columns(shown) - columns(rest) < columns(part):
                rest = rest[1:]
            shown = part + rest
        lines.append(shown.rstrip())
    return lines


def test_on_a_terminal_one_line_is_rewritten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    clock, stream = Clock(), Terminal()
    reporter = Reporter(Progress(100, clock=clock), stream=stream, clock=clock)
    for row in range(1, 31):
        clock.now += 1.5
        reporter.tell(failed(row) if row == 7 else DRAWN)
    reporter.close()
    assert screen(stream.getvalue()) == [
        "7 行目を描けませんでした: だめ",
        "29/100 枚（失敗 1）、38.6 枚/分、残り約 105 秒",
        "",
    ]


def test_a_narrow_terminal_gets_as_much_as_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "12")
    stream = Terminal()
    reporter = Reporter(Progress(1000, 123), stream=stream)
    reporter.tell(DRAWN)
    reporter.close()
    assert max(columns(line) for line in screen(stream.getvalue())) <= 11


def test_many_events_at_once_are_one_line() -> None:
    clock, stream = Clock(), Terminal()
    reporter = Reporter(Progress(1000, clock=clock), stream=stream, clock=clock)
    for _ in range(500):
        reporter.tell(SKIPPED)
    assert stream.getvalue().count("\r") == 1


def test_in_a_log_there_is_a_line_now_and_then() -> None:
    clock, stream = Clock(), io.StringIO()
    reporter = Reporter(Progress(1000, clock=clock), stream=stream, clock=clock)
    for _ in range(50):
        reporter.tell(DRAWN)
        clock.now += 2
    reporter.close()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "1/1,000 枚"
    assert lines[-1].startswith("50/1,000 枚、30.0 枚/分、残り約 32 分")
    assert len(lines) == 5
    assert "\r" not in stream.getvalue()


def test_failures_are_told_at_once_and_then_counted() -> None:
    set_language("en")
    clock, stream = Clock(), io.StringIO()
    reporter = Reporter(Progress(100, clock=clock), stream=stream, clock=clock)
    for row in range(1, 41):
        reporter.tell(failed(row))
    reporter.close()
    lines = stream.getvalue().splitlines()
    assert lines[0] == "row 1 could not be drawn: no"
    assert sum("could not be drawn" in line for line in lines) == TOLD
    assert sum("only counted" in line for line in lines) == 1
    assert lines[-1] == "0/100 pictures (40 failed)"
