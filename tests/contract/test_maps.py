"""Every map of names renames every tensor, both ways, and agrees with the lists of real files."""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from sdjp.config import (
    ALT_DIFFUSION,
    LAION_400M,
    MINI,
    SD_V1,
    TINY,
    BertConfig,
    ModelConfig,
    XLMRobertaConfig,
)
from sdjp.models import TEXT_ENCODERS
from sdjp.weights.names.keymap import Name, compile_map, to_ours, to_theirs
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of
from tests.narrow import clip_text

KEYS = Path(__file__).parents[1] / "golden" / "keys"
INPAINTING = dataclasses.replace(
    SD_V1, name="inpainting", unet=dataclasses.replace(SD_V1.unet, in_channels=9)
)
# One level without attention above one with it, another number of blocks, a shallow autoencoder.
ODD = dataclasses.replace(
    TINY,
    name="odd",
    unet=dataclasses.replace(
        TINY.unet, channel_mult=(1, 3), attention=(False, True), num_res_blocks=3, in_channels=5
    ),
    vae=dataclasses.replace(TINY.vae, ch_mult=(1,), num_res_blocks=1),
    text=dataclasses.replace(clip_text(TINY.text), layers=1),
)
LAION_TEXT = LAION_400M.text
assert isinstance(LAION_TEXT, BertConfig)
TINY_LAION = dataclasses.replace(
    TINY, name="tiny-laion", text=dataclasses.replace(LAION_TEXT, vocab_size=50, width=32, layers=2)
)
TINY_ALT = dataclasses.replace(
    TINY,
    name="tiny-alt",
    text=XLMRobertaConfig(
        vocab_size=50, width=32, layers=2, heads=2, mlp_width=64, projection=32, pre_projection=True
    ),
)
CONFIGS = [SD_V1, TINY, MINI, INPAINTING, ODD, LAION_400M, TINY_LAION, ALT_DIFFUSION, TINY_ALT]
SMALL = (TINY, ODD, TINY_LAION, TINY_ALT)


def pairs(configs: Sequence[ModelConfig]) -> list[Any]:
    """Every layout with every model whose text encoder it has names for."""
    return [
        pytest.param(layout, config, id=f"{layout}-{config.name}")
        for layout, table in MAPS.items()
        for config in configs
        if config.text.kind in table.texts
    ]


@cache
def shapes_for(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    return shapes_of(on_meta(config))


@cache
def names_of(layout: str, config: ModelConfig) -> dict[str, Name]:
    return compile_map(MAPS[layout].rows(config), shapes_for(config))


def golden(name: str) -> Any:
    return json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))


@pytest.mark.parametrize(("layout", "config"), pairs(CONFIGS))
def test_every_tensor_has_a_name_of_its_own(layout: str, config: ModelConfig) -> None:
    names = names_of(layout, config)
    assert names.keys() == shapes_for(config).keys()
    assert len({name.theirs for name in names.values()}) == len(names)
    rows = [row.ours for row in MAPS[layout].rows(config)]
    assert len(set(rows)) == len(rows)


@pytest.mark.parametrize(("layout", "config"), pairs(SMALL))
def test_there_and_back_changes_nothing(layout: str, config: ModelConfig) -> None:
    names = names_of(layout, config)
    ours = {name: torch.randn(shape) for name, shape in shapes_for(config).items()}
    theirs = to_theirs(names, ours)
    assert {name: tuple(t.shape) for name, t in theirs.items()} == {
        n.theirs: n.their_shape for n in names.values()
    }
    back = to_ours(names, theirs)
    assert back.keys() == ours.keys()
    for name, tensor in ours.items():
        assert back[name].shape == tensor.shape
        assert torch.equal(back[name], tensor)


@pytest.mark.parametrize(("layout", "config"), pairs(CONFIGS))
def test_names_of_a_map_are_canonical_and_not_ignored(layout: str, config: ModelConfig) -> None:
    for name in names_of(layout, config).values():
        assert MAPS[layout].canonical(name.theirs) == name.theirs
        assert not MAPS[layout].ignores(name.theirs)


@pytest.mark.parametrize(("layout", "config"), pairs(CONFIGS))
def test_no_two_averaged_weights_share_a_name(layout: str, config: ModelConfig) -> None:
    twins = [MAPS[layout].ema(name.theirs) for name in names_of(layout, config).values()]
    found = [twin for twin in twins if twin is not None]
    assert len(set(found)) == len(found)


def test_names_and_shapes_of_the_original_sd_v1() -> None:
    wanted = golden("sd_v1_ckpt")["keys"]
    ours = {name.theirs: list(name.their_shape) for name in names_of("ldm", SD_V1).values()}
    assert len(ours) == 686 + 248 + 196
    assert {name: wanted[name] for name in ours} == ours
    extras = wanted.keys() - ours.keys()
    assert len(extras) == 12 + 1  # buffers of the schedule, position_ids
    assert all(MAPS["ldm"].ignores(name) for name in extras)


def test_names_of_the_averaged_weights_of_the_original_sd_v1() -> None:
    listed = golden("sd_v1_ckpt")
    twins = {MAPS["ldm"].ema(name.theirs): name.theirs for name in names_of("ldm", SD_V1).values()}
    assert {twin: theirs for twin, theirs in twins.items() if twin is not None} == listed["ema_source"]
    others = listed["ema_keys"].keys() - twins.keys()
    assert others == {"model_ema.decay", "model_ema.num_updates"}
    assert all(MAPS["ldm"].ignores(name) for name in others)


def test_names_and_shapes_of_the_original_model_of_laion_400m() -> None:
    listed = golden("laion400m_txt2img_1p4B")
    wanted = listed["keys"]
    names = names_of("ldm", LAION_400M).values()
    ours = {name.theirs: list(name.their_shape) for name in names}
    assert len(ours) == 686 + 248 + 420
    assert {name: wanted[name] for name in ours} == ours
    extras = wanted.keys() - ours.keys()
    assert len(extras) == 12 + 2  # buffers of the schedule, the head that nothing uses
    assert all(MAPS["ldm"].ignores(name) for name in extras)
    twins = {MAPS["ldm"].ema(name.theirs): name.theirs for name in names}
    assert {twin: theirs for twin, theirs in twins.items() if twin is not None} == listed["ema_source"]


def test_every_kind_of_text_encoder_has_a_layout() -> None:
    own = {"adapter"}  # is never a part of a checkpoint: weights/parts/adapter.py
    assert {kind for table in MAPS.values() for kind in table.texts} == set(TEXT_ENCODERS) - own


def test_names_and_shapes_of_sd_v1_in_diffusers() -> None:
    listed = golden("diffusers_sd_v1")
    wanted = {
        f"{part}/{name}": tuple(shape)
        for part in ("unet", "vae", "text_encoder")
        for name, shape in listed[part].items()
    }
    assert {n.theirs: n.their_shape for n in names_of("diffusers", SD_V1).values()} == wanted


def test_both_maps_together_are_the_published_conversion() -> None:
    ldm, diffusers = names_of("ldm", SD_V1), names_of("diffusers", SD_V1)
    pairs = golden("compvis_to_diffusers")["pairs"]
    assert len(pairs) == len(ldm) == 1130
    through_ours = {ldm[ours].theirs: diffusers[ours] for ours in ldm}
    for original, part, other, transform in pairs:
        name = through_ours[original]
        assert name.theirs == f"{part}/{other}"
        assert (name.their_shape != name.our_shape) == (transform == "squeeze_last_two_dims")


@pytest.mark.parametrize(
    ("layout", "seen", "canonical"),
    [
        (
            "ldm",
            "cond_stage_model.transformer.encoder.layers.0.mlp.fc1.bias",
            "cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.bias",
        ),
        (
            "diffusers",
            "text_encoder/embeddings.token_embedding.weight",
            "text_encoder/text_model.embeddings.token_embedding.weight",
        ),
        (
            "diffusers",
            "vae/encoder.mid_block.attentions.0.query.weight",
            "vae/encoder.mid_block.attentions.0.to_q.weight",
        ),
        (
            "diffusers",
            "vae/decoder.mid_block.attentions.0.proj_attn.bias",
            "vae/decoder.mid_block.attentions.0.to_out.0.bias",
        ),
        (  # the text encoder has a "key" of its own kind, which stays
            "diffusers",
            "text_encoder/text_model.encoder.layers.0.self_attn.k_proj.bias",
            "text_encoder/text_model.encoder.layers.0.self_attn.k_proj.bias",
        ),
    ],
)
def test_other_names_seen_in_files(layout: str, seen: str, canonical: str) -> None:
    assert MAPS[layout].canonical(seen) == canonical
