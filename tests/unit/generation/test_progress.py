"""The bar of a run where a person is watching."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

NOTEBOOK = """
import sys, types

# What tells tqdm and sdjp of a notebook.
sys.modules["ipykernel"] = sys.modules["ipykernel.zmqshell"] = types.ModuleType("ipykernel")
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=object)

from sdjp import Pipeline

pipe = Pipeline.from_pretrained(safety="off", watermark=False)
pipe.generate("猫", num_inference_steps=2, width=64, height=64)
"""


@pytest.mark.skipif(find_spec("ipywidgets") is not None, reason="there is a bar of widgets")
def test_a_notebook_without_widgets_has_a_bar_and_no_warning() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert "1/2" in done.stderr
    assert "Warning" not in done.stderr
