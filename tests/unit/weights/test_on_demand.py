"""Weights that are in memory only while they are used, and loading that keeps no second copy of a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from sdjp import weights
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import PIECE
from sdjp.weights.on_demand import OnDemand


class Demand:
    """A linear layer on the meta device, and what was read and given back for it."""

    def __init__(self) -> None:
        self.network = nn.Linear(3, 2, device="meta")
        self.read: list[str] = []
        self.given: list[str] = []
        self.on_demand = OnDemand()
        self.on_demand.add(
            "part",
            self.network,
            self._read,
            give_back=self.given.append,
            dtype=lambda name: torch.float64,
            device=torch.device("cpu"),
        )

    def _read(self, name: str) -> torch.Tensor:
        self.read.append(name)
        return torch.ones(self.network.state_dict()[name].shape, dtype=torch.float64)


def memory(network: nn.Module) -> int:
    return sum(p.untyped_storage().nbytes() for p in network.parameters())


def test_a_network_keeps_shape_dtype_and_device_while_it_is_away() -> None:
    demand = Demand()
    weight = demand.network.weight
    assert (weight.shape, weight.dtype, weight.device.type) == ((2, 3), torch.float64, "cpu")
    assert memory(demand.network) == 16  # one number for each of two tensors
    assert demand.read == []


def test_a_call_brings_the_weights_and_they_go_again() -> None:
    demand = Demand()
    out = demand.network(torch.ones(1, 3, dtype=torch.float64))
    assert out.tolist() == [[4.0, 4.0]]
    assert demand.read == demand.given == ["weight", "bias"]
    assert memory(demand.network) == 16


def test_inside_of_loaded_they_are_read_once() -> None:
    demand = Demand()
    with demand.on_demand.loaded("part", "another"), demand.on_demand.loaded("part"):
        for _ in range(3):
            demand.network(torch.ones(1, 3, dtype=torch.float64))
        assert memory(demand.network) == 8 * (6 + 2)
    assert demand.read == ["weight", "bias"]
    assert memory(demand.network) == 16


def test_they_go_when_the_call_fails() -> None:
    demand = Demand()
    with pytest.raises(RuntimeError):
        demand.network(torch.ones(1, 4, dtype=torch.float64))
    with pytest.raises(KeyError), demand.on_demand.loaded("part"):
        raise KeyError
    assert memory(demand.network) == 16


def test_what_shares_a_parameter_sees_it_come_and_go() -> None:
    """Embeddings of textual inversion stand beside a table that they share."""
    demand = Demand()
    other = nn.Linear(3, 2, device="meta")
    other.weight = demand.network.weight
    with demand.on_demand.loaded("part"):
        assert float(other.weight.sum()) == 6.0
    assert float(other.weight.sum()) == 0.0


def test_weights_read_in_inference_mode_are_ordinary() -> None:
    demand = Demand()
    with torch.inference_mode(), demand.on_demand.loaded("part"):
        assert not demand.network.weight.is_inference()


def test_all_weights_of_a_model_come_when_they_are_wanted() -> None:
    plain = weights.load("mini", dtype="float32")
    on_demand = OnDemand()
    later = weights.load("mini", dtype="float32", on_demand=on_demand)
    assert later.on_demand is on_demand
    for part in ("unet", "vae", "text"):
        network, same = getattr(later, part), getattr(plain, part)
        assert memory(network) < memory(same) / 1000
        with on_demand.loaded(part):
            for (name, p), (_, q) in zip(network.named_parameters(), same.named_parameters(), strict=True):
                assert torch.equal(p, q), name


def test_tensors_larger_than_a_piece_are_the_same(tmp_path: Path) -> None:
    """Read in pieces and converted, also where the file is not aligned to the size of a number."""
    count = PIECE // 4 * 2 + 3  # two pieces and a bit
    values = torch.arange(count, dtype=torch.float32).view(torch.int32) ^ 0x155
    tensor = values.view(torch.float32)
    for shift in (0, 1):
        header = {"x": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8 + shift)
        path = tmp_path / f"{shift}.safetensors"
        path.write_bytes(len(text).to_bytes(8, "little") + text + tensor.numpy().tobytes())
        file = open_file(path)
        assert torch.equal(file.read("x"), tensor)
        assert torch.equal(file.read("x", dtype=torch.bfloat16), tensor.to(torch.bfloat16))
        assert torch.equal(file.read("x", dtype=torch.float64), tensor.double())
        file.give_back("x")
        assert torch.equal(file.read("x"), tensor)  # pages come back from the file


def test_only_whole_pages_are_given_back(tmp_path: Path) -> None:
    """A neighbour on the same page may have been written to; that must stay."""
    path = tmp_path / "two.safetensors"
    sizes = {"small": 8, "large": 64 * 1024}
    header, end = {}, 0
    for name, size in sizes.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(end))
    file = open_file(path)
    small = file.read("small")
    small.fill_(7)
    file.read("large", dtype=torch.float32)
    file.give_back("large")
    assert small.tolist() == [7] * 8


MEASURED = """
import json, sys, torch
from sdjp import weights
torch.zeros(1 << 20).to(torch.bfloat16)

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))

before = status("VmHWM")
loaded = weights.load(sys.argv[1], dtype=sys.argv[2])
held = sum(p.nbytes for n in (loaded.unet, loaded.vae, loaded.text) for p in n.parameters())
print(json.dumps({"grown": status("VmHWM") - before, "held": held}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counted by /proc")
@pytest.mark.parametrize(("suffix", "dtype"), [(".ckpt", "bfloat16"), (".safetensors", "float32")])
def test_loading_holds_the_weights_once(tmp_path: Path, suffix: str, dtype: str) -> None:
    """A float32 .ckpt with averaged twins into 16 bits, and 16 bits into 32: never the file beside them.

    Were the file held, too, the first would come to five times the weights and the second to one and a half.
    """
    mini = open_file(Path(weights.__file__).parents[1] / "assets" / "mini" / "model.safetensors")
    stored = torch.float32 if suffix == ".ckpt" else torch.float16
    source = {name: mini.read(name, dtype=stored) for name in mini.entries}
    path = tmp_path / f"model{suffix}"
    if suffix == ".ckpt":
        prefix = "model.diffusion_model."
        source |= {
            "model_ema." + name.removeprefix("model.").replace(".", ""): tensor.clone()
            for name, tensor in source.items()
            if name.startswith(prefix)
        }
        torch.save({"state_dict": source}, path)
    else:
        from safetensors.torch import save_file

        save_file(source, path)
    assets = Path(weights.__file__).parents[1] / "assets" / "mini"
    for name in ("config.json", "merges.txt"):
        (tmp_path / name).write_bytes((assets / name).read_bytes())
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path), dtype],
        capture_output=True,
        text=True,
        env=env,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Modules and names take some megabytes whatever the size of the model; a piece of the file is mapped.
    assert found["grown"] < 1.15 * found["held"] + 24e6 + PIECE
