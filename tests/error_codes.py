"""Finds the code of every error in the sources, by their syntax alone: nothing is imported or run.

A code is a literal (``"output.exists"``) or has the name of an argument in it (``f"{name}.range"``), which
gives a pattern: ``"*.range"``.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parents[1] / "src" / "sdjp"
_BASE: Final = "SdjpError"
_HANDED_ON: Final = ("code", "self.code", "error.code", "job.error['code']")
"""What stands for a code that is written elsewhere."""


@dataclass(frozen=True)
class Raised:
    """A code, and where it is written."""

    code: str
    place: str


def raised() -> list[Raised]:
    """Every code, as often as it is written.

    Raises:
        AssertionError: If an error has a code that this cannot read.
    """
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCES.rglob("*.py"))}
    kinds = _kinds(trees.values())
    return [found for path, tree in trees.items() for found in _in_file(path, tree, kinds)]


def _kinds(trees: Iterable[ast.Module]) -> set[str]:
    """The names of the classes of errors that take their code first."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known = {_BASE}
    while more := {c.name for c in classes if {_last(b) for b in c.bases} & known} - known:
        known |= more
    return known - {c.name for c in classes if c.name in known and _first_of_init(c) not in ("code", None)}


def _first_of_init(kind: ast.ClassDef) -> str | None:
    """The first argument of a class of its own; None if it has no ``__init__``."""
    found = [n for n in kind.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    return found[0].args.args[1].arg if found else None


def _in_file(path: Path, tree: ast.Module, kinds: set[str]) -> Iterator[Raised]:
    helpers = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and [a.arg for a in node.args.args if a.arg not in ("self", "cls")][:1] == ["code"]
    }
    for node in ast.walk(tree):
        for written in _written(node, kinds, helpers):
            place = f"{path.relative_to(SOURCES)}:{written.lineno}"
            for code in _read(written, place):
                yield Raised(code, place)


def _written(node: ast.AST, kinds: set[str], helpers: set[str]) -> Iterator[ast.expr]:
    """The expressions of codes that a node has of its own."""
    if isinstance(node, ast.Call):
        names = {keyword.arg for keyword in node.keywords}
        if {"ja", "en"} <= names and node.args and _takes_code(node.func, kinds, helpers):
            yield node.args[0]
        yield from (k.value for k in node.keywords if k.arg == "code" and not _is_word(k.value))
    elif isinstance(node, ast.FunctionDef):
        arguments = node.args.kwonlyargs, node.args.kw_defaults
        for argument, default in zip(*arguments, strict=True):
            if argument.arg == "code" and default is not None:
                yield default
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            named = isinstance(key, ast.Constant) and key.value == "code"
            if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value


def _takes_code(function: ast.expr, kinds: set[str], helpers: set[str]) -> bool:
    return _last(function) in {*kinds, *helpers, "cls"} or ast.unparse(function) in (
        "super().__init__",
        "type(error)",
    )


def _is_word(value: ast.expr) -> bool:
    """Whether it is but the first part of a code."""
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value.isalpha()


def _read(expression: ast.expr, place: str) -> Iterator[str]:
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        yield expression.value
    elif isinstance(expression, ast.JoinedStr):
        parts = (str(v.value) if isinstance(v, ast.Constant) else "*" for v in expression.values)
        yield "".join(parts)
    elif isinstance(expression, ast.IfExp):
        yield from _read(expression.body, place)
        yield from _read(expression.orelse, place)
    else:
        assert ast.unparse(expression) in _HANDED_ON, f"{place}: no code: {ast.unparse(expression)}"


def _last(expression: ast.expr) -> str:
    """The last name of ``a.b.c``."""
    if isinstance(expression, ast.Attribute):
        return expression.attr
    return expression.id if isinstance(expression, ast.Name) else ""
