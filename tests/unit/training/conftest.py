"""What tests of the trainings share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sdjp.training.artwork import PACKAGES, concepts


@pytest.fixture(scope="session")
def artwork_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawing of one colour for each of the first concepts, nothing for the others: files that take hardly
    any disk.
    """
    folder = tmp_path_factory.mktemp("artwork")
    colors = np.random.default_rng(1).integers(0, 255, (len(concepts()), 1, 1, 3))
    for name in PACKAGES:
        shape = (len(concepts()), 256, 256, 4)
        drawings = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape)
        drawings[:8, 64:192, 64:192] = 255
        drawings[:8, 64:192, 64:192, :3] = colors[:8]
    return folder
