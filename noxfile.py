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
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / ".ci"))
import changelog
import packing

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # they are named as skipped
nox.options.sessions = ["lint", "types", "imports", "tests", "parity", "browser", "examples", "docs", "build"]

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml("pyproject.toml")
FAST = [  # tests/golden holds data only
    *("tests/unit", "tests/contract", "tests/property", "tests/server", "tests/clients", "tests/batch"),
    *("tests/types", "tests/e2e", "tests/notebooks", "tests/site"),
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
DIST = ROOT / "dist"
PYTHONS = [*nox.project.python_versions(PYPROJECT), "3.14"]  # the last one as soon as torch has wheels for it


def group(name: str) -> list[str]:
    """The requirements of a dependency group; written out, since pip before 25.1 knows no ``--group``."""
    return nox.project.dependency_groups(PYPROJECT, name)


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
    packages = [f"--package={name}" for name in PYPROJECT["tool"]["mypy"]["packages"]]
    session.run("python", "-m", "tests.types.pages", *packages, *session.posargs)


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
def docs(session: nox.Session) -> None:
    """The site of the documentation, strictly, into build/site/html; then read in a browser, if any."""
    if sys.version_info < (3, 11):
        session.skip("Zensical needs Python 3.11")
    install_project(session, "docs")
    session.run("python", "-m", "website", env={"PYTHONPATH": "docs"})
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/site"]))


@nox.session
def notebooks(session: nox.Session) -> None:
    """Every notebook of the examples, executed from start to end."""
    install_project(session, "parity")  # one of them needs diffusers
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/notebooks"]), env=ONE_THREAD)


@nox.session(reuse_venv=False)
def build(session: nox.Session) -> None:
    """Build sdist and wheel into dist/, the same twice, look into them, and use the wheel; with tag notes."""
    install(session, *group("build"))
    entry = changelog.newest(changelog.read(changelog.PATH.read_text(encoding="utf-8")))
    env = {"SOURCE_DATE_EPOCH": os.environ.get("SOURCE_DATE_EPOCH", str(entry.seconds))}
    shutil.rmtree(DIST, ignore_errors=True)
    again = Path(session.create_tmp()) / "again"
    shutil.rmtree(again, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(DIST), env=env)  # the wheel of the sdist
    session.run(
        "python", "-m", "build", "--sdist", "--wheel", "--outdir", str(again), env=env
    )  # of this folder
    [wheel] = DIST.glob("*.whl")
    faults = [*packing.differences(DIST, again), *packing.faults_of(wheel)]
    if entry.version != packing.version():
        faults.append(f"the changelog ends with {entry.version}, _version.py has {packing.version()}")
    if faults:
        session.error("; ".join(faults))
    session.log("%s: %s bytes, the same when built again", wheel.name, f"{wheel.stat().st_size:,}")
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()))
    for english, language in enumerate(("ja", "en")):
        notes = DIST / f"sdjp-{entry.version}-notes.{language}.md"
        notes.write_text(changelog.notes(entry, english=bool(english)), encoding="utf-8")
    session.notify(f"installed-{packing.own_python()}")


@nox.session(python=PYTHONS, reuse_venv=False)
def installed(session: nox.Session) -> None:
    """The wheel in dist/ in an empty environment, without network; a Python that is not there is skipped."""
    [wheel] = DIST.glob("*.whl")
    own = session.python == packing.own_python()
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(str(session.run("python", "-c", code, silent=True, log=False)).strip())
    torch = packing.link_torch(site) if own else None
    binaries = ["--only-binary=:all:", "--no-binary=unidic-lite"]  # which is a sdist alone
    try:
        install(session, *binaries, *filter(None, [torch]), str(wheel))
    except nox.command.CommandFailed:
        if session.python in nox.project.python_versions(PYPROJECT):
            raise
        session.skip(f"not tried: not all dependencies have wheels for Python {session.python}")
    packing.cut_off(site)
    session.env["PYTHONPATH"] = ""
    folder = Path(session.create_tmp()).resolve() / "日本語 テスト"
    folder.mkdir()
    session.chdir(folder)
    said = str(session.run("sdjp", "--version", silent=True)).strip()
    if said != f"sdjp {packing.version()}":
        session.error(f"sdjp --version says {said!r}")
    session.run("python", "-W", "error", "-c", "import sdjp; assert 'site-packages' in sdjp.__file__")
    session.run("sdjp", "馬に乗る宇宙飛行士", "--seed", "7", "--outdir", "絵")
    if not list(folder.glob("絵/*.png")):
        session.error("the installed wheel drew no picture")
    session.chdir(ROOT)
    if own:
        session.notify("sbom", [str(Path(session.bin) / "python")])
    else:  # gigabytes of torch
        shutil.rmtree(site)


@nox.session
def sbom(session: nox.Session) -> None:
    """Bill of materials beside the wheel: what it has in it, and what `installed` found installed with it."""
    install(session, *group("build"))
    [wheel] = DIST.glob("*.whl")
    [python] = session.posargs or session.error("`nox -s build` runs it")
    found, beside = (
        Path(session.create_tmp()) / "environment.json",
        DIST / f"sdjp-{packing.version()}.cdx.json",
    )
    session.run("cyclonedx-py", "environment", "--output-reproducible", "-o", str(found), python)
    session.run(python, ".ci/sbom.py", str(found), str(beside), external=True)
    session.run("python", ".ci/validate_sbom.py", str(beside), str(wheel))


@nox.session
def release(session: nox.Session) -> None:
    """Before a version is tagged: `build`, and the wheel on every Python that is there."""
    entries = changelog.read(changelog.PATH.read_text(encoding="utf-8"))
    if any(entry.lines for entry in entries if entry.version is None):
        session.error(
            "the changelog has lines under Unreleased: give them a version, and _version.py the same"
        )
    packing.find_pythons()
    for name in ("build", *(f"installed-{python}" for python in PYTHONS)):
        session.notify(name)
