"""Where weights are looked for, and which files of a repository are needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sdjp.errors import WeightsError
from sdjp.weights import Loaded, Source, convert, load
from sdjp.weights.files.writer import replacing
from sdjp.weights.source import EMBEDDED_MODEL, locate, needed_files, weight_file


def test_the_embedded_model_lies_in_the_package() -> None:
    assert (locate(EMBEDDED_MODEL).path.parent / "clip").is_dir()


@pytest.mark.parametrize(
    "source",
    ["nothing.ckpt", "a/b/c", "a/x.safetensors", "./x/y", "モデル/重み", "", "~nobody/x", "x" * 5000, "a\0b"],
)
def test_what_is_no_hub_id_is_never_looked_up(
    source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(WeightsError) as caught:
        locate(source)
    assert caught.value.code == "weights.missing"
    assert "mini" in caught.value.ja


def test_the_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))
    (folder / "a.ckpt").touch()
    assert locate("~/a.ckpt").path == folder / "a.ckpt"


def test_what_was_located_is_taken_as_it_is(folder: Path) -> None:
    source = locate(EMBEDDED_MODEL)
    assert locate(source) is source
    assert source != Source(name=EMBEDDED_MODEL, path=folder)
    assert str(source) == EMBEDDED_MODEL
    convert(source, folder / "a.safetensors")
    moved = Source(name="mine", path=folder / "a.safetensors")
    assert load(moved).report.source == "mine"


PLAIN = "diffusion_pytorch_model.safetensors"
HALF = "diffusion_pytorch_model.fp16.safetensors"
PICKLED = "diffusion_pytorch_model.bin"


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([PLAIN, HALF, PICKLED], PLAIN),
        ([HALF, PICKLED], PICKLED),  # precision first: pickles are read safely
        ([HALF, "diffusion_pytorch_model.fp16.bin"], HALF),
        (["diffusion_pytorch_model.bf16.safetensors"], "diffusion_pytorch_model.bf16.safetensors"),
        (["model.safetensors", "pytorch_model.bin"], "model.safetensors"),
        (["model.safetensors.index.json", HALF], "model.safetensors.index.json"),
        (["model.safetensors.index.fp16.json"], "model.safetensors.index.fp16.json"),
        (["pytorch_model.bin.index.json"], "pytorch_model.bin.index.json"),
        (["diffusion_pytorch_model.non_ema.safetensors", "config.json"], None),
        (["flax_model.msgpack", "model.onnx"], None),
        ([], None),
    ],
)
def test_which_file_of_a_component(names: list[str], chosen: str | None) -> None:
    assert weight_file(names) == chosen


def test_weights_that_are_not_averaged() -> None:
    name = "diffusion_pytorch_model.non_ema.safetensors"
    assert weight_file([PLAIN, name], averaged=False) == name
    assert weight_file([PLAIN], averaged=False) is None


def test_only_what_is_needed_is_downloaded() -> None:
    listed = [
        "README.md",
        "model_index.json",
        "v1-5-pruned.ckpt",
        "feature_extractor/preprocessor_config.json",
        "safety_checker/model.safetensors",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "text_encoder/pytorch_model.bin",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "unet/config.json",
        f"unet/{PLAIN}",
        f"unet/{HALF}",
        f"unet/{PICKLED}",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors.index.json",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors",
        "vae/diffusion_pytorch_model-00002-of-00002.safetensors",
        "vae/diffusion_pytorch_model.fp16-00001-of-00002.safetensors",
    ]
    assert needed_files(listed) == [
        "model_index.json",
        "scheduler/scheduler_config.json",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/merges.txt",
        "unet/config.json",
        "unet/diffusion_pytorch_model.non_ema.safetensors",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model-00001-of-00002.safetensors",
        "vae/diffusion_pytorch_model-00002-of-00002.safetensors",
        "vae/diffusion_pytorch_model.safetensors.index.json",
    ]
    assert needed_files(["model.safetensors", "config.json", "merges.txt", "x.png"]) == [
        "config.json",
        "merges.txt",
        "model.safetensors",
    ]
    assert needed_files(["sd-v1-4.ckpt", "README.md"]) == []


def test_a_hub_id_without_a_network(folder: Path, small: Loaded) -> None:
    """A snapshot in the cache is used, another one gives a clear error; in a process that stays offline."""
    snapshot = folder / "hub" / "models--someone--small-v1.5" / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (snapshot / "model_index.json").write_text("{}", encoding="utf-8")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("0123", encoding="utf-8")
    code = """
from sdjp.errors import WeightsError
from sdjp.weights.source import locate
print((locate("someone/small-v1.5").path / "model_index.json").is_file())
try:
    locate("someone/else")
except WeightsError as error:
    print(error.code, "HF_HUB_OFFLINE" in error.ja)
"""
    environment = {**os.environ, "HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    environment.pop("HF_HUB_CACHE", None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.split() == ["True", "hub.unreachable", "True"]


def test_what_was_there_stays_until_the_new_one_is_complete(folder: Path) -> None:
    for target, make in ((folder / "file", Path.touch), (folder / "dir", Path.mkdir)):
        make(target)
        with contextlib.suppress(KeyboardInterrupt), replacing(target) as new:
            make(new)
            raise KeyboardInterrupt
        assert [p.name for p in folder.iterdir() if p.name.startswith(".")] == []
        assert target.exists()
        with replacing(target) as new:
            make(new)
            if new.is_dir():
                (new / "new").touch()
    assert sorted(p.name for p in folder.iterdir()) == ["dir", "file"]
    assert (folder / "dir" / "new").is_file()
    shutil.rmtree(folder / "dir")


# The hub, as it answers: a server on this machine, asked by a process of its own.


class Hub(BaseHTTPRequestHandler):
    """Says what the hub says of a repository with this name."""

    def do_GET(self) -> None:
        if "/api/models/" in self.path and "file/only" in self.path:
            body = json.dumps({"id": "file/only", "siblings": [{"rfilename": "model.ckpt"}]}).encode()
            self.send_response(200)
        else:
            code = "GatedRepo" if "gated" in self.path else "RepoNotFound"
            body = b"{}"
            self.send_response(403 if "gated" in self.path else 404)
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is not its log."""


@pytest.fixture(scope="module")
def hub() -> Iterator[str]:
    pytest.importorskip("huggingface_hub")
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "code"), [("a/gated", "hub.gated"), ("no/body", "hub.unknown"), ("file/only", "hub.layout")]
)
def test_what_the_hub_refuses(hub: str, folder: Path, name: str, code: str) -> None:
    asked = (
        "import sys; from sdjp.errors import WeightsError; from sdjp.weights.source import locate\n"
        "try: locate(sys.argv[1])\n"
        "except WeightsError as error: print(error.code, error.en)"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked, name],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "HF_ENDPOINT": hub,
            "HF_HOME": str(folder),
            "HF_HUB_OFFLINE": "0",
            "NO_PROXY": "*",
        },
    )
    assert done.stdout.startswith(code), done.stdout + done.stderr
    assert name in done.stdout
