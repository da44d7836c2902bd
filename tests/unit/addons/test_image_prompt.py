"""Pictures as prompts through the pipeline: what is drawn, what is recorded, what is refused."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import pickle
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from einops import rearrange
from torch import Tensor

from sdjp import Pipeline
from sdjp.config import TINY, CLIPVisionConfig
from sdjp.engines.packed import problem
from sdjp.errors import InputError, SdjpError, WeightsError
from sdjp.images import Source, read_metadata
from sdjp.models.attention import Attention
from sdjp.models.ip_adapter import cross_attentions, decoupled, with_tokens
from sdjp.weights.configs.clip_vision import from_shapes
from tests import addon_files
from tests import ip_adapter_files as files
from tests.conftest import SMALL
from tests.narrow import latents
from tests.stand_in import save_stand_in

SETTINGS: dict[str, Any] = {"num_inference_steps": 2, "seed": 5}
ONE_STEP: dict[str, Any] = {"num_inference_steps": 1, "seed": 5}
LONG = "、".join(f"りんご{n}個" for n in range(40))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("絵 プロンプト")
    save_stand_in(folder / "model.ckpt")
    files.save_encoder(folder / "image_encoder")
    files.write_adapter(folder / "着物.safetensors", adapter_tensors())
    files.write_adapter(folder / "plus.bin", adapter_tensors("resampler"))
    tensors = addon_files.lora_tensors(addon_files.kohya)
    addon_files.write_lora(folder / "lora" / "水墨.safetensors", tensors)
    files.picture(1).save(folder / "絵.png")
    return folder


def pipeline(folder: Path, adapter: str | None = "着物.safetensors", **arguments: Any) -> Pipeline:
    given = {
        "dtype": "float32",
        "safety": "off",
        "watermark": False,
        "lora_dir": folder / "lora",
        **arguments,
    }
    return Pipeline.from_pretrained(
        folder / "model.ckpt", ip_adapter=None if adapter is None else folder / adapter, **given
    )


@pytest.fixture(scope="module")
def pipe(folder: Path) -> Pipeline:
    return pipeline(folder)


@pytest.fixture(scope="module")
def bare(folder: Path) -> Pipeline:
    """Without an adapter."""
    return pipeline(folder, None)


@cache
def adapter_tensors(kind: str = "linear") -> dict[str, Tensor]:
    """Drawing them makes a whole model, to see its widths; do not change them."""
    return files.adapter_tensors(kind)


def close(a: Tensor, b: Tensor, share: float = 1e-3) -> bool:
    return torch.allclose(a, b, rtol=0, atol=share * float(b.abs().max()))


# What is drawn.


def test_without_pictures_nothing_changes(bare: Pipeline, pipe: Pipeline) -> None:
    plain = latents(bare.generate("猫", **SETTINGS))
    assert torch.equal(latents(pipe.generate("猫", **SETTINGS)), plain)
    shown = latents(pipe.generate("猫", image_prompt=files.picture(), **SETTINGS))
    assert not close(shown, plain, 0.05)
    assert torch.equal(latents(pipe.generate("猫", **SETTINGS)), plain), "the base was changed"
    nothing = pipe.generate("猫", image_prompt=files.picture(), image_prompt_scale=0, **SETTINGS)
    assert torch.equal(latents(nothing), plain)


def test_scale_and_pictures_are_seen(folder: Path, pipe: Pipeline) -> None:
    def draw(*seeds: int, scale: float = 0.6) -> Tensor:
        pictures = [files.picture(seed) for seed in seeds]
        result = pipe.generate("猫", image_prompt=pictures, image_prompt_scale=scale, **ONE_STEP)
        return latents(result)

    one = draw(1)
    assert torch.equal(draw(1), one)
    for other in (draw(1, scale=1.0), draw(2), draw(1, 2)):
        assert not close(other, one)
    path = pipe.generate("猫", image_prompt=folder / "絵.png", **ONE_STEP)
    assert torch.equal(latents(path), one)


@torch.inference_mode()
def test_the_scale_is_that_of_the_second_attention(pipe: Pipeline) -> None:
    """Equation 5 itself, in float64, for one attention of the UNet."""
    assert pipe.image_prompter is not None
    unet, adapter = copy.deepcopy(pipe.unet).double(), copy.deepcopy(pipe.image_prompter.adapter).double()
    name = cross_attentions(unet)[1]
    text = unet.get_submodule(name)
    assert isinstance(text, Attention)
    g = torch.Generator().manual_seed(0)
    x = torch.randn(2, 16, text.to_q.in_features, generator=g).double()
    states = torch.randn(2, 77, files.CONTEXT, generator=g).double()
    tokens = torch.randn(1, 4, files.CONTEXT, generator=g).double()

    def heads(y: Tensor) -> Tensor:
        return rearrange(y.expand(2, -1, -1), "B L (K d) -> B K L d", K=SMALL.unet.num_heads)

    q, k, v = heads(text.to_q(x)), heads(adapter.to_k[1](tokens)), heads(adapter.to_v[1](tokens))
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1)
    seen = (weights @ v).transpose(1, 2).flatten(2)
    expected = text(x, states) + 0.7 * seen @ text.to_out.weight.T
    found = decoupled(unet, adapter, 4).get_submodule(name)(x, with_tokens(states, tokens, 0.7))
    torch.testing.assert_close(found, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(
    "arguments",
    [
        {"guidance_scale": 1},
        {"guidance_interval": (0, 0.5)},
        {"prompt": ["猫", LONG], "num_images_per_prompt": 2},
        {"prompt": ["猫<lora:水墨:0.7>", "犬"]},
        {"width": 128, "tile": 64, "overlap": 32},
        {"hires": 1.5, "hires_strength": 0.6},
        {"image": files.picture(7), "strength": 0.6},
        {"feature_reuse": 2, "num_inference_steps": 4},
        {"token_merging": 0.5},
        {"prompt": ["赤い車 AND 青い家", "[猫:犬:0.5]のいる家"]},
    ],
    ids=lambda arguments: "-".join(arguments),
)
def test_it_goes_with_everything_else(arguments: dict[str, Any], folder: Path, pipe: Pipeline) -> None:
    given = {"prompt": "猫", **SETTINGS, **arguments}
    plain = pipe.generate(**given)
    shown = pipe.generate(**given, image_prompt=files.picture())
    assert shown.image.size == plain.image.size
    assert len(shown) == len(plain)
    for a, b in zip(latents(shown), latents(plain), strict=True):
        assert not close(a, b, 0.02)


def test_rows_do_not_depend_on_the_batch(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"image_prompt": files.picture(), "num_inference_steps": 2, "seed": [3, 4, 5]}
    together = latents(pipe.generate(["猫", "犬", LONG], **given))
    apart = latents(pipe.generate(["猫", "犬", LONG], batch_size=1, **given))
    assert close(together, apart)


def test_a_lora_acts_beside_it(pipe: Pipeline) -> None:
    shown = {"image_prompt": files.picture(), **SETTINGS}
    both = pipe.generate("猫", loras={"水墨": 0.8}, **shown)
    assert not close(latents(both), latents(pipe.generate("猫", **shown)), 0.02)
    assert not close(latents(both), latents(pipe.generate("猫", loras={"水墨": 0.8}, **SETTINGS)), 0.02)
    assert [report.name for report in both.reports[0][:2]] == ["lora", "image_prompt"]


def test_engines_and_savings_draw_the_same(folder: Path) -> None:
    def draw(**arguments: Any) -> Tensor:
        one = pipeline(folder, "plus.bin", **arguments)
        own = {"image_prompt": [files.picture(1), files.picture(2)], **SETTINGS}
        first = latents(one.generate("猫", **own))
        one.generate("猫", **SETTINGS)  # the plain network between two that are not
        assert torch.equal(latents(one.generate("猫", **own)), first)
        return first

    eager = draw(engine="eager")
    assert close(draw(engine="packed"), eager)
    assert close(draw(memory="low"), eager)
    engine = "packed" if problem(torch.bfloat16) is None else "eager"
    assert close(draw(dtype="bfloat16", engine=engine), eager, 0.1)  # 8 bits through some thirty layers


def test_the_image_encoder_is_in_memory_only_while_it_is_used(folder: Path) -> None:
    prompter = pipeline(folder, memory="low").image_prompter
    assert prompter is not None
    weight = prompter.encoder.class_embedding
    assert weight.untyped_storage().nbytes() < weight.numel()
    prompter.tokens([files.picture()])
    assert weight.untyped_storage().nbytes() < weight.numel()


def test_a_copy_draws_the_same(pipe: Pipeline) -> None:
    given = {"image_prompt": files.picture(), **SETTINGS}
    wanted = latents(pipe.generate("猫", **given))
    for twin in (copy.deepcopy(pipe), pickle.loads(pickle.dumps(pipe))):
        assert close(latents(twin.generate("猫", **given)), wanted)


def test_upscaling_looks_at_it(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"factor": 1.5, "strength": 0.7, "num_inference_steps": 2, "seed": 1}
    plain = pipe.upscale(files.picture(3, (64, 64)), "猫", **given)
    shown = pipe.upscale(files.picture(3, (64, 64)), "猫", image_prompt=files.picture(), **given)
    assert not close(latents(shown), latents(plain), 0.02)


def test_attention_is_that_to_the_text(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"image_prompt": [files.picture(1), files.picture(2)], **ONE_STEP}
    plain = pipe.generate("赤い車", **given)
    result = pipe.generate("赤い車", attention=True, **given)
    assert torch.equal(latents(result), latents(plain))
    [shares] = [attention.shares for attention in result.attentions]
    assert shares.shape[0] == 77
    assert result.attention("車").values.max() > 0


# What is recorded.


def test_the_record(folder: Path, pipe: Pipeline, tmp_path: Path) -> None:
    given: list[Source] = [folder / "絵.png", files.picture(2)]
    result = pipe.generate(
        "猫", image_prompt=given, image_prompt_scale=0.8, num_images_per_prompt=2, **ONE_STEP
    )
    for path in result.save(tmp_path):
        metadata = read_metadata(path)
        record = metadata.sdjp
        assert record is not None
        digest = hashlib.sha256((folder / "絵.png").read_bytes()).hexdigest()
        assert record["image_prompt"][0] == {"name": "絵.png", "sha256": digest}
        assert list(record["image_prompt"][1]) == ["pixels_sha256"]
        assert metadata.options is not None
        assert metadata.options.image_prompt_scale == 0.8
        [report] = [report for report in record["reports"] if report["name"] == "image_prompt"]
        assert report["data"] == {
            "adapter": "着物.safetensors",
            "sha256": hashlib.sha256((folder / "着物.safetensors").read_bytes()).hexdigest(),
            "pictures": 2,
            "scale": 0.8,
        }
        assert "2 枚を強さ 0.8" in report["ja"]
    assert "image_prompt" not in pipe.generate("猫", **ONE_STEP).record(0)


def test_the_picture_is_recorded_beside_one_to_start_from(folder: Path, pipe: Pipeline) -> None:
    images = [files.picture(8, (64, 64)), files.picture(9, (64, 64))]
    result = pipe.generate(["猫", "犬"], image=images, image_prompt=folder / "絵.png", **ONE_STEP)
    records = [result.record(i) for i in range(2)]
    assert records[0]["image"] != records[1]["image"]
    assert records[0]["image_prompt"] == records[1]["image_prompt"]


# What is refused.


def refused(call: Callable[[], object], code: str, *said: str) -> None:
    with pytest.raises(SdjpError) as caught:
        call()
    assert caught.value.code == code
    for text in said:
        assert text in caught.value.ja
        assert text in caught.value.en


def test_pictures_without_an_adapter(bare: Pipeline) -> None:
    refused(
        lambda: bare.generate("猫", image_prompt=files.picture()), "image_prompt.no_adapter", "--ip-adapter"
    )


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([], "image_prompt.empty_list"),
        (3, "image_prompt.type"),
        ("ない.png", "image_prompt.unreadable"),
        ([files.picture(), None], "image_prompt.type"),
    ],
)
def test_what_is_no_picture(given: Any, code: str, pipe: Pipeline) -> None:
    refused(lambda: pipe.generate("猫", image_prompt=given), code)


def test_a_picture_that_is_only_enlarged(pipe: Pipeline) -> None:
    given: dict[str, Any] = {"upscaler": "animevideo", "strength": 0, "image_prompt": files.picture()}
    refused(lambda: pipe.upscale(files.picture(3, (16, 16)), **given), "upscale.enlarged_only")


@pytest.mark.parametrize("scale", [-0.1, 5.1, float("nan"), None, "1", True])
def test_scales(scale: Any, pipe: Pipeline) -> None:
    with pytest.raises(InputError) as caught:
        pipe.generate("猫", image_prompt=files.picture(), image_prompt_scale=scale)
    assert caught.value.code == "image_prompt_scale.range"


def load(folder: Path, adapter: str | Path, encoder: str | Path | None = None) -> Callable[[], object]:
    """Loading, of a model that is not there: what is refused is refused before."""
    return lambda: Pipeline.from_pretrained("no/such.ckpt", ip_adapter=adapter, image_encoder=encoder)


def test_files_that_are_missing(folder: Path, tmp_path: Path) -> None:
    adapter = files.write_adapter(tmp_path / "a.safetensors", adapter_tensors())
    refused(load(folder, "ない.safetensors"), "ip_adapter.missing", "ない.safetensors")
    refused(load(folder, folder), "ip_adapter.missing")
    refused(load(folder, adapter), "image_encoder.missing", str(tmp_path / "image_encoder"))
    refused(load(folder, adapter, "ない"), "image_encoder.missing", "ない")
    refused(
        lambda: Pipeline.from_pretrained(image_encoder=folder / "image_encoder"),
        "image_encoder.without_adapter",
        "--ip-adapter",
    )


FACE_ID = {
    "face": ("image_proj.proj.0.weight", "image_proj.norm.weight", "ip_adapter.1.to_k_ip.weight"),
    "plus": ("image_proj.perceiver_resampler.proj_in.weight", "ip_adapter.1.to_k_ip.weight"),
    "lora": ("image_proj.proj.weight", "ip_adapter.0.to_q_lora.down.weight"),
}


@pytest.mark.parametrize("kind", FACE_ID)
def test_face_id(kind: str, folder: Path, tmp_path: Path) -> None:
    path = files.write_adapter(tmp_path / "f.bin", {name: torch.zeros(2, 2) for name in FACE_ID[kind]})
    refused(load(folder, path, folder / "image_encoder"), "ip_adapter.face_id", "insightface", "FaceID")


def changed(**tensors: Tensor | None) -> dict[str, Tensor]:
    found = {**adapter_tensors("resampler"), **tensors}
    return {name: tensor for name, tensor in found.items() if tensor is not None}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"lora_unet_x.lora_up.weight": torch.zeros(2, 2)}, "lora_unet_x"),
        ({}, ""),
        (changed(**{"image_proj.proj_out.weight": None}), "image_proj.proj_out.weight"),
        (changed(**{"image_proj.layers.2.0.to_kv.weight": None}), "image_proj.layers.2.0.to_kv.weight"),
        (changed(**{"image_proj.layers.0.0.to_q.weight": torch.zeros(70, 24)}), "70"),
        (changed(**{"image_proj.extra": torch.zeros(1)}), "image_proj.extra"),
        (changed(**{"image_proj.latents": torch.zeros(3)}), "image_proj.latents"),
        (changed(**{"image_proj.proj.weight": torch.zeros(8, 40)}), "image_proj"),
    ],
)
def test_adapters_that_are_none(tensors: dict[str, Tensor], said: str, folder: Path, tmp_path: Path) -> None:
    path = files.write_adapter(tmp_path / "a.safetensors", tensors)
    refused(load(folder, path, folder / "image_encoder"), "ip_adapter.weights", said, str(path))


@pytest.mark.parametrize("kind", files.KINDS)
def test_an_encoder_of_another_width(kind: str, folder: Path, tmp_path: Path) -> None:
    vision = dataclasses.replace(files.VISION, width=64, mlp_width=96, projection=20)
    encoder = files.save_encoder(tmp_path / "encoder", vision=vision)
    path = files.write_adapter(tmp_path / "a.safetensors", adapter_tensors(kind))
    mine, given = ("40", "20") if kind == "linear" else ("48", "64")
    refused(load(folder, path, encoder), "ip_adapter.encoder", mine, given, str(encoder))


def test_a_model_of_another_width(folder: Path) -> None:
    wide = dataclasses.replace(SMALL, unet=dataclasses.replace(TINY.unet, context_dim=1024))
    path = files.write_adapter(folder / "sd2.safetensors", files.adapter_tensors(config=wide))
    refused(lambda: pipeline(folder, path.name), "ip_adapter.width", "1024", "Stable Diffusion v2")


def test_a_model_of_another_shape(folder: Path) -> None:
    tensors = dict(adapter_tensors())
    del tensors["ip_adapter.3.to_v_ip.weight"]
    path = files.write_adapter(folder / "short.safetensors", {**tensors, "ip_adapter.99.x": torch.zeros(1)})
    refused(
        lambda: pipeline(folder, path.name),
        "ip_adapter.weights",
        "ip_adapter.3.to_v_ip.weight",
        "ip_adapter.99.x",
    )


# Image encoders.


def test_an_encoder_as_a_file_with_the_sizes_of_its_tensors(folder: Path, tmp_path: Path) -> None:
    vision = dataclasses.replace(files.VISION, width=128, heads=2, activation="quick_gelu")
    tensors = files.encoder_tensors(vision)
    ours = {name.replace("vision_model.", "vision_model.vision_model."): t for name, t in tensors.items()}
    ours["vision_model.vision_model.embeddings.position_ids"] = torch.arange(17)[None]
    single = files.save_encoder(tmp_path / "one", ours, config=False) / "model.safetensors"
    whole = files.save_encoder(tmp_path / "two", tensors, vision=vision)
    drawn = [
        latents(
            pipeline(folder, image_encoder=place).generate("猫", image_prompt=files.picture(), **ONE_STEP)
        )
        for place in (single, whole)
    ]
    assert torch.equal(*drawn)


def test_sizes_of_the_published_encoder_without_its_settings() -> None:
    """ViT-H/14 has heads of 80 and GELU; nothing in its tensors says so."""
    shapes = {
        "vision_model.embeddings.patch_embedding.weight": (1280, 3, 14, 14),
        "vision_model.embeddings.position_embedding.weight": (257, 1280),
        "vision_model.encoder.layers.0.mlp.fc1.weight": (5120, 1280),
        "visual_projection.weight": (1024, 1280),
    }
    found = from_shapes(shapes)
    assert found == CLIPVisionConfig(
        width=1280, layers=1, heads=16, mlp_width=5120, projection=1024, activation="gelu"
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hidden_act": "relu"}, "relu"),
        ({"layer_norm_eps": 1e-6}, "layer_norm_eps"),
        ({"patch_size": 0}, "patch_size"),
        ({"num_hidden_layers": 2}, "vision_model.encoder.layers.2"),
        ({"num_attention_heads": "x"}, "num_attention_heads"),
    ],
)
def test_encoders_that_are_none(settings: dict[str, Any], said: str, folder: Path, tmp_path: Path) -> None:
    encoder = files.save_encoder(tmp_path / "encoder")
    data = {**files.encoder_settings(), **settings}
    (encoder / "config.json").write_text(json.dumps(data), encoding="utf-8")
    refused(load(folder, folder / "着物.safetensors", encoder), "image_encoder.weights", said)


def test_a_folder_without_weights(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        load(folder, folder / "着物.safetensors", tmp_path)()
    assert caught.value.code == "image_encoder.weights"
