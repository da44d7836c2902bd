"""Conversion: nothing is lost, nothing is half written, nothing is replaced by mistake."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from sdjp.config import MINI, CLIPTextConfig, ModelConfig, to_json
from sdjp.errors import InputError, OutputError, SdjpError, WeightsError
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights import Loaded, convert, load, to_layout
from sdjp.weights.names.maps import MAPS
from sdjp_training.trainers.merges import subset
from tests.conftest import random_models

Tensors = dict[str, Tensor]


@pytest.fixture
def ckpt(folder: Path, original: Tensors) -> Path:
    torch.save({"state_dict": {**original, "betas": torch.zeros(1000)}}, folder / "モデル.ckpt")
    return folder / "モデル.ckpt"


@pytest.fixture
def own(folder: Path, small_config: ModelConfig) -> Path:
    """A model like the embedded one: a vocabulary, a schedule and defaults of its own."""
    tokens = subset(ClipTokenizer.from_assets(), ["馬", "a red car"], 50)
    config = dataclasses.replace(
        small_config,
        name="own",
        text=CLIPTextConfig(vocab_size=tokens.vocab_size, width=64, layers=1, heads=2, mlp_width=64),
        schedule=MINI.schedule,
        defaults=MINI.defaults,
    )
    path = folder / "own"
    path.mkdir()
    model = random_models(config)
    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    save_file(tensors, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(to_json(config)), encoding="utf-8")
    tokens.save_merges(path / "merges.txt")
    return path


def assert_same(a: Loaded, b: Loaded) -> None:
    for x, y in zip((a.unet, a.vae, a.text), (b.unet, b.vae, b.text), strict=True):
        state = y.state_dict()
        assert all(torch.equal(tensor, state[name]) for name, tensor in x.state_dict().items())


def test_to_one_file_with_the_original_names(folder: Path, ckpt: Path, original: Tensors) -> None:
    report = convert(ckpt, folder / "変換後.safetensors")
    written = load_file(folder / "変換後.safetensors")  # the library's own reader
    assert written.keys() == original.keys()
    assert all(torch.equal(written[name], original[name]) for name in original)
    with safe_open(folder / "変換後.safetensors", "pt") as file:
        assert file.metadata()["format"] == "pt"
    assert (report.layout, report.dtype, report.ema_used) == ("ldm", None, False)
    assert report.ignored == ("betas",)
    assert load(folder / "変換後.safetensors").config.name == "モデル"  # carried inside


def test_the_same_bytes_as_the_safetensors_library(folder: Path, ckpt: Path) -> None:
    convert(ckpt, folder / "a.safetensors")
    save_file(load_file(folder / "a.safetensors"), folder / "b.safetensors", metadata={"format": "pt"})
    ours, theirs = (folder / "a.safetensors").read_bytes(), (folder / "b.safetensors").read_bytes()
    start, begin = (8 + int.from_bytes(content[:8], "little") for content in (ours, theirs))
    assert ours[start:] == theirs[begin:]
    assert start % 8 == 0


@pytest.mark.parametrize("dtype", ["float16", torch.bfloat16])
def test_dtypes(folder: Path, ckpt: Path, original: Tensors, dtype: str | torch.dtype) -> None:
    report = convert(ckpt, folder / "a.safetensors", dtype=dtype)
    assert isinstance(report.dtype, torch.dtype)
    written = load_file(folder / "a.safetensors")
    assert all(torch.equal(written[name], original[name].to(report.dtype)) for name in original)


def test_every_tensor_keeps_its_dtype_if_none_is_asked_for(folder: Path, original: Tensors) -> None:
    mixed = {name: t.half() if i % 2 else t for i, (name, t) in enumerate(original.items())}
    save_file(mixed, folder / "mixed.safetensors")
    convert(folder / "mixed.safetensors", folder / "a.safetensors")
    written = load_file(folder / "a.safetensors")
    assert all(written[name].dtype == t.dtype and torch.equal(written[name], t) for name, t in mixed.items())


def test_there_and_back_gives_the_same_file(folder: Path, ckpt: Path) -> None:
    convert(ckpt, folder / "a.safetensors")
    convert(folder / "a.safetensors", folder / "diffusers")
    convert(folder / "diffusers", folder / "b.safetensors")
    digests = [hashlib.sha256((folder / f"{n}.safetensors").read_bytes()).digest() for n in "ab"]
    assert digests[0] == digests[1]


def test_averaged_weights_become_the_only_ones(folder: Path, original: Tensors) -> None:
    twins = {MAPS["ldm"].ema(name): tensor + 1 for name, tensor in original.items()}
    del twins[None]
    torch.save({"state_dict": original | twins}, folder / "full.ckpt")  # type: ignore[operator]
    name = "model.diffusion_model.out.2.bias"
    assert convert(folder / "full.ckpt", folder / "a.safetensors").ema_used
    assert not convert(folder / "full.ckpt", folder / "b.safetensors", ema=False).ema_used
    assert torch.equal(load_file(folder / "a.safetensors")[name], original[name] + 1)
    assert torch.equal(load_file(folder / "b.safetensors")[name], original[name])
    assert load_file(folder / "a.safetensors").keys() == original.keys()


def test_a_vocabulary_of_its_own_goes_along(folder: Path, own: Path) -> None:
    before = load(own)
    merges = (own / "merges.txt").read_text("utf-8")
    for target in ("a.safetensors", "diffusers"):
        convert(own, folder / target)
        after = load(folder / target)
        assert after.config == before.config
        assert after.merges is not None
        assert after.merges.read_text("utf-8") == merges
        assert_same(after, before)
    assert (folder / "a.merges.txt").is_file()
    (folder / "a.safetensors").unlink()
    with pytest.raises(InputError):  # it would replace the vocabulary
        convert(own, folder / "a.safetensors")
    assert not (folder / "a.safetensors").exists()


# What is refused, and what is left


def listing(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize(
    ("target", "options", "code"),
    [
        ("a.ckpt", {}, "convert.pickle"),
        ("a.bin", {}, "convert.pickle"),
        ("a.safetensors", {"layout": "diffusers"}, "convert.layout"),
        ("folder", {"layout": "ldm"}, "convert.layout"),
        ("a.safetensors", {"dtype": "int4"}, "dtype.unknown"),
        ("no/such/folder/a.safetensors", {}, "convert.folder"),
        ("モデル.ckpt/a.safetensors", {}, "convert.folder"),
        ("there.safetensors", {}, "convert.exists"),
        ("diffusers", {}, "convert.exists"),
        ("photos", {"overwrite": True}, "convert.occupied"),
        ("a folder.safetensors", {"overwrite": True}, "convert.occupied"),
        ("a file", {"overwrite": True}, "convert.occupied"),
    ],
)
def test_targets_that_are_refused(
    folder: Path, ckpt: Path, target: str, options: dict[str, Any], code: str
) -> None:
    (folder / "there.safetensors").write_text("kept", encoding="utf-8")
    (folder / "a file").write_text("kept", encoding="utf-8")
    for name in ("photos/2024", "a folder.safetensors", "diffusers"):
        (folder / name).mkdir(parents=True)
    (folder / "diffusers" / "model_index.json").write_text("{}", encoding="utf-8")
    before = listing(folder)
    with pytest.raises(SdjpError) as caught:
        convert(ckpt, folder / target, **options)
    assert caught.value.code == code
    assert listing(folder) == before
    assert (folder / "there.safetensors").read_text("utf-8") == "kept"
    assert (folder / "photos" / "2024").is_dir()


def test_the_source_is_never_its_own_target(folder: Path, ckpt: Path) -> None:
    convert(ckpt, folder / "a.safetensors")
    with pytest.raises(InputError) as caught:
        convert(folder / "a.safetensors", folder / "a.safetensors", dtype="float16", overwrite=True)
    assert caught.value.code == "convert.same"


def test_replacing_what_is_there(folder: Path, ckpt: Path) -> None:
    (folder / "a.safetensors").write_text("old", encoding="utf-8")
    convert(ckpt, folder / "a.safetensors", overwrite=True)
    (folder / "diffusers").mkdir()  # an empty folder is no obstacle
    convert(ckpt, folder / "diffusers")
    (folder / "diffusers" / "unet" / "old.txt").touch()
    convert(ckpt, folder / "diffusers", overwrite=True)
    assert not (folder / "diffusers" / "unet" / "old.txt").exists()
    assert listing(folder) == ["a.safetensors", "diffusers", "モデル.ckpt"]


def test_a_source_that_cannot_be_used_leaves_nothing(folder: Path, original: Tensors) -> None:
    del (broken := dict(original))["first_stage_model.quant_conv.bias"]
    torch.save({"state_dict": broken}, folder / "broken.ckpt")
    for target in ("a.safetensors", "diffusers"):
        with pytest.raises(WeightsError) as caught:
            convert(folder / "broken.ckpt", folder / target)
        assert "first_stage_model.quant_conv.bias" in caught.value.en
    assert listing(folder) == ["broken.ckpt"]


def test_a_vocabulary_that_breaks_on_the_way_leaves_nothing(folder: Path, own: Path) -> None:
    (own / "merges.txt").write_text("#version: 0.2\nq zzz\n", encoding="utf-8")
    with pytest.raises(WeightsError):
        convert(own, folder / "diffusers")  # after the weights were written
    assert listing(folder) == ["own"]


def test_a_disk_without_space(folder: Path, ckpt: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        for target in ("a.safetensors", "diffusers"):
            with pytest.raises(OutputError) as caught:
                convert(ckpt, folder / target)
            assert caught.value.code == "convert.unwritable"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert listing(folder) == ["モデル.ckpt"]


@pytest.mark.parametrize("target", [".", "", " "])
def test_a_target_without_a_name(ckpt: Path, target: str) -> None:
    with pytest.raises(InputError) as caught:
        convert(ckpt, target)
    assert caught.value.code == "convert.target"
