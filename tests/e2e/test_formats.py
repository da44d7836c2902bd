"""JPEG and WebP from every command: named by their format, with the record and the mark of a PNG."""

from __future__ import annotations

import io
import json
import tarfile
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image

from sdjp import cli
from sdjp.batch.run import run_batch, verify_batch
from sdjp.choices import OutputFormat
from sdjp.errors import InputError
from sdjp.images import read_metadata
from sdjp.pipeline import Pipeline
from sdjp.postprocess import Watermark
from sdjp.postprocess.detection import detect
from sdjp.result import GenerationResult

FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
QUIET = ["--safety", "off", "--no-watermark"]
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def drawn() -> GenerationResult:
    pipe = Pipeline.from_pretrained(safety="off", watermark=Watermark(method="spread"))
    return pipe.generate("馬に乗る宇宙飛行士", num_inference_steps=4, seed=7, progress=False)


def source_type(data: bytes) -> str | None:
    """What the packet of a file says, by a reader that is not ours."""
    packet = data[data.index(b"<?xpacket begin") : data.index(b"<?xpacket end")]
    return ET.fromstring(packet.decode().partition("?>")[2]).findtext(f".//{SOURCE}")


@pytest.mark.parametrize("format", FORMATS)
def test_a_drawn_picture_carries_mark_record_and_source(
    drawn: GenerationResult, here: Path, format: OutputFormat
) -> None:
    [path] = drawn.save(here / format, format=format)
    assert path.name == f"00000{ENDINGS[format]}"
    assert source_type(path.read_bytes()) == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    )
    found = read_metadata(path)
    assert found.options is not None
    assert found.options.to_json() == drawn.options_of(0).to_json()
    assert found.parameters == read_metadata(io.BytesIO(drawn.png())).parameters
    with Image.open(path) as picture:
        assert picture.format == format.upper()
        assert detect(picture, text="StableDiffusionV1").found


def test_names_choose_the_format(drawn: GenerationResult, here: Path) -> None:
    [path] = drawn.save(here, names=["馬.webp"], quality=100)
    with Image.open(path) as picture:
        assert (path.name, picture.format) == ("馬.webp", "WEBP")
        assert picture.convert("RGB").tobytes() == drawn.image.tobytes()
    with pytest.raises(InputError) as caught:
        drawn.save(here, names=["馬.png"], format="jpeg")
    assert caught.value.code == "names.format"
    assert [p.name for p in here.iterdir()] == ["馬.webp"]


def test_the_scripts_of_the_original_and_upscale(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--ckpt", "mini", "--n_samples", "2", "--n_iter", "1", "--ddim_steps", "2"]
    draw = ["txt2img", "--prompt", "猫", *few, "--H", "64", "--W", "64", "--outdir", "a", *QUIET]
    assert cli.main([*draw, "--quality", "80"]) == 2
    assert "quality.png" in capsys.readouterr().err
    assert cli.main([*draw, "--format", "webp"]) == 0
    assert sorted(p.relative_to("a").as_posix() for p in Path("a").rglob("*.*")) == [
        "grid-0000.webp",
        "samples/00000.webp",
        "samples/00001.webp",
    ]
    again = ["upscale", "a/samples/00000.webp", "--format", "jpeg", "-o", "b", *QUIET]
    redraw = ["--strength", "0.1", "--steps", "2"]  # its prompt is that of the record
    assert cli.main([*again, *redraw]) == 0
    assert "（a/samples/00000.webp の記録から）: 猫" in capsys.readouterr().out
    found = read_metadata("b/00000.jpg")
    assert found.options is not None
    assert found.options.prompt == "猫"
    Image.new("RGB", (2100, 8)).save("wide.png")
    wide = ["upscale", "wide.png", "--factor", "8", "-o", "c", *QUIET]
    assert cli.main([*wide, "--format", "webp"]) != 0
    assert "output.size" in capsys.readouterr().err
    assert not Path("c").exists()  # told before anything was loaded


@pytest.mark.parametrize(("format", "shard"), [("jpeg", None), ("webp", 50)])
def test_a_batch_in_another_format(here: Path, format: OutputFormat, shard: int | None) -> None:
    rows = ({"prompt": prompt, "seed": n} for n, prompt in enumerate(("赤いりんご", "夕焼けの海")))
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    options = {"width": 64, "height": 64, "num_inference_steps": 1}
    model = {"safety": "off", "watermark": False}

    def run(picture_format: OutputFormat) -> int:
        given = {"options": options, "model": model, "seed": 1, "shard": shard}
        return run_batch("rows.jsonl", "out", picture_format=picture_format, **given).drawn  # type: ignore[arg-type]

    assert run(format) == 2
    assert run(format) == 2  # all of it is there
    with pytest.raises(InputError) as caught:
        run("png")
    assert caught.value.code == "batch.other_job"
    assert "picture_format" in caught.value.ja
    verified = verify_batch("out")
    assert (verified.pictures, verified.sound, verified.foreign) == (2, True, 0)
    assert Path("out/summary.html").read_text(encoding="utf-8").count("data:image/jpeg;base64,") == 2
    if shard is None:
        files = [path.read_bytes() for path in sorted(Path("out/pictures").rglob(f"*{ENDINGS[format]}"))]
    else:
        [packed] = Path("out/shards").rglob("*.tar")
        with tarfile.open(packed) as tar:
            members = [m for m in tar if m.name.endswith(ENDINGS[format])]
            files = [file.read() for m in members if (file := tar.extractfile(m)) is not None]
    assert len(files) == 2
    for data, prompt in zip(files, ("赤いりんご", "夕焼けの海"), strict=True):
        found = read_metadata(io.BytesIO(data))
        assert found.options is not None
        assert found.options.prompt == prompt
        assert found.generated


def test_a_batch_of_png_has_the_fingerprint_it_had() -> None:
    from sdjp.batch.spec import JobSpec

    spec = JobSpec(input={"sha256": "0"}, model={}, weights={}, seed=1, version="0.1.0")
    assert spec.fingerprint == "7f6b82b59ccaabe430188fd070aed7a80a1c8e153af23721231b4bee7652d1bf"
