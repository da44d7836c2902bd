"""Pickles that try to run something: nothing of them runs, and the known attacks are named."""

from __future__ import annotations

import collections
import io
import operator
import pickle
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from sdjp.errors import WeightsError
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.unpickler import Inert, PlainDict, RestrictedUnpickler, is_dangerous

RAN: list[object] = []  # what an attack below would leave behind


def run(*values: object) -> object:
    RAN.append(values)
    return values


class Call:
    """Pickles as a call of ``function``."""

    def __init__(self, function: Callable[..., Any], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.function, self.args


class Remembers:
    """An object of a foreign class, with state that would be set."""

    def __init__(self) -> None:
        self.state = "set"

    def __setstate__(self, state: object) -> None:
        run(state)


class Strings(list[str]):
    """A foreign list."""


class Table(dict[str, int]):
    """A foreign dictionary."""


def load(pickled: bytes) -> object:
    return RestrictedUnpickler(io.BytesIO(pickled)).load()


ATTACKS = {
    "os.system": b"cos\nsystem\n(S'echo'\ntR.",
    "posix.system": b"cposix\nsystem\n(S'echo'\ntR.",
    "nt.system": b"cnt\nsystem\n(S'echo'\ntR.",
    "subprocess.Popen": pickle.dumps(Call(subprocess.Popen, ["echo"])),
    "builtins.eval": pickle.dumps(Call(eval, "1")),
    "builtins.exec": pickle.dumps(Call(exec, "1"), protocol=4),
    "builtins.getattr": pickle.dumps(Call(getattr, "x", "upper")),
    "__builtin__.eval": b"c__builtin__\neval\n(S'1'\ntR.",
    "builtins.__import__": b"cbuiltins\n__import__\n(S'os'\ntR.",
    "importlib.import_module": b"cimportlib\nimport_module\n(S'os'\ntR.",
    "operator.attrgetter": pickle.dumps(Call(operator.attrgetter, "x")),
    "types.CodeType": b"ctypes\nCodeType\n.",
    "torch.load": b"ctorch\nload\n.",
    "torch.hub.load": b"ctorch.hub\nload\n.",
    "numpy.testing._private.utils.runstring": b"cnumpy.testing._private.utils\nrunstring\n.",
    "runpy._run_code": b"crunpy\n_run_code\n.",
    "torch.serialization.os.system": b"\x80\x04\x8c\x0btorch.utils\x8c\x09os.system\x93.".replace(
        b"\x0btorch.utils", b"\x13torch.serialization"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_known_attacks_are_refused_by_name(name: str) -> None:
    with pytest.raises(WeightsError) as caught:
        load(ATTACKS[name])
    assert caught.value.code == "weights.malicious"
    assert name in caught.value.ja
    assert name in caught.value.en


@pytest.mark.parametrize("legacy", [False, True])
def test_an_attack_inside_a_checkpoint(folder: Path, legacy: bool) -> None:
    content = {"state_dict": {"x": torch.ones(2)}, "callbacks": Call(exec, "raise SystemExit")}
    torch.save(content, folder / "a.ckpt", _use_new_zipfile_serialization=not legacy)
    with pytest.raises(WeightsError) as caught:
        open_file(folder / "a.ckpt")
    assert caught.value.code == "weights.malicious"


@pytest.mark.parametrize("protocol", range(6))
def test_foreign_functions_and_classes_are_never_called(protocol: int) -> None:
    RAN.clear()
    content = {
        "call": Call(run, "called"),
        "object": Remembers(),
        "list": Strings(["a", "b"]),
        "dict": Table(a=1),
        "set": collections.Counter("aab"),
        "default": collections.defaultdict(list, a=[1]),
        "namespace": types.SimpleNamespace(a=1),
        "path": Path("x"),
        "kept": {"epoch": 3, "lr": 0.5, "name": "日本語", "list": [1, (2, 3)]},
    }
    loaded = load(pickle.dumps(content, protocol=protocol))
    assert isinstance(loaded, dict)
    assert RAN == []
    assert loaded["kept"] == content["kept"]
    assert all(isinstance(loaded[name], Inert) for name in content if name != "kept")


def test_ordered_dictionaries_lose_their_attributes() -> None:
    ordered = collections.OrderedDict(a=1)
    ordered.values = run  # type: ignore[method-assign, assignment]
    loaded = load(pickle.dumps(ordered))
    assert isinstance(loaded, PlainDict)
    assert loaded == {"a": 1}
    assert list(loaded.values()) == [1]


@pytest.mark.parametrize(
    "target",
    [
        b"ccollections\nOrderedDict\n",
        b"ctorch._utils\n_rebuild_tensor_v2\n",
        b"ctorch\nFloatStorage\n",
        b"cany.thing\nElse\n",
        b"ccollections\nOrderedDict\n)R",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
    ],
)
@pytest.mark.parametrize(
    "state", [b"}S'__class__'\nI1\ns", b"N}S'_function'\nI1\ns\x86", b"}S'__setstate__'\nI1\ns"]
)
def test_nothing_that_is_handed_out_can_be_changed(target: bytes, state: bytes) -> None:
    before = load(b"ctorch._utils\n_rebuild_parameter\n(I5\ntR.")
    first = load(target + b".")
    attributes = dir(first), vars(type(first)).keys()
    try:
        second = load(target + state + b"b.")
    except (pickle.UnpicklingError, TypeError, AttributeError):
        return
    assert (dir(second), vars(type(second)).keys()) == attributes
    assert load(b"ctorch._utils\n_rebuild_parameter\n(I5\ntR.") == before == 5
    assert PlainDict.__setstate__(1) is None


def test_honest_names_are_not_taken_for_attacks() -> None:
    for module, name in (
        ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch.serialization", "_get_layout"),
        ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
        ("numpy.core.multiarray", "scalar"),
        ("numpy", "dtype"),
        ("builtins", "set"),
        ("__builtin__", "long"),
        ("_codecs", "encode"),
        ("pathlib", "PosixPath"),
        ("omegaconf.dictconfig", "DictConfig"),
        ("copyreg", "_reconstructor"),
    ):
        assert not is_dangerous(module, name)


def test_what_a_trainer_leaves_in_a_checkpoint_is_passed_over(folder: Path) -> None:
    """Objects of a class that is not installed, as Lightning leaves them: the weights come out."""
    module = types.ModuleType("pytorch_lightning_stand_in")
    checkpoint = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = checkpoint  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        callback = checkpoint()
        callback.best_model_score = torch.tensor(0.5)
        torch.save(
            {
                "epoch": 3,
                "callbacks": {checkpoint: callback},
                "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(9)}}}],
                "state_dict": collections.OrderedDict(x=torch.ones(2)),
            },
            folder / "a.ckpt",
        )
    finally:
        del sys.modules[module.__name__]
    file = open_file(folder / "a.ckpt")
    assert list(file.entries) == ["x"]
    assert file.read("x").tolist() == [1.0, 1.0]


def test_an_object_instead_of_weights(folder: Path) -> None:
    torch.save(torch.nn.Linear(2, 2), folder / "model.pt")
    with pytest.raises(WeightsError) as caught:
        open_file(folder / "model.pt")
    assert caught.value.code == "weights.foreign"
    assert "state_dict" in caught.value.ja
