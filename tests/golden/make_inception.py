"""Make ``inception.npz`` with torch-fidelity's extractor: ``python make_inception.py <its .py folder>``.

Only needed to make the file again. torch-fidelity imports torchvision at the top of its package, so that two
of its files are loaded by themselves. The tests draw the weights and the pictures with the functions here.
"""

import importlib.util
import sys
import types
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

SIZES = {"small": (40, 56), "square": (299, 299), "large": (320, 400)}


def draw(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights that anyone can draw again; norms near 1, so that numbers neither vanish nor explode."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith(("running_var", "bn.weight")):
        return torch.from_numpy(1 + 0.1 * np.tanh(values))
    if name.endswith(("bias", "running_mean")):
        return torch.from_numpy(0.1 * values)
    fan_in = int(np.prod(shape[1:]))
    return torch.from_numpy(values * np.float32((2 / fan_in) ** 0.5))


def picture(name: str) -> torch.Tensor:
    """Noise (1, 3, H, W) uint8 of one of the sizes."""
    seed = list(SIZES).index(name)
    values = np.random.RandomState(seed).randint(0, 256, (1, 3, *SIZES[name]))
    return torch.from_numpy(values.astype(np.uint8))


def load_theirs(folder: Path) -> Any:
    package = types.ModuleType("torch_fidelity")
    package.__path__ = [str(folder)]
    sys.modules["torch_fidelity"] = package
    spec = importlib.util.find_spec("torch_fidelity.feature_extractor_inceptionv3")
    assert spec is not None
    assert spec.loader is not None
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    return theirs


def main(folder: Path) -> None:
    theirs = load_theirs(folder)

    class Extractor(theirs.FeatureExtractorInceptionV3):  # type: ignore[misc, name-defined]
        def load_state_dict(self, state: object, *args: object, **kwargs: object) -> None:
            own = self.state_dict()
            filled = {n: t if t.ndim == 0 else draw(n, tuple(t.shape)) for n, t in own.items()}
            torch.nn.Module.load_state_dict(self, filled)

    blank = folder.parent / "blank.pt"
    torch.save({}, blank)
    extractor = Extractor("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(blank))
    with torch.no_grad():
        out = {name: extractor(picture(name))[0].numpy() for name in SIZES}
    np.savez_compressed(Path(__file__).parent / "inception.npz", **out)
    print({name: (x.shape, float(x.mean()), float(x.std())) for name, x in out.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
