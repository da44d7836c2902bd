"""The lease of a job: of all runs of ``sdjp batch`` on one folder, one works.

Each holder has a file of its own, ``lock-000007.json``, and rewrites it every ten seconds. The highest number
holds the lease. Who finds its holder dead **creates** the next number, which only one can, and then looks
whether the dead one's file is still there: it would not be, had another taken over in between. Nobody ever
writes or removes the file of a living holder. So a process that was stopped for an hour and goes on cannot
break the lease of the one that came after it: it finds a higher number, and stops.

Where a store cannot create exclusively (see ``object_store.py``), two may write the same file; each waits a
moment, and reads whose it is.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from sdjp.batch.places import LOCK
from sdjp.batch.stores.base import Store, StoreError
from sdjp.batch.stores.local_store import LocalStore
from sdjp.errors import InputError

BEAT: Final = 10.0
"""Seconds between two signs of life."""

STALE: Final = 60.0
"""Seconds without one after which a holder is taken for dead, by the clock of the store."""

_HOLD: Final = 0.75  # of that time a holder goes on without being heard: it stops before another begins
_MOMENT: Final = 1.0  # seconds until two that have written the same object see which one stayed
_ROUNDS: Final = 10  # others come and go while one tries
_PATIENCE: Final = 5.0  # seconds for a sign of life that is being written when the lease is given back
_NAME: Final = re.compile(rf"{LOCK}-(\d+)\.json")

_HELD: Final[set[str]] = set()
"""Tokens of the leases of this process; one that could not be given back, its store being away, is none."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a lease.

    Attributes:
        token: Random: no two are the same.
        host: The name of the machine.
        machine: What tells it from others of that name, and from other containers on it.
        pid: The process.
        started: When the process was started, in the system's own count; empty where that is not known.
        since: When it took the lease, seconds since 1970.
    """

    token: str
    host: str
    machine: str
    pid: int
    started: str
    since: float

    @classmethod
    def here(cls) -> Holder:
        """This process."""
        pid = os.getpid()
        return cls(
            token=secrets.token_hex(16),
            host=platform.node(),
            machine=_machine(),
            pid=pid,
            started=_process(pid)[1],
            since=time.time(),
        )

    @classmethod
    def read(cls, data: bytes) -> Holder | None:
        """Read what :meth:`write` gave; None if it is something else."""
        try:
            return cls(**json.loads(data))
        except (ValueError, TypeError):
            return None

    def write(self) -> bytes:
        """Return it as a file."""
        return json.dumps(vars(self), ensure_ascii=False).encode()

    @property
    def ended(self) -> bool:
        """Whether its process is certainly gone: only the machine it ran on can tell."""
        if self.machine != _machine() or os.name != "posix":
            return False
        if self.pid == os.getpid():
            return self.token not in _HELD
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # it is there, and another user's
            return False
        state, started = _process(self.pid)
        return state in ("Z", "X") or started != self.started  # dead, or another one of that number


class Lease:
    """The right to work on a job; see above. Made by :meth:`take`.

    ::

        with Lease.take(store) as lease:
            ...
            lease.check()  # now and then
    """

    def __init__(self, store: Store, number: int, holder: Holder, *, beat: float, stale: float) -> None:
        self._store = store
        self._number = number
        self._holder = holder
        self._pause = beat
        self._limit = stale * _HOLD
        self._heard = time.monotonic()
        self._lost = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live, name="sdjp lease", daemon=True)

    @classmethod
    def take(cls, store: Store, *, beat: float = BEAT, stale: float = STALE) -> Lease:
        """Take the lease of a job, from a holder that is dead if need be, and keep it until it is given back.

        Args:
            store: The place of the job.
            beat: Seconds between two signs of life.
            stale: Seconds without one after which a holder is taken for dead.

        Raises:
            InputError: If another run works on the job.
            StoreError: If the place cannot be used.
        """
        holder = Holder.here()
        _HELD.add(holder.token)
        try:
            return cls._take(store, holder, beat=beat, stale=stale)
        except BaseException:
            _HELD.discard(holder.token)
            raise

    @classmethod
    def _take(cls, store: Store, holder: Holder, *, beat: float, stale: float) -> Lease:
        for _ in range(_ROUNDS):
            last = _highest(store)
            if last and _lives(store, last, stale):
                raise _locked(store, last, stale)
            lease = cls(store, last + 1, holder, beat=beat, stale=stale)
            if not store.create(_name(last + 1), holder.write()):
                continue
            if not isinstance(store, LocalStore):
                time.sleep(_MOMENT)
            if lease._holds() and (not last or last in _numbers(store)):
                for number in _numbers(store):
                    if number <= last:
                        store.remove(_name(number))
                lease._thread.start()
                return lease
            lease._withdraw()
        raise _locked(store, _highest(store), stale)

    def check(self) -> None:
        """See that the lease is still held; asks nobody, and costs nothing.

        Raises:
            InputError: If another run has taken over.
            StoreError: If the store has not been reached for so long that another run may do so.
        """
        if self._lost:
            raise InputError(
                "batch.lease_lost",
                ja=f"{self._store.url} を、別の sdjp batch が引き継ぎました。こちらは止めます。"
                "描き終えた絵は残っています。",
                en=f"another sdjp batch has taken over {self._store.url}; this one stops. What is drawn "
                "stays.",
            )
        silence = time.monotonic() - self._heard
        if silence > self._limit:
            raise StoreError(
                "batch.lease_lost",
                ja=f"{self._store.url} に {silence:.0f} 秒のあいだ書き込めなかったため、止めます"
                "（別の sdjp batch が引き継いでいるかもしれません）。接続を確かめて、もう一度同じコマンドを"
                "実行すると続きから描きます。",
                en=f"nothing could be written to {self._store.url} for {silence:.0f} seconds, and another "
                "sdjp batch may have taken over. Check the connection, and run the same command again: it "
                "goes on from there.",
            )

    def release(self) -> None:
        """Give the lease back, if it is still held. A store that cannot be reached is told by the silence."""
        if os.getpid() != self._holder.pid:  # a process that was forked from the holder
            return
        self._end.set()
        self._thread.join(_PATIENCE)
        self._withdraw()
        _HELD.discard(self._holder.token)

    def __enter__(self) -> Lease:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _live(self) -> None:
        while not self._end.wait(self._pause) and not self._lost:
            begun = time.monotonic()
            with suppress(StoreError):  # the silence grows, see check()
                if self._holds():
                    self._store.write(_name(self._number), self._holder.write())
                    self._heard = begun
                else:
                    self._lost = True
                    self._withdraw()

    def _holds(self) -> bool:
        """Whether the store says that the lease is held."""
        return _highest(self._store) == self._number and self._is_own()

    def _is_own(self) -> bool:
        try:
            found = Holder.read(self._store.read(_name(self._number)))
        except FileNotFoundError:
            return False
        return found is not None and found.token == self._holder.token

    def _withdraw(self) -> None:
        with suppress(StoreError):
            if self._is_own():
                self._store.remove(_name(self._number))


def _name(number: int) -> str:
    return f"{LOCK}-{number:06d}.json"


def _numbers(store: Store) -> list[int]:
    names = (_NAME.fullmatch(entry.name) for entry in store.files(""))
    return sorted(int(name[1]) for name in names if name)


def _highest(store: Store) -> int:
    return max(_numbers(store), default=0)


def _holder_of(store: Store, number: int) -> Holder | None:
    try:
        return Holder.read(store.read(_name(number)))
    except FileNotFoundError:
        return None


def _lives(store: Store, number: int, stale: float) -> bool:
    holder = _holder_of(store, number)
    if holder is not None and holder.ended:
        return False
    age = store.age(_name(number))
    return age is not None and age < stale


def _locked(store: Store, number: int, stale: float) -> InputError:
    holder = _holder_of(store, number)
    host, pid = (holder.host, str(holder.pid)) if holder else ("?", "?")
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since)) if holder else "?"
    return InputError(
        "batch.locked",
        ja=f"{store.url} では、別の sdjp batch が動いています（マシン {host}、プロセス {pid}、"
        f"{since} から）。終わるのを待つか、それを止めてから、もう一度実行してください。マシンごと止まった"
        f"のなら、最後の合図から {stale:.0f} 秒たつと引き継げます。",
        en=f"another sdjp batch works on {store.url} (machine {host}, process {pid}, since {since}). Wait "
        "for it, or stop it and run this again. If its machine is down, this run can take over "
        f"{stale:.0f} seconds after its last sign of life.",
    )


def _machine() -> str:
    """What no other machine has, nor this one after a restart, nor another container with pids of its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{platform.node()} {uuid.getnode():x}"


def _process(pid: int) -> tuple[str, str]:
    """State and start of a process, by Linux; empty where that is not known."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "", ""
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return fields[0], fields[19]
