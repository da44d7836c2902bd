"""LoRA files: their forms, what they add, what is refused; copies of networks that share the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sdjp.addons.lora import Lora, read_lora
from sdjp.addons.patch import patched
from sdjp.errors import WeightsError
from sdjp.weights import Loaded
from sdjp.weights.networks import Networks, shapes_of
from tests import addon_files as files
from tests.conftest import SMALL, random_models

QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OURS = "unet.down.0.attn.block.self_attention.to_q.weight"
CONV, OUR_CONV = "down_blocks.0.resnets.0.conv1", "unet.down.0.res.conv_in.weight"


@pytest.fixture(scope="module")
def model() -> Loaded:
    return random_models(SMALL)


@pytest.fixture(scope="module")
def shapes(model: Loaded) -> dict[str, tuple[int, ...]]:
    return shapes_of(Networks(model.unet, model.vae, model.text))


def lora_of(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> Lora:
    model = random_models(SMALL)
    files.write_lora(path, tensors, metadata)
    return read_lora(path, SMALL, shapes_of(Networks(model.unet, model.vae, model.text)))


def pair(rank: int = 2) -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(1)
    return torch.randn(rank, 32, generator=g), torch.randn(32, rank, generator=g)


def test_the_formula(tmp_path: Path) -> None:
    down, up = pair()
    lora = lora_of(
        tmp_path / "a.safetensors",
        {
            files.kohya("unet", QUERY, "down"): down,
            files.kohya("unet", QUERY, "up"): up,
            files.kohya("unet", QUERY, "alpha"): torch.tensor(0.5),
        },
    )
    [(name, change)] = lora.changes.items()
    assert name == OURS
    torch.testing.assert_close(change.delta(), 0.5 / 2 * (up @ down), rtol=0, atol=0)


@pytest.mark.parametrize(
    "names",
    [
        ("lora_unet_{_}.lora_down.weight", "lora_unet_{_}.lora_up.weight"),
        ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_down.weight",
         "lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q.lora_up.weight"),
        ("unet.{.}.lora_A.weight", "unet.{.}.lora_B.weight"),
        ("unet.{.}.lora_A.default.weight", "unet.{.}.lora_B.default.weight"),
        ("unet.{.}.lora.down.weight", "unet.{.}.lora.up.weight"),
        ("{.}.lora_A.weight", "{.}.lora_B.weight"),
        ("base_model.model.{.}.lora_A.weight", "base_model.model.{.}.lora_B.weight"),
        ("{p}.processor.to_q_lora.down.weight", "{p}.processor.to_q_lora.up.weight"),
        ("unet.{p}.to_q_lora.down.weight", "unet.{p}.to_q_lora.up.weight"),
        ("unet.{.}.lora_layer.down.weight", "unet.{.}.lora_layer.up.weight"),
        ("_orig_mod.unet.{.}.lora_A.weight", "_orig_mod.unet.{.}.lora_B.weight"),
        ("diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_down.weight",
         "diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.lora_up.weight"),
    ],
    ids=lambda names: names[0],
)  # fmt: skip
def test_names_of_every_program(names: tuple[str, str], tmp_path: Path) -> None:
    down, up = pair()
    written = [
        name.replace("{_}", QUERY.replace(".", "_"))
        .replace("{.}", QUERY)
        .replace("{p}", QUERY.removesuffix(".to_q"))
        for name in names
    ]
    lora = lora_of(tmp_path / "a.safetensors", dict(zip(written, (down, up), strict=True)))
    torch.testing.assert_close(lora.changes[OURS].delta(), up @ down, rtol=0, atol=0)
    assert len(lora.changes) == 1


def test_text_encoders_of_both_versions_of_transformers(tmp_path: Path) -> None:
    down, up = pair()
    text = "text_model.encoder.layers.1.self_attn.q_proj"
    for name in (
        f"text_encoder.{text}",
        f"text_encoder.{text.removeprefix('text_model.')}",
        f"text_encoders.clip_l.transformer.{text}",
    ):
        tensors = {f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}
        assert list(lora_of(tmp_path / "a.safetensors", tensors).changes) == [
            "text.layers.1.attention.q.weight"
        ]


def test_alpha_where_only_settings_tell_it(tmp_path: Path) -> None:
    down, up = pair()
    tensors = {files.peft("unet", QUERY, "down"): down, files.peft("unet", QUERY, "up"): up}
    told = {"unet.r": 2, "unet.lora_alpha": 6, "unet.alpha_pattern": {}, "text_encoder.lora_alpha": 1}
    lora = lora_of(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": json.dumps(told)})
    assert lora.changes[OURS].scale == 3.0
    told["unet.alpha_pattern"] = {"attn1.to_q": 8}
    lora = lora_of(tmp_path / "a.safetensors", tensors, {"lora_adapter_metadata": json.dumps(told)})
    assert lora.changes[OURS].scale == 4.0

    folder = tmp_path / "着物"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4, "use_rslora": true}', "utf-8")
    plain = {f"base_model.model.{QUERY}.lora_{x}.weight": t for x, t in (("A", down), ("B", up))}
    lora = lora_of(folder / "adapter_model.safetensors", plain)
    assert lora.changes[OURS].scale == pytest.approx(4 / 2**0.5)
    for broken in ("[", "[]", '{"lora_alpha": "x"}', '{"lora_alpha": 1, "alpha_pattern": {"(": 1}}'):
        (folder / "adapter_config.json").write_text(broken, "utf-8")
        with pytest.raises(WeightsError, match="alpha") as caught:
            lora_of(folder / "adapter_model.safetensors", plain)
        assert caught.value.code == "lora.settings"


@pytest.mark.parametrize("tucker", [False, True])
@torch.inference_mode()
def test_convolutions_add_up_as_layers_beside_each_other(tucker: bool, tmp_path: Path, model: Loaded) -> None:
    """The change of a weight is what three (or two) convolutions in a row would add to its output."""
    g = torch.Generator().manual_seed(2)
    shape = tuple(model.unet.get_parameter("down.0.res.conv_in.weight").shape)
    of_one = files.factors(shape, g, tucker=tucker)
    lora = lora_of(
        tmp_path / "a.safetensors", {files.kohya("unet", CONV, role): t for role, t in of_one.items()}
    )
    x = torch.randn(1, shape[1], 6, 6, generator=g, dtype=torch.float64)
    f = {role: t.double() for role, t in of_one.items()}
    if tucker:
        y = nn.functional.conv2d(nn.functional.conv2d(x, f["down"]), f["mid"], padding=1)
    else:
        y = nn.functional.conv2d(x, f["down"], padding=1)
    expected = nn.functional.conv2d(y, f["up"])
    actual = nn.functional.conv2d(x, lora.changes[OUR_CONV].delta().double(), padding=1)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)  # the change is a float32


def test_small_kernels_may_be_linear(tmp_path: Path) -> None:
    down, up = pair()
    name = "down_blocks.0.attentions.0.proj_in"
    lora = lora_of(
        tmp_path / "a.safetensors",
        {files.kohya("unet", name, "down"): down, files.kohya("unet", name, "up"): up},
    )
    assert lora.changes["unet.down.0.attn.proj_in.weight"].delta().shape == (32, 32, 1, 1)


# Copies.


def test_a_copy_shares_what_is_not_changed(model: Loaded, tmp_path: Path) -> None:
    lora = lora_of(tmp_path / "a.safetensors", files.lora_tensors(files.kohya))
    before = {name: tensor.clone() for name, tensor in model.unet.state_dict().items()}
    copy = patched(model.unet, "unet", [(lora, 0.5)])
    changed = {name.removeprefix("unet.") for name in lora.changes if name.startswith("unet.")}
    assert len(changed) == 128
    for name, tensor in copy.state_dict().items():
        base = model.unet.state_dict()[name]
        assert (tensor.data_ptr() == base.data_ptr()) == (name not in changed)
        assert torch.equal(base, before[name]), "the base was written to"
        if name in changed:
            expected = base + 0.5 * lora.changes[f"unet.{name}"].delta()
            torch.testing.assert_close(tensor, expected, rtol=0, atol=0)
    assert not copy.training
    assert not any(p.requires_grad for p in copy.parameters())


def test_weights_that_change_nothing_copy_nothing(model: Loaded, tmp_path: Path) -> None:
    lora = lora_of(tmp_path / "a.safetensors", files.lora_tensors(files.kohya, parts=["unet"]))
    assert patched(model.unet, "unet", [(lora, 0.0)]) is model.unet
    assert patched(model.text, "text", [(lora, 1.0)]) is model.text
    assert patched(model.unet, "unet", []) is model.unet


def test_several_add_up_and_are_rounded_once(tmp_path: Path) -> None:
    model = random_models(SMALL)
    first, second = (
        lora_of(tmp_path / f"{seed}.safetensors", files.lora_tensors(files.kohya, seed=seed))
        for seed in (1, 2)
    )
    half = model.unet.to(torch.bfloat16)
    both = patched(half, "unet", [(first, 0.5), (second, -1.0)]).get_parameter(OURS.removeprefix("unet."))
    base = half.get_parameter(OURS.removeprefix("unet."))
    exact = base.float() + 0.5 * first.changes[OURS].delta() - second.changes[OURS].delta()
    assert torch.equal(both, exact.to(torch.bfloat16))
    turned = patched(half, "unet", [(first, 1.0), (first, -1.0)]).get_parameter(OURS.removeprefix("unet."))
    assert torch.equal(turned, base), "what is added and taken away is gone"


# Files that do not fit.


def test_all_that_does_not_fit_is_told_at_once(tmp_path: Path) -> None:
    down, up = pair()
    kohya = files.kohya
    bad = {
        kohya("unet", QUERY, "down"): torch.zeros(2, 31),
        kohya("unet", QUERY, "up"): up,
        kohya("unet", QUERY.replace("to_q", "to_k"), "down"): down,
        kohya("unet", "down_blocks.7.attentions.0.proj_in", "down"): down,
        kohya("unet", "down_blocks.7.attentions.0.proj_in", "up"): up,
        f"lora_unet_{CONV.replace('.', '_')}.hada_w1_a": up,
        f"lora_unet_{CONV.replace('.', '_')}.dora_scale": up,
    }
    with pytest.raises(WeightsError) as caught:
        lora_of(tmp_path / "着物.safetensors", bad)
    assert caught.value.code == "lora.fit"
    for text in (caught.value.ja, caught.value.en):
        assert "down 2×31 → 2×32" in text
        assert "no up" in text
        assert "lora_unet_down_blocks_7_attentions_0_proj_in.lora_up.weight" in text
        assert "hada_w1_a" in text
        assert "dora_scale" in text
        assert "着物.safetensors" in text


@pytest.mark.parametrize(
    "tensors",
    [
        {"conv_in.weight": torch.zeros(2, 2)},
        {"unet.conv_in.lora_magnitude_vector": torch.zeros(2)},
        {files.kohya("unet", QUERY, "alpha"): torch.tensor(1.0)},
        {
            files.kohya("unet", QUERY, "down"): torch.zeros(2, 32),
            files.kohya("unet", QUERY, "up"): torch.zeros(32, 2),
            files.kohya("unet", QUERY, "alpha"): torch.zeros(3),
        },
        {
            files.kohya("unet", QUERY, "down"): torch.zeros(0, 32),
            files.kohya("unet", QUERY, "up"): torch.zeros(32, 0),
        },
        {
            files.kohya("unet", QUERY, "down"): torch.tensor(1.0),
            files.kohya("unet", QUERY, "up"): torch.tensor(1.0),
        },
    ],
    ids=["a model", "DoRA", "alpha alone", "three alphas", "rank 0", "scalars"],
)
def test_what_is_no_lora(tensors: dict[str, Tensor], tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        lora_of(tmp_path / "a.safetensors", tensors)
    assert caught.value.code == "lora.fit"


def test_tensors_that_are_no_part_of_it_are_told(tmp_path: Path) -> None:
    down, up = pair()
    tensors = {
        files.kohya("unet", QUERY, "down"): down,
        files.kohya("unet", QUERY, "up"): up,
        "bundle_emb.x.string_to_param.*": torch.zeros(1, 32),
    }
    assert lora_of(tmp_path / "a.safetensors", tensors).unused == ("bundle_emb.x.string_to_param.*",)


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit",))

    path = tmp_path / "a.pt"
    torch.save({"x": Attack()}, path)
    model = random_models(SMALL)
    with pytest.raises(WeightsError, match="危険"):
        read_lora(path, SMALL, shapes_of(Networks(model.unet, model.vae, model.text)))


def test_every_layer_of_both_networks_has_a_name(shapes: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    lora = lora_of(tmp_path / "a.safetensors", files.lora_tensors(files.kohya, which=files.EVERYTHING))
    layers = {n for n, shape in shapes.items() if len(shape) >= 2 and n.startswith(("unet.", "text."))}
    assert set(lora.changes) == {n for n in layers if not n.endswith("_embedding.weight")}
