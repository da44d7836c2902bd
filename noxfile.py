"""The same checks here and in CI: ``nox`` runs them all, ``nox -s tests`` one of them, ``nox -l`` lists them.

torch is large. A session that needs it uses the one of the Python that runs nox, if there is one: the
session's environment then sees that Python's packages behind its own. Otherwise everything is installed from
pyproject.toml.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "imports", "tests", "parity", "browser", "examples", "build"]

ROOT = Path(__file__).parent
GROUPS = nox.project.load_toml("pyproject.toml")
FAST = [  # tests/golden holds data only
    *("tests/unit", "tests/contract", "tests/property", "tests/server", "tests/clients", "tests/batch"),
    *("tests/e2e", "tests/notebooks"),
]
CHOSEN = ["-m", "not slow and not network"]
# One process a core with one thread each: small networks gain nothing from threads. Files go in their order,
# not those with most tests first: the long ones with few tests would all be left for the end.
PARALLEL = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
COVERAGE = ["--cov", "--cov-report=term-missing:skip-covered"]  # fails under 95 % of src/sdjp
# Since Python 3.12 the interpreter itself tells which lines run, at next to no cost; before, tests take twice
# as long for it.
CHEAP = sys.version_info >= (3, 12)
MEASURED = {"COVERAGE_CORE": "sysmon"} if CHEAP else {}
MAX_WHEEL = 80_000_000  # bytes; PyPI takes up to 100 MB


def group(name: str) -> list[str]:
    """The requirements of a dependency group; written out, since pip before 25.1 knows no ``--group``."""
    return nox.project.dependency_groups(GROUPS, name)


def share_torch(session: nox.Session) -> None:
    """Let the session's environment see the packages of this Python, if it has torch.

    A ``.pth`` file does what --system-site-packages does not: it reaches the environment that nox runs
    in. What the session installs itself comes first.
    """
    if importlib.util.find_spec("torch") is None:
        return
    folders = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages") and Path(p).is_dir()]
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(str(session.run("python", "-c", code, silent=True, log=False)).strip())
    (site / "zz_python_of_nox.pth").write_text("\n".join(folders) + "\n", encoding="utf-8")
    session.log("torch of %s is used", sys.prefix)


def install(session: nox.Session, *requirements: str) -> None:
    """Install requirements, with CI's versions in CI."""
    held = ["-c", str(ROOT / ".ci" / "constraints.txt")] if os.environ.get("CI") else []
    session.install(*held, *requirements)


def install_project(session: nox.Session, *groups: str) -> None:
    """Install the project to be edited in place, with the groups it needs."""
    share_torch(session)
    install(session, "-e", ".", *(requirement for name in groups for requirement in group(name)))


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy --strict over both packages, the tests and the Python of the documentation."""
    install_project(session, "types", "parity")  # tests of parity have types, too
    session.run("python", "-m", "mypy", *session.posargs)
    session.run("python", "-m", "pytest", "tests/types")


@nox.session
def imports(session: nox.Session) -> None:
    """Layers: import-linter, by the contract in pyproject.toml."""
    session.install(*group("imports"))
    session.env["PYTHONPATH"] = str(ROOT / "src")  # it reads the sources and imports nothing heavy
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests of the code by itself; minutes, not hours. Coverage is measured where that costs nothing."""
    install_project(session, "test")
    if session.posargs:
        session.run("python", "-m", "pytest", *CHOSEN, *PARALLEL, *session.posargs, env=ONE_THREAD)
    else:
        _run_all(session, COVERAGE if CHEAP else [])


@nox.session
def coverage(session: nox.Session) -> None:
    """The same tests, which together must run 95 % of src/sdjp."""
    install_project(session, "test")
    _run_all(session, COVERAGE)


def _run_all(session: nox.Session, options: list[str]) -> None:
    env = {**ONE_THREAD, **(MEASURED if options else {})}
    session.run("python", "-m", "pytest", *CHOSEN, *PARALLEL, *options, *FAST, env=env)


@nox.session
def parity(session: nox.Session) -> None:
    """The same numbers as diffusers and transformers, on tiny random weights."""
    install_project(session, "parity")
    session.run(
        "python", "-m", "pytest", *CHOSEN, *PARALLEL, *(session.posargs or ["tests/parity"]), env=ONE_THREAD
    )


@nox.session
def clients(session: nox.Session) -> None:
    """Programs that others wrote, unchanged, against ``sdjp serve``; those of node where there is npm."""
    install_project(session, "test", "clients")
    env = dict(ONE_THREAD)
    if shutil.which("npm"):
        folder = Path(session.create_tmp()) / "node"
        folder.mkdir(exist_ok=True)
        shutil.copy(ROOT / "tests" / "clients" / "node" / "package.json", folder)
        with session.chdir(folder):
            session.run("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", external=True)
        env["SDJP_NODE_CLIENTS"] = str(folder)
    session.run("python", "-m", "pytest", *CHOSEN, *(session.posargs or ["tests/clients"]), env=env)


@nox.session
def ray(session: nox.Session) -> None:
    """The engine ``ray`` of ``sdjp batch``, on a real cluster of this machine."""
    install_project(session, "test", "ray")
    session.run("python", "-m", "pytest", *CHOSEN, *(session.posargs or ["tests/batch/test_ray.py"]))


@nox.session
def browser(session: nox.Session) -> None:
    """The page in Chromium, which must be there with its chromedriver; else all of it is skipped."""
    install_project(session, "test")
    session.run("python", "-m", "pytest", *CHOSEN, *PARALLEL, *(session.posargs or ["tests/browser"]))


@nox.session
def slow(session: nox.Session) -> None:
    """Tests that take minutes each."""
    install_project(session, "parity")
    session.run("python", "-m", "pytest", "-m", "slow and not network", *(session.posargs or ["tests"]))


@nox.session
def fuzz(session: nox.Session) -> None:
    """Hostile files changed at random, for a minute (``-- 600``: ten); with atheris, where it installs."""
    install_project(session, "test")
    try:
        session.install("atheris")
    except nox.command.CommandFailed:
        session.log("atheris does not install here; hypothesis changes the files")
    session.run("python", "-m", "tests.fuzz", *session.posargs, env=ONE_THREAD)


@nox.session
def fuzz_server(session: nox.Session) -> None:
    """Requests at random over the OpenAPI document, to a running server (``-- 200``: so many of each)."""
    install_project(session, "server")
    session.install("schemathesis>=4,<5")
    session.run("python", "-m", "tests.fuzz_server", *session.posargs, env=ONE_THREAD)


@nox.session
def examples(session: nox.Session) -> None:
    """Every example, and every command of both READMEs."""
    install_project(session, "test")
    session.run(
        *("python", "-m", "pytest", "tests/e2e/test_examples.py", "tests/e2e/test_readme.py"),
        *("tests/e2e/test_server_pages.py", "tests/e2e/test_deploy.py", *session.posargs),
    )


@nox.session
def notebooks(session: nox.Session) -> None:
    """Every notebook of the examples, executed from start to end."""
    install_project(session, "parity")  # one of them needs diffusers
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/notebooks"]), env=ONE_THREAD)


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel, look into the wheel, install it alone and draw a picture with it."""
    install(session, *group("build"))
    dist = Path(session.create_tmp()) / "dist"
    for old in dist.glob("*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(dist), str(ROOT))
    [wheel] = dist.glob("*.whl")
    check_wheel(session, wheel)

    share_torch(session)
    install(session, "--force-reinstall", "--no-deps", str(wheel))
    install(session, str(wheel))
    out = Path(session.create_tmp()) / "日本語 テスト"
    session.chdir(session.create_tmp())  # away from the sources
    session.run("sdjp", "馬に乗る宇宙飛行士", "--seed", "7", "--outdir", str(out))
    pictures = list(out.glob("*.png"))
    if not pictures:
        session.error("the installed wheel drew no picture")
    session.log("the installed wheel drew %s", pictures[-1])


def check_wheel(session: nox.Session, wheel: Path) -> None:
    """Everything that the package reads at run time is inside, and it is not too large."""
    sources = ROOT / "src"
    folders = (sources / "sdjp" / "assets", sources / "sdjp" / "server" / "page")
    found = [p for folder in folders for p in folder.rglob("*") if p.is_file()]
    wanted = {p.relative_to(sources).as_posix() for p in found}
    wanted |= {"sdjp/py.typed", "sdjp/assets/mini/model.safetensors"}
    missing = wanted - set(zipfile.ZipFile(wheel).namelist())
    if missing:
        session.error(f"not in the wheel: {', '.join(sorted(missing))}")
    size = wheel.stat().st_size
    if size > MAX_WHEEL:
        session.error(f"{wheel.name} has {size:,} bytes, more than {MAX_WHEEL:,}")
    session.log("%s: %s bytes, %d assets", wheel.name, f"{size:,}", len(wanted))
