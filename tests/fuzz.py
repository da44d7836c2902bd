"""Hostile files, changed at random: each is read or refused with an error of sdjp, whatever is in it.

Run by ``nox -s fuzz``; ``-- 600`` for ten minutes in place of one. Atheris looks for bytes that reach code
no other has reached; where it is not installed, hypothesis changes the same files.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import tempfile
import time
import types
from pathlib import Path
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdjp.addons.inversion import read_inversion
from sdjp.addons.lora import read_lora
from sdjp.config import TINY
from sdjp.errors import SdjpError
from sdjp.weights.configs.ldm_yaml import read_ldm_yaml
from sdjp.weights.files.readers import open_file
from sdjp.weights.load import load
from sdjp.weights.networks import on_meta, shapes_of
from tests.hostile_files import FILES

SECONDS: Final = 60
LARGEST: Final = 2_000_000
"""Bytes of a file that is worth changing."""
WATCHED: Final = 20_000
"""The same where Atheris watches every step: a large one takes it seconds."""
SLOW: Final = 10.0
"""Seconds of the processor for one file and one way to read it; what Atheris watches is some times slower."""
SHAPES: Final = shapes_of(on_meta(TINY))


def corpus() -> list[bytes]:
    """The bytes of the hostile files that are small, and regular files."""
    found = []
    for write in FILES.values():
        with tempfile.TemporaryDirectory() as folder:
            path = write(Path(folder))
            if path.is_file() and path.stat().st_size <= LARGEST:
                found.append(path.read_bytes())
    return found


def read(data: bytes) -> None:
    """Read a file with these bytes in every way.

    Raises:
        AssertionError: If it took too long.
        Exception: Whatever is no error of sdjp.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        for reader in (_tensors, load, _lora, _vectors, read_ldm_yaml):
            start = time.process_time()
            with contextlib.suppress(SdjpError):
                reader(path)
            assert time.process_time() - start < SLOW


def _tensors(path: Path) -> None:
    file = open_file(path)
    for name in file.entries:
        file.read(name)


def _lora(path: Path) -> None:
    for change in read_lora(path, TINY, SHAPES).changes.values():
        change.delta()


def _vectors(path: Path) -> None:
    read_inversion(path, width=768)


@st.composite
def changed(draw: st.DrawFn, files: list[bytes]) -> bytes:
    """One of ``files`` in which bytes are replaced, taken out, put in, or moved in from another."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(1, 8))):
        start = draw(st.integers(0, len(data)))
        stop = start + draw(st.integers(0, 16))
        other = draw(st.sampled_from(files))[start : start + 64]
        data[start:stop] = draw(st.binary(max_size=16) | st.just(other))
    return bytes(data)


def with_hypothesis(seconds: int) -> None:
    """Change files until the time is over."""
    files, end = corpus(), time.monotonic() + seconds
    count = 0

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changed(files))
    def some(data: bytes) -> None:
        nonlocal count
        count += 1
        read(data)

    while time.monotonic() < end:
        some()
    print(f"{count} files, each read or refused")


def with_atheris(seconds: int) -> None:
    """Let libFuzzer change them, and end the process."""
    atheris: Any = importlib.import_module("atheris")
    with tempfile.TemporaryDirectory() as folder:
        for n, data in enumerate(data for data in corpus() if len(data) <= WATCHED):
            (Path(folder) / str(n)).write_bytes(data)
        for name, module in list(sys.modules.items()):
            if name.startswith(("sdjp.weights", "sdjp.addons")):
                for function in vars(module).values():
                    if isinstance(function, types.FunctionType) and function.__module__ == name:
                        atheris.instrument_func(function)
        atheris.Setup(
            [
                *(sys.argv[0], folder, f"-max_total_time={seconds}", f"-max_len={WATCHED}"),
                *("-rss_limit_mb=4096", f"-artifact_prefix={tempfile.gettempdir()}/sdjp-"),
            ],
            read,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    run = with_hypothesis if importlib.util.find_spec("atheris") is None else with_atheris
    run(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
