"""What the command line says of a model that it loaded."""

from __future__ import annotations

import pytest

from sdjp.cli.report import announce_load
from sdjp.weights import LoadReport


def test_notes_of_a_load_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    notes = (("使いません", "not used"),)
    announce_load(LoadReport(source="x", layout="ldm", ema_used=False, dtype=None, notes=notes))
    said = capsys.readouterr()
    assert said.out == ""
    assert "使いません" in said.err or "not used" in said.err
