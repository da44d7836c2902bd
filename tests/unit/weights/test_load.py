"""Loading: every layout and every way files come in, and one complete error where they do not fit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sdjp.config import MINI, CLIPTextConfig, ModelConfig, to_json
from sdjp.errors import InputError, WeightsError
from sdjp.pipeline import Pipeline
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights import Loaded, convert, load
from sdjp.weights.names.maps import MAPS

Tensors = dict[str, Tensor]
UNET = "model.diffusion_model."
TEXT = "cond_stage_model.transformer.text_model."


def assert_same(loaded: Loaded, expected: Loaded, dtype: torch.dtype = torch.float32) -> None:
    for a, b in zip(
        (loaded.unet, loaded.vae, loaded.text), (expected.unet, expected.vae, expected.text), strict=True
    ):
        state, wanted = a.state_dict(), b.state_dict()
        assert state.keys() == wanted.keys()
        assert all(torch.equal(state[name], wanted[name].to(dtype)) for name in wanted)


def averaged(original: Tensors, offset: float = 1.0) -> Tensors:
    twins = {name: MAPS["ldm"].ema(name) for name in original}
    return {twin: original[name] + offset for name, twin in twins.items() if twin is not None}


def extras() -> Tensors:
    """Other things that real files have."""
    names = ["betas", "alphas_cumprod", "sqrt_recipm1_alphas_cumprod", "posterior_mean_coef2", "logvar"]
    return {
        **{name: torch.zeros(1000) for name in names},
        "model_ema.decay": torch.tensor(0.9999),
        "model_ema.num_updates": torch.tensor(470000, dtype=torch.int32),
        TEXT + "embeddings.position_ids": torch.full((1, 77), 75.9975),
    }


def save_ckpt(path: Path, tensors: Tensors) -> Path:
    torch.save({"state_dict": tensors, "global_step": 470000, "pytorch-lightning_version": "1.4.2"}, path)
    return path


@pytest.fixture(scope="session")
def ckpt(tmp_path_factory: pytest.TempPathFactory, original: Tensors) -> Path:
    folder = tmp_path_factory.mktemp("日本語 テスト")
    return save_ckpt(folder / "モデル v1.ckpt", original | extras())


@pytest.mark.parametrize("kind", ["ckpt", "legacy", "safetensors", "bin", "no name"])
def test_a_single_file(folder: Path, small: Loaded, original: Tensors, kind: str) -> None:
    path = folder / {"safetensors": "a.safetensors", "bin": "a.bin", "no name": "重み"}.get(kind, "a.ckpt")
    if kind == "safetensors":
        save_file(original, path)
    else:
        torch.save({"state_dict": original}, path, _use_new_zipfile_serialization=kind != "legacy")
    loaded = load(path)
    assert_same(loaded, small)
    assert loaded.config == dataclasses.replace(small.config, name=path.stem)
    assert loaded.report.layout == "ldm"
    assert loaded.report.files == (path,)
    assert loaded.merges is None


def test_the_networks_are_ready_to_run(ckpt: Path) -> None:
    loaded = load(str(ckpt))
    for network in (loaded.unet, loaded.vae, loaded.text):
        assert not network.training
        assert not any(p.requires_grad or p.is_meta for p in network.parameters())
        assert all(p.is_contiguous() for p in network.parameters())
    with torch.inference_mode():
        states = loaded.text(torch.zeros(1, 77, dtype=torch.long))
        assert loaded.unet(torch.zeros(1, 4, 8, 8), torch.tensor([1]), states).isfinite().all()


def test_what_is_not_needed_is_reported(ckpt: Path, small: Loaded) -> None:
    loaded = load(ckpt)
    assert_same(loaded, small)
    assert loaded.report.ignored == tuple(sorted(extras()))
    assert loaded.report.source == str(ckpt)
    assert loaded.report.sha256() == {str(ckpt): hashlib.sha256(ckpt.read_bytes()).hexdigest()}


@pytest.mark.parametrize("dtype", [torch.bfloat16, "float16", "float32", None])
def test_dtypes(ckpt: Path, small: Loaded, dtype: torch.dtype | str | None) -> None:
    loaded = load(ckpt, dtype=dtype)
    expected = {"float16": torch.float16, "float32": torch.float32, None: torch.float32}.get(dtype, dtype)  # type: ignore[arg-type]
    assert isinstance(expected, torch.dtype)
    assert_same(loaded, small, expected)
    assert loaded.report.dtype == (None if dtype is None else expected)


def test_a_dtype_that_does_not_exist_is_refused_before_anything_is_read() -> None:
    with pytest.raises(InputError):
        load("nowhere.ckpt", dtype="int7")


def test_changing_weights_never_changes_the_file(ckpt: Path) -> None:
    before = ckpt.read_bytes()
    load(ckpt).unet.conv_in.weight.add_(1.0)
    assert ckpt.read_bytes() == before


# Averaged weights


def test_averaged_weights_are_preferred_and_reported(folder: Path, small: Loaded, original: Tensors) -> None:
    path = save_ckpt(folder / "full-ema.ckpt", original | averaged(original) | extras())
    for ema in ("auto", True):
        loaded = load(path, ema=ema)
        assert loaded.report.ema_used
        assert torch.equal(loaded.unet.conv_in.weight, small.unet.conv_in.weight + 1)
        assert torch.equal(loaded.vae.quant_conv.weight, small.vae.quant_conv.weight)
        assert UNET + "out.0.weight" in loaded.report.ignored
    plain = load(path, ema=False)
    assert not plain.report.ema_used
    assert_same(plain, small)
    assert "model_ema.diffusion_modelout0weight" in plain.report.ignored


def test_averaged_weights_that_are_not_there(ckpt: Path) -> None:
    assert not load(ckpt).report.ema_used
    assert not load(ckpt, ema=False).report.ema_used
    with pytest.raises(WeightsError) as caught:
        load(ckpt, ema=True)
    assert caught.value.code == "weights.no_ema"
    assert "ema=False" in caught.value.ja


def test_averaged_weights_that_are_incomplete(folder: Path, small: Loaded, original: Tensors) -> None:
    some = dict(list(averaged(original).items())[3:])
    path = save_ckpt(folder / "a.ckpt", original | some)
    with pytest.raises(WeightsError) as caught:
        load(path, ema=True)
    assert "model_ema.diffusion_modeltime_embed0bias" in caught.value.en
    assert_same(load(path, ema=False), small)
    left_over = load(path)  # the plain weights are all there
    assert_same(left_over, small)
    assert set(some) <= set(left_over.report.ignored)
    assert not left_over.report.ema_used
    first = UNET + "time_embed.0.bias"
    assert first in original
    path = save_ckpt(folder / "b.ckpt", {k: v for k, v in original.items() if k != first} | some)
    with pytest.raises(WeightsError):
        load(path)


# What is not needed, and where it lies


def test_what_lies_beside_the_networks(folder: Path, small: Loaded, original: Tensors) -> None:
    others = (
        "ddim_alphas", "ddim_sigmas", "embedding_manager.string_to_param_dict.*", "state.step",
        "model_ema.first_stage_modelx", "first_stage_model.model_ema.decay",
        "cond_stage_model.transformer.vision_model.x", "extra.weight",
    )  # fmt: skip
    loaded = load(save_ckpt(folder / "a.ckpt", original | {name: torch.zeros(2) for name in others}))
    assert_same(loaded, small)
    assert set(others) <= set(loaded.report.ignored)
    for inside in (UNET + "label_emb.0.weight", "first_stage_model.x", TEXT + "encoder.layers.0.x.weight"):
        with pytest.raises(WeightsError) as caught:  # another network
            load(save_ckpt(folder / "b.ckpt", original | {inside: torch.zeros(2)}))
        assert inside in caught.value.en


@pytest.mark.parametrize(
    "around",
    [
        lambda tensors: {"state_dict": {"state_dict": tensors}},
        lambda tensors: {"checkpoint": {"state_dict": tensors}, "epoch": 3},
        lambda tensors: {"model": tensors, "optimizer": {"state": {0: {"step": torch.zeros(1)}}}},
        lambda tensors: {"pytorch-lightning_version": "1.4", "loops": {}, "state_dict": tensors},
        lambda tensors: tensors,
    ],
)
def test_a_state_dict_within_others(
    around: Callable[[Tensors], object], folder: Path, small: Loaded, original: Tensors
) -> None:
    torch.save(around(original), folder / "a.ckpt")
    assert_same(load(folder / "a.ckpt"), small)


def test_eight_bits_in_a_pickle(folder: Path, original: Tensors) -> None:
    unet = {n: t.to(torch.float8_e4m3fn) for n, t in original.items() if n.startswith(UNET)}
    loaded = load(save_ckpt(folder / "a.ckpt", original | unet), dtype="float32")
    assert torch.equal(loaded.unet.conv_in.weight, unet[UNET + "input_blocks.0.0.weight"].float())


# Other names


def test_the_text_encoder_without_text_model(folder: Path, small: Loaded, original: Tensors) -> None:
    renamed = {name.replace(".text_model.", "."): tensor for name, tensor in original.items()}
    assert_same(load(save_ckpt(folder / "a.ckpt", renamed)), small)


def test_one_tensor_under_two_names(folder: Path, original: Tensors) -> None:
    name = TEXT + "final_layer_norm.bias"
    twice = original | {name.replace(".text_model.", "."): original[name]}
    with pytest.raises(WeightsError) as caught:
        load(save_ckpt(folder / "a.ckpt", twice))
    assert caught.value.code == "weights.twice"


# One error for all that is wrong


def test_all_that_is_wrong_is_in_one_error(folder: Path, original: Tensors) -> None:
    tensors = dict(original)
    del tensors[UNET + "out.0.bias"], tensors["first_stage_model.quant_conv.bias"]
    tensors["extra.weight"] = torch.zeros(1)
    tensors[UNET + "time_embed.2.bias"] = torch.zeros(7)
    with pytest.raises(WeightsError) as caught:
        load(save_ckpt(folder / "a.ckpt", tensors))
    assert caught.value.code == "weights.tensors"
    for text in (caught.value.ja, caught.value.en):
        assert "  " + UNET + "out.0.bias\n" in text
        assert "  first_stage_model.quant_conv.bias\n" in text
        assert "  extra.weight\n" in text
        assert f"  {UNET}time_embed.2.bias 7 → 128\n" in text
    assert "足りないテンソル: 2 個" in caught.value.ja
    assert "知らないテンソル: 1 個" in caught.value.ja


def test_long_lists_are_counted(folder: Path, original: Tensors) -> None:
    tensors = original | {f"{UNET}junk.{i:02}": torch.zeros(1) for i in range(25)}
    with pytest.raises(WeightsError) as caught:
        load(save_ckpt(folder / "a.ckpt", tensors))
    assert "junk.19\n" in caught.value.en
    assert "junk.20" not in caught.value.en
    assert "and 5 more" in caught.value.en
    assert "ほか 5 個" in caught.value.ja


# Configurations and vocabularies


def test_the_configuration_inside_and_beside_a_file(folder: Path, small: Loaded, original: Tensors) -> None:
    told = dataclasses.replace(
        small.config, name="told", unet=dataclasses.replace(small.config.unet, num_heads=4)
    )
    save_file(original, folder / "a.safetensors", metadata={"sdjp.config": json.dumps(to_json(told))})
    assert load(folder / "a.safetensors").config == told
    assert load(folder / "a.safetensors").unet.mid_attn.block.self_attention.heads == 4
    for name in ("b.json", "config.json"):
        path = save_ckpt(folder / "b.ckpt", original)
        beside = folder / name
        beside.write_text(json.dumps(to_json(told)), encoding="utf-8")
        assert load(path).config == told
        beside.unlink()
    # A file of another program with that name is left alone.
    (folder / "b.json").write_text('{"sd version": "SD1"}', encoding="utf-8")
    assert load(folder / "b.ckpt").config.name == "b"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"unet": {"width": 3}, "vae": {}, "text": {}}',
        '{"unet": {"model_channels": "x"}, "vae": {}, "text": {}}',
        '{"unet": {"norm_groups": 7}, "vae": {}, "text": {}}',
        '{"unet": {"num_heads": 0}, "vae": {}, "text": {}}',
        "[1]",
    ],
)
def test_a_configuration_that_cannot_be_used(folder: Path, original: Tensors, text: str) -> None:
    path = folder / "a.safetensors"
    save_file(original, path, metadata={"sdjp.config": text})
    with pytest.raises(WeightsError) as caught:
        load(path)
    assert caught.value.code in ("weights.config", "weights.json", "weights.tensors")
    assert str(path) in caught.value.ja


def test_a_folder_with_a_vocabulary_of_its_own(folder: Path, small_config: ModelConfig) -> None:
    """The form in which the embedded model ships."""
    from sdjp_training.trainers.merges import subset
    from tests.conftest import random_models

    tokens = subset(ClipTokenizer.from_assets(), ["馬", "a red car"], 50)
    text = CLIPTextConfig(vocab_size=tokens.vocab_size, width=64, layers=1, heads=2, mlp_width=64)
    config = dataclasses.replace(small_config, name="own", text=text, schedule=MINI.schedule)
    model = random_models(config)
    from sdjp.weights import to_layout

    tensors = to_layout("ldm", config, unet=model.unet, vae=model.vae, text=model.text)
    save_file({name: t.half() for name, t in tensors.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(to_json(config)), encoding="utf-8")
    with pytest.raises(WeightsError) as caught:
        load(folder)
    assert caught.value.code == "weights.tokenizer"
    tokens.save_merges(folder / "merges.txt")
    loaded = load(folder)
    assert loaded.config == config
    assert loaded.merges == folder / "merges.txt"
    assert ClipTokenizer.from_merges_file(loaded.merges).vocab_size == config.text.vocab_size
    assert loaded.report.files == (folder / "model.safetensors",)
    assert_same(load(folder, dtype="float32"), random_models_half(model))


def random_models_half(model: Loaded) -> Loaded:
    """The same after a trip through float16."""
    return dataclasses.replace(
        model, **{part: getattr(model, part).half().float() for part in ("unet", "vae", "text")}
    )


# diffusers folders


@pytest.fixture
def diffusers(folder: Path, ckpt: Path) -> Path:
    """A folder without anything of sdjp's own in it."""
    convert(ckpt, folder / "diffusers")
    (folder / "diffusers" / "sdjp.json").unlink()
    return folder / "diffusers"


def test_a_diffusers_folder(diffusers: Path, small: Loaded) -> None:
    loaded = load(diffusers)
    assert_same(loaded, small)
    defaults = dataclasses.replace(small.config.defaults, sampler="ddim")  # the scheduler of the folder
    assert loaded.config == dataclasses.replace(small.config, name="diffusers", defaults=defaults)
    assert loaded.report.notes == ()
    assert loaded.report.layout == "diffusers"
    assert [path.parent.name for path in loaded.report.files] == ["unet", "vae", "text_encoder"]
    with pytest.raises(WeightsError) as caught:
        load(diffusers, ema=True)
    assert caught.value.code == "weights.no_ema"


def rewrite(path: Path, change: Callable[[Tensors], Tensors], *, to: str | None = None) -> None:
    tensors = change(load_file(path))
    path.unlink()
    target = path if to is None else path.with_name(to)
    if target.suffix == ".bin":
        torch.save(tensors, target)
    else:
        save_file({name: t.clone() for name, t in tensors.items()}, target)


def test_names_of_early_and_of_new_files(diffusers: Path, small: Loaded) -> None:
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}

    def rename(tensors: Tensors) -> Tensors:
        for new, early in old.items():
            tensors = {name.replace(new, early): tensor for name, tensor in tensors.items()}
        return tensors

    rewrite(diffusers / "vae" / "diffusion_pytorch_model.safetensors", rename)
    rewrite(
        diffusers / "text_encoder" / "model.safetensors",
        lambda tensors: (
            {name.removeprefix("text_model."): t for name, t in tensors.items()}
            | {"embeddings.position_ids": torch.arange(77)[None]}
        ),
    )
    loaded = load(diffusers)
    assert_same(loaded, small)
    assert loaded.report.ignored == ("text_encoder/text_model.embeddings.position_ids",)


def test_pickles_half_precision_and_shards(diffusers: Path, small: Loaded) -> None:
    unet = diffusers / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(unet)
    unet.unlink()
    names = sorted(tensors)
    shards = {f"diffusion_pytorch_model-0000{i + 1}-of-00002.safetensors": names[i::2] for i in range(2)}
    for file, members in shards.items():
        save_file({name: tensors[name] for name in members}, unet.with_name(file))
    index = {"weight_map": {name: file for file, members in shards.items() for name in members}}
    unet.with_name("diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    rewrite(diffusers / "text_encoder" / "model.safetensors", lambda t: t, to="pytorch_model.bin")
    rewrite(
        diffusers / "vae" / "diffusion_pytorch_model.safetensors",
        lambda tensors: {name: t.half() for name, t in tensors.items()},
        to="diffusion_pytorch_model.fp16.safetensors",
    )
    loaded = load(diffusers, dtype="float32")
    assert [path.name for path in loaded.report.files] == [
        *shards,
        "diffusion_pytorch_model.fp16.safetensors",
        "pytorch_model.bin",
    ]
    half: nn.Module = small.vae
    expected = {name: t.half().float() for name, t in half.state_dict().items()}
    assert all(torch.equal(t, expected[name]) for name, t in loaded.vae.state_dict().items())
    assert_same(dataclasses.replace(loaded, vae=small.vae), small)


@pytest.mark.parametrize(
    ("index", "shard"),
    [
        ("m.safetensors.fp16.index.json", "m-0000{}-of-00002.fp16.safetensors"),
        ("m.safetensors.index.fp16.json", "m.fp16-0000{}-of-00002.safetensors"),
        ("m.fp16.safetensors.index.json", "m.fp16-0000{}-of-00002.safetensors"),
    ],
)
def test_names_of_shards(index: str, shard: str, diffusers: Path, small: Loaded) -> None:
    whole = diffusers / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(whole)
    whole.unlink()
    places: dict[str, str] = {}
    for i, members in enumerate((list(tensors)[::2], list(tensors)[1::2]), start=1):
        name = shard.format(i).replace("m", "diffusion_pytorch_model", 1)
        save_file({key: tensors[key] for key in members}, whole.with_name(name))
        places |= dict.fromkeys(members, name)
    name = index.replace("m", "diffusion_pytorch_model", 1)
    whole.with_name(name).write_text(json.dumps({"weight_map": places}), encoding="utf-8")
    assert_same(load(diffusers), small)


def test_fewer_layers_than_the_file_has(folder: Path, diffusers: Path, small: Loaded) -> None:
    """The usual way to leave out the last layers of a text encoder."""
    path = diffusers / "text_encoder" / "model.safetensors"
    more = "text_model.encoder.layers.1.mlp.fc1.bias"
    rewrite(path, lambda tensors: tensors | {more: torch.zeros(128)})
    loaded = load(diffusers)
    assert_same(loaded, small)
    assert loaded.report.ignored == (f"text_encoder/{more}",)


def test_a_folder_with_both_averaged_and_plain_weights(diffusers: Path, small: Loaded) -> None:
    path = diffusers / "unet" / "diffusion_pytorch_model.safetensors"
    plain = {name: t + 1 for name, t in load_file(path).items()}
    save_file(plain, diffusers / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    assert load(diffusers).report.ema_used
    assert_same(load(diffusers, ema=True), small)
    loaded = load(diffusers, ema=False)
    assert not loaded.report.ema_used
    assert torch.equal(loaded.unet.conv_in.weight, small.unet.conv_in.weight + 1)


def test_an_index_that_points_elsewhere(diffusers: Path) -> None:
    path = diffusers / "unet" / "diffusion_pytorch_model.safetensors"
    path.unlink()
    index: Any
    for index in (
        {"weight_map": {"x": "../../secret.safetensors"}},
        {"weight_map": {}},
        {"weight_map": 3},
        {},
    ):
        path.with_name(path.name + ".index.json").write_text(json.dumps(index), encoding="utf-8")
        with pytest.raises(WeightsError) as caught:
            load(diffusers)
        assert caught.value.code == "weights.damaged"


def schedule(folder: Path, **settings: Any) -> Loaded:
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | settings), encoding="utf-8")
    return load(folder)


def test_the_steps_of_a_folder_are_those_of_its_scheduler(diffusers: Path) -> None:
    loaded = schedule(
        diffusers,
        _class_name="EulerDiscreteScheduler",
        timestep_spacing="trailing",
        prediction_type="v_prediction",
    )
    assert (loaded.config.defaults.sampler, loaded.config.defaults.spacing) == ("euler", "trailing")
    assert loaded.config.schedule.prediction == "v"
    assert loaded.report.notes == ()
    pipe = Pipeline(loaded, translator=make_translator("passthrough"))

    def drawn(**options: Any) -> Tensor:
        latents = pipe.generate(
            "a cat", num_inference_steps=2, seed=1, height=64, width=64, **options
        ).latents
        assert latents is not None
        return latents

    assert torch.equal(drawn(), drawn(sampler="euler", spacing="trailing"))
    assert not torch.equal(drawn(), drawn(spacing="leading"))


DPM = {"_class_name": "DPMSolverMultistepScheduler"}
EULER = {"_class_name": "EulerDiscreteScheduler"}


@pytest.mark.parametrize(
    ("settings", "sampler", "spacing"),
    [
        (EULER | {"use_karras_sigmas": True, "timestep_spacing": "linspace"}, "euler", "karras"),
        (EULER | {"use_exponential_sigmas": True, "timestep_spacing": None}, "euler", "exponential"),
        (EULER | {"timestep_spacing": "linspace"}, "euler", "normal"),
        (DPM | {"use_beta_sigmas": True, "steps_offset": 0}, "dpm++_2m", "beta_sigmas"),
        (DPM | {"timestep_spacing": "linspace"}, "dpm++_2m", "multistep_linspace"),
        (DPM | {"timestep_spacing": "leading"}, "dpm++_2m", "multistep_leading"),
        (DPM | {"timestep_spacing": None}, "dpm++_2m", None),
        (
            DPM | {"lower_order_final": False, "euler_at_final": True, "timestep_spacing": None},
            "dpm++_2m",
            None,
        ),
        (DPM | {"algorithm_type": "sde-dpmsolver++", "use_karras_sigmas": True}, "dpm++_2m_sde", "karras"),
        (DPM | {"final_sigmas_type": "sigma_min", "timestep_spacing": "trailing"}, "dpm_solver", "trailing"),
        ({"_class_name": "HeunDiscreteScheduler"}, "heun", None),
        ({"_class_name": "DPMSolverSDEScheduler"}, "dpm++_sde", None),
        (
            {"_class_name": "UniPCMultistepScheduler", "solver_type": "bh2", "timestep_spacing": "linspace"},
            "unipc",
            "multistep_linspace",
        ),
        ({"_class_name": "LCMScheduler", "set_alpha_to_one": True, "steps_offset": 0}, "lcm", None),
        ({"_class_name": "TCDScheduler", "original_inference_steps": 50}, "tcd", None),
    ],
)
def test_settings_of_schedulers_that_are_followed(
    settings: dict[str, Any], sampler: str, spacing: str | None, diffusers: Path
) -> None:
    loaded = schedule(diffusers, **settings)
    assert (loaded.config.defaults.sampler, loaded.config.defaults.spacing) == (sampler, spacing)
    assert loaded.report.notes == ()


@pytest.mark.parametrize(
    "settings",
    [
        {"use_karras_sigmas": True},
        {"timestep_spacing": "leading", "use_karras_sigmas": True, **EULER},
        {"euler_at_final": True, "final_sigmas_type": "sigma_min", **DPM},
        {"algorithm_type": "sde-dpmsolver", **DPM},
        {"solver_order": 3, **DPM},
        {"solver_type": "bh1", "_class_name": "UniPCMultistepScheduler"},
        {"original_inference_steps": 25, "_class_name": "LCMScheduler"},
        {"skip_prk_steps": False, "_class_name": "PNDMScheduler"},
        {"set_alpha_to_one": True},
        {"steps_offset": 0},
        {"timestep_spacing": "own"},
        *(
            {"_class_name": f"{name}Scheduler"}
            for name in ("DEISMultistep", "LMSDiscrete", "DPMSolverSinglestep")
        ),
        {"_class_name": ["a", "list"]},
    ],
)
def test_what_is_not_followed_of_a_scheduler_is_told(settings: dict[str, Any], diffusers: Path) -> None:
    key, value = next(iter(settings.items()))
    [(ja, en)] = schedule(diffusers, **settings).report.notes
    for text in (ja, en):
        assert (key if key != "_class_name" else str(value)[:3]) in text or isinstance(value, list)


def test_tokens_added_in_training_are_told(diffusers: Path) -> None:
    tokenizer = diffusers / "tokenizer"
    ids: dict[str, object] = {"<|endoftext|>": 49407, "<cat-toy>": 49408, "<x>": "no number"}
    (tokenizer / "added_tokens.json").write_text(json.dumps(ids), encoding="utf-8")
    [(ja, en)] = load(diffusers).report.notes
    for text in (ja, en):
        assert "<cat-toy>" in text
        assert "endoftext" not in text
    (tokenizer / "added_tokens.json").write_text("[", encoding="utf-8")
    assert load(diffusers).report.notes == ()


@pytest.mark.parametrize("name", ["unet/config.json", "vae/diffusion_pytorch_model.safetensors"])
def test_an_incomplete_folder(diffusers: Path, name: str) -> None:
    (diffusers / name).unlink()
    with pytest.raises(WeightsError) as caught:
        load(diffusers)
    assert caught.value.code in ("weights.json", "weights.component")
    assert str(diffusers / Path(name).parent) in caught.value.ja


def test_settings_that_are_no_object(diffusers: Path) -> None:
    (diffusers / "unet" / "config.json").write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(WeightsError) as caught:
        load(diffusers)
    assert caught.value.code == "weights.json"


# Memory

PEAK = """
import pathlib, re, sys, threading, time
import torch
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights import load

def anonymous():  # MiB of the process itself; mapped files are not in it
    return int(re.search(r"RssAnon:\\s+(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) / 1024

def peak(dtype):
    before, highest, done = anonymous(), [0.0], threading.Event()
    def watch():
        while not done.is_set():
            highest[0] = max(highest[0], anonymous())
            time.sleep(0.0005)
    watcher = threading.Thread(target=watch)
    watcher.start()
    loaded = load(sys.argv[1], dtype=dtype)
    done.set()
    watcher.join()
    size = sum(p.nbytes for m in (loaded.unet, loaded.vae, loaded.text) for p in m.parameters()) / 2**20
    return size, highest[0] - before

ClipTokenizer.from_assets()  # the vocabulary is kept whatever model is loaded: it is no part of the weights
print(*peak(torch.float32), *peak(torch.bfloat16))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is counted by Linux' /proc")
def test_memory_stays_near_the_size_of_the_weights_in_the_wanted_dtype(folder: Path) -> None:
    from sdjp.config import TINY
    from sdjp.weights import to_layout
    from tests.conftest import random_models

    model = random_models(TINY)
    tensors = to_layout("ldm", TINY, unet=model.unet, vae=model.vae, text=model.text)
    torch.save({"state_dict": tensors}, folder / "tiny.ckpt")
    (folder / "tiny.json").write_text(json.dumps(to_json(TINY)), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PEAK, str(folder / "tiny.ckpt")], capture_output=True, text=True, check=True
    )
    whole, mapped, half, converted = map(float, done.stdout.split())
    assert whole > 55  # MiB
    assert half == whole / 2
    # What Python and torch allocate, and to convert, one float32 tensor of at most 6 MiB at a time.
    assert mapped < 15
    assert converted < half + 20
