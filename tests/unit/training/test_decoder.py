"""The decoder's last training: on what the UNet draws, by pixels, features and a critic."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from torch.nn import functional as F

from sdjp_training.loop import checkpoint
from sdjp_training.scenes.places import background
from sdjp_training.trainers import autoencoder, decoder, perceptual, samples
from tests.unit.training.conftest import write_vgg


@pytest.fixture
def folder(samples_folder: Path, tmp_path: Path) -> Path:
    """Samples, and what a loss by features reads."""
    for file in samples_folder.iterdir():
        (tmp_path / file.name).symlink_to(file)
    write_vgg(tmp_path / "packages")
    return tmp_path


def test_kernels_keep_their_way_up(tmp_path: Path) -> None:
    made = write_vgg(tmp_path)
    model = perceptual.load(tmp_path)
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    seen = model.features(x)[0]
    caffe = (x.permute(0, 2, 3, 1).numpy() * 0.5 + 0.5) * 255 - np.array(perceptual.MEAN)
    first = np.zeros((14, 14, 64))
    for dy in range(3):
        for dx in range(3):  # by the definition of a convolution, blue first
            window = caffe[0, dy : dy + 14, dx : dx + 14, ::-1]
            first += window @ made["block1/layers/conv2d/vars"][dy, dx]
    first = np.maximum(first, 0)
    first_layer = model.blocks[0][0]  # type: ignore[index]
    mean = torch.tensor(perceptual.MEAN).view(1, 3, 1, 1)
    ours = F.relu(first_layer(((x + 1) * 127.5 - mean).flip(1)))
    np.testing.assert_allclose(ours[0, :, 1:-1, 1:-1].permute(1, 2, 0).numpy(), first, rtol=1e-3, atol=0.05)
    torch.testing.assert_close(seen.norm(dim=1), torch.ones(1, 16, 16))


def test_blur_is_far_by_features_and_near_by_pixels(tmp_path: Path) -> None:
    write_vgg(tmp_path)
    sees = perceptual.load(tmp_path)
    sharp = background("city at night")[64:192, 64:192]
    blurred = np.asarray(Image.fromarray(sharp).filter(ImageFilter.GaussianBlur(3)))
    darker = (sharp * (1 - np.abs(sharp.astype("f4") - blurred).mean() / sharp.mean())).astype(np.uint8)
    x, soft, dark = (autoencoder.to_tensor(one[None]) for one in (sharp, blurred, darker))
    assert float(sees(x, x)) == 0
    assert float((x - soft).abs().mean()) == pytest.approx(float((x - dark).abs().mean()), rel=0.2)
    assert float(sees(x, soft)) > 1.5 * float(sees(x, dark))


def test_samples_are_of_the_pool_and_crops_lie_about_the_drawing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "HELD_OUT", 2)
    with np.load(folder / "pool" / samples.FILE) as kept:
        assert kept["latents"].shape == (6, 8, 16, 16)
        spread = np.load(folder / "pool/000.latents.npy").astype("f4").std()
        assert kept["latents"].astype("f4").std() == pytest.approx(spread, rel=0.5)
    crops = decoder.Crops(folder)
    assert crops.shown == 4
    monkeypatch.setattr(decoder, "TRUE", 1.0)
    z, x = crops.batch(8, random.Random(0))
    assert z.shape == (8, 8, 8, 8)
    assert x.shape == (8, 3, 128, 128)
    y = autoencoder.load(folder).decode(z)
    assert float((y[:, :, 32:-32, 32:-32] - x[:, :, 32:-32, 32:-32]).abs().mean()) < 0.2, "the same place"


@pytest.mark.usefixtures("counted_steps")
def test_only_the_decoder_learns_and_goes_on_where_it_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HELD_OUT", 2), ("BATCH", 2), ("ALONE", 1)):
        monkeypatch.setattr(decoder, name, value)
    for _ in range(2):
        decoder.train(folder, minutes=0.02)
    state = checkpoint.load(folder / "decoder.pt")
    assert state is not None
    assert state["step"] == 4
    before, after = autoencoder.load(folder).state_dict(), decoder.load(folder).state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"decoder", "post_quant_conv"}
    log = (folder / "decoder.jsonl").read_text().splitlines()
    assert len(log) == 2
    assert all(f'"{name}"' in log[0] for name in ("true", "drawn", "true_perceptual", "critic"))
