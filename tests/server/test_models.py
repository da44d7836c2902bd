"""The models of a folder: found, named, described, switched; with small models of random weights."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
import traceback
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file
from torch import Tensor

from sdjp.errors import InputError, SdjpError, WeightsError
from sdjp.pipeline import Pipeline
from sdjp.server.models import catalog, checksums, files
from sdjp.server.models.shelf import ModelEntry, ModelShelf, ModelUnknown
from sdjp.weights import convert
from sdjp.weights.known import KNOWN, LICENSE, Known
from tests.addon_files import kohya, lora_tensors, write_lora
from tests.original import TINY_V1, save_checkpoint, tiny_tensors


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    return {name: tensor.half() for name, tensor in tiny_tensors(TINY_V1).items()}


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, tensors: dict[str, Tensor]) -> Path:
    """One model in each form: ``a.safetensors``, ``a.ckpt``, and a diffusers folder ``d``."""
    folder = tmp_path_factory.mktemp("originals")
    save_file(tensors, folder / "a.safetensors")
    save_checkpoint(folder / "a.ckpt", tensors)
    convert(folder / "a.safetensors", folder / "d")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "モデル 置き場"
    path.mkdir()
    return path


def load(source: str | Path) -> Pipeline:
    return Pipeline.from_pretrained(source, safety="off", watermark=False, translator="lexicon")


def never(source: str | Path) -> Pipeline:
    raise AssertionError(source)


def shelf_of(folder: Path | None, load: Callable[[str | Path], Pipeline] = never, **more: Any) -> ModelShelf:
    return ModelShelf(folder, load=load, **more)


def by_name(shelf: ModelShelf) -> dict[str, ModelEntry]:
    return {entry.name: entry for entry in shelf.entries()}


def summed(shelf: ModelShelf, *names: str) -> dict[str, ModelEntry]:
    """The entries, once the checksums of these are there."""
    for _ in range(600):
        entries = by_name(shelf)
        if all(entries[name].sha256 is not None for name in names):
            return entries
        time.sleep(0.05)
    raise AssertionError(names)


def copy_of(original: Path, target: Path, *, note: str = "") -> Path:
    """A copy; with a note its checksum is another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if original.is_dir():
        shutil.copytree(original, target)
    else:
        shutil.copy(original, target)
    if note:  # a header of safetensors may be padded with spaces
        data = target.read_bytes()
        length = int.from_bytes(data[:8], "little")
        header = data[8 : 8 + length].rstrip() + b" " * 8 * len(note)
        target.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    return target


def test_the_embedded_model_is_always_there() -> None:
    shelf = shelf_of(None)
    assert (shelf.names, shelf.in_use, shelf.ready) == (("mini",), "mini", False)
    assert shelf.loaded is None
    assert shelf.explain_with() is None
    assert shelf.addons() == {"loras": (), "embeddings": (), "controlnets": ()}
    entry = summed(shelf, "mini")["mini"]
    assert entry.problem is None
    assert entry.defaults == {
        "width": 256,
        "height": 256,
        "num_inference_steps": 8,
        "guidance_scale": 2.0,
        "sampler": "ddim",
        "noise_multiplier": 0.4,
        "factor": 16,
    }
    from sdjp.weights import locate

    weights = locate("mini").path / "model.safetensors"
    assert entry.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert entry.title == f"mini [{entry.sha256[:8]}]"
    data = json.loads(json.dumps(entry.to_json()))
    assert data["license"] == {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
    assert (data["kind"], data["in_use"], data["size"]) == ("mini", True, weights.stat().st_size)
    assert (data["known"], data["problem"]) == (None, None)
    assert str(weights.parent) not in json.dumps(data)


def test_what_is_in_a_folder(folder: Path, originals: Path, tensors: dict[str, Tensor]) -> None:
    copy_of(originals / "a.safetensors", folder / "猫.safetensors")
    copy_of(originals / "a.ckpt", folder / "sd" / "B.CKPT")
    copy_of(originals / "d", folder / "sd" / "folder")
    copy_of(originals / "a.ckpt", folder / ".hidden.ckpt")
    copy_of(originals / "a.ckpt", folder / "sd" / "deeper" / "c.ckpt")
    (folder / "readme.txt").write_text("?")
    write_lora(folder / "style.safetensors", lora_tensors(kohya))
    whole = (originals / "a.safetensors").read_bytes()
    (folder / "half.safetensors").write_bytes(whole[: len(whole) // 2])
    vae = {name: tensor for name, tensor in tensors.items() if name.startswith("first_stage_model.")}
    save_checkpoint(folder / "vae.ckpt", vae)

    shelf = shelf_of(folder)
    entries = by_name(shelf)
    assert list(entries) == ["mini", "half", "style", "vae", "猫", "B", "folder"]
    assert shelf.names == ("mini", "猫", "B", "folder")
    assert [entries[name].kind for name in ("猫", "B", "folder")] == ["ldm", "ldm", "diffusers"]
    assert entries["B"].file == "sd/B.CKPT"
    for name in ("猫", "B", "folder"):
        defaults = entries[name].defaults
        assert defaults is not None
        assert (defaults["sampler"], defaults["factor"]) == ("plms", 8)
        assert entries[name].license is None
    assert entries["folder"].size == sum(
        file.stat().st_size for file in (originals / "d").glob("*/*.safetensors")
    )
    for name, ja in (("half", "壊れているか"), ("style", "LoRA"), ("vae", "VAE")):
        entry = entries[name]
        assert (entry.kind, entry.defaults) == ("other", None)
        assert entry.problem is not None
        assert ja in entry.problem.ja
        said = json.dumps(entry.to_json(), ensure_ascii=False)
        assert str(folder) not in said
        assert entry.file in said


@pytest.mark.parametrize(
    ("tensor", "what"),
    [
        ("controlnet_cond_embedding.conv_in.weight", "ControlNet"),
        ("base_model.model.down_blocks.0.attentions.0.to_q.lora_A.weight", "LoRA"),
        ("unet.down_blocks.0.attentions.0.to_q.lora.down.weight", "LoRA"),
        ("image_proj.proj.weight", "IP-Adapter"),
        ("emb_params", "Textual Inversion"),
    ],
)
def test_parts_are_told_by_what_they_are(folder: Path, tensor: str, what: str) -> None:
    from torch import zeros

    save_file({tensor: zeros(2, 2), "down_blocks.0.conv.weight": zeros(1)}, folder / "x.safetensors")
    problem = by_name(shelf_of(folder))["x"].problem
    assert problem is not None
    assert what in problem.ja
    assert what.lower() in problem.en.lower()


def test_each_has_a_name_of_its_own(folder: Path, originals: Path) -> None:
    for name in ("a.safetensors", "a.ckpt", "sub/A.ckpt", "MINI.ckpt"):
        copy_of(originals / f"a.{name.rpartition('.')[2]}", folder / name)
    shelf = shelf_of(folder)
    named = {entry.name: entry.file for entry in shelf.entries()}
    assert named == {
        "mini": "mini",
        "a": "a.safetensors",
        "a.ckpt": "a.ckpt",
        "sub/A.ckpt": "sub/A.ckpt",
        "MINI.ckpt": "MINI.ckpt",
    }
    copy_of(originals / "a.ckpt", folder / "another" / "a.ckpt")  # sorts before: names stay
    (folder / "a.safetensors").unlink()
    assert {entry.name: entry.file for entry in shelf.entries()} == {
        "mini": "mini",
        "a.ckpt": "a.ckpt",
        "another/a.ckpt": "another/a.ckpt",
        "sub/A.ckpt": "sub/A.ckpt",
        "MINI.ckpt": "MINI.ckpt",
    }
    assert shelf.resolve("mini") == "mini"


def test_names_that_clients_use(folder: Path, originals: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "Any Thing v3.safetensors")
    copy_of(originals / "a.safetensors", folder / "sub" / "b [fp16].safetensors", note="b")
    shelf = shelf_of(folder)
    first, second = (summed(shelf, "Any Thing v3", "b [fp16]")[n] for n in ("Any Thing v3", "b [fp16]"))
    assert first.sha256 is not None
    assert second.sha256 is not None
    assert first.sha256 != second.sha256
    for text in (
        "Any Thing v3",
        "any thing V3",
        "ａｎｙ thing v3",
        " Any Thing v3.safetensors ",
        first.title,
        first.title.upper(),
        f"Any Thing v3.safetensors [{first.sha256[:10]}]",
        first.sha256,
        first.sha256[:8].upper(),
        f"old name.ckpt [{first.sha256[:8]}]",
        "Any Thing v3.safetensors [7460a6fa]",  # digits of the kind that older versions of the web UI gave
    ):
        assert shelf.resolve(text) == "Any Thing v3", text
    for text in ("b [fp16]", second.title, "sub\\b [fp16].safetensors", f"[{second.sha256[:8]}]"):
        assert shelf.resolve(text) == "b [fp16]", text
    for text in ("", "b", "[]", "b [fp32]", first.sha256[:7], f"x [{first.sha256[:7]}]", "../b", "x"):
        assert shelf.resolve(text) is None, text


def test_links_out_of_the_folder_are_not_followed(folder: Path, originals: Path, tmp_path: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "inside.safetensors")
    copy_of(originals / "d", folder / "mixed")
    outer = copy_of(originals / "d", tmp_path / "outer")
    unet = folder / "mixed" / "unet" / "diffusion_pytorch_model.safetensors"
    unet.unlink()
    unet.symlink_to(outer / "unet" / unet.name)
    (folder / "again.safetensors").symlink_to(folder / "inside.safetensors")
    (folder / "file.safetensors").symlink_to(originals / "a.safetensors")
    (folder / "folder").symlink_to(outer)
    (folder / "loop").symlink_to(folder)
    (folder / "nothing.ckpt").symlink_to(folder / "no file.ckpt")

    shelf = shelf_of(folder)
    entries = by_name(shelf)
    assert list(entries) == ["mini", "file", "folder", "inside", "mixed"]
    assert shelf.names == ("mini", "inside")
    for name in ("file", "folder", "mixed"):
        problem = entries[name].problem
        assert problem is not None
        assert problem.code == "model.outside"
        assert entries[name].sha256 is None
        with pytest.raises(InputError, match="シンボリックリンク"):
            shelf.use(name)
    # Whoever starts the server may choose a file wherever it is.
    assert shelf_of(folder, first=str(originals / "a.safetensors")).in_use == "a"


def test_files_come_change_and_go(folder: Path, originals: Path) -> None:
    shelf = shelf_of(folder)
    assert list(shelf.names) == ["mini"]
    path = copy_of(originals / "a.safetensors", folder / "new.safetensors")
    assert list(shelf.names) == ["mini", "new"]
    first = summed(shelf, "new")["new"]
    copy_of(originals / "a.safetensors", path, note="other")
    assert by_name(shelf)["new"].sha256 != first.sha256
    assert summed(shelf, "new")["new"].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(b"<html>")
    assert list(shelf.names) == ["mini"]
    problem = by_name(shelf)["new"].problem
    assert problem is not None
    assert "HTML" in problem.ja
    shelf.use("mini")
    path.unlink()
    assert list(by_name(shelf)) == ["mini"]
    with pytest.raises(ModelUnknown) as caught:
        shelf.use("new")
    assert caught.value.code == "model.unknown"
    assert "使えるモデル: mini" in caught.value.ja


def test_published_files_have_a_licence(
    folder: Path, originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(originals / "a.safetensors", folder / "x.safetensors")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    row = Known(file="sd-v1-4.ckpt", model="sd-v1-4", holds="ema")
    monkeypatch.setattr(catalog, "KNOWN", {**KNOWN, digest: row})
    data = summed(shelf_of(folder), "x")["x"].to_json()
    assert data["license"]["name"] == LICENSE
    assert data["license"]["url"].startswith("https://")
    assert (data["known"]["file"], data["known"]["model"]) == ("sd-v1-4.ckpt", "sd-v1-4")
    assert "ステップ" in data["known"]["training"]["ja"]


def test_a_folder_tells_its_licence_on_its_card(folder: Path, originals: Path) -> None:
    place = copy_of(originals / "d", folder / "その他")
    assert by_name(shelf_of(folder))["その他"].license is None
    for lines, told in (
        ("license: creativeml-openrail-m", (LICENSE, True)),
        ("license: other\nlicense_name: house-rules", ("house-rules", False)),
    ):
        (place / "README.md").write_text(f"---\n{lines}\n---\n", encoding="utf-8")
        data = by_name(shelf_of(folder))["その他"].to_json()
        assert (data["license"]["name"], data["license"]["url"] != "") == told


def test_checksums_are_kept(
    folder: Path, originals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr(checksums, "sha256", counted)
    path = copy_of(originals / "a.safetensors", folder / "x.safetensors")
    gone = copy_of(originals / "a.safetensors", folder / "gone.safetensors", note="g")
    entries = summed(shelf_of(folder, data=tmp_path), "x", "gone", "mini")
    assert sorted(read) == ["gone.safetensors", "model.safetensors", "x.safetensors"]
    gone.unlink()

    again = by_name(shelf_of(folder, data=tmp_path))
    assert again["x"].sha256 == entries["x"].sha256
    assert len(read) == 3
    os.utime(path, ns=(1, 1))
    assert summed(shelf_of(folder, data=tmp_path), "x")["x"].sha256 == entries["x"].sha256
    assert set(read[3:]) == {"x.safetensors"}  # once, or twice: the shelf before may still be looking
    store = tmp_path / catalog.STORE
    assert {Path(name).name for name in json.loads(store.read_text())} == {
        "model.safetensors",
        "x.safetensors",
    }
    for nonsense in ("", "[]", "{", '{"x": 1}', json.dumps({str(path): [path.stat().st_size, 1, 3]})):
        store.write_text(nonsense)
        unread = checksums.Checksums(store)
        assert unread.get(path) is None
        assert unread.compute(path) == entries["x"].sha256


def test_models_are_switched_and_the_former_one_is_freed(folder: Path, originals: Path) -> None:
    for name in ("a", "b"):
        copy_of(originals / "a.safetensors", folder / f"{name}.safetensors")
    freed: list[weakref.ref[Any]] = []
    loads: list[str] = []

    def watched(source: str | Path) -> Pipeline:
        assert all(ref() is None for ref in freed)  # two never lie in memory together
        pipe = load(source)
        loads.append(Path(source).stem)
        if source != "mini":
            freed.extend((weakref.ref(pipe), weakref.ref(pipe.vae)))
        return pipe

    shelf = shelf_of(folder, watched)
    embedded = shelf.pipeline(None)
    assert (shelf.ready, shelf.loaded) == (True, embedded)
    shelf.use("A.safetensors")
    assert (shelf.in_use, shelf.loaded) == ("a", embedded)
    assert shelf.pipeline(None).config.name == "a"
    assert shelf.pipeline("b") is shelf.loaded
    assert shelf.loaded_as("b") is shelf.explain_with()
    assert shelf.loaded_as("a") is None
    assert shelf.pipeline("mini") is embedded is shelf.loaded is shelf.loaded_as("mini")
    shelf.pipeline("b")
    assert loads == ["mini", "a", "b"]

    # A file that is another one now is loaded again.
    copy_of(originals / "a.safetensors", folder / "b.safetensors", note="other")
    shelf.pipeline("b")
    (folder / "b.safetensors").unlink()
    with pytest.raises(ModelUnknown):
        shelf.pipeline("b")
    assert loads == ["mini", "a", "b", "b"]
    picture = shelf.pipeline("a").generate("猫", seed=1, num_inference_steps=2, width=64, height=64).images[0]
    assert picture.size == (64, 64)


def test_errors_of_loading_are_kept(folder: Path, originals: Path) -> None:
    for name in ("a", "b"):
        copy_of(originals / "a.safetensors", folder / f"{name}.safetensors")
    errors: list[Exception | None] = [
        WeightsError("x.y", ja=f"{folder / 'b.safetensors'} だめ", en=f"{folder / 'b.safetensors'} bad"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ]

    def failing(source: str | Path) -> Pipeline:
        if Path(source).stem == "b" and errors:
            error = errors.pop(0)
            if error is not None:
                raise error
        return load(source)

    shelf = shelf_of(folder, failing)
    shelf.pipeline("a")
    with pytest.raises(WeightsError) as caught:
        shelf.pipeline("b")
    assert (caught.value.code, caught.value.ja) == ("x.y", "b.safetensors だめ")
    entry = shelf.entry("b")
    assert entry.problem is not None
    assert entry.problem.en == "b.safetensors bad"
    assert entry.problem.__traceback__ is None  # frames would keep what was half loaded
    assert shelf.names == ("mini", "a", "b")  # it may go well the next time
    assert shelf.ready
    assert shelf.loaded is shelf.explain_with() is None
    assert shelf.pipeline("a") is shelf.loaded
    for _ in range(2):
        with pytest.raises(SdjpError) as unexpected:
            shelf.pipeline("b")
        assert unexpected.value.code == "model.load"
        assert "b.safetensors" in unexpected.value.ja
    shelf.pipeline("b")
    assert shelf.entry("b").problem is None


def test_what_cannot_be_used_is_refused_before_the_former_model_goes(folder: Path, originals: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "a.safetensors")
    write_lora(folder / "style.safetensors", lora_tensors(kohya))
    shelf = shelf_of(folder, load)
    pipe = shelf.pipeline("a")
    for call in (shelf.use, shelf.pipeline):
        with pytest.raises(InputError, match="LoRA") as caught:
            call("style")
        assert caught.value.code == "model.unusable"
        with pytest.raises(ModelUnknown):
            call("no such model")
    with pytest.raises(ModelUnknown):
        shelf.entry("no such model")
    assert (shelf.loaded, shelf.in_use) == (pipe, "mini")


def test_the_first_model(folder: Path, originals: Path, tmp_path: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "a.safetensors")
    elsewhere = copy_of(originals / "a.ckpt", tmp_path / "a.ckpt")
    assert shelf_of(folder, first="A").in_use == "a"
    assert shelf_of(folder, first=str(folder / "a.safetensors")).names == ("mini", "a")
    other = shelf_of(folder, load, first=str(elsewhere))
    assert (other.in_use, other.names) == ("a.ckpt", ("mini", "a.ckpt", "a"))
    assert other.entry().file == "a.ckpt"
    assert other.pipeline(None).config.name == "a"
    for first in ("nothing", str(tmp_path / "nothing.ckpt")):
        with pytest.raises(WeightsError, match="見つかりません"):
            shelf_of(folder, first=first)
    (folder / "half.ckpt").write_bytes(b"")
    with pytest.raises(InputError, match="空のファイル"):
        shelf_of(folder, first="half")
    with pytest.raises(InputError, match="フォルダー") as caught:
        shelf_of(tmp_path / "no folder")
    assert caught.value.code == "models.missing"
    assert shelf_of(originals / "d").names == ("mini", "d")


def test_a_file_may_go_while_it_is_looked_at(folder: Path, originals: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "a.safetensors")
    copy_of(originals / "a.safetensors", folder / "own" / "model.safetensors")
    (folder / "own" / "config.json").write_text("{}")
    found = files.find(folder)
    weights = [file.weights for file in found]
    assert weights == [folder / "a.safetensors", folder / "own" / "model.safetensors"]
    shutil.rmtree(folder)
    assert [file.weights for file in found] == weights
    shelves = catalog.Catalog(None)
    assert [shelves.entry("x", file, in_use=False).sha256 for file in found] == [None, None]


def test_many_threads_may_ask(folder: Path, originals: Path) -> None:
    copy_of(originals / "a.safetensors", folder / "a.safetensors")
    shelf = shelf_of(folder, load)
    stop, errors = threading.Event(), []

    def ask() -> None:
        try:
            while not stop.is_set():
                assert {"mini", "a"} <= {entry.name for entry in shelf.entries()}
                shelf.use("a")
                assert shelf.resolve("MINI") == "mini"
                assert shelf.in_use in ("mini", "a")
                pipe = shelf.explain_with()
                assert pipe is None or pipe.explain("猫").english
        except BaseException:
            errors.append(traceback.format_exc())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(6):
        shelf.pipeline("a" if number % 2 else "mini")
        copy_of(originals / "a.ckpt", folder / f"{number}.ckpt")
        if number:
            (folder / f"{number - 1}.ckpt").unlink()
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == [], errors[0]
    assert shelf.names == ("mini", "5", "a")
