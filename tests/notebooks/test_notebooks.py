"""The notebooks of examples/: as they are stored, in step in both languages, and executed."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests import markdown

EXAMPLES = markdown.ROOT / "examples"
NAMES = sorted({path.name.partition(".")[0] for path in EXAMPLES.glob("*.ipynb")})
PATHS = sorted(EXAMPLES.glob("*.ipynb"))
QUICK = ("01_first_picture",)  # the others are for `nox -s notebooks`
NEEDS = {"08_diffusers": "diffusers"}
FEWEST_PICTURES = {
    "01_first_picture": 12,
    "02_prompts": 5,
    "03_from_a_picture": 5,
    "04_adapter": 1,
    "05_which_word": 3,
    "06_measure": 2,
    "07_lora_controlnet": 3,
    "08_diffusers": 3,
    "09_tiny_app": 3,
}
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMENT = re.compile(r"\s*#.*$", re.MULTILINE)


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def code(notebook: Any) -> list[tuple[str, str]]:
    """The code of each cell by its id, without comments: those are in the language of the notebook."""
    return [(c.id, COMMENT.sub("", c.source)) for c in notebook.cells if c.cell_type == "code"]


def test_there_are_notebooks_and_each_is_in_both_languages() -> None:
    assert set(NAMES) == set(FEWEST_PICTURES)
    assert {path.name for path in PATHS} == {f"{n}.{lang}.ipynb" for n in NAMES for lang in ("ja", "en")}


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_cells_and_the_same_code(name: str) -> None:
    japanese, english = (read(EXAMPLES / f"{name}.{lang}.ipynb") for lang in ("ja", "en"))
    kinds = [[(cell.id, cell.cell_type) for cell in notebook.cells] for notebook in (japanese, english)]
    assert kinds[0] == kinds[1]
    assert code(japanese) == code(english)
    for a, b in zip(japanese.cells, english.cells, strict=True):
        if a.cell_type == "markdown":
            assert a.source != b.source
            assert re.search("[ぁ-んァ-ヶ一-龠]", a.source)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_it_is_stored_without_what_running_it_leaves(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert path.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_it_installs_first_and_pins_nothing(path: Path) -> None:
    sources = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    assert "%pip install" in sources[0]
    for line in "\n".join(sources).splitlines():
        if "pip install" in line:
            assert not re.search(r"==|<|torch|numpy", line), line


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_its_links_lead_to_its_own_language(path: Path) -> None:
    language = path.name.split(".")[1]
    links = [link for c in read(path).cells if c.cell_type == "markdown" for link in LINK.findall(c.source)]
    local = [link for link in links if not link.startswith("https://")]
    assert local
    for link in local:
        assert (path.parent / link).exists(), link
        assert f".{language}." in link or f"/{language}/" in link, link


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_it_runs_and_draws(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Japanese alone: the code is the same."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    paths = [str(markdown.ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # or jupyter_core warns that it will move its folders
    notebook = read(EXAMPLES / f"{name}.ja.ipynb")
    run = NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    run.execute()
    drawn = pictures(notebook)
    assert len(drawn) >= FEWEST_PICTURES[name]
    for picture in drawn:
        assert np.asarray(picture.convert("RGB")).std() > 5, "a picture of one colour"


def pictures(notebook: Any) -> list[Image.Image]:
    """The pictures that a reader of an executed notebook sees."""
    found: list[Image.Image] = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            encoded = re.findall(r"data:image/png;base64,([^\"]+)", data.get("text/html", ""))
            if not encoded and "image/png" in data:
                encoded = [data["image/png"]]
            found += [Image.open(io.BytesIO(base64.b64decode(one))) for one in encoded]
    return found
