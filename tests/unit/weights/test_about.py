"""What is said of a checkpoint; the full checkpoint of the original: both kinds of weights, every name."""

from __future__ import annotations

import dataclasses
import gzip
import json
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sdjp import cli
from sdjp.config import CLIPTextConfig, ModelConfig, UNetConfig, VAEConfig
from sdjp.errors import WeightsError
from sdjp.weights import load
from sdjp.weights.about import describe
from sdjp.weights.known import KNOWN, LICENSE, TRAININGS, Known
from tests.original import save_checkpoint, tiny_tensors

# All levels, blocks and layers of Stable Diffusion v1, so all of its names; only the widths are small.
NARROW = ModelConfig(
    name="full",
    unet=UNetConfig(model_channels=32, context_dim=64),
    vae=VAEConfig(ch=32),
    text=CLIPTextConfig(width=64, heads=1, mlp_width=64),
)
KEYS = Path(__file__).parents[2] / "golden" / "keys" / "sd_v1_ckpt.json.gz"


def extras() -> dict[str, Tensor]:
    """What the original's state dict holds beside the weights."""
    keys = json.loads(gzip.decompress(KEYS.read_bytes()))
    buffers = [name for name in keys["keys"] if "." not in name]
    assert len(buffers) == 12
    return {
        **{name: torch.zeros(1000) for name in buffers},
        "model_ema.decay": torch.tensor(0.9999),
        "model_ema.num_updates": torch.tensor(470000, dtype=torch.int32),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None],
    }


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    weights = {name: tensor.half() for name, tensor in tiny_tensors(NARROW, ema=0.5).items()}
    return weights | extras()


@pytest.fixture(scope="module")
def full(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("重み") / "sd-v1-x-full-ema.ckpt", tensors)


@pytest.fixture(scope="module")
def plain(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = {name: tensor for name, tensor in tensors.items() if not name.startswith("model_ema.")}
    return save_checkpoint(tmp_path_factory.mktemp("重み") / "sd-v1-x.ckpt", chosen)


def test_the_file_has_every_name_of_the_original(tensors: dict[str, Tensor]) -> None:
    keys = json.loads(gzip.decompress(KEYS.read_bytes()))
    assert set(tensors) == set(keys["keys"]) | set(keys["ema_keys"])
    assert len(tensors) == 1143 + 688


def test_both_kinds_of_weights_in_one_file(full: Path, tensors: dict[str, Tensor]) -> None:
    """686 tensors of the UNet follow ``ema``; autoencoder and text encoder have one kind only."""
    plain, averaged, automatic = (load(full, ema=ema) for ema in (False, True, "auto"))
    assert [m.report.ema_used for m in (plain, averaged, automatic)] == [False, True, True]
    ours, twins, chosen = (
        torch.cat([t.flatten().float() for t in m.unet.state_dict().values()])
        for m in (plain, averaged, automatic)
    )
    assert len(plain.unet.state_dict()) == 686
    # Half of the plain weight, rounded to float16 after it was halved: exact but for subnormal numbers.
    torch.testing.assert_close(twins, ours / 2, rtol=0, atol=6e-8)
    assert torch.equal(twins, chosen)
    assert torch.equal(plain.unet.conv_in.weight, tensors["model.diffusion_model.input_blocks.0.0.weight"])
    for part in ("vae", "text"):
        one, other = getattr(plain, part).state_dict(), getattr(averaged, part).state_dict()
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_what_is_said_of_a_full_checkpoint(full: Path, plain: Path) -> None:
    about = describe(full)
    assert (about.layout, about.kinds, about.problem, about.known) == ("ldm", "both", None, None)
    counts = {name: part.tensors for name, part in about.parts.items()}
    assert counts == {"unet": 686, "vae": 248, "text": 197, "ema": 688, "other": 12}
    assert about.parts["unet"].dtypes == {"float16": 686}
    unet, ema = about.parts["unet"].parameters, about.parts["ema"].parameters
    assert ema == unet + 2
    assert about.size == full.stat().st_size
    assert about.config == dataclasses.replace(NARROW, name=full.stem)
    assert describe(plain, checksums=False).kinds == "plain"


def test_published_files_are_named(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum decides: as soon as it is in the table, the same file has a name."""
    about = describe(plain)
    [digest] = about.sha256.values()
    row = Known(file="sd-v1-4.ckpt", model="sd-v1-4", holds="ema")
    monkeypatch.setattr("sdjp.weights.about.KNOWN", {**KNOWN, digest: row})
    assert describe(plain).known is row
    assert describe(plain, checksums=False).known is None
    assert describe(plain).to_json()["known"]["license"] == "CreativeML OpenRAIL-M"


def test_the_card_of_a_folder_tells_its_licence(
    plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(plain.read_bytes())
    assert describe(path, checksums=False).to_json()["license"] is None
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: creativeml-openrail-m\n---\n", encoding="utf-8")
    assert describe(path, checksums=False).to_json()["license"] == LICENSE
    assert cli.main(["info", str(path)]) == 0
    assert f"ライセンス: {LICENSE}（{card}）" in capsys.readouterr().out
    assert load(path).report.licence == LICENSE


def test_the_table_of_published_files() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in KNOWN)
    assert {f"sd-v1-{n}" for n in (1, 2, 3, 4)} <= {known.model for known in KNOWN.values()}
    assert {known.model for known in KNOWN.values()} == set(TRAININGS)
    assert len({known.file for known in KNOWN.values()}) == len(KNOWN)
    for known in KNOWN.values():
        assert (known.holds == "both") == ("full-ema" in known.file or known.file.startswith("v1-5-pruned."))


def test_files_that_are_no_model_are_described_too(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    vae = {name: tensor for name, tensor in tensors.items() if name.startswith("first_stage_model.")}
    about = describe(save_checkpoint(tmp_path / "vae.ckpt", vae))
    assert (about.layout, about.kinds, about.config) == (None, "none", None)
    assert set(about.parts) == {"vae"}
    assert about.problem is not None
    assert about.problem.code == "weights.not_v1"
    with pytest.raises(WeightsError):
        describe(tmp_path / "nothing.ckpt")
    (tmp_path / "page.ckpt").write_text("<html></html>")
    with pytest.raises(WeightsError):
        describe(tmp_path / "page.ckpt")


def test_incomplete_files_say_what_is_wrong(tmp_path: Path, tensors: dict[str, Tensor]) -> None:
    missing = dict(tensors)
    del missing["first_stage_model.quant_conv.bias"]
    about = describe(save_checkpoint(tmp_path / "a.ckpt", missing), checksums=False)
    assert about.layout == "ldm"
    assert about.problem is not None
    assert "quant_conv.bias" in about.problem.ja


def test_the_command(full: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(full)]) == 0
    said = capsys.readouterr().out
    for text in ("通常の重みと EMA の両方", "--ema false", "SHA-256", "686 テンソル", "float16"):
        assert text in said
    assert cli.main(["info", str(full), "--json", "--no-sha256"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["kinds"], data["sha256"], data["known"]) == ("both", {}, None)
    assert cli.main(["info", "mini", "--lang", "en"]) == 0
    assert "embedded in sdjp" in capsys.readouterr().out
    assert cli.main(["info", "nothing.ckpt"]) == 1
    assert "見つかりません" in capsys.readouterr().err
