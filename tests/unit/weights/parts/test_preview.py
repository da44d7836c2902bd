"""What previews are made with, on disk: maps, TAESD, and what is neither."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp.errors import InputError, SdjpError, WeightsError
from sdjp.models.preview import PreviewMap
from sdjp.models.taesd import TAESDDecoder
from sdjp.pipeline import Pipeline, Progress
from sdjp.weights.parts.preview import FILE, hub_files, load_preview, save_preview
from tests.conftest import SMALL

Tensors = dict[str, Tensor]


def taesd(channels: int = 4) -> TAESDDecoder:
    torch.manual_seed(0)
    return TAESDDecoder(channels=channels, width=4)


def published(channels: int = 4) -> Tensors:
    """The tensors of a small TAESD as its makers name them."""
    return {name.removeprefix("layers."): tensor for name, tensor in taesd(channels).state_dict().items()}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "taesd_decoder.safetensors"
    save_file(published(), path)
    return path


def a_map(channels: int = 4) -> PreviewMap:
    generator = torch.Generator().manual_seed(1)
    return PreviewMap(
        weight=torch.randn(12, channels, 3, 3, generator=generator).half().float(), bias=torch.zeros(12)
    )


def test_a_map_that_was_written_is_read(tmp_path: Path) -> None:
    save_preview(a_map(), tmp_path / FILE)
    for source in (tmp_path / FILE, tmp_path):
        found = load_preview(source)
        assert isinstance(found, PreviewMap)
        assert torch.equal(found.weight, a_map().weight)
        assert found.patch == 2


def test_taesd_is_read_under_each_of_its_names(file: Path, tmp_path: Path) -> None:
    x = torch.randn(2, 4, 3, 5)
    right = taesd()(x)
    assert right.shape == (2, 3, 24, 40)
    torch.save(published(), tmp_path / "taesd_decoder.pth")
    whole = {f"decoder.{name}": tensor for name, tensor in published().items()}
    save_file({**whole, "encoder.0.weight": torch.zeros(1)}, tmp_path / "taesd.safetensors")
    for source in (file, tmp_path, tmp_path / "taesd_decoder.pth", tmp_path / "taesd.safetensors"):
        found = load_preview(source)
        assert isinstance(found, TAESDDecoder)
        assert torch.equal(found(x), right)
        assert not any(p.requires_grad for p in found.parameters())


def without(name: str) -> Tensors:
    return {key: tensor for key, tensor in published().items() if key != name}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"0.weight": torch.zeros(4, 3, 3, 3), "1.conv.0.weight": torch.zeros(1)}, "first layer"),  # encoder
        ({"model.diffusion_model.out.2.bias": torch.zeros(4)}, "first layer"),
        (without("12.weight"), "layers.12.weight"),
        ({**published(), "20.weight": torch.zeros(1)}, "20.weight"),
        ({**published(), "12.weight": torch.zeros(4, 5, 3, 3)}, "4×5×3×3"),
        ({"weight": torch.zeros(5, 4, 1, 1), "bias": torch.zeros(5)}, "shapes"),
        ({"weight": torch.zeros(3, 4, 2, 2), "bias": torch.zeros(3)}, "shapes"),
        ({"weight": torch.zeros(3, 4, 1, 1), "bias": torch.zeros(4)}, "shapes"),
        ({"weight": torch.full((3, 4, 1, 1), torch.nan), "bias": torch.zeros(3)}, "NaN"),
    ],
)
def test_other_files_are_refused(tensors: Tensors, said: str, tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_file(tensors, path)
    with pytest.raises(WeightsError) as caught:
        load_preview(path)
    assert caught.value.code == "preview.weights"
    assert said in caught.value.en
    assert str(path) in caught.value.ja


def test_folders_without_it_and_of_another_kind_are_refused(file: Path) -> None:
    (file.parent / "config.json").write_text(json.dumps({"act_fn": "gelu"}))
    with pytest.raises(WeightsError, match="gelu"):
        load_preview(file.parent)
    (file.parent / "config.json").unlink()
    file.unlink()
    with pytest.raises(WeightsError, match="TAESD がありません"):
        load_preview(file.parent)


def test_a_repository_has_its_files_chosen() -> None:
    assert hub_files(["README.md", "taesd_decoder.pth", "taesd_decoder.safetensors", "config.json"]) == [
        "config.json", "taesd_decoder.safetensors",
    ]  # fmt: skip
    assert hub_files(["config.json", "diffusion_pytorch_model.safetensors"])[1].startswith("diffusion")
    assert hub_files(["unet/diffusion_pytorch_model.safetensors"]) == []


@pytest.mark.parametrize(
    ("preview", "error", "code"),
    [
        (3, InputError, "preview.type"),
        ("none.safetensors", WeightsError, "weights.missing"),
    ],
)
def test_a_slip_is_told_before_weights_are_read(preview: object, error: type[SdjpError], code: str) -> None:
    with pytest.raises(error) as caught:
        Pipeline.from_pretrained(preview=preview)  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    "save", [lambda path: save_file(published(), path), lambda path: save_preview(a_map(), path)]
)
def test_what_is_for_other_latents_is_refused(save: Callable[[Path], None], tmp_path: Path) -> None:
    save(tmp_path / "made.safetensors")
    with pytest.raises(InputError) as caught:
        Pipeline.from_pretrained(preview=tmp_path / "made.safetensors", safety="off")
    assert caught.value.code == "preview.channels"
    assert "4" in caught.value.ja
    assert "8" in caught.value.ja


def test_a_pipeline_shows_what_taesd_makes(tmp_path: Path) -> None:
    path = tmp_path / "taesd_decoder.safetensors"
    save_file(published(8), path)
    pipe = Pipeline.from_pretrained(preview=path, dtype="float32", safety="off", watermark=False)
    assert isinstance(pipe.preview, TAESDDecoder)
    sizes = set()

    def look(progress: Progress) -> None:
        sizes.add(progress.preview().size)

    pipe.generate("猫", seed=1, num_inference_steps=2, width=64, height=96, on_step=look)
    assert sizes == {(64, 96)}


def test_a_map_can_be_measured_instead(tiny: Pipeline) -> None:
    from sdjp.generation.preview import Fitted

    pipe = Pipeline.from_pretrained(preview="fit", safety="off")
    assert isinstance(pipe.preview, Fitted)
    assert tiny.config == SMALL
