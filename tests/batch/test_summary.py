"""The page about a job: what is in it, and that it is one file, escaped, small, and read in one pass."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
import tarfile
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sdjp.batch.entries import entries
from sdjp.batch.item import Item, Planned, Refused, write_items
from sdjp.batch.places import FAILURES, GROUPS, PICTURES, RECORDS, SHARDS, chunk_name, file_name
from sdjp.batch.record import FailureRecord, GroupRecord, PictureRecord, write_record
from sdjp.batch.spec import Job, JobSpec
from sdjp.batch.spread import Spread
from sdjp.batch.stores.base import StoreError
from sdjp.batch.stores.local_store import LocalStore
from sdjp.batch.summary.activity import Activity, Spans
from sdjp.batch.summary.contact_sheet import MOST, SIDE, ContactSheet
from sdjp.batch.summary.markup import escape
from sdjp.batch.summary.page import write_summary
from sdjp.batch.summary.tally import Frequencies, Tally
from sdjp.errors import set_language
from sdjp.options import GenerationOptions

SPEC = JobSpec(
    input={"name": "お題 <1>.txt", "sha256": "ab" * 32, "format": "txt"},
    model={"source": "mini", "safety": "blur"},
    weights={"source": "cd" * 32},
    options={"num_inference_steps": 8},
    seed=42,
)
HOSTILE = '"><script>alert(1)</script>\x00\ud800\u202e<img src="https://example.com/x.png" onerror=1>&amp;'


def png(side: int = 64, *, seed: int | None = None) -> bytes:
    """A picture: plain, or noise."""
    if seed is None:
        image = Image.new("RGB", (side, side // 2), (200, 30, 30))
    else:
        pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), dtype=np.uint8)
        image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


PLAIN = png()


class Folder:
    """A job whose items are made one by one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.store = LocalStore(path)
        self.items: list[Planned] = []

    def put(self, name: str, data: bytes) -> None:
        """Write a file, without waiting for the disk."""
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(data)

    def item(self, prompt: str = "猫", **more: Any) -> Item:
        number = len(self.items)
        item = Item.of(
            GenerationOptions(prompt=prompt, seed=42 + number),
            fingerprint=SPEC.fingerprint,
            number=number,
            row=number + 1,
            copy=0,
            key=more.get("key"),
        )
        self.items.append(item)
        return item

    def refuse(self, text: str, **error: str) -> None:
        number = len(self.items)
        self.items.append(Refused(number=number, row=number + 1, text=text, error=error))

    def record(self, item: Item, data: bytes, **more: Any) -> PictureRecord:
        about: dict[str, Any] = {"number": item.number, "id": item.id, "row": item.row, "key": item.key}
        sha256 = hashlib.sha256(data).hexdigest()
        values: dict[str, Any] = {
            "file": file_name(PICTURES, item.number, item.id, suffix=".png", sha256=sha256),
            "sha256": sha256,
            "bytes": len(data),
            "width": 64,
            "height": 32,
            "prompt": str(item.options.prompt),
            "english": "a cat",
            "seed": item.options.seed,
            "started": 1.8e9 + item.number,
            "seconds": 1.0,
            "worker": "host:1",
            "safety": {"status": "done", "checked": True, "flagged": False},
            "watermark": {"status": "done", "exact": True},
            "runtime": {"version": "1.2.3", "device": "cpu", "dtype": "float32", "engine": "packed"},
            **more,
        }
        return PictureRecord(**about, **values)

    def draw(self, prompt: str = "猫", data: bytes = PLAIN, *, key: str | None = None, **more: Any) -> Item:
        item = self.item(prompt, key=key)
        record = self.record(item, data, **more)
        self.put(record.file, data)
        self.put(file_name(RECORDS, item.number, item.id, suffix=".json"), write_record(record))
        return item

    def fail(self, prompt: str, **error: str) -> None:
        item = self.item(prompt)
        record = FailureRecord(number=item.number, id=item.id, row=item.row, prompt=prompt, error=error)
        self.put(file_name(FAILURES, item.number, item.id, suffix=".json"), write_record(record))

    def plan(self, spec: JobSpec = SPEC) -> None:
        for first in range(0, len(self.items), 1000):
            self.put(chunk_name(first // 1000), write_items(self.items[first : first + 1000]))
        refused = sum(isinstance(item, Refused) for item in self.items)
        Job(spec=spec, count=len(self.items), refused=refused, created=1.8e9).write(self.store)

    def page(self, spec: JobSpec = SPEC) -> Page:
        self.plan(spec)
        assert write_summary(self.store) == "summary.html"
        return Page(self.store.read("summary.html").decode())


class Page(HTMLParser):
    """A page, taken apart: its elements, and what is read in one language."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.source = text
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[tuple[str, dict[str, str]]] = []
        self.words: dict[str, list[str]] = {"ja": [], "en": []}
        self.feed(text)
        self.close()
        assert not self.open, self.open  # every element is closed

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in ("meta", "img", "input"):
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1][0] == tag, (tag, self.open)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if any(tag in ("style", "title") for tag, _ in self.open):
            return
        switched = [attrs["lang"] for _, attrs in self.open if attrs.get("class") == "t"]
        for language in switched or ["ja", "en"]:
            self.words[language].append(data)

    def text(self, language: str = "ja") -> str:
        return re.sub(r"\s+", " ", "".join(self.words[language]))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attrs for name, attrs in self.elements if name == tag]

    def figure(self, name: str, language: str = "ja") -> str:
        found = re.search(rf"{name}([\d.,]+)", self.text(language))
        assert found, self.text(language)
        return found[1]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_job_with_a_little_of_everything(folder: Folder) -> None:
    folder.draw("赤い傘の猫", key="k1", unknown=("ほげ",), english="a cat, hoge")
    folder.draw("犬", unknown=("ほげ", "ぴよ"), attempts=2)
    folder.draw("長い文", truncated="、とても長い", watermark={"status": "skipped"})
    folder.draw("鳥", safety={"status": "done", "checked": True, "flagged": True}, watermark=None)
    folder.draw("馬", safety={"status": "unavailable", "checked": False})
    folder.refuse("幅のちがう行", code="size.multiple", ja="幅が変です", en="odd width")
    folder.fail("月", code="memory.full", ja="メモリー", en="memory")
    folder.fail("星", code="memory.full", ja="メモリー", en="memory")
    folder.item("まだ")
    page = folder.page()
    ja, en = page.text(), page.text("en")

    assert "9 枚のうち 5 枚を描きました" in ja
    assert "5 of 9 pictures are drawn" in en
    assert [page.figure(name) for name in ("描いた絵", "失敗", "描けない行", "残り")] == ["5", "2", "1", "1"]
    assert page.figure("枚/分") == "60.0"
    assert page.figure("描いていた時間") == "5.0"
    assert "お題 <1>.txt" in ja
    assert SPEC.fingerprint in ja
    assert "cd" * 32 in ja
    assert "num_inference_steps=8" in ja
    assert "42 + 絵の番号" in ja

    assert "メモリー失敗 2" in ja
    assert "memory2 failed" in en
    assert "7 行目月8 行目星" in ja
    assert "幅が変です描けない行 1" in ja
    assert "6 行目幅のちがう行" in ja
    assert "9 行目まだ" in ja

    assert "2 枚のプロンプトにありました" in ja
    assert "ほげ2ぴよ1" in ja
    assert "3 行目、とても長い" in ja
    assert "問題なし3 枚" in ja
    assert "見せたくないかもしれないもの1 枚" in ja
    assert "チェッカーがない）1 枚" in ja
    assert "入れて、読み戻せた3 枚" in ja
    assert "入らなかった1 枚" in ja
    assert "2 回以上試した絵1" in ja
    assert "sdjp 1.2.3 cpu float32 packed5 枚" in ja

    images = page.all("img")
    assert [image["alt"] for image in images] == ["赤い傘の猫", "犬", "長い文", "鳥", "馬"]
    links = [link for link in page.all("a") if "title" in link]
    assert links[0]["title"].splitlines() == ["赤い傘の猫", "a cat, hoge", "行/row 1 · シード/seed 42 · k1"]
    assert all(folder.store.read(link["href"]) for link in links)


def test_it_needs_nothing_from_elsewhere_and_no_script(folder: Folder) -> None:
    folder.draw()
    page = folder.page()
    assert not page.all("script")
    assert not page.all("link")
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in page.all("img"))
    assert "http" not in re.sub(r"http-equiv", "", page.source)
    assert "url(" not in page.source
    assert "@import" not in page.source
    policy = next(meta["content"] for meta in page.all("meta") if "http-equiv" in meta)
    assert policy.startswith("default-src 'none'")


def test_whatever_was_typed_is_text(folder: Folder) -> None:
    folder.draw(HOSTILE, key=HOSTILE, english=HOSTILE, unknown=(HOSTILE,), truncated=HOSTILE, worker=HOSTILE)
    folder.refuse(HOSTILE, code=HOSTILE, ja=HOSTILE, en=HOSTILE)
    folder.fail(HOSTILE, code=HOSTILE, ja=HOSTILE, en=HOSTILE)
    folder.item(HOSTILE)
    spec = dataclasses.replace(
        SPEC,
        input={"name": HOSTILE, "sha256": HOSTILE, "format": "txt"},
        options={"negative_prompt": HOSTILE},
        weights={HOSTILE: HOSTILE},
    )
    page = folder.page(spec)
    tags = Counter(tag for tag, _ in page.elements)
    assert tags["script"] == 0
    assert tags["img"] == 1
    assert "\x00" not in page.source
    assert "<script>alert(1)</script>" in page.text()
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


@given(st.text(st.characters()) | st.text('<>&"\x00\x1b\ud800\udfff'))
def test_escaped_text_is_read_as_it_was(text: str) -> None:
    shown = Page(f'<p title="{escape(text)}">{escape(text)}</p>')
    escape(text).encode()  # no half characters
    expected = "".join(
        "\ufffd" if 0xD800 <= ord(c) < 0xE000
        else chr(0x2400 + ord(c)) if ord(c) < 32 and c not in "\t\n"
        else "\u2421" if c == "\x7f" else c
        for c in text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    )  # fmt: skip
    assert "".join(shown.words["ja"]) == expected
    assert shown.all("p")[0]["title"] == expected


def test_thumbnails_are_small_and_flagged_ones_are_blurred(folder: Folder) -> None:
    noise = png(256, seed=1)
    folder.draw(data=noise)
    folder.draw(data=noise, safety={"status": "done", "checked": True, "flagged": True})
    page = folder.page()
    sizes, contrast = [], []
    for image in page.all("img"):
        picture = Image.open(io.BytesIO(base64.b64decode(image["src"].partition(",")[2])))
        sizes.append((picture.format, picture.size, (int(image["width"]), int(image["height"]))))
        contrast.append(float(np.asarray(picture.convert("L"), dtype=float).std()))
    assert sizes == [("JPEG", (SIDE, SIDE), (SIDE, SIDE))] * 2
    assert contrast[1] < contrast[0] / 5


def test_a_picture_that_is_gone_or_broken_is_said_to_be(folder: Folder) -> None:
    first = folder.draw("一")
    folder.draw("二", data=b"no picture")
    folder.draw("三")
    gone = next(entry.picture for entry in entries_of(folder) if entry.item == first)
    assert gone is not None
    folder.store.remove(gone.file)
    page = folder.page()
    assert [image["alt"] for image in page.all("img")] == ["三"]
    assert page.text().count("読めません") == 2
    assert "二" in page.text()


def entries_of(folder: Folder) -> list[Any]:
    folder.plan()
    return list(entries(folder.store))


def test_a_long_job_is_a_small_page_of_pictures_from_all_over_it(folder: Folder) -> None:
    noise = [png(SIDE, seed=seed) for seed in range(8)]
    for number in range(1230):
        folder.draw("とても長いプロンプト、" * 30, data=noise[number % 8])
    page = folder.page()
    assert len(page.source) < 3_000_000
    rows = [int(re.findall(r"row (\d+)", link["title"])[0]) for link in page.all("a") if "title" in link]
    assert len(rows) == len(page.all("img")) == MOST
    assert rows == sorted(set(rows))
    assert (rows[0], rows[-1]) == (1, 1230)
    assert max(b - a for a, b in pairwise(rows)) <= 2 * 1230 / MOST + 4
    assert f"1,230 枚の全体から選んだ {MOST} 枚" in page.text()


def test_pictures_of_shards_are_taken_out_of_them(folder: Folder) -> None:
    reads: Counter[str] = Counter()
    for shard in range(30):
        items = [folder.item(f"{shard}-{i}") for i in range(50)]
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for item in items:
                info = tarfile.TarInfo(f"{item.number:09d}.png")
                info.size = len(PLAIN)
                tar.addfile(info, io.BytesIO(PLAIN))
        file = file_name(SHARDS, items[0].number, items[0].id, suffix=".tar", sha256="ab" * 32)
        folder.put(file, buffer.getvalue())
        records = [folder.record(i, PLAIN, file=file, member=f"{i.number:09d}.png") for i in items]
        group = GroupRecord(
            number=items[0].number, id=items[0].id, file=file, sha256="", bytes=1, pictures=tuple(records)
        )
        name = file_name(GROUPS, items[0].number, items[0].id, suffix=".json")
        folder.put(name, write_record(group))
    folder.plan()
    read = folder.store.read

    def counted(name: str) -> bytes:
        reads[name.partition("/")[0]] += 1
        return read(name)

    folder.store.read = counted  # type: ignore[method-assign]
    page = folder.page(dataclasses.replace(SPEC, shard=50))
    assert len(page.all("img")) == MOST
    assert reads[SHARDS] == 20  # not each of them for one picture
    rows = [int(re.findall(r"row (\d+)", link["title"])[0]) for link in page.all("a") if "title" in link]
    assert (rows[0], rows[-1]) == (1, 1500)


def test_the_language_in_use_is_shown_first(folder: Folder) -> None:
    folder.draw()
    assert [switch["id"] for switch in folder.page().all("input") if "checked" in switch] == ["ja"]
    set_language("en")
    page = folder.page()
    assert [switch["id"] for switch in page.all("input") if "checked" in switch] == ["en"]
    assert page.all("html")[0]["lang"] == "en"


def test_a_job_of_which_nothing_is_drawn_yet_has_a_page(folder: Folder) -> None:
    folder.item()
    page = folder.page()
    assert "1 枚のうち 0 枚を描きました" in page.text()
    assert not page.all("img")
    assert "枚/分" not in page.text()


def test_a_job_that_is_done_says_so(folder: Folder) -> None:
    folder.draw()
    assert "1 枚をすべて描きました" in folder.page().text()


def test_a_store_that_fails_is_an_error_and_no_page(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.draw()
    folder.plan()

    def broken(folder: str) -> list[Any]:
        raise StoreError("batch.store", ja="", en="")

    monkeypatch.setattr(folder.store, "files", broken)
    with pytest.raises(StoreError):
        write_summary(folder.store)


def test_nights_are_not_counted_as_drawing(folder: Folder) -> None:
    activity = Activity()
    drawn = folder.record(folder.item(), PLAIN, seconds=2.0)
    for start in (0.0, 50_000.0):
        for batch in range(100):
            for worker in ("a", "b"):
                for _ in range(4):  # 4 pictures in 8 seconds, on each of two workers
                    began = 1.8e9 + start + 8 * batch
                    activity.add(dataclasses.replace(drawn, worker=worker, started=began))
    assert [stop - start for start, stop in activity.spans()] == pytest.approx([800, 800])
    assert activity.seconds == pytest.approx(3200)


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 50)), max_size=40), st.integers(0, 20))
def test_spans_are_the_union_of_what_was_added(added: list[tuple[int, int]], pause: int) -> None:
    spans = Spans(pause=float(pause))
    for start, length in added:
        spans.add(start, start + length)
    expected: list[list[int]] = []
    for start, length in sorted(added):
        if expected and start - expected[-1][1] <= pause:
            expected[-1][1] = max(expected[-1][1], start + length)
        else:
            expected.append([start, start + length])
    assert [list(span) for span in spans.all()] == expected


def test_spans_do_not_become_too_many() -> None:
    spans = Spans(pause=1.0, most=16)
    for start in range(0, 10_000, 10):
        spans.add(start, start + 1)
    assert len(spans.all()) <= 16
    assert (spans.all()[0][0], spans.all()[-1][1]) == (0, 9991)


@given(st.integers(0, 3000), st.integers(1, 50))
def test_a_spread_is_even_and_has_both_ends(count: int, most: int) -> None:
    spread: Spread[int] = Spread(most)
    for number in range(count):
        spread.add(number)
    chosen = spread.chosen()
    assert len(chosen) == min(count, most)
    assert chosen == sorted(set(chosen))
    if most > 1 and count:
        assert (chosen[0], chosen[-1]) == (0, count - 1)
        gaps = [b - a for a, b in pairwise(chosen)]
        assert max(gaps, default=0) <= 3 * max(1, count / most)


@given(st.lists(st.sampled_from("あいうえお"), max_size=60))
def test_what_is_frequent_is_found_in_little_room(words: list[str]) -> None:
    exact: Frequencies[str] = Frequencies()
    small: Frequencies[str] = Frequencies(most=2)
    for word in words:
        exact.add(word)
        small.add(word)
    true = Counter(words)
    assert dict(exact.common(9)) == dict(true)
    assert exact.exact
    assert len(small) <= 2
    for word, count in true.items():
        if count > len(words) / 3:  # Misra and Gries 1982
            assert word in dict(small.common(2))
    assert all(count <= true[word] for word, count in small.common(2))


def test_many_kinds_of_words_are_said_to_be_counted_roughly(folder: Folder) -> None:
    tally = Tally()
    tally.unknown = Frequencies(most=1)
    folder.draw(unknown=("い",))
    folder.draw(unknown=("ろ", "は", "ろ"))
    for entry in entries_of(folder):
        tally.add(entry)
    assert not tally.unknown.exact


def test_the_sheet_of_nothing_is_empty() -> None:
    assert ContactSheet().chosen() == []
