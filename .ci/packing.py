"""What a wheel is to be like, and the environments that it is tried in."""

from __future__ import annotations

import os
import re
import sys
import zipfile
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src"
MAX_WHEEL = 80_000_000  # bytes; PyPI takes up to 100 MB
WITH_TORCH = re.compile(r"torch|triton|nvidia-.*|cuda-.*")  # large, and held to one version by torch

OFFLINE = """\
import os, sys


def end(event, arguments):
    if event == "socket.getaddrinfo" or (event == "socket.connect" and isinstance(arguments[1], tuple)):
        print(f"looked for the network: {event} {arguments[-1]}", file=sys.stderr, flush=True)
        os._exit(86)


sys.addaudithook(end)
"""


def version() -> str:
    """The version, from the one place that has it."""
    text = (SOURCES / "sdjp" / "_version.py").read_text(encoding="utf-8")
    return re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)[1]


def faults_of(wheel: Path) -> list[str]:
    """What is wrong with a wheel: it is to have all of the package, nothing else, and not too many bytes."""
    about = f"sdjp-{version()}.dist-info/"
    files = [path for path in (SOURCES / "sdjp").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    wanted = {path.relative_to(SOURCES).as_posix() for path in files}
    wanted |= {f"{about}licenses/LICENSE", f"{about}licenses/src/sdjp/NOTICE", f"{about}sboms/sdjp.cdx.json"}
    there = set(zipfile.ZipFile(wheel).namelist())
    more = {name for name in there - wanted if not name.startswith(about)}
    faults = [f"not in {wheel.name}: {name}" for name in sorted(wanted - there)]
    faults += [f"in {wheel.name}, and should not be: {name}" for name in sorted(more)]
    size = wheel.stat().st_size
    if size > MAX_WHEEL:
        faults.append(f"{wheel.name} has {size:,} bytes, more than {MAX_WHEEL:,}")
    return faults


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two folders of wheels and source archives."""
    names = sorted({path.name for folder in (one, other) for path in folder.glob("sdjp-*")})
    pairs = [(name, one / name, other / name) for name in names]
    return [
        f"{name} is another one when built again"
        for name, first, second in pairs
        if not (first.is_file() and second.is_file() and first.read_bytes() == second.read_bytes())
    ]


def link_torch(site: Path) -> str | None:
    """Give an environment the torch of this Python, as links; nothing else of it.

    Args:
        site: Its ``site-packages``, of the same version of Python.

    Returns:
        The requirement that holds it to this torch; None if this Python has none.
    """
    waiting, found = ["torch"], {}
    while waiting:
        name = waiting.pop()
        try:
            found[name] = distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # another system's
        needs = (
            re.match(r"[\w.-]+", need)[0] for need in distribution.requires or () if "extra ==" not in need
        )
        waiting += [need for need in needs if WITH_TORCH.fullmatch(need) and need not in found]
    for distribution in found.values():
        for name in {path.parts[0] for path in distribution.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(Path(str(distribution.locate_file(name))).resolve())
    return f"torch=={found['torch'].version}" if "torch" in found else None


def cut_off(site: Path) -> None:
    """Have every program of an environment end where it looks for the network."""
    (site / "sdjp_offline.py").write_text(OFFLINE, encoding="utf-8")
    (site / "sdjp_offline.pth").write_text("import sdjp_offline\n", encoding="utf-8")


def find_pythons() -> None:
    """Let the Pythons of pyenv be found, too, whichever of them is chosen."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, sorted(root.glob("versions/*/bin")))])


def own_python() -> str:
    """The version of this Python: ``"3.11"``."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"
