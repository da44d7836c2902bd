"""Jobs without a web: kept, drawn together, stopped, begun anew; with a real model of random weights."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdjp.errors import InputError, OutputError
from sdjp.images import read_metadata
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.server.jobs.errors import (
    JobExpiredError,
    JobUnknownError,
    PictureUnknownError,
    QueueFullError,
    StoppingError,
)
from sdjp.server.jobs.events import Event
from sdjp.server.jobs.queue import JobQueue
from sdjp.server.jobs.record import JobRecord, JobRequest, PictureRecord
from sdjp.server.jobs.store import ATTEMPTS, JobStore
from sdjp.server.jobs.together import together


class OneModel:
    """A shelf of one model; it may be held, so that jobs wait."""

    def __init__(self, pipe: Pipeline) -> None:
        self.pipe = pipe
        self.free = threading.Event()
        self.free.set()
        self.asked: list[str | None] = []

    def pipeline(self, name: str | None) -> Pipeline:
        self.free.wait(60)
        self.asked.append(name)
        if name == "broken":
            raise InputError("model.broken", ja="壊れています。", en="it is broken.")
        return self.pipe


def asked(prompt: str | tuple[str, ...] = "cat", **more: Any) -> JobRequest:
    besides = {name: more.pop(name) for name in ("model", "task", "image", "factor", "data") if name in more}
    options = {"seed": 1, "num_inference_steps": 2, **more}
    return JobRequest(**{"model": "mini", **besides}, options=GenerationOptions(prompt=prompt, **options))


@pytest.fixture
def models(tiny: Pipeline) -> OneModel:
    return OneModel(tiny)


@pytest.fixture
def make(tmp_path: Path, models: OneModel) -> Iterator[Callable[..., JobQueue]]:
    """Makes queues over one folder; what is still open at the end is closed."""
    queues: list[JobQueue] = []

    def one(**settings: Any) -> JobQueue:
        queues.append(JobQueue(tmp_path, models, **settings))
        return queues[-1]

    yield one
    models.free.set()
    for queue in queues:
        queue.stop()


def over(queue: JobQueue, job: JobRecord, owner: str = "a") -> JobRecord:
    return asyncio.run(asyncio.wait_for(queue.settled(job.id, owner=owner), 60))


def png(color: str = "red", side: int = 8) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), color).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_job_is_drawn_and_kept(make: Callable[..., JobQueue], tiny: Pipeline) -> None:
    queue = make()
    queue.start()
    job = queue.submit(asked("赤い猫", num_images_per_prompt=2), owner="a")
    assert (job.state, job.pictures) == ("queued", ())
    job = over(queue, job)
    assert job.state == "done"
    assert job.started
    assert job.finished
    assert [p.seed for p in job.pictures] == [1, 2]
    first = job.pictures[0]
    assert (first.prompt, first.english) == ("赤い猫", "a red cat")
    assert job.prompts[0]["english"] == "a red cat"
    assert job.options is not None
    assert job.options["sampler"] == "ddim"
    assert job.options["num_images_per_prompt"] == 2

    data = queue.read_picture(job.id, 1, owner="a")
    with Image.open(io.BytesIO(data)) as picture:
        drawn = picture.convert("RGB").tobytes()
    both = tiny.generate("赤い猫", seed=1, num_inference_steps=2, num_images_per_prompt=2)
    assert drawn == both.images[1].tobytes()
    options = read_metadata(io.BytesIO(data)).options
    assert options is not None
    assert (options.seed, options.prompt) == (2, "赤い猫")
    assert queue.counts['sdjp_jobs_total{state="done"}'] == 1
    assert queue.counts["sdjp_pictures_total"] == 2


def test_ids_are_owned_and_cannot_be_guessed(make: Callable[..., JobQueue]) -> None:
    queue = make()
    job = queue.submit(asked(), owner="a")
    assert len(job.id) == 32
    for call in (queue.get, queue.cancel, queue.remove):
        with pytest.raises(JobUnknownError):
            call(job.id, owner="b")
    with pytest.raises(JobUnknownError):
        queue.get("nothing", owner="a")
    assert queue.get(job.id, owner="a").state == "queued"
    assert queue.find(owner="b")[0] == []


def test_a_key_gives_the_same_job(make: Callable[..., JobQueue]) -> None:
    queue = make()
    first = queue.submit(asked(), owner="a", key="k")
    assert queue.submit(asked("dog"), owner="a", key="k").id == first.id
    assert queue.submit(asked(), owner="b", key="k").id != first.id
    assert queue.submit(asked(), owner="a").id != first.id
    found = queue.by_key("k", owner="a")
    assert found is not None
    assert found.id == first.id
    queue.remove(first.id, owner="a")
    assert queue.by_key("k", owner="a") is None


def test_the_queue_is_bounded(make: Callable[..., JobQueue]) -> None:
    queue = make(max_queue=2)
    queue.submit(asked(), owner="a")
    queue.submit(asked(), owner="a", key="k")
    with pytest.raises(QueueFullError) as caught:
        queue.submit(asked(), owner="a")
    assert 1 <= caught.value.retry_after <= 120


def test_places_in_the_queue(make: Callable[..., JobQueue]) -> None:
    queue = make()
    jobs = [queue.submit(asked(), owner=owner) for owner in "aba"]
    assert [queue.position(job) for job in jobs] == [0, 1, 2]
    queue.cancel(jobs[0].id, owner="a")
    assert [queue.position(queue.get(j.id, owner=j.owner)) for j in jobs] == [None, 0, 1]
    assert queue.withdraw(jobs[1].id, owner="b")
    assert not queue.withdraw(jobs[1].id, owner="b")


def test_lists_go_on_where_they_ended(make: Callable[..., JobQueue]) -> None:
    queue = make()
    jobs = [queue.submit(asked(), owner="a").id for _ in range(5)]
    queue.cancel(jobs[4], owner="a")
    first, more = queue.find(owner="a", limit=2)
    rest, end = queue.find(owner="a", limit=3, before=more)
    assert [job.id for job in first + rest] == jobs[::-1]
    assert end is None
    assert [job.id for job in queue.find(owner="a", states=["cancelled"])[0]] == [jobs[4]]


def test_a_job_that_is_drawn_can_be_stopped(make: Callable[..., JobQueue]) -> None:
    queue = make(batch=1)
    queue.start()
    job = queue.submit(asked(num_inference_steps=300, num_images_per_prompt=2), owner="a")
    other = queue.submit(asked("dog"), owner="b")

    async def stop() -> list[Event]:
        seen: list[Event] = []
        async for event in queue.events(job.id, owner="a", previews=True):
            if event is not None:
                seen.append(event)
                if event.kind == "preview":
                    queue.cancel(job.id, owner="a")
        return seen

    seen = asyncio.run(asyncio.wait_for(stop(), 60))
    assert {"job", "progress", "preview"} <= {event.kind for event in seen}
    assert seen[-1].data["state"] == "cancelled"
    assert [event.id for event in seen] == sorted(event.id for event in seen)
    assert over(queue, other, "b").state == "done"
    assert queue.cancel(job.id, owner="a").state == "cancelled"


def test_events_are_told_again_from_where_they_ended(make: Callable[..., JobQueue]) -> None:
    queue = make()
    queue.start()
    job = queue.submit(asked(num_images_per_prompt=2), owner="a")

    async def listen(after: int | None) -> list[Event]:
        return [e async for e in queue.events(job.id, owner="a", after=after) if e is not None]

    first = asyncio.run(asyncio.wait_for(listen(None), 60))
    assert first[0].kind == "job"
    assert first[-1].data["state"] == "done"
    assert [e.data["index"] for e in first if e.kind == "picture"] == [0, 1]
    middle = next(event.id for event in first if event.kind == "picture")
    again = asyncio.run(listen(middle))
    assert [event.id for event in again] == [e.id for e in first if e.id > middle and e.kind != "position"]
    assert asyncio.run(listen(first[-1].id)) == []
    assert asyncio.run(listen(1))[-1].data["state"] == "done"  # of long ago


def test_a_listener_may_come_back_when_all_is_forgotten(
    make: Callable[..., JobQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdjp.server.jobs.events.LOGS_KEPT", 1)
    queue = make(batch=1)
    jobs = [queue.submit(asked(), owner="a") for _ in range(3)]

    async def listen() -> list[Event | None]:
        events = queue.events(jobs[0].id, owner="a")
        first = await anext(events)
        queue.start()
        await queue.settled(jobs[2].id, owner="a")
        return [first, *[event async for event in events]]

    seen = [event.data for event in asyncio.run(asyncio.wait_for(listen(), 60)) if event is not None]
    assert (seen[0]["state"], seen[-1]["state"]) == ("queued", "done")
    assert len(seen) == 2


def test_what_is_over_survives_and_what_waits_goes_on(
    make: Callable[..., JobQueue], models: OneModel, tmp_path: Path
) -> None:
    queue = make(batch=1)
    queue.start()
    done = over(queue, queue.submit(asked(), owner="a"))
    models.free.clear()
    waiting = queue.submit(asked("dog"), owner="a")
    queue.stop(seconds=0.1)
    with pytest.raises(StoppingError):
        queue.submit(asked(), owner="a")

    models.free.set()
    again = make(batch=1)
    assert again.get(done.id, owner="a") == done
    assert again.read_picture(done.id, 0, owner="a").startswith(b"\x89PNG")
    again.start()
    assert over(again, waiting).state == "done"


def test_a_graceful_stop_keeps_what_is_drawn(make: Callable[..., JobQueue]) -> None:
    queue = make(batch=1)
    queue.start()
    job = queue.submit(asked(("cat", "dog", "bird"), num_inference_steps=60), owner="a")

    async def first_step() -> None:
        async for event in queue.events(job.id, owner="a"):
            if event is not None and event.kind == "progress":
                return

    asyncio.run(asyncio.wait_for(first_step(), 60))
    queue.stop()

    again = make(batch=1)
    left = again.get(job.id, owner="a")
    assert left.state == "queued"
    assert left.attempts == 0
    assert [p.index for p in left.pictures] == [0]
    first = again.read_picture(job.id, 0, owner="a")
    again.star(job.id, 0, True, owner="a")
    again.start()
    finished = over(again, job)
    assert [p.seed for p in finished.pictures] == [1, 2, 3]
    assert finished.pictures[0].starred  # it was not drawn a second time
    assert [info["source"] for info in finished.prompts] == ["cat", "dog", "bird"]
    assert again.read_picture(job.id, 0, owner="a") == first


def test_a_job_over_which_the_process_died_twice_is_set_aside(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    bad, good = (store.add(asked(), owner="a")[0] for _ in range(2))
    store.close()
    for attempt in range(1, ATTEMPTS + 1):
        store = JobStore(tmp_path)
        assert store.recover() == []
        assert [job.id for job in store.start([bad.id])] == [bad.id]
        assert store.get(bad.id).attempts == attempt
        store.close()  # and here it dies
    store = JobStore(tmp_path)
    [aside] = store.recover()
    assert (aside.id, aside.state) == (bad.id, "set_aside")
    assert aside.error is not None
    assert aside.error["code"] == "job.crashed"
    assert [job.id for job in store.find(states=["queued"])] == [good.id]
    store.close()


def test_a_job_that_gets_on_is_not_set_aside(make: Callable[..., JobQueue], tmp_path: Path) -> None:
    """Whatever ends the process, time and again: a long job is finished some day."""
    store = JobStore(tmp_path)
    job, _ = store.add(asked(num_images_per_prompt=5), owner="a")
    for index in range(4):
        assert store.recover() == []
        assert [one.id for one in store.start([job.id])] == [job.id]
        picture = PictureRecord(
            job=job.id, index=index, seed=1, width=1, height=1, bytes=0, created=1.0, prompt="猫",
            english="cat", model="mini",
        )  # fmt: skip
        assert store.pictures.keep(picture, png(), owner="a")
        store.close()
        store = JobStore(tmp_path)
    assert store.recover() == []
    store.close()


def test_a_job_of_another_version_is_left_out(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    foreign, own = (store.add(asked(), owner="a")[0] for _ in range(2))
    with store._database.transaction() as execute:
        execute("UPDATE jobs SET request = ? WHERE id = ?", ('{"options": {"magic": 1}}', foreign.id))
    store.recover()
    assert [job.id for job in store.find(states=["queued"])] == [own.id]
    with pytest.raises(JobExpiredError):
        store.get(foreign.id)
    store.close()


def test_files_that_no_row_tells_of_are_removed(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job, _ = store.add(asked(image="ab12", data={"ab12": png()}), owner="a")
    store.inputs.write("cd34", b"left by a crash")
    store.pictures._folder.write(f"{job.id}-7", b"left, too")
    (tmp_path / "pictures" / job.id[:2] / "x.part").write_bytes(b"half")
    store.close()
    store = JobStore(tmp_path)
    store.recover()
    assert list(store.inputs.names()) == ["ab12"]
    assert list((tmp_path / "pictures").glob("*/*")) == []
    store.close()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_nobody_else_reads_the_folder(tmp_path: Path) -> None:
    JobStore(tmp_path / "new").close()
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    with pytest.raises(OutputError) as caught:
        JobStore(tmp_path)
    assert caught.value.code == "database.locked"
    store.close()


def test_an_error_is_that_of_its_job_alone(make: Callable[..., JobQueue], models: OneModel) -> None:
    queue = make()
    queue.start()
    models.free.clear()
    bad = queue.submit(asked(model="broken"), owner="a")
    odd = queue.submit(asked(width=100), owner="a")  # what request.py would have refused
    good = queue.submit(asked(), owner="a")
    models.free.set()
    assert over(queue, bad).error == {"code": "model.broken", "ja": "壊れています。", "en": "it is broken."}
    failed = over(queue, odd)
    assert failed.error is not None
    assert failed.error["code"] == "size.multiple"
    assert over(queue, good).state == "done"


def test_what_is_drawn_together(tiny: Pipeline, tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    long = ", ".join(["a very small red cat"] * 30)
    kinds = {
        "first": asked("cat"),
        "other seed": asked("犬", seed=9, negative_prompt="人"),
        "two": asked("cat", num_images_per_prompt=2),
        "other steps": asked("cat", num_inference_steps=3),
        "longer": asked(long),
        "changing": asked("[cat:dog:0.5]"),
        "other model": asked("cat", model="other"),
        "enlarged": asked("cat", hires=2),
        "too many": asked("cat", num_images_per_prompt=3),
        "killer": asked("cat"),
        "unreadable": asked("<lora:nowhere:1>"),
        "last": asked("bird"),
    }
    jobs = {name: store.add(request, owner="a")[0] for name, request in kinds.items()}
    store.start([jobs["killer"].id])
    store.recover()  # the process died over it: others must not be there the next time
    waiting = store.find(states=["queued"], oldest_first=True)
    names = {job.id: name for name, job in jobs.items()}
    assert [names[job.id] for job in together(waiting, tiny, 5)] == ["first", "other seed", "two", "last"]
    assert [names[job.id] for job in together(waiting, tiny, 1)] == ["first"]
    for alone in (7, 9, 10):
        assert together(waiting[alone:], tiny, 5) == [waiting[alone]]
    store.close()


def test_jobs_drawn_together_are_each_their_own(make: Callable[..., JobQueue], models: OneModel) -> None:
    queue = make(batch=4)
    models.free.clear()
    queue.start()
    jobs = [
        queue.submit(asked(prompt, seed=seed), owner=owner)
        for prompt, seed, owner in (("cat", 5, "a"), ("dog", 7, "b"), ("bird", 9, "a"))
    ]
    queue.cancel(jobs[2].id, owner="a")
    models.free.set()
    first, second = over(queue, jobs[0]), over(queue, jobs[1], "b")
    assert first.options is not None
    assert first.options["seed"] == 5
    for job, seed, prompt in ((first, 5, "cat"), (second, 7, "dog")):
        record = read_metadata(io.BytesIO(queue.read_picture(job.id, 0, owner=job.owner))).options
        assert record is not None
        assert (record.seed, record.prompt) == (seed, prompt)
    assert queue.get(jobs[2].id, owner="a").pictures == ()


def test_pictures_are_found_starred_and_deleted(make: Callable[..., JobQueue]) -> None:
    queue = make()
    queue.start()
    jobs = [over(queue, queue.submit(asked(p), owner="a")) for p in ("赤い猫", "ネコと犬", "100%_a\\b")]
    over(queue, queue.submit(asked("猫"), owner="b"), "b")

    def found(text: str, **more: Any) -> list[str]:
        return [p.prompt for p in queue.search(text, owner="a", **more)[0]]

    assert found("") == ["100%_a\\b", "ネコと犬", "赤い猫"]
    assert found("猫") == ["赤い猫"]
    assert found("ねこ") == ["ネコと犬"]
    assert found("ＣＡＴ　red") == ["赤い猫"]
    assert found("100%_a\\") == ["100%_a\\b"]
    assert found("%") == ["100%_a\\b"]
    assert found("赤い 犬") == []
    assert queue.star(jobs[0].id, 0, True, owner="a").starred
    assert found("", starred=True) == ["赤い猫"]
    first, more = queue.search(owner="a", limit=2)
    assert more is not None
    assert len(first) == 2
    assert [p.prompt for p in queue.search(owner="a", limit=2, before=more)[0]] == ["赤い猫"]

    queue.remove_picture(jobs[1].id, 0, owner="a")
    assert found("犬") == []
    with pytest.raises(JobExpiredError):
        queue.read_picture(jobs[1].id, 0, owner="a")
    assert queue.get(jobs[1].id, owner="a").pictures[0].gone == "deleted"
    with pytest.raises(PictureUnknownError):
        queue.read_picture(jobs[0].id, 1, owner="a")
    queue.remove(jobs[0].id, owner="a")
    with pytest.raises(JobExpiredError):
        queue.get(jobs[0].id, owner="a")
    assert found("") == ["100%_a\\b"]


def test_nothing_of_a_deleted_job_is_left(make: Callable[..., JobQueue], tmp_path: Path) -> None:
    queue = make()
    queue.start()
    request = asked("秘密の言葉", image="ab12", strength=0.5, data={"ab12": png(side=64)})
    job = over(queue, queue.submit(request, owner="a"))
    assert job.state == "done", job.error
    queue.remove(job.id, owner="a")
    queue.stop()
    assert [p for p in tmp_path.rglob("*") if p.is_file() and p.parent != tmp_path] == []
    with pytest.raises(JobExpiredError):
        make().get(job.id, owner="a")


def test_nothing_is_kept_of_a_job_that_was_deleted_as_it_was_drawn(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    job, _ = store.add(asked("秘密の言葉"), owner="a")
    store.start([job.id])
    store.settle(job.id, "cancelled")
    store.remove(job.id)
    picture = PictureRecord(
        job=job.id, index=0, seed=1, width=1, height=1, bytes=0, created=1.0,
        prompt="秘密の言葉", english="", model="mini",
    )  # fmt: skip
    drawn = {"options": {}, "prompts": [{"source": "秘密の言葉"}], "notes": []}
    assert not store.pictures.keep(picture, png(), owner="a", attention=b"{}", drawn=drawn)
    assert list((tmp_path / "pictures").glob("*/*")) == []
    [row] = store._database.read("SELECT * FROM jobs")
    assert "秘密" not in str(tuple(row))
    store.close()
    with pytest.raises(OutputError):  # an error of SQLite is one of ours
        store.get(job.id)


def test_pictures_are_bounded_in_age_and_size(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    jobs = []
    for i in range(5):
        job, _ = store.add(asked(), owner="a")
        store.start([job.id])
        picture = PictureRecord(
            job=job.id, index=0, seed=1, width=1, height=1, bytes=0, created=time.time() - 100 * (5 - i),
            prompt="猫", english="cat", model="mini",
        )  # fmt: skip
        store.pictures.keep(picture, b"x" * 1000, owner="a")
        store.settle(job.id, "done")
        jobs.append(job.id)
    store.pictures.star(jobs[0], 0, True)
    assert store.pictures.bytes == 5000
    assert store.expire(before=time.time() - 350, most_bytes=None) == 1  # the second: the first has a star
    assert store.expire(before=None, most_bytes=3500) == 1
    gone = [store.get(job).pictures[0].gone for job in jobs]
    assert gone == [None, "expired", "expired", None, None]
    with pytest.raises(JobExpiredError):
        store.pictures.read(jobs[1], 0)
    assert store.expire(before=time.time() + 1, most_bytes=None) == 2
    with pytest.raises(JobExpiredError):
        store.get(jobs[1])
    assert store.get(jobs[0]).pictures[0].gone is None
    store.close()


def test_attention_is_kept_beside_the_picture(make: Callable[..., JobQueue]) -> None:
    queue = make()
    queue.start()
    job = over(queue, queue.submit(asked("赤い猫", attention=True), owner="a"))
    data = json.loads(queue.read_picture(job.id, 0, owner="a", attention=True))
    assert {word["source"] for word in data["words"]} >= {"猫"}
    plain = over(queue, queue.submit(asked("赤い猫"), owner="a"))
    with pytest.raises(FileNotFoundError):
        queue.read_picture(plain.id, 0, owner="a", attention=True)


def test_enlarging(make: Callable[..., JobQueue]) -> None:
    queue = make()
    queue.start()
    options: dict[str, Any] = {"upscaler": "animevideo", "seed": 1}
    request = JobRequest(
        task="upscale", model="mini", image="ab12", factor=2.0, strength=0.0, data={"ab12": png(side=24)},
        options=GenerationOptions(prompt=None, **options),
    )  # fmt: skip
    job = over(queue, queue.submit(request, owner="a"))
    assert job.state == "done", job.error
    assert (job.pictures[0].width, job.pictures[0].height) == (48, 48)


def test_a_database_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    store = JobStore(tmp_path)
    with store._database.transaction() as execute:
        execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(OutputError) as caught:
        JobStore(tmp_path)
    assert caught.value.code == "database.newer"


def test_requests_survive_being_written_down() -> None:
    request = asked(("猫", "犬"), negative_prompt="人", loras={"a": 0.5}, guidance_interval=(0.0, 0.6))
    assert JobRequest.from_json(request.to_json()) == request
    assert request.count == 2
