"""The guides at the top of the registries, followed to the letter: a newcomer is written and registered, and
the contract tests find it and pass.

The newcomers live in a pytest of their own, so that no other test meets them. What their guides say of the
manuals is left out: nothing is described there.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sdjp import cli
from tests.conftest import uncounted

ROOT = Path(__file__).parents[2]

# -- step 1: the file -------------------------------------------------------------------------------------

ADAMS_BASHFORTH = '''
from math import sqrt

from sdjp.samplers.base import Step, at


def adams_bashforth(denoise, x_T, plan, noise):
    """dx/dsigma = eps (Karras et al. 2022, arXiv 2206.00364) by Adams and Bashforth's two-step method."""
    x = x_T
    eps_before, h_before = x_T, 0.0
    for i, t, a, a_prev in plan.moves(end=1.0):
        sigma, sigma_next = sqrt((1 - a) / a), sqrt((1 - a_prev) / a_prev)
        h = sigma_next - sigma
        eps = slope = denoise(x, at(t, x))
        if h_before != 0:  # 0 at the first step, and where a timestep comes twice
            slope = eps + h / (2 * h_before) * (eps - eps_before)
        y = x / sqrt(a)
        x = sqrt(a_prev) * (y + h * slope)
        eps_before, h_before = eps, h
        yield Step(i, t, x, y - sigma * eps)
'''
TRANSLATOR = '''
from sdjp.text.script import has_letters, is_japanese
from sdjp.text.translate.base import Piece, Translation


class Postcard:
    """Says of everything Japanese that it is Japan."""

    name = "postcard"

    def translate(self, texts):
        return [self._one(text) for text in texts]

    def _one(self, text):
        japanese = is_japanese(text)
        english = "Japan" if japanese else text
        how = "postcard" if japanese else "copied"
        pieces = (Piece(source=text, english=english, how=how),) if has_letters(text) else ()
        return Translation(source=text, english=english, translator=self.name, pieces=pieces)
'''
ENGINE = '''
from sdjp.engines.base import Engine, require_cpu


class Direct(Engine):
    """Calls the networks as they lie."""

    name = "direct"
    shortcuts = True

    def __init__(self, device, dtype):
        require_cpu(self.name, device)

    def unet(self, unet):
        return unet

    def decoder(self, vae):
        return vae.decode
'''
POSTPROCESSOR = """
from dataclasses import dataclass

from PIL import ImageOps

from sdjp.errors import InputError
from sdjp.postprocess.base import Note
from sdjp.records import Report


def report(status):
    return Report(name="negative", status=status, ja="ネガに関する報告です。", en="about negatives", data={})


@dataclass(frozen=True)
class Negative:
    strength: float = 1.0
    name = "negative"

    def __call__(self, images, /):
        return [ImageOps.invert(image) for image in images], [report("done") for _ in images]


def make_negative(value):
    if value is True:
        return Negative()
    if value is False:
        return Note(report("off"))
    raise InputError("negative.value", ja="True か False を指定してください。", en="give True or False.")
"""
METHOD = '''
from dataclasses import dataclass

import numpy as np

from sdjp.postprocess.marking.base import to_bits


@dataclass(frozen=True)
class LowBits:
    """The last bit of red, pixel by pixel."""

    name = "lowBits"
    luma = False

    def require(self):
        pass

    def frame(self, payload):
        return to_bits(payload)

    def capacity(self, size):
        return size[0] * size[1] // 8 * 8

    def embed(self, pixels, bits):
        marked = pixels.copy()
        red = marked[..., 0].reshape(-1).copy()
        red[: len(bits)] = red[: len(bits)] & 254 | bits
        marked[..., 0] = red.reshape(marked.shape[:2])
        return marked

    def reader(self, pixels):
        low = np.asarray(pixels).astype(np.uint8)[..., 0].reshape(-1) & 1
        return lambda count: low[:count].astype(bool)
'''
LAYOUT = """
from sdjp.weights.names.keymap import Row
from sdjp.weights.networks import on_meta


def rows(config):
    for part, network in on_meta(config)._asdict().items():
        for name, module in network.named_modules():
            if name and list(module.parameters(recurse=False)):
                yield Row(f"{part}.{name}", f"mirror.{part}.{name}")
"""
TEXT_ENCODER = '''
from dataclasses import dataclass
from typing import Literal

from torch import nn

from sdjp.models.from_spec import from_spec


@dataclass(frozen=True, kw_only=True)
class BagConfig:
    kind: Literal["bag"] = "bag"
    vocab_size: int = 50
    width: int = 32
    max_length: int = 77


class Bag(nn.Module):
    """A vector for each token, whatever stands beside it."""

    def __init__(self, *, vocab_size, width):
        super().__init__()
        self.token_embedding = nn.Embedding(vocab_size, width)

    @classmethod
    def from_config(cls, config):
        return from_spec(cls, config)

    def forward(self, ids):
        return self.token_embedding(ids)
'''
COMMAND = """
from sdjp.cli.parser import Parser
from sdjp.cli.speech import say


def parser():
    options = Parser(prog="sdjp greet", description="Greet.")
    options.option("name", ja="名前", en="a name")
    return options


def run(args):
    say(ja=f"こんにちは、{args.name}", en=f"hello, {args.name}")
    return 0
"""

# -- step 2: the line in the registry ----------------------------------------------------------------------

LINES = {
    "adams_bashforth": (
        "sdjp.samplers",
        ADAMS_BASHFORTH,
        'registry.SAMPLERS["adams_bashforth"] = registry.Sampler(\n'
        '    name="adams_bashforth", function=newcomer.adams_bashforth\n'
        ")",
    ),
    "postcard": (
        "sdjp.text.translate",
        TRANSLATOR,
        'registry.TRANSLATORS = {**registry.TRANSLATORS, "postcard": newcomer.Postcard}',
    ),
    "direct": ("sdjp.engines", ENGINE, 'registry.ENGINES["direct"] = newcomer.Direct'),
    "negative": (
        "sdjp.postprocess",
        POSTPROCESSOR,
        'registry.POSTPROCESSORS["negative"] = registry.Switch(\n'
        "    make=newcomer.make_negative, default=True, off=False\n"
        ")",
    ),
    "lowBits": (
        "sdjp.postprocess.marking",
        METHOD,
        'registry.METHODS["lowBits"] = newcomer.LowBits()\n'
        "import sdjp.options\n"
        "from typing import Literal, get_args\n"
        "names = get_args(sdjp.options.WatermarkMethod)\n"
        'sdjp.options.WatermarkMethod = Literal[(*names, "lowBits")]',
    ),
    "mirror": (
        "sdjp.weights.names.maps",
        LAYOUT,
        'texts = ("clip", "bert", "xlm_roberta")\n'
        'registry.MAPS["mirror"] = registry.Layout(rows=newcomer.rows, texts=texts)',
    ),
    "bag": (
        "sdjp.models",
        TEXT_ENCODER,
        'registry.TEXT_ENCODERS["bag"] = newcomer.Bag.from_config\n'
        "from sdjp.weights.names.keymap import Layout, Row\n"
        "from sdjp.weights.names.maps import MAPS, ldm\n"
        "def rows(config):\n"
        "    yield from ldm.rows(config)\n"
        '    yield Row("text.token_embedding", "cond_stage_model.table")\n'
        'MAPS["bags"] = Layout(rows=rows, texts=("bag",))\n'
        "import dataclasses\n"
        "from sdjp import config\n"
        "config.ALT_DIFFUSION = dataclasses.replace(  # in a place of CONFIGS in test_maps.py\n"
        '    config.TINY, name="bag", text=newcomer.BagConfig()\n'
        ")",
    ),
}


# -- step 3: the contract ----------------------------------------------------------------------------------


# By newcomer: the file of its contract, and which of its tests.
CONTRACTS = {
    "adams_bashforth": [
        ("contract/test_samplers.py", "adams_bashforth and not manual"),
        ("property/test_sampler_properties.py", "not euler"),
    ],
    "postcard": [("contract/test_translators.py", "postcard or unknown")],
    "direct": [("contract/test_engines.py", "direct")],
    "negative": [("contract/test_postprocessors.py", "negative and not described")],
    "lowBits": [("contract/test_marking.py", "lowBits and not described")],
    "mirror": [("contract/test_maps.py", "mirror")],
    "bag": [("contract/test_maps.py", "bag or kind_of_text_encoder")],
}


@pytest.mark.parametrize(
    "names",
    [
        ("adams_bashforth", "postcard", "direct", "negative", "lowBits", "mirror"),
        ("bag",),  # in a place of CONFIGS, which mirror is tried with too
    ],
    ids="-".join,
)
def test_newcomers_keep_the_contract(names: tuple[str, ...], tmp_path: Path) -> None:
    plugin: list[str] = []
    (tmp_path / "newcomers").mkdir()
    (tmp_path / "newcomers" / "__init__.py").touch()
    for name in names:
        package, source, line = LINES[name]
        (tmp_path / "newcomers" / f"{name}.py").write_text(source, encoding="utf-8")
        plugin.append(f"import {package} as registry\nfrom newcomers import {name} as newcomer\n{line}\n")
    (tmp_path / "register.py").write_text("\n".join(plugin), encoding="utf-8")
    chosen = [pair for name in names for pair in CONTRACTS[name]]
    words = " or ".join(f"({Path(file).stem} and ({which}))" for file, which in chosen)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-rp", "-p", "register", "-p", "no:cacheprovider"),
            *("-k", words, *(str(ROOT / "tests" / file) for file, _ in chosen)),
        ],
        cwd=ROOT,
        env={**uncounted(), "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names:
        for file, _ in CONTRACTS[name]:
            found = rf"PASSED .*{file}::.*" + (name if file.startswith("contract") else "")
            assert re.search(found, done.stdout), f"nothing of {name} was found in {file}"


def test_a_new_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "greet.py").write_text(COMMAND, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(
        cli, "COMMANDS", {**cli.COMMANDS, "greet": cli.Command("greet", "あいさつする", "greet")}
    )
    args: argparse.Namespace = cli.parse(["greet", "花子"])
    assert args.name == "花子"
    assert cli.main(["greet", "花子", "--lang", "en"]) == 0
    assert capsys.readouterr().out == "hello, 花子\n"
    assert cli.main(["greet", "花子"]) == 0
    assert capsys.readouterr().out == "こんにちは、花子\n"
