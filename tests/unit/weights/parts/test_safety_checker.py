"""Files and folders of safety checkers: where they are found, and all that can be wrong with them."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdjp.config import VIT_L_14, Concept, SafetyCheckerConfig
from sdjp.errors import WeightsError
from sdjp.models.safety_checker import SafetyChecker
from sdjp.weights.names.safety_checker import tensor_names
from sdjp.weights.networks import Unfilled
from sdjp.weights.parts.safety_checker import hub_files, load_checker
from sdjp.weights.source import Source
from tests.safety_files import CONFIG, golden_tensors, save_checker

KEYS = Path(__file__).parents[3] / "golden" / "keys" / "safety_checker.json.gz"


def load(source: Path) -> SafetyChecker:
    checker = load_checker(source, model="mini")
    assert checker is not None
    return checker


def refused(source: Path) -> WeightsError:
    with pytest.raises(WeightsError) as caught:
        load_checker(source, model="mini")
    return caught.value


def test_every_tensor_of_the_published_file_has_its_name_and_shape() -> None:
    listed = json.loads(gzip.decompress(KEYS.read_bytes()))["keys"]
    published = {
        name.replace("vision_model.vision_model.", "vision_model."): tuple(shape)
        for name, shape in listed.items()
        if not name.endswith("position_ids")
    }
    config = SafetyCheckerConfig(vision=VIT_L_14)
    with torch.device("meta"), Unfilled():
        shapes = {k: tuple(t.shape) for k, t in SafetyChecker.from_config(config).state_dict().items()}
    names = dict(tensor_names(config))
    assert {names[ours]: shape for ours, shape in shapes.items()} == published
    assert len(published) == 396


# Where it is.


@pytest.mark.parametrize(
    "name", ["model.safetensors", "pytorch_model.bin", "model.fp16.safetensors", "pytorch_model.fp16.bin"]
)
def test_a_folder_a_file_or_the_folder_of_a_model(tmp_path: Path, name: str) -> None:
    model = tmp_path / "模型"
    folder = save_checker(model / "safety_checker", name=name)
    for source in (folder, folder / name, model):
        checker = load(source)
        wanted = golden_tensors()["concept_embeds"]
        torch.testing.assert_close(checker.concepts.data, wanted, atol=0, rtol=0)
        assert not checker.training
        assert not any(p.requires_grad for p in checker.parameters())


def test_the_model_s_own(tmp_path: Path) -> None:
    save_checker(tmp_path / "safety_checker")
    assert load_checker(None, model=tmp_path) is not None
    shutil.rmtree(tmp_path / "safety_checker")
    assert load_checker(None, model=tmp_path) is None
    (tmp_path / "model.ckpt").touch()
    assert load_checker(None, model=tmp_path / "model.ckpt") is None


def test_half_precision_is_computed_in_float32(tmp_path: Path) -> None:
    tensors = {name: t.half() if t.is_floating_point() else t for name, t in golden_tensors().items()}
    assert {p.dtype for p in load(save_checker(tmp_path, tensors)).parameters()} == {torch.float32}


def test_new_names_and_old_names_are_the_same_checker(tmp_path: Path) -> None:
    new = {k.replace("vision_model.vision_model.", "vision_model."): t for k, t in golden_tensors().items()}
    new.pop("vision_model.embeddings.position_ids")  # as transformers 5 writes it
    old, renamed = load(save_checker(tmp_path / "old")), load(save_checker(tmp_path / "new", new))
    for a, b in zip(old.state_dict().values(), renamed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_without_a_configuration_the_shapes_tell(tmp_path: Path) -> None:
    """All but the number of heads: CLIP's have 64 each, so this tiny one gets one head."""
    checker = load(save_checker(tmp_path, config=None))
    assert checker.image_size == 32
    assert len(checker.vision.layers) == 2


def test_names_of_concepts(tmp_path: Path) -> None:
    names = [{"ja": f"概念{i}", "en": f"concept {i}"} for i in range(17)]
    checker = load(save_checker(tmp_path, config={**CONFIG, "concepts": names}))
    assert checker.concept_names[2] == Concept(ja="概念2", en="concept 2")
    assert checker.special_names == (Concept(),) * 3


def test_any_number_of_concepts(tmp_path: Path) -> None:
    tensors = golden_tensors()
    tensors["concept_embeds"] = tensors["concept_embeds"][:5]
    tensors["concept_embeds_weights"] = tensors["concept_embeds_weights"][:5]
    tensors["special_care_embeds"] = tensors["special_care_embeds"][:0]
    tensors["special_care_embeds_weights"] = tensors["special_care_embeds_weights"][:0]
    cosines = load(save_checker(tmp_path, tensors))(torch.zeros(2, 3, 32, 32))
    assert cosines.concepts.shape == (2, 5)
    assert cosines.special.shape == (2, 0)


def test_which_files_are_downloaded() -> None:
    whole = ["model_index.json", "unet/config.json", "safety_checker/config.json"]
    both = ["safety_checker/model.safetensors", "safety_checker/pytorch_model.bin"]
    assert hub_files([*whole, *both]) == ["safety_checker/config.json", "safety_checker/model.safetensors"]
    alone = ["README.md", "config.json", "pytorch_model.bin", "tf_model.h5", "preprocessor_config.json"]
    assert hub_files(alone) == ["config.json", "pytorch_model.bin"]
    assert hub_files(whole) == []


def test_from_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the network: a folder stands where the hub would be, and gives only what is asked for."""
    repositories = {
        "owner/model": save_checker(tmp_path / "model" / "safety_checker").parent,
        "owner/plain": tmp_path / "plain",
        "owner/checker": save_checker(tmp_path / "checker", name="pytorch_model.bin"),
    }
    for name in ("model", "plain"):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "model_index.json").write_text("{}")

    def download(name: str, choose: Callable[[list[str]], list[str]]) -> Source:
        source, target = repositories[name], tmp_path / "cache" / name
        listed = [p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file()]
        chosen = choose(listed)
        assert chosen, "the hub refuses a request for nothing"
        for file in chosen:
            (target / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source / file, target / file)
        return Source(name=name, path=target, repository=tuple(listed))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sdjp.weights.parts.safety_checker.from_hub", download)
    assert load_checker(None, model="owner/model") is not None
    assert load_checker(None, model="owner/plain") is None
    for name in ("owner/model", "owner/checker"):
        assert load_checker(name, model="mini") is not None


def test_a_model_that_was_located_is_not_looked_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub is asked once more only where there is a checker to download."""
    folder = save_checker(tmp_path / "safety_checker").parent
    (tmp_path / "plain").mkdir()
    asked: list[str] = []

    def download(name: str, choose: Callable[[list[str]], list[str]]) -> Source:
        asked.append(name)
        return Source(name=name, path=folder)

    monkeypatch.setattr("sdjp.weights.parts.safety_checker.from_hub", download)
    names = ("model_index.json", "safety_checker/model.safetensors")
    here, plain = tmp_path / "plain", ("model_index.json",)
    assert load_checker(None, model=Source(name="o/plain", path=here, repository=plain)) is None
    assert load_checker(None, model=Source(name="o/offline", path=folder)) is not None
    assert asked == []
    assert load_checker(None, model=Source(name="o/whole", path=here, repository=names)) is not None
    assert asked == ["o/whole"]


# What is wrong with it.


def test_all_that_is_wrong_with_the_tensors_is_told_at_once(tmp_path: Path) -> None:
    tensors = golden_tensors()
    tensors.pop("visual_projection.weight")
    tensors["vision_model.vision_model.pre_layrnorm.weight"] = torch.ones(31)
    tensors["lm_head.weight"] = torch.ones(3)
    error = refused(save_checker(tmp_path, tensors))
    assert error.code == "safety_checker.weights"
    for said in (
        "足りないテンソル: 1 個\n  visual_projection.weight",
        "知らないテンソル: 1 個\n  lm_head.weight",
        "vision_model.pre_layrnorm.weight 31 → 32",
    ):
        assert said in error.ja
    assert "missing tensors: 1" in error.en


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vision_config": {**CONFIG["vision_config"], "hidden_size": 64}}, "形が違うテンソル"),
        ({"vision_config": {**CONFIG["vision_config"], "num_attention_heads": 0}}, "heads = 0"),
        ({"vision_config": {**CONFIG["vision_config"], "num_hidden_layers": 10**9}}, "layers = 1000000000"),
        ({"vision_config": {**CONFIG["vision_config"], "patch_size": "8"}}, "patch_size = '8'"),
        ({"vision_config": {**CONFIG["vision_config"], "hidden_act": "swish"}}, "swish"),
        ({"vision_config": {**CONFIG["vision_config"], "layer_norm_eps": 1e-6}}, "layer_norm_eps"),
        ({"vision_config": {}}, "形が違うテンソル"),  # then it would be ViT-B/32
        ({"vision_config": [1]}, "設定が読めません"),
        ({"concepts": [{"ja": "一つ", "en": "one"}]}, "1 names / 17 concepts"),
        ({"concepts": ["nude"] * 17}, "設定が読めません"),
    ],
)
def test_a_configuration_that_does_not_fit(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    error = refused(save_checker(tmp_path, config={**CONFIG, **change}))
    assert error.code == "safety_checker.weights"
    assert said in error.ja


def two_names(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    name = "vision_model.vision_model.pre_layrnorm.bias"
    save_checker(folder, {**tensors, name.replace("vision_model.", "", 1): tensors[name].clone()})


def another_model(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    save_checker(folder, {"conv_in.weight": torch.ones(4, 4)}, config=None)


def broken_json(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    save_checker(folder)
    (folder / "config.json").write_text("{", encoding="utf-8")


def a_list(tensors: dict[str, torch.Tensor], folder: Path) -> None:
    save_checker(folder)
    (folder / "config.json").write_text("[]", encoding="utf-8")


@pytest.mark.parametrize("build", [two_names, another_model, broken_json, a_list])
def test_other_files_are_refused(tmp_path: Path, build: Callable[..., None]) -> None:
    build(golden_tensors(), tmp_path)
    assert refused(tmp_path).code == "safety_checker.weights"


def test_nothing_there(tmp_path: Path) -> None:
    assert refused(tmp_path).code == "safety_checker.folder"
    assert refused(tmp_path / "none").code == "weights.missing"
    (tmp_path / "page.bin").write_text("<!doctype html>")
    assert refused(tmp_path / "page.bin").code == "weights.foreign"


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch attacked",)


def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({**golden_tensors(), "x": Attack()}, tmp_path / "pytorch_model.bin", pickle_module=pickle)
    with pytest.raises(WeightsError):
        load_checker(tmp_path, model="mini")
    assert not (tmp_path / "attacked").exists()


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(golden_tensors(), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert refused(path).code == "weights.damaged"
