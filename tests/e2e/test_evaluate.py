"""``sdjp evaluate`` on the embedded model, with a tiny random CLIP: the table, going on, refusing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import sdjp
from sdjp import cli
from sdjp.batch.pictures import pictures
from sdjp.batch.places import RECORDS, file_name
from sdjp.batch.stores.local_store import LocalStore
from sdjp.errors import InputError
from sdjp.evaluation.features import ClipFeatures, InceptionFeatures
from sdjp.evaluation.inception import Inception
from sdjp.evaluation.run import Settings, evaluate
from sdjp.pipeline import Pipeline
from sdjp.text.tokenizers.clip import ClipTokenizer
from tests.pictures import size_of

SHORT = ["--scales", "1.5,4", "--steps", "1", "--no-watermark", "--safety", "off", "-W", "64", "-H", "64"]
SIDES: dict[str, Any] = {"width": 64, "height": 64}


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        data: bytes = image.tobytes()
    return data


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
    command += ["--reference", str(reference), "--batch-size", "2", "--workers", "2", *SHORT]
    assert cli.main(command) == 0
    said = capsys.readouterr().out
    assert "mini: 6/6 枚" in said
    assert "| モデル | ガイダンスの強さ | 枚数 |" in said
    assert "| mini | 1.5 | 3 |" in said
    rows = json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"]
    assert [row["scale"] for row in rows] == [1.5, 4.0]
    assert all(0 <= row["clip_score"] <= 100 and row["frechet"] > 0 for row in rows)
    assert size_of(out / "results.png")[0] > 300
    found = [record for record, _ in pictures(LocalStore(out / "mini"))]
    assert [(record.key, record.seed) for record in found] == [
        (f"scale-{scale}/{i:05d}", 42 + i) for scale in ("1.5", "4") for i in range(3)
    ]
    # They are the pictures that the pipeline draws of these options.
    files = [out / "mini" / record.file for record in found]
    pipe = Pipeline.from_pretrained("mini", watermark=False, safety="off")
    for i, prompt in ((1, "海の上の猫"), (2, "馬")):
        alone = pipe.generate(
            prompt, guidance_scale=4.0, sampler="plms", num_inference_steps=1, seed=42 + i, **SIDES
        )
        assert pixels(files[3 + i]) == alone.images[0].tobytes()
    # It was stopped before the last ones were done: only those are drawn again, the figures are the same.
    times = {path: path.stat().st_mtime_ns for path in files}
    for record in (found[1], found[4]):
        (out / "mini" / record.file).unlink()
        (out / "mini" / file_name(RECORDS, record.number, record.id, suffix=".json")).unlink()
    assert cli.main([*command, "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "mini: 5/6" in said
    assert "mini: 4/6" not in said
    assert "| model | guidance scale | pictures |" in said
    assert json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"] == rows
    changed = [path for path in files if path.stat().st_mtime_ns != times[path]]
    assert changed == [files[1], files[4]]
    # Other settings must not be mixed in.
    for other in (["--seed", "7"], ["--scales", "1.5,5"], ["--steps", "2"]):
        assert cli.main([*command, *other]) == 2
        error = capsys.readouterr().err
        assert "別のジョブ" in error
        assert ("num_inference_steps" if other[0] == "--steps" else "input") in error
    assert [path.stat().st_mtime_ns for path in files[:1]] == [times[files[0]]]


def test_pictures_that_cannot_be_drawn_are_told_and_counted(
    clip_folder: Path, reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.tsv"
    words.write_text("en\thorse\tanimal\n", encoding="utf-8")  # which is found when it is drawn
    prompts = tmp_path / "p.txt"
    prompts.write_text("猫\n馬\n", encoding="utf-8")
    (tmp_path / "mini2").symlink_to(Path(sdjp.__file__).parent / "assets" / "mini")
    out = tmp_path / "out"
    command = ["evaluate", "--from-file", str(prompts), "--out", str(out), "--clip", str(clip_folder)]
    command += ["--reference", str(reference), "--prompt-check", "refuse", "--prompt-words", str(words)]
    command += ["--models", "mini", str(tmp_path / "mini2"), *SHORT, "--scales", "2", "--workers", "1"]
    assert cli.main(command) == 2
    said = capsys.readouterr()
    assert "| mini | 2 | 1/2 |" in said.out
    assert "| mini2 | 2 | 1/2 |" in said.out
    assert "mini ×2 「馬」は描けませんでした" in said.err
    assert "horse" in said.err
    assert "描けなかった 2 枚" in said.err
    rows = json.loads((out / "results.json").read_text(encoding="utf-8"))["rows"]
    assert [(row["model"], row["pictures"], row["failed"]) for row in rows] == [
        ("mini", 1, 1),
        ("mini2", 1, 1),
    ]
    assert all(row["clip_score"] is not None and row["frechet"] is None for row in rows)


def test_a_prompt_that_the_model_cannot_draw_is_told_before_anything_is_drawn(
    clip_folder: Path, tmp_path: Path
) -> None:
    settings = Settings(prompts=("cat", "<lora:none:1> cat"), scales=(2.0,), num_inference_steps=1)
    with pytest.raises(InputError, match="none") as error:
        evaluate(["mini"], settings, tmp_path, model={"safety": "off"}, clip=ClipFeatures(clip_folder))
    assert error.value.code == "evaluate.prompt"
    assert "<lora:none:1> cat" in error.value.ja
    assert not list(tmp_path.rglob("*.jsonl")) + list(tmp_path.rglob("*.png"))


def test_a_folder_of_an_earlier_version_is_refused_as_it_is(
    clip_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "mini" / "scale-2" / "00000.png"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"PNG")
    assert cli.main(["evaluate", "猫", "--clip", str(clip_folder), "-o", str(tmp_path), *SHORT]) == 2
    assert "前の版" in capsys.readouterr().err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [old]


def test_translation_is_an_option_of_every_picture() -> None:
    settings = Settings(prompts=("猫",), translate="never")
    assert settings.options(0, 2.0).translate == "never"
    assert "translate" in settings.common()


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
        (["--clip", "CLIP", "--workers", "0"], "ワーカー"),
        (["--clip", "CLIP", "--reference", "実物"], "プロンプトが 1 個"),
    ],
)
def test_bad_input_is_refused_before_anything_is_loaded(
    wrong: list[str],
    message: str,
    clip_folder: Path,
    reference: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*arguments: object, **named: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("sdjp.pipeline.Pipeline.from_pretrained", load)
    named = {"CLIP": str(clip_folder), "実物": str(reference)}
    words = [named.get(word, word) for word in wrong]
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
