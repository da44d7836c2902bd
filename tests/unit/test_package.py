"""The package as a whole: its public names, its files, and the rules that every module keeps."""

from __future__ import annotations

import ast
import dataclasses
import importlib.metadata
import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from safetensors import safe_open

import sdjp
from sdjp import errors
from sdjp.config import MINI

if TYPE_CHECKING:  # it has moved since Python 3.10
    from importlib.abc import Traversable

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sdjp"
MODULES = sorted(SOURCE.rglob("*.py"))
CATCH_ALL = {"utils", "util", "helpers", "helper", "misc", "common"}
SPEAKERS = {"cli", "training"}  # packages whose job includes printing


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in MODULES:
        yield path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def error_classes() -> set[str]:
    return {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.SdjpError)
    }


def error_calls() -> list[tuple[str, ast.Call]]:
    """Every place where an error of ours is made, as (place, call)."""
    classes = error_classes()
    calls = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                if name in classes:
                    calls.append((f"{name_of(path)}:{node.lineno}", node))
    return calls


def literal_text(node: ast.expr) -> str:
    """The text of a string, an f-string or several of them joined, without what is filled in."""
    return "".join(
        part.value
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    )


# The public names.


def test_public_names_are_sorted_and_can_be_imported() -> None:
    constants = sorted(name for name in sdjp.__all__ if name.isupper())
    others = sorted(name for name in sdjp.__all__ if not name.isupper() and name[0].isupper())
    rest = sorted(name for name in sdjp.__all__ if not name[0].isupper())
    assert sdjp.__all__ == [*constants, *others, *rest]  # the order ruff's RUF022 keeps
    assert len(set(sdjp.__all__)) == len(sdjp.__all__)
    for name in sdjp.__all__:
        assert getattr(sdjp, name) is not None


def test_every_lazy_name_is_public_and_lives_where_it_is_said_to() -> None:
    assert set(sdjp._HOMES) | {"__version__"} == set(sdjp.__all__)
    for name, home in sdjp._HOMES.items():
        assert getattr(sdjp, name) is getattr(importlib.import_module(home), name)


@pytest.mark.parametrize(("language", "heading"), [("ja", "## 公開している名前"), ("en", "## Public names")])
def test_the_manual_names_all_that_is_public_and_nothing_else(language: str, heading: str) -> None:
    page = (ROOT / "docs" / language / "api.md").read_text(encoding="utf-8")
    table = page[page.index(heading) :].split("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(re.findall("`(.+?)`", " ".join(rows))) == sorted(sdjp.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sdjp.no_such_name


def test_dir_lists_the_public_names() -> None:
    assert set(dir(sdjp)) == set(sdjp.__all__)


def test_version_is_that_of_the_installed_package() -> None:
    assert sdjp.__version__ == importlib.metadata.version("sdjp")


# Files that ship.


def test_py_typed_is_shipped() -> None:
    assert (files("sdjp") / "py.typed").is_file()


@pytest.mark.parametrize("name", ["mini", "clip", "lexicon", "translator"])
def test_assets_have_a_card_and_a_licence(name: str) -> None:
    folder = files("sdjp") / "assets" / name
    assert (folder / "README.md").is_file()
    assert any(entry.name.startswith("LICENSE") for entry in _below(folder))


def _below(folder: Traversable) -> Iterator[Traversable]:
    for entry in folder.iterdir():
        yield entry
        if entry.is_dir():
            yield from _below(entry)


# Errors: each has a code, and says the same in both languages.


def test_errors_are_made_in_many_modules() -> None:
    assert len({place.split(":")[0] for place, _ in error_calls()}) > 10


def test_every_error_has_a_code_and_both_languages() -> None:
    bad = []
    for place, call in error_calls():
        texts = {keyword.arg: keyword.value for keyword in call.keywords}
        if len(call.args) != 1 or not {"ja", "en"} <= set(texts):
            bad.append(place)
    assert bad == []


def test_error_codes_are_dotted_names() -> None:
    bad = []
    for place, call in error_calls():
        code = call.args[0]
        # A code may be put together from an argument's name: f"{name}.range".
        if isinstance(code, ast.Constant) and not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", str(code.value)):
            bad.append(f"{place} {code.value!r}")
    assert bad == []


def test_japanese_texts_are_japanese_and_english_ones_are_not() -> None:
    kana = re.compile("[ぁ-んァ-ヶ]")
    bad = []
    for place, call in error_calls():
        for keyword in call.keywords:
            text = literal_text(keyword.value)
            if keyword.arg == "ja" and text and not kana.search(text):
                bad.append(f"{place} ja={text!r}")
            if keyword.arg == "en" and kana.search(text):
                bad.append(f"{place} en={text!r}")
    assert bad == []


# Habits.


def test_libraries_do_not_print() -> None:
    bad = []
    for path, tree in trees():
        if name_of(path).split("/")[0] in SPEAKERS:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                bad.append(f"{name_of(path)}:{node.lineno}")
    assert bad == []


def test_no_module_is_a_catch_all() -> None:
    places = [*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    assert [str(path) for path in places if path.stem in CATCH_ALL] == []


def test_every_module_says_what_it_is() -> None:
    assert [name_of(path) for path, tree in trees() if not ast.get_docstring(tree)] == []


def test_no_environment_variable_is_read_on_import() -> None:
    bad = []
    for path, tree in trees():
        for statement in tree.body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                    bad.append(f"{name_of(path)}:{node.lineno}")
    assert bad == []


def test_the_embedded_model_says_the_same_of_itself_in_both_places() -> None:
    folder = SOURCE / "assets" / "mini"
    with safe_open(folder / "model.safetensors", "np") as file:
        within = json.loads(file.metadata()["sdjp.config"])
    assert within == json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert within["defaults"] == dataclasses.asdict(MINI.defaults)
