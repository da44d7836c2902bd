"""Faults, which learn their file where it is opened."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from sdjp.errors import WeightsError
from sdjp.weights.files.faults import FILE, Fault, damaged, faults_of


def test_a_fault_gets_the_path_of_the_file() -> None:
    cause = ValueError("x")
    with pytest.raises(WeightsError) as caught, faults_of(Path("モデル.ckpt")):
        raise damaged("空", "empty") from cause
    error = caught.value
    assert type(error) is WeightsError
    assert error.code == "weights.damaged"
    assert error.__cause__ is cause
    for text in (error.ja, error.en):
        assert "モデル.ckpt" in text
        assert FILE not in text


def test_the_innermost_file_is_named() -> None:
    with pytest.raises(WeightsError) as caught, faults_of(Path("folder")), faults_of(Path("file")):
        raise damaged("空", "empty")
    assert "file" in caught.value.en
    assert "folder" not in caught.value.en


def test_a_fault_is_an_error_of_ours_like_any_other() -> None:
    fault = damaged("空", "empty")
    assert isinstance(fault, WeightsError)
    copy = pickle.loads(pickle.dumps(fault))
    assert isinstance(copy, Fault)
    assert copy.ja == fault.ja
