"""What importing loads: nothing heavy. Looked at in a new process, since pytest has everything loaded."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "PIL", "numpy", "fugashi", "cv2", "imwatermark", "safetensors", "diffusers")
TEXT = (
    "sdjp.text",
    "sdjp.text.read",
    "sdjp.text.normalize",
    "sdjp.text.prompt",
    "sdjp.text.prompt_check",
    "sdjp.text.tokenizers.clip",
    "sdjp.text.translate",
    "sdjp.text.translate.lexicon",
    "sdjp.text.translate.marian",
    "sdjp.text.translate.passthrough",
    "sdjp.text.word_list",
)


def loaded_by(code: str) -> list[str]:
    """Run ``code`` in a new Python; return which heavy packages it loaded."""
    program = f"{code}\nimport json, sys\nprint(json.dumps([n for n in {HEAVY!r} if n in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_a_loaded_package_is_noticed() -> None:
    assert loaded_by("import numpy") == ["numpy"]


def test_importing_sdjp_loads_nothing_else() -> None:
    code = """
import sys
before = set(sys.modules)
import sdjp
new = {name for name in set(sys.modules) - before if name.startswith("sdjp.")}
assert not new, new
"""
    assert loaded_by(code) == []


def test_errors_and_records_load_nothing_heavy() -> None:
    assert loaded_by("import sdjp.errors, sdjp.options, sdjp.records, sdjp.config, sdjp.samplers") == []


def test_text_loads_neither_torch_nor_transformers() -> None:
    assert loaded_by("import " + ", ".join(TEXT)) == []


def test_reading_a_prompt_needs_no_torch() -> None:
    code = """
from sdjp.text.read import read
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator

read(["馬に乗る宇宙飛行士"], translator=make_translator("auto"), tokenizer=ClipTokenizer.from_assets())
"""
    assert not {"torch", "transformers", "PIL"} & set(loaded_by(code))


@pytest.mark.parametrize(
    "argv", [["--help"], ["explain", "--help"], ["convert", "--help"], ["check", "--help"], ["--version"]]
)
def test_help_loads_nothing_heavy(argv: list[str]) -> None:
    code = f"""
import contextlib, io
from sdjp.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({argv!r})
"""
    assert loaded_by(code) == []


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["explain", "--help"], ["info", "--help"]])
def test_help_reads_no_tables_of_the_text_part(argv: list[str]) -> None:
    code = f"""
import contextlib, io, sys
from sdjp.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main({argv!r})
assert "sdjp.text.prompt" not in sys.modules
assert "sdjp.text.translate.lexicon" not in sys.modules
"""
    assert loaded_by(code) == []


def test_bad_options_are_refused_without_torch() -> None:
    code = """
import contextlib, io
from sdjp.cli import main
with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
    main(["猫", "--skip_save", "--skip_grid"])
"""
    assert "torch" not in loaded_by(code)


def test_explain_needs_no_torch() -> None:
    code = """
import contextlib, io
from sdjp.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    main(["explain", "馬に乗る宇宙飛行士"])
"""
    assert not {"torch", "transformers", "PIL"} & set(loaded_by(code))


def test_explain_needs_no_torch_for_a_sentence_which_the_model_translates() -> None:
    code = """
import contextlib, io, json
from sdjp.cli import main
with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()):
    main(["explain", "--json", "彼女は昨日東京へ行きました。"])
assert "marian" in {part["how"] for part in json.loads(out.getvalue())["parts"]}, out.getvalue()
"""
    loaded = set(loaded_by(code))
    assert "numpy" in loaded
    assert not {"torch", "transformers", "PIL"} & loaded
