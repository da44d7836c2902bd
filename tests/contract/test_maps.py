"""Every map of names renames every tensor, both ways, and agrees with the lists of real files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from sdjp.config import MINI, SD_V1, TINY, ModelConfig
from sdjp.weights.keymap import build_on_meta, compile_map
from sdjp.weights.maps import MAPS

KEYS = Path(__file__).parents[1] / "golden" / "keys"


def golden(name: str) -> Any:
    return json.loads(gzip.decompress((KEYS / f"{name}.json.gz").read_bytes()))


@pytest.mark.parametrize("config", [SD_V1, TINY, MINI], ids=lambda c: c.name)
@pytest.mark.parametrize("layout", MAPS)
def test_the_map_is_complete_and_reversible(layout: str, config: ModelConfig) -> None:
    names = compile_map(MAPS[layout], config)
    every = {f"{part}.{key}" for part, module in build_on_meta(config).items() for key in module.state_dict()}
    assert set(names) == every
    assert len({name.theirs for name in names.values()}) == len(names)


def test_original_names_and_shapes_of_sd_v1() -> None:
    wanted = golden("sd_v1_ckpt")["keys"]
    mine = {name.theirs: list(name.shape) for name in compile_map(MAPS["ldm"], SD_V1).values()}
    extras = set(wanted) - set(mine)
    assert all(wanted[name] == shape for name, shape in mine.items())
    assert len(mine) == 1130
    assert len(extras) == 13  # 12 buffers of the schedule, position_ids


def test_diffusers_names_and_shapes_of_sd_v1() -> None:
    listed = golden("diffusers_sd_v1")
    wanted = {f"{part}:{k}": v for part in ("unet", "vae", "text_encoder") for k, v in listed[part].items()}
    mine = {name.theirs: list(name.shape) for name in compile_map(MAPS["diffusers"], SD_V1).values()}
    assert mine == wanted


def test_both_maps_together_are_the_published_conversion() -> None:
    ldm, diffusers = (compile_map(MAPS[layout], SD_V1) for layout in ("ldm", "diffusers"))
    ours = {name.theirs: key for key, name in ldm.items()}
    pairs = golden("compvis_to_diffusers")["pairs"]
    assert len(pairs) == 1130
    for theirs, part, other, _ in pairs:
        assert diffusers[ours[theirs]].theirs == f"{part}:{other}"
