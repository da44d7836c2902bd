"""Every command and all Python in the READMEs runs; every page has its twin; every link leads somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from sdjp import cli
from sdjp.cli import parse
from sdjp.images import read_metadata
from tests import markdown
from tests.doc_files import save_all
from tests.pictures import size_of
from tests.stand_in import save_stand_in

ROOT = markdown.ROOT
READMES = {"ja": ROOT / "README.ja.md", "en": ROOT / "README.md"}
FIRST, SECOND = 'pip install . && sdjp "馬に乗る宇宙飛行士"', "pip install nox && nox -s tests"

NOT_RUN: Final = {
    "pip install .": "installs; `.ci/run` and `nox -s build` do it",
    'pip install ".[server]"': "installs; the test group has the same packages",
    "pip install nox": "installs; `.ci/run` does it",
    "sdjp ui": "runs until it is stopped; tests/server/test_serve_cli.py starts and stops it",
    "nox -s tests": "this test is a part of it",
    'sdjp "馬に乗る宇宙飛行士" --model CompVis/stable-diffusion-v1-4': "downloads 4 GB; it is parsed",
}
"""Commands of the READMEs that are not run here, each with its reason."""

NOT_RUN_ON_PAGES: Final = {
    "pip install": "installs",
    "python -m venv": "makes an environment",
    ". .venv/bin/activate": "enters it",
    "nox": "this test is a part of it",
    "python -m sdjp_training": "learns for hours; tests/unit/training has networks that learn for seconds",
    "python -m sdjp.licences.notice": "writes into the package; tests/unit/licences looks at what it wrote",
    "python examples/bench/run.py": "measures for an hour; tests/e2e/test_bench.py runs it on small networks",
    "pip uninstall": "takes away what this test needs",
    "apt install": "installs",
    "printf ": "the file is there already",
    'sdjp "サラリーマン 油絵" --model rinna/': "needs the model; tests/e2e/test_encoders.py has small ones",
    'sdjp "馬に乗る宇宙飛行士" --model BAAI/': "as above",
    'sdjp "馬に乗る宇宙飛行士" --model models/ldm/text2img-large/': "as above",
    "sdjp txt2img --laion400m": "as above",
    "sdjp convert models/ldm/text2img-large/": "as above",
    "sdjp convert BAAI/": "as above",
    "sdjp batch prompts.jsonl": "needs a cluster of Ray; tests/batch/test_ray.py starts one",
    "sdjp batch s3://": "needs an object store; tests/batch has a server of one",
    'sdjp "馬に乗る宇宙飛行士" --sign-key': "needs a key; tests/e2e/test_detect.py makes one",
    "sdjp evaluate": "needs CLIP and Inception; tests/e2e/test_evaluate.py has small ones",
    'sdjp "馬に乗る宇宙飛行士" --translator marian:staka/fugumt-ja-en': "needs the hub",
    "sdjp ui": "runs until somebody stops it; tests/browser has its page",
    "sdjp serve": "runs until somebody stops it; tests/e2e/test_server_pages.py runs it",
    "curl ": "needs a server; tests/e2e/test_server_pages.py runs it with one",
    "sudo ": "changes the machine; tests/e2e/test_deploy.py looks at the files",
    "docker ": "needs Docker",
    "SDJP_NAME=sdjp.example.com": "needs Docker",
}
"""Beginnings of commands on the pages that are not run, each with its reason; those of sdjp are parsed."""

# Pages that take a moment; the others draw several pictures and are slow: `nox -s examples` runs them too.
QUICK_PAGES: Final = ("contributing", "encoders", "extending", "ip-adapter", "lexicon")
# Tests of their own run their code: test_server_pages.py, test_tutorial.py, test_cookbook.py.
OWN_TESTS: Final = ("server", "clients", "tutorial", "cookbook")


# The READMEs.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader of the README would stand: the commands run here one after the other."""
    folder = tmp_path_factory.mktemp("README 日本語")
    save_stand_in(folder / "sd-v1-4.ckpt")
    return folder


def test_both_readmes_have_the_same_blocks() -> None:
    japanese, english = (
        [(b.language, b.text) for b in markdown.blocks(path)] for path in (READMES["ja"], READMES["en"])
    )
    assert japanese == english
    assert len(japanese) >= 5


def test_they_are_short_and_ask_no_other_host() -> None:
    for path in READMES.values():
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") < 150
        assert not re.search(r"!\[[^\]]*\]\(\w+:|<img", text), "a picture from elsewhere tells who reads"


def test_the_two_commands_come_first() -> None:
    for path in READMES.values():
        first, second = markdown.blocks(path)[:2]
        assert (first.text.strip(), second.text.strip()) == (FIRST, SECOND)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = ROOT / ".ci" / "run"
    assert SECOND in script.read_text(encoding="utf-8")
    assert script.stat().st_mode & 0o111


def test_what_is_not_run_is_still_in_the_readme() -> None:
    assert set(NOT_RUN) <= set(markdown.commands(READMES["ja"]))


def test_every_command_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    for command in markdown.commands(READMES["ja"]):
        if command in NOT_RUN:
            continue
        assert command.startswith("sdjp "), f"neither run nor in NOT_RUN: {command}"
        before = set(folder.rglob("*.png"))
        code = cli.main(markdown.arguments(command))
        said = capsys.readouterr()
        assert code == 0, f"{command}\n{said.out}{said.err}"
        drawn = set(folder.rglob("*.png")) - before
        assert bool(drawn) == (command.split()[1] != "explain"), command
        for path in drawn:
            assert str(path.relative_to(folder)) in said.out, f"{command} does not say where {path} is"


def test_commands_that_need_a_hub_are_understood() -> None:
    for command in NOT_RUN:
        if command.startswith("sdjp ") and command != "sdjp ui":
            assert parse(markdown.arguments(command)).model == "CompVis/stable-diffusion-v1-4"


def test_the_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    names = run_python(READMES["ja"])
    result = names["result"]
    assert "astronaut" in result.prompts[0].english
    options = read_metadata(sorted(Path("out").glob("[0-9]*.png"))[-1]).options
    assert options is not None
    assert options.prompt == "馬に乗る宇宙飛行士"
    assert options.seed == 1


def test_the_installed_command_draws(tmp_path: Path) -> None:
    """``sdjp`` as a process of its own, in an empty folder with a Japanese name."""
    here = tmp_path / "日本語 テスト"
    here.mkdir()
    command = [sys.executable, "-m", "sdjp", "馬に乗る宇宙飛行士", "--seed", "7", "--steps", "4"]
    done = subprocess.run(command, cwd=here, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "英語: " in done.stdout
    [picture] = here.rglob("*.png")
    assert picture.relative_to(here).as_posix() == "out/00000.png"
    assert size_of(picture) == (256, 256)


# The pages of the documentation.


def run_python(path: Path) -> dict[str, Any]:
    """Run the Python of a page from top to bottom, in one namespace."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in markdown.blocks(path, ("python",)):
        run_block(path, block, names)
    return names


def run_block(path: Path, block: markdown.Block, names: dict[str, Any]) -> None:
    """Run a block of Python; blank lines before it let a traceback tell the line of the page."""
    exec(compile("\n" * block.line + block.text, str(path), "exec"), names)


def stems(language: str) -> set[str]:
    folder = ROOT / "docs" / language
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.md")}


def test_both_languages_have_the_same_pages() -> None:
    assert stems("ja") == stems("en")
    assert {"index", "prompts", "translators", "api", "extending", "training"} <= stems("ja")


@pytest.mark.parametrize("page", sorted(stems("ja")))
def test_both_languages_have_the_same_code(page: str) -> None:
    japanese, english = (
        [(b.language, b.without_comments) for b in markdown.blocks(ROOT / "docs" / language / f"{page}.md")]
        for language in ("ja", "en")
    )
    assert japanese == english


@pytest.mark.parametrize("page", sorted(stems("ja")))
def test_all_python_of_the_pages_is_python(page: str) -> None:
    for block in markdown.blocks(ROOT / "docs" / "ja" / f"{page}.md", ("python",)):
        compile(block.text, f"{page}.md:{block.line}", "exec")


@pytest.mark.parametrize("page", sorted(stems("ja")))
def test_all_commands_of_the_pages_are_understood(page: str) -> None:
    for command in markdown.commands(ROOT / "docs" / "ja" / f"{page}.md"):
        if command.startswith("sdjp ") and not {"--help", "--version"} & set(markdown.arguments(command)):
            assert callable(parse(markdown.arguments(command)).run), command


def with_code() -> list[Any]:
    """The pages that have something to run."""
    pages = [page for page in sorted(stems("ja")) if markdown.blocks(ROOT / "docs" / "ja" / f"{page}.md")]
    slow = pytest.mark.slow
    alone = [page for page in pages if page not in OWN_TESTS]
    return [page if page in QUICK_PAGES else pytest.param(page, marks=slow) for page in alone]


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    save_all(folder)
    return folder


@pytest.mark.parametrize("page", with_code())
def test_the_page_runs(
    page: str,
    stand_ins: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All code of a page, from top to bottom: Python in one namespace, commands where it runs."""
    here = tmp_path / "here"
    shutil.copytree(stand_ins, here)
    monkeypatch.chdir(here)
    monkeypatch.setenv("SDJP_WORDS", str(tmp_path / "words.tsv"))
    monkeypatch.setattr("sdjp.cli.commands.txt2img.SIDE", 64)  # as the stand-ins have it
    path = ROOT / "docs" / "ja" / f"{page}.md"
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in markdown.blocks(path):
        if block.language == "python":
            run_block(path, block, names)
        for command in markdown.commands_of(block):
            if command.startswith(tuple(NOT_RUN_ON_PAGES)):
                continue
            assert command.startswith("sdjp "), f"neither run nor in NOT_RUN_ON_PAGES: {command}"
            codes = (0, 1) if command.startswith("sdjp detect") else (0, 3) if "check" in command else (0,)
            assert cli.main(markdown.arguments(command)) in codes, f"{command}\n{capsys.readouterr().err}"


def test_what_is_not_run_on_the_pages_is_still_there() -> None:
    commands = [c for page in stems("ja") for c in markdown.commands(ROOT / "docs" / "ja" / f"{page}.md")]
    for beginning in NOT_RUN_ON_PAGES:
        assert any(command.startswith(beginning) for command in commands), beginning


@pytest.mark.parametrize("path", markdown.pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    broken = []
    for link in markdown.links(path):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, fragment = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        if not target.exists() or (fragment and fragment not in markdown.anchors(target)):
            broken.append(link)
    assert broken == []
