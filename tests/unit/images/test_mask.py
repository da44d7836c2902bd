"""Masks: what counts as white, the cells they cover, and what comes back outside them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.errors import InputError
from sdjp.images import fit_mask, paste_back, to_cells

SQUARE = np.zeros((64, 64), dtype=np.uint8)
SQUARE[20:30, 24:40] = 255


def fitted(mask: Image.Image, **options: object) -> np.ndarray:
    given = {"like": mask.size, "height": 64, "width": 64, "fit": "crop", **options}
    return np.asarray(fit_mask(mask, **given))  # type: ignore[arg-type]


def test_greys_become_black_and_white() -> None:
    greys = SQUARE.copy()
    greys[0, :2] = (127, 128)
    mask = fitted(Image.fromarray(greys))
    assert set(np.unique(mask)) == {0, 255}
    assert mask[0, 0] == 0
    assert mask[0, 1] == 255


def test_any_mode_will_do() -> None:
    expected = fitted(Image.fromarray(SQUARE)).tolist()
    for mode in ("1", "RGB", "P", "CMYK", "RGBA", "LA"):
        assert fitted(Image.fromarray(SQUARE).convert(mode)).tolist() == expected, mode
    clear = Image.new("RGBA", (64, 64), (255, 255, 255, 0))
    clear.paste((255, 255, 255, 255), (24, 20, 40, 30))
    assert fitted(clear).tolist() == expected


def test_it_follows_its_picture() -> None:
    """A mask of another shape lies over the whole picture, and is then cut as the picture is."""
    mask = np.zeros((50, 50), dtype=np.uint8)
    mask[:, :25] = 255  # the left half
    cut = fitted(Image.fromarray(mask), like=(128, 64))
    assert (cut[:, :31] == 255).all()
    assert (cut[:, 33:] == 0).all()
    padded = fitted(Image.fromarray(mask), like=(128, 64), fit="pad")
    assert (padded[:16] == 255).all()  # nothing there to keep
    assert (padded[17:47, 33:] == 0).all()


@pytest.mark.parametrize("level", [0, 127])
def test_nothing_white_is_refused(level: int) -> None:
    with pytest.raises(InputError) as caught:
        fitted(Image.new("L", (64, 64), level))
    assert caught.value.code == "mask.black"
    assert "マスク" in caught.value.ja


def test_a_cell_is_redrawn_if_any_of_its_pixels_is() -> None:
    cells = to_cells(Image.fromarray(SQUARE), factor=8)
    expected = torch.zeros(1, 1, 8, 8)
    expected[..., 2:4, 3:5] = 1
    assert torch.equal(cells, expected)


@pytest.mark.parametrize("feather", [0, 1, 2, 8, 40])
def test_inside_is_drawn_and_beyond_the_edge_is_the_original(feather: int) -> None:
    drawn, original = Image.new("RGB", (64, 64), (200, 10, 90)), Image.new("RGB", (64, 64), (0, 255, 30))
    pasted = np.asarray(paste_back(drawn, original, Image.fromarray(SQUARE), feather=feather))
    assert (pasted[20:30, 24:40] == (200, 10, 90)).all()
    beyond = np.ones((64, 64), dtype=bool)
    beyond[max(20 - feather, 0) : 30 + feather, max(24 - feather, 0) : 40 + feather] = False
    assert (pasted[beyond] == (0, 255, 30)).all()
    across = pasted[25, 40:64, 0].astype(int)  # from the edge to the right
    assert (np.diff(across) <= 0).all()
    if feather >= 2:
        assert 0 < across[0] < 200
