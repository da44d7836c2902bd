"""Make ``upscalers.npz`` with spandrel's networks: ``python make_upscalers.py <its folder of packages>``.

Only needed to make the file again. spandrel imports torchvision at the top of its package, so that two of its
architectures are loaded by themselves. The tests draw the weights and the picture with the functions here.
"""

import importlib
import sys
import types
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

FEATURES, GROWTH, BLOCKS, LAYERS = 4, 32, 2, 3
CASES: Mapping[str, tuple[str, int, int]] = {
    # names of the file, doublings (or the scale), side of the squares that become channels
    "compact_x4": ("compact", 4, 1),
    "compact_x2": ("compact", 2, 1),
    "compact_x1": ("compact", 1, 1),
    "esrgan_x4": ("esrgan", 2, 1),
    "esrgan_x1": ("esrgan", 0, 1),
    "esrgan_x2": ("esrgan", 1, 1),
    "esrgan_x8": ("esrgan", 3, 1),
    "bsrgan_x4": ("bsrgan", 2, 1),
    "basicsr_x4": ("basicsr", 2, 1),
    "basicsr_x2": ("basicsr", 2, 2),
    "basicsr_x1": ("basicsr", 2, 4),
}
_DENSE = {
    "esrgan": "model.1.sub.{}.RDB{}.conv{}.0",
    "bsrgan": "RRDB_trunk.{}.RDB{}.conv{}",
    "basicsr": "body.{}.rdb{}.conv{}",
}
_OTHERS = {
    "bsrgan": ("conv_first", "trunk_conv", "upconv{}", "HRconv", "conv_last"),
    "basicsr": ("conv_first", "conv_body", "conv_up{}", "conv_hr", "conv_last"),
}


def weights(case: str) -> dict[str, torch.Tensor]:
    """The tensors of a file, which anyone can draw again by their names."""
    return {name: draw(name, shape) for name, shape in shapes(case).items()}


def draw(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Numbers neither so small nor so large that a part of a network hardly shows."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return torch.from_numpy(values * np.float32(fan_in**-0.5))


def picture() -> torch.Tensor:
    """Noise in [0, 1], (1, 3, 12, 8)."""
    return torch.from_numpy(np.random.RandomState(0).random_sample((1, 3, 12, 8)).astype(np.float32))


def shapes(case: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor of a file."""
    names, size, shuffle = CASES[case]
    found: dict[str, tuple[int, ...]] = {}

    def conv(name: str, inputs: int, outputs: int) -> None:
        found[f"{name}.weight"] = (outputs, inputs, 3, 3)
        found[f"{name}.bias"] = (outputs,)

    if names == "compact":
        for i in range(LAYERS + 1):
            conv(f"body.{2 * i}", FEATURES if i else 3, FEATURES)
            found[f"body.{2 * i + 1}.weight"] = (FEATURES,)
        conv(f"body.{2 * LAYERS + 2}", FEATURES, 3 * size**2)
        return found
    if names == "esrgan":
        numbers = [0, *(3 * (i + 1) for i in range(size)), 3 * size + 2, 3 * size + 4]
        first, *ups, hr, last = (f"model.{n}" for n in numbers)
        body = f"model.1.sub.{BLOCKS}"
    else:
        first, body, up, hr, last = _OTHERS[names]
        ups = [up.format(i + 1) for i in range(size)]
    conv(first, 3 * shuffle**2, FEATURES)
    for block in range(BLOCKS):
        for dense in (1, 2, 3):
            for i in range(5):
                name = _DENSE[names].format(block, dense, i + 1)
                conv(name, FEATURES + i * GROWTH, GROWTH if i < 4 else FEATURES)
    for name in (body, *ups, hr):
        conv(name, FEATURES, FEATURES)
    conv(last, FEATURES, 3)
    return found


def load_theirs(folder: Path, architecture: str) -> Any:
    """A module of spandrel, without the top of its packages."""
    for package, path in (("spandrel", folder), ("spandrel.architectures", folder / "architectures")):
        stub = types.ModuleType(package)
        stub.__path__ = [str(path)]
        sys.modules.setdefault(package, stub)
    return importlib.import_module(f"spandrel.architectures.{architecture}")


def main(folder: Path) -> None:
    """Write the file beside this one."""
    found = {}
    for case, (names, _, _) in CASES.items():
        compact = names == "compact"
        module = load_theirs(folder, "Compact" if compact else "ESRGAN")
        described = (module.CompactArch() if compact else module.ESRGANArch()).load(weights(case))
        with torch.inference_mode():
            found[case] = described.model.eval()(picture())[0].numpy()
        print(case, described.scale, found[case].shape, float(found[case].std()))
    np.savez_compressed(Path(__file__).with_name("upscalers.npz"), **found)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
