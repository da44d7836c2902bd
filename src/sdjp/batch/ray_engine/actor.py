"""The actor of Ray: a worker, and what it says of each task."""

from __future__ import annotations

import os
import pickle
import socket
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sdjp._version import __version__
from sdjp.batch.pipelines import checksums
from sdjp.batch.ray_engine.messages import Failed, portable
from sdjp.batch.ray_engine.weights import Sent, at_hand
from sdjp.batch.sinks import Event
from sdjp.batch.spec import Job, RunSettings, Task
from sdjp.batch.stores.opening import open_store
from sdjp.batch.worker import Worker, load_pipeline, workers_died
from sdjp.errors import InputError


class Drawer:
    """Draws the tasks that Ray hands it.

    No exception leaves it: Ray would wrap it, or make another actor. What stops the job is in the report.

    Args:
        out: The place of the job.
        settings: How it is drawn.
        weights: The arguments of the model that name files.
        sent: What of these comes through the object store.
    """

    def __init__(
        self, out: str, settings: RunSettings, weights: tuple[str, ...], sent: Mapping[str, Sent]
    ) -> None:
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported
        self._failed: Failed | None = None
        try:
            with _counted(settings.tries):
                self._worker = _worker(out, settings, weights, sent)
        except Exception as error:
            self._failed = portable(error, traceback.format_exc())

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, list[bytes]]:
        """Draw a batch of one task; return a batch of one report, see :func:`read_report`."""
        task = Task(**{name: int(values[0]) for name, values in batch.items()})
        events: list[Event] = []
        failed = self._failed
        if failed is None:
            try:
                self._worker.draw(task, events.append)
            except Exception as error:
                failed = portable(error, traceback.format_exc())
        return {"report": [pickle.dumps((events, failed))]}


def read_report(row: Mapping[str, Any]) -> tuple[list[Event], Failed | None]:
    """What happened to the items of a task, and what stops the job, if anything does."""
    events, failed = pickle.loads(row["report"])
    return events, failed


def _worker(out: str, settings: RunSettings, weights: tuple[str, ...], sent: Mapping[str, Sent]) -> Worker:
    if settings.threads is not None:
        import torch

        torch.set_num_threads(settings.threads)
    try:
        job = Job.read(open_store(out))
    except FileNotFoundError as error:
        node = socket.gethostname()
        raise InputError(
            "batch.node_out",
            ja=f"ノード {node} から {out} が見えません。--out には、すべてのノードから見える共有フォルダー"
            "か、s3:// などを指定してください。",
            en=f"node {node} does not see {out}. Give a folder that all nodes share with --out, or s3:// …",
        ) from error
    if job.spec.version != __version__:
        node = socket.gethostname()
        raise InputError(
            "batch.node_version",
            ja=f"ノード {node} の sdjp は {__version__} で、ジョブは {job.spec.version} のものです。すべての"
            "ノードに同じ版を入れてください。",
            en=f"node {node} has sdjp {__version__}, and the job is of {job.spec.version}. Install the same "
            "version on all nodes.",
        )
    model = at_hand(job.spec, weights, sent)
    _check_same(job, model)
    pipe = load_pipeline(replace(job, spec=replace(job.spec, model=model)), settings)
    return Worker(out, settings, pipe=pipe)


def _check_same(job: Job, model: Mapping[str, Any]) -> None:
    """See that the files here are those that the job was planned with."""
    found = checksums(model)
    names = sorted({*found, *job.spec.weights})
    wrong = [name for name in names if found.get(name) != job.spec.weights.get(name)]
    if wrong:
        node, text = socket.gethostname(), ", ".join(f"{name}={model.get(name)}" for name in wrong)
        raise InputError(
            "batch.node_weights",
            ja=f"ノード {node} にあるファイルが、ジョブのものと違います（{text}）。すべてのノードで同じものに"
            "するか、--ship-weights で送ってください。",
            en=f"files on node {node} are not those of the job ({text}). Have the same ones on all nodes, or "
            "send them with --ship-weights.",
        )


@contextmanager
def _counted(most: int) -> Iterator[None]:
    """Note that this actor loads its model, until it has: who is killed meanwhile is made anew, without end.

    Args:
        most: How often it may be.

    Raises:
        SdjpError: If it was killed so often.
    """
    import ray

    actor = ray.get_runtime_context().get_actor_id()  # the same when it is made anew
    note = Path(tempfile.gettempdir(), f"sdjp-loading-{actor}")
    with note.open("ab") as file:
        file.write(b".")
    try:
        if note.stat().st_size > most:
            raise workers_died()
        yield
    finally:
        note.unlink(missing_ok=True)
