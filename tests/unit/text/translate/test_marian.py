from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch

from sdjp.errors import InputError, TranslationError, WeightsError
from sdjp.text.translate.base import Piece
from sdjp.text.translate.guards import acceptable
from sdjp.text.translate.marian import MarianTranslator

FOLDER = Path(__file__).parents[3] / "golden" / "tiny_marian"


@pytest.fixture(scope="module")
def marian() -> MarianTranslator:
    """A tiny model that has learnt a dozen sentences; see golden/README.md."""
    return MarianTranslator(FOLDER)


def english(translator: MarianTranslator, *texts: str) -> list[str]:
    return [record.english for record in translator.translate(texts)]


def test_translates_what_the_model_has_learnt(marian: MarianTranslator) -> None:
    assert english(marian, "馬に乗る宇宙飛行士", "猫", "桜の木の下で眠る猫。", "3匹の猫") == [
        "An astronaut riding a horse",
        "cat",
        "A cat sleeping under a cherry tree.",
        "three cats",
    ]


def test_parts_without_japanese_are_copied(marian: MarianTranslator) -> None:
    (record,) = marian.translate(["masterpiece, 猫 , best quality,8k"])
    assert record.english == "masterpiece, cat , best quality,8k"
    assert record.source == "masterpiece, 猫 , best quality,8k"
    assert record.translator == "marian"
    assert [(p.english, p.how) for p in record.pieces] == [
        ("masterpiece", "copied"),
        ("cat", "marian"),
        ("best quality", "copied"),
        ("8k", "copied"),
    ]


def test_every_sentence_is_translated_by_itself(marian: MarianTranslator) -> None:
    assert english(marian, "桜の木の下で眠る猫。雪が降る。") == [
        "A cat sleeping under a cherry tree. It snows."
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 猫", " cat"),
        ("猫 , ", "cat , "),
        ("猫!? 雪が降る。", "cat It snows."),
        ("a  cat. 猫", "a  cat. cat"),
        (" a dog, 海", " a dog, sea"),
    ],
)
def test_separators_and_outer_spaces_stay(marian: MarianTranslator, text: str, expected: str) -> None:
    (record,) = marian.translate([text])
    assert record.english == expected


def test_english_never_loads_the_model() -> None:
    translator = MarianTranslator(FOLDER)
    assert english(translator, "An astronaut, riding  a horse.", "", "🐱 !", "été") == [
        "An astronaut, riding  a horse.",
        "",
        "🐱 !",
        "été",
    ]
    assert translator._loaded is None


def test_what_the_model_loses_is_put_behind(marian: MarianTranslator) -> None:
    (record,) = marian.translate(["猫 by Zorn 🌃"])
    assert record.english.endswith(", by Zorn, 🌃")
    assert record.pieces[1:] == (
        Piece(source="by Zorn", english="by Zorn", how="copied"),
        Piece(source="🌃", english="🌃", how="copied"),
    )


def test_characters_that_the_vocabulary_lacks_are_told(marian: MarianTranslator) -> None:
    (record,) = marian.translate(["鵺の海"])
    assert record.unknown == ("鵺",)
    assert record.english


def test_one_batch_or_many_give_the_same(marian: MarianTranslator) -> None:
    texts = ["海", "馬に乗る宇宙飛行士", "東京の夜景, 猫", "a dog", "猫"]
    one_by_one = MarianTranslator(FOLDER, batch_size=1, num_beams=1)
    assert english(one_by_one, *texts) == english(marian, *texts)
    assert [english(marian, text)[0] for text in texts] == english(marian, *texts)


def test_random_weights_write_no_english(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    shutil.copytree(FOLDER, tmp_path / "random")
    weights = tmp_path / "random" / "model.safetensors"
    rng = torch.Generator().manual_seed(0)
    tensors = {k: torch.randn(v.shape, generator=rng) * 0.02 for k, v in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(TranslationError) as error:
        MarianTranslator(tmp_path / "random").translate(["a cat", "馬に乗る宇宙飛行士", "猫, 犬"])
    assert error.value.code == "marian.output"
    for text in ("馬に乗る宇宙飛行士", "猫", "犬"):
        assert text in error.value.ja
        assert text in error.value.en
    assert "a cat" not in error.value.en


@pytest.mark.parametrize("source", ["無", "輪"])
def test_nothing_and_loops_are_made_again_under_other_rules(marian: MarianTranslator, source: str) -> None:
    """The model has learnt to answer these with nothing and with "you know, you know, …"."""
    (first,) = marian._generate(marian._ids([source]), {"num_beams": 4})
    assert first is None or not acceptable(source, first)
    (second,) = english(marian, source)
    assert acceptable(source, second)


def test_japanese_for_japanese_is_refused(marian: MarianTranslator) -> None:
    assert marian._generate(marian._ids(["写"]), {"num_beams": 4}) == ["写"]
    with pytest.raises(TranslationError) as error:
        marian.translate(["猫", "写"])
    assert "写" in error.value.ja
    assert "猫" not in error.value.ja


def test_a_sentence_longer_than_the_model_is_refused(marian: MarianTranslator) -> None:
    with pytest.raises(TranslationError) as error:
        marian.translate(["猫", "馬に乗る宇宙飛行士" * 20])
    assert error.value.code == "marian.length"
    assert "馬に乗る" in error.value.ja
    assert "64" in error.value.en
    assert english(marian, "。".join(["猫"] * 40))[0].split() == ["cat"] * 40


def test_a_folder_never_touches_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> NoReturn:
        raise AssertionError(f"network: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert english(MarianTranslator(FOLDER), "猫") == ["cat"]


def test_threads_load_the_model_once() -> None:
    translator = MarianTranslator(FOLDER)
    networks, results = set(), []

    def work() -> None:
        results.append(english(translator, "海", "馬に乗る宇宙飛行士"))
        networks.add(id(translator._load()[0]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [["sea", "An astronaut riding a horse"]] * 4
    assert len(networks) == 1


def test_dtype() -> None:
    translator = MarianTranslator(FOLDER, dtype="bfloat16")
    assert english(translator, "猫") == ["cat"]
    assert {p.dtype for p in translator._load()[0].parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"num_beams": 0}, "marian.num_beams"),
        ({"batch_size": 0}, "marian.batch_size"),
        ({"dtype": "int8"}, "marian.dtype"),
        ({"dtype": "float16", "plain": True}, "marian.plain"),
        ({"device": "cuda", "plain": True}, "marian.plain"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], code: str) -> None:
    with pytest.raises(InputError) as error:
        MarianTranslator(FOLDER, **options)
    assert error.value.code == code


@pytest.mark.parametrize(
    "model", ["no such folder", "./no/such", "/no/such", "a/b/c", Path("staka/fugumt-ja-en"), ""]
)
def test_neither_a_folder_nor_a_hub_id(
    model: str | Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        MarianTranslator(model)
    assert error.value.code == "marian.model"


def test_a_hub_id_is_taken_by_name_and_asked_for_late() -> None:
    translator = MarianTranslator("staka/fugumt-ja-en")
    assert not translator.local
    assert english(translator, "a cat") == ["a cat"]


def test_missing_files_are_listed_together(tmp_path: Path) -> None:
    folder = tmp_path / "日本語 テスト"
    shutil.copytree(FOLDER, folder)
    assert english(MarianTranslator(folder), "猫") == ["cat"]
    (folder / "vocab.json").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError) as error:
        MarianTranslator(folder)
    assert error.value.code == "marian.files"
    assert "vocab.json" in error.value.en
    assert "model.safetensors" in error.value.ja


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(WeightsError) as error:
        MarianTranslator(tmp_path / "broken").translate(["猫"])
    assert error.value.code == "marian.load"


@pytest.mark.parametrize("change", [{"activation_function": "sin"}, {"decoder_layers": 2}])
def test_a_network_that_sdjp_does_not_know_is_told(change: dict[str, Any], tmp_path: Path) -> None:
    folder = shutil.copytree(FOLDER, tmp_path / "other")
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | change), encoding="utf-8")
    with pytest.raises(WeightsError) as error:
        MarianTranslator(folder, plain=True).translate(["猫"])
    assert error.value.code == "marian.load"


def test_weights_that_are_no_numbers_are_refused_and_no_warning_is_given(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = shutil.copytree(FOLDER, tmp_path / "broken")
    weights = load_file(folder / "model.safetensors")
    save_file(
        {name: np.full_like(tensor, np.nan) for name, tensor in weights.items()}, folder / "model.safetensors"
    )
    with pytest.raises(TranslationError) as error:
        MarianTranslator(folder, plain=True).translate(["猫"])
    assert error.value.code == "marian.output"


def test_importing_the_translators_imports_nothing_heavy() -> None:
    code = (
        "import sys, sdjp.text.translate.marian, sdjp.text.translate.passthrough, sdjp.text.chunks\n"
        "print(sorted({'torch', 'transformers', 'sentencepiece', 'fugashi'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_model_of_the_hub_without_a_network_is_one_error_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """transformers alone asks for five minutes, and prints a hundred lines."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    for offline in (False, True):
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", offline)
        begin = time.monotonic()
        with pytest.raises(WeightsError) as error:
            MarianTranslator("nobody/nothing").translate(["猫"])
        assert time.monotonic() - begin < 30  # of a busy machine
        assert error.value.code == "marian.hub"
        assert "HF_HUB_OFFLINE" in error.value.ja
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("command", [[], ["explain"]])
def test_the_command_line_asks_the_hub_before_it_loads_anything_heavy(
    command: list[str], tmp_path: Path
) -> None:
    pytest.importorskip("huggingface_hub")
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"}
    words = [*command, "猫", "--translator", "marian:owner/name", "--lang", "ja"]
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sdjp", *words],
        capture_output=True,
        cwd=tmp_path,
        encoding="utf-8",
        env={**os.environ, **hub, "PYTHONIOENCODING": "utf-8"},
        timeout=10,
        check=False,
    )
    said = [line for line in result.stderr.splitlines() if not line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if line not in said}
    assert result.returncode == 1
    assert len(said) == 2
    assert said[1] == "（コード: marian.hub）"
    assert said[0].startswith("エラー: 翻訳モデル owner/name を Hugging Face Hub から取得できません")
    assert not {"torch", "transformers"} & imported
    assert result.stdout == ""
    assert not list(tmp_path.glob("out*"))


def test_loading_shows_no_bar(capfd: pytest.CaptureFixture[str]) -> None:
    MarianTranslator(FOLDER)._load()
    assert capfd.readouterr() == ("", "")
