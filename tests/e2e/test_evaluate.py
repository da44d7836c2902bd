"""``sdjp evaluate`` on the embedded model, with a tiny random CLIP: the table, going on, refusing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sdjp import cli
from sdjp.evaluation.features import ClipFeatures, InceptionFeatures
from sdjp.evaluation.inception import Inception
from sdjp.text.tokenizers.clip import ClipTokenizer
from tests.pictures import size_of

SHORT = ["--scales", "1.5,4", "--steps", "1", "--no-watermark", "--safety", "off"]


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP with random weights, saved as Hugging Face does."""
    from transformers import CLIPConfig, CLIPModel

    folder = tmp_path_factory.mktemp("CLIP 日本語")
    torch.manual_seed(0)
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    vision = {**text, "image_size": 32, "patch_size": 8}
    config = CLIPConfig(
        text_config={**text, "bos_token_id": 49406, "eos_token_id": 49407},
        vision_config=vision,
        projection_dim=16,
    )
    CLIPModel(config).save_pretrained(folder)
    ClipTokenizer.from_assets().to_transformers_files(folder)
    return folder


@pytest.fixture(scope="module")
def prompts_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("p") / "プロンプト.txt"
    path.write_text("赤いりんご\n\n海の上の猫\n馬\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("実物")
    rng = np.random.RandomState(0)
    for i in range(4):
        Image.fromarray(rng.randint(0, 256, (40, 50, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    return folder


def test_table_figure_and_going_on(
    clip_folder: Path, prompts_file: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "評価"
    command = ["evaluate", "--from-file", str(prompts_file), "--outdir", str(out), "--clip", str(clip_folder)]
    command += ["--reference", str(reference), "--batch-size", "2", *SHORT]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "| モデル | ガイダンスの強さ | 枚数 |" in said
    assert "| mini | 1.5 | 3 |" in said
    data = json.loads((out / "results.json").read_text(encoding="utf-8"))
    rows = data["rows"]
    assert [row["scale"] for row in rows] == [1.5, 4.0]
    assert all(0 <= row["clip_score"] <= 100 and row["frechet"] > 0 for row in rows)
    assert size_of(out / "results.png")[0] > 300
    pictures = sorted((out / "mini").rglob("*.png"))
    assert len(pictures) == 6
    # One picture is lost: only that one is drawn again, and the figures are the same.
    times = {path: path.stat().st_mtime_ns for path in pictures}
    pictures[4].unlink()
    assert cli.main([*command, "--lang", "en"]) == 0
    assert "| model | guidance scale | pictures |" in capsys.readouterr().out
    again = json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"]
    changed = [path for path in pictures if path.stat().st_mtime_ns != times[path]]
    assert changed == [pictures[4]]
    for a, b in zip(rows, again, strict=True):
        # A batch of another size rounds differently: a level of 255 here and there.
        assert a["clip_score"] == pytest.approx(b["clip_score"], abs=0.5)
        assert a["frechet"] == pytest.approx(b["frechet"], rel=0.05)
    # Other settings must not be mixed in.
    capsys.readouterr()
    assert cli.main([*command, "--seed", "7"]) == 2
    assert "別の設定" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "測るものがありません"),
        (["--clip", "ない"], "CLIP のモデル"),
        (["--inception", "ない.pth"], "--reference"),
        (["--inception", "ない.pth", "--reference", "."], "Inception の重み"),
        (["--clip", "CLIP", "--scales", "1,x"], "--scales"),
        (["--clip", "CLIP", "--scales", "nan"], "ガイダンス"),
        (["--clip", "CLIP", "--steps", "0"], "ステップ数"),
        (["--clip", "CLIP", "--sampler", "x"], "サンプラー"),
        (["--clip", "CLIP", "--reference", "空"], "2 枚以上"),
        (["--clip", "CLIP", "--models", "mini", "mini"], "違う名前"),
        (["--clip", "CLIP", "--batch-size", "0"], "枚数"),
    ],
)
def test_bad_input_is_refused_before_anything_is_loaded(
    wrong: list[str],
    message: str,
    clip_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*arguments: object, **named: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("sdjp.pipeline.Pipeline.from_pretrained", load)
    words = [str(clip_folder) if word == "CLIP" else word for word in wrong]
    assert cli.main(["evaluate", "猫", "--outdir", str(tmp_path / "o"), *words]) != 0
    assert message in capsys.readouterr().err


def test_a_broken_picture_to_compare_with_is_told(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(Inception().state_dict(), tmp_path / "inception.pth")
    whole = (reference / "0.png").read_bytes()
    (tmp_path / "実物").mkdir()
    for name, data in (("0.png", whole), ("1.png", whole[:200])):
        (tmp_path / "実物" / name).write_bytes(data)
    command = [
        "evaluate",
        "猫",
        "--outdir",
        str(tmp_path / "o"),
        *SHORT,
        "--reference",
        str(tmp_path / "実物"),
    ]
    assert cli.main([*command, "--inception", str(tmp_path / "inception.pth")]) == 2
    error = capsys.readouterr().err
    assert "1.png" in error
    assert "途中で切れて" in error


def test_clip_features_are_those_of_transformers(clip_folder: Path) -> None:
    from transformers import CLIPModel

    rng = np.random.RandomState(3)
    image = Image.fromarray(rng.randint(0, 256, (32, 32, 3), dtype=np.uint8))  # nothing to scale or cut
    model = CLIPModel.from_pretrained(clip_folder)
    pixels = (np.asarray(image, np.float32) / 255 - [0.48145466, 0.4578275, 0.40821073]) / [
        0.26862954,
        0.26130258,
        0.27577711,
    ]
    tensor = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None]
    ids = torch.tensor([[49406, 320, 2368, *[49407] * 74]])  # "a cat"
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=(torch.arange(77) < 4)[None].long(), pixel_values=tensor)
    clip = ClipFeatures(clip_folder)
    cosine = (clip.pictures([image]) * clip.texts(["a cat"])).sum()
    cosine /= np.linalg.norm(clip.pictures([image])) * np.linalg.norm(clip.texts(["a cat"]))
    assert cosine == pytest.approx((out.image_embeds * out.text_embeds).sum().item(), abs=1e-5)


def test_inception_takes_the_shared_file_and_nothing_else(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = {name: t.contiguous() for name, t in Inception().state_dict().items()}
    state.pop("Conv2d_1a_3x3.bn.num_batches_tracked")  # some files lack the counters
    torch.save(state, tmp_path / "pt_inception.pth")
    seen = InceptionFeatures(tmp_path / "pt_inception.pth")
    image = Image.new("RGB", (20, 30), "red")
    assert seen.pictures([image, image]).shape == (2, 2048)
    save_file({"fc.weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(Exception, match="Inception v3") as error:
        InceptionFeatures(tmp_path / "other.safetensors")
    assert getattr(error.value, "code", "") == "inception.tensors"
