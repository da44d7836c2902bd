"""Errors: two languages, reasons of the system, and the way to another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from sdjp import errors


def test_a_language_that_is_not_known() -> None:
    with pytest.raises(errors.InputError) as caught:
        errors.set_language("fr")  # type: ignore[arg-type]
    assert caught.value.code == "language.unknown"
    assert errors.get_language() == "ja"


def test_errors_survive_pickling() -> None:
    error = errors.WeightsError("weights.missing", ja="ありません。", en="not there.")
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is errors.WeightsError
    assert (again.code, again.ja, again.en) == (error.code, error.ja, error.en)


def test_reasons_are_told_in_both_languages(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent") as missing:
        (tmp_path / "absent").read_bytes()
    assert errors.reason(missing.value) == ("見つかりません", "No such file or directory")
    assert errors.reason(FileNotFoundError("bucket/a.csv")) == errors.reason(missing.value)  # fsspec
    with pytest.raises(UnicodeDecodeError) as encoding:
        "猫".encode("cp932").decode()
    assert errors.reason(encoding.value) == ("UTF-8 ではありません", "it is not UTF-8")
    with pytest.raises(ValueError, match="null") as nul:
        open("a\0b")  # noqa: SIM115
    assert errors.reason(nul.value) == ("名前に NUL 文字があります", "there is a NUL in the name")
    assert errors.reason(ArithmeticError()) == ("ArithmeticError", "ArithmeticError")
