from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.errors import InputError, OutputError
from sdjp.images import read_metadata
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.postprocess import make_postprocessors, run
from sdjp.records import PromptInfo, Report, Timings
from sdjp.result import GenerationResult

JAPANESE = ("馬に乗る宇宙飛行士", '<b>猫</b> & "犬"')
ENGLISH = ("an astronaut riding a horse", '<b>cat</b> & "dog"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "日本語 テスト"


def read(source: str, english: str) -> PromptInfo:
    return PromptInfo(source=source, normalized=source, english=english, tokens=5)


def a_result(first_seed: int = 7, **changes: Any) -> GenerationResult:
    """Two prompts, two pictures each, post-processed for real."""
    rng = np.random.default_rng(first_seed)
    drawn = [Image.fromarray(rng.integers(0, 256, (32, 40, 3), dtype=np.uint8)) for _ in range(4)]
    pictures, reports = run(make_postprocessors(), drawn)
    options = GenerationOptions(
        prompt=JAPANESE, negative_prompt="ぼやけた", seed=first_seed, num_images_per_prompt=2
    ).resolve(height=32, width=40, num_inference_steps=3, guidance_scale=0, sampler="ddim")
    values: dict[str, Any] = {
        "images": tuple(pictures),
        "seeds": tuple(range(first_seed, first_seed + 4)),
        "prompts": tuple(read(JAPANESE[i // 2], ENGLISH[i // 2]) for i in range(4)),
        "negative_prompts": (read("ぼやけた", "blurry"), None, None, None),
        "options": options,
        "reports": tuple(reports),
        "timings": Timings(sample=1.0),
        "model": "tiny",
        "latents": torch.zeros(4, 4, 4, 5),
    }
    return GenerationResult(**{**values, **changes})


def test_a_result_is_a_row_of_pictures() -> None:
    result = a_result()
    assert len(result) == 4
    assert list(result) == list(result.images)
    assert result.image is result.images[0]
    assert result.grid(columns=4).size == (4 * 42 + 2, 36)


def test_nothing_may_be_missing() -> None:
    with pytest.raises(ValueError, match="seeds"):
        a_result(seeds=(1, 2, 3))
    with pytest.raises(ValueError, match="at least one"):
        a_result(images=(), seeds=(), prompts=(), negative_prompts=(), reports=())


def test_a_picture_counts_as_checked_only_if_it_was() -> None:
    def safety(status: Any, **data: Any) -> tuple[Report, ...]:
        return (Report(name="safety", status=status, ja="", en="", data=data),)

    reports = (safety("done", checked=True), safety("failed", checked=True), safety("unavailable"), ())
    assert a_result(reports=reports).safety_checked == (True, False, False, False)
    assert a_result().safety_checked == (False,) * 4  # no checker is installed


def test_a_picture_counts_as_flagged_only_if_a_checker_said_so() -> None:
    def safety(status: Any, **data: Any) -> tuple[Report, ...]:
        return (Report(name="safety", status=status, ja="", en="", data=data),)

    reports = (
        safety("done", checked=True, flagged=True),
        safety("done", checked=True, flagged=False),
        safety("failed", flagged=True),
        (Report(name="prompt_check", status="done", ja="", en="", data={"checked": True, "flagged": True}),),
    )
    assert a_result(reports=reports).flagged == (True, False, False, False)


def test_saved_pictures_can_be_drawn_again(folder: Path) -> None:
    result = a_result()
    paths = result.save(folder)
    assert [path.name for path in paths] == ["00000.png", "00001.png", "00002.png", "00003.png"]
    for i, path in enumerate(paths):
        with Image.open(path) as image:
            assert image.convert("RGB").tobytes() == result.images[i].tobytes()
        found = read_metadata(path)
        assert found.parameters is not None
        assert found.parameters.startswith(ENGLISH[i // 2] + "\n")
        assert f"Seed: {7 + i}, Size: 40x32, Model: tiny" in found.parameters
        assert ("Negative prompt: blurry" in found.parameters) == (i == 0)
        options = found.options
        assert options is not None
        assert options.to_json() == result.options_of(i).to_json()
        assert options.prompt == JAPANESE[i // 2]
        assert options.negative_prompt == ("ぼやけた" if i == 0 else None)
        assert (options.seed, options.num_images_per_prompt, options.guidance_scale) == (7 + i, 1, 0)
        assert found.sdjp is not None
        assert found.sdjp["prompt"]["english"] == ENGLISH[i // 2]
        assert [r["status"] for r in found.sdjp["reports"]] == ["unavailable", "skipped"]


def test_saving_twice_keeps_both_and_the_grid_has_its_own_numbers(folder: Path) -> None:
    result = a_result()
    result.save(folder)
    paths = result.save(folder, grid=True)
    assert [path.name for path in paths] == [
        "00004.png",
        "00005.png",
        "00006.png",
        "00007.png",
        "grid-0000.png",
    ]
    assert result.save_grid(folder, columns=1).name == "grid-0001.png"
    with Image.open(folder / "grid-0001.png") as image:
        assert image.size == (44, 4 * 34 + 2)
    found = read_metadata(folder / "grid-0001.png")
    assert found.options is None
    assert found.sdjp is not None
    assert [picture["seed"] for picture in found.sdjp["grid"]] == [7, 8, 9, 10]


def test_names_of_ones_own(folder: Path) -> None:
    result = a_result()
    paths = result.save(folder, names=["馬", "馬 2", "cat.png", "d"])
    assert [path.name for path in paths] == ["馬.png", "馬 2.png", "cat.png", "d.png"]
    with pytest.raises(OutputError, match="馬"):
        result.save(folder, names=["馬", "e", "f", "g"])
    with pytest.raises(InputError):
        result.save(folder, names=["h", "i", "j", "k/l"])
    assert len(list(folder.iterdir())) == 4  # the names are looked at before anything is written


def test_a_place_that_cannot_be_written_leaves_the_pictures_in_memory(folder: Path) -> None:
    result = a_result()
    folder.touch()
    with pytest.raises(OutputError):
        result.save(folder)
    with pytest.raises(OutputError):
        result.save_grid(folder)
    assert len(result.save(folder.with_name("別の場所"))) == 4


def test_pictures_from_text_states_have_no_prompt(folder: Path) -> None:
    result = a_result(prompts=(None,) * 4, negative_prompts=(None,) * 4)
    found = read_metadata(result.save(folder)[0])
    assert found.options is not None
    assert found.options.prompt is None
    assert found.parameters is not None
    assert found.parameters.startswith("Steps: 3, Sampler: DDIM, CFG scale: 0, Seed: 7")
    assert "シード 7" in result._repr_html_()


def test_merging() -> None:
    first, second = a_result(), a_result(100, timings=Timings(encode=0.25, sample=2.0))
    merged = GenerationResult.merge([first, second])
    assert merged.images == first.images + second.images
    assert merged.seeds == (7, 8, 9, 10, 100, 101, 102, 103)
    assert merged.options_of(6).prompt == JAPANESE[1]
    assert merged.timings == Timings(encode=0.25, sample=3.0)
    assert merged.latents is not None
    assert merged.latents.shape == (8, 4, 4, 5)
    assert GenerationResult.merge([first, dataclasses.replace(second, latents=None)]).latents is None
    other = dataclasses.replace(second, latents=torch.zeros(4, 4, 8, 8))
    assert GenerationResult.merge([first, other]).latents is None


def test_notebooks_show_the_picture() -> None:
    result = a_result()
    with Image.open(io.BytesIO(result._repr_png_())) as image:
        assert image.tobytes() == result.grid().tobytes()


def test_notebooks_show_prompts_as_text() -> None:
    class Page(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: list[str] = []
            self.images: list[dict[str, str | None]] = []
            self.text = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags.append(tag)
            if tag == "img":
                self.images.append(dict(attrs))

        def handle_data(self, data: str) -> None:
            self.text += data + "\n"

    result = a_result()
    page = Page()
    page.feed(result._repr_html_())
    assert set(page.tags) == {
        "div",
        "figure",
        "img",
        "figcaption",
        "span",
        "br",
        "strong",
    }  # no <b> from the prompt
    # The first has a negative prompt, so it stands alone; the last two have all in common.
    alts = [JAPANESE[0], JAPANESE[0], *(f"{JAPANESE[1]}（2 枚中の {n} 枚目）" for n in (1, 2))]
    assert [image["alt"] for image in page.images] == alts
    assert page.text.count(JAPANESE[0] + "\n") == page.text.count(ENGLISH[0] + "\n") == 2
    assert page.text.count(JAPANESE[1] + "\n") == page.text.count(ENGLISH[1] + "\n") == 1
    for text in ("ぼやけた\n", "blurry\n", *(f"シード {seed}\n" for seed in result.seeds)):
        assert page.text.count(text) == 1
    for picture, image in zip(result, page.images, strict=True):
        match = re.fullmatch(r"data:image/png;base64,(.*)", image["src"] or "")
        assert match is not None
        with Image.open(io.BytesIO(base64.b64decode(match[1]))) as shown:
            assert shown.tobytes() == picture.tobytes()


def test_a_png_with_its_record(tiny: Pipeline, tmp_path: Path) -> None:
    result = tiny.generate("猫", seed=5, num_images_per_prompt=2)
    paths = result.save(tmp_path)
    for i, path in enumerate(paths):
        assert result.png(i) == path.read_bytes()
    assert result.png() == result.png(0)
    assert read_metadata(io.BytesIO(result.png(1))).sdjp == read_metadata(paths[1]).sdjp


def test_its_repr_is_one_line(tiny: Pipeline) -> None:
    result = tiny.generate("猫", seed=5, num_images_per_prompt=2)
    assert repr(result) == f"<GenerationResult 2 x 64x64, model {result.model}, seeds 5, 6>"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_record_tells_what_a_picture_started_from(tiny: Pipeline, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / name for name in ("絵.png", "b.png")]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(path)
    mask = Image.new("L", (64, 64), 255)
    files = [{"name": path.name, "sha256": sha256(path.read_bytes())} for path in paths]
    both = tiny.generate(["猫", "犬"], image=paths, mask=mask, seed=1, num_images_per_prompt=2, batch_size=1)
    records = [both.record(i) for i in range(4)]
    assert [record["image"] for record in records] == [files[0], files[0], files[1], files[1]]
    assert {tuple(record["mask"]) for record in records} == {("pixels_sha256",)}
    found = read_metadata(both.save(tmp_path / "out")[3]).sdjp
    assert found is not None
    assert found["image"] == files[1]
    assert tiny.upscale(str(paths[0]), "猫", seed=1, tile=64).record(0)["image"] == files[0]
    opened = tiny.generate("猫", image=Image.open(paths[0]), seed=1).record(0)
    assert set(opened["image"]) == {"pixels_sha256"}
    assert "mask" not in opened
    assert not {"image", "mask"} & set(tiny.generate("猫", seed=1).record(0))


def test_pictures_that_cannot_be_signed_any_more_stay_in_the_result(folder: Path) -> None:
    """As when the certificate expired while they were drawn."""
    pytest.importorskip("c2pa")
    from cryptography.hazmat.primitives.asymmetric import ec

    from sdjp.provenance import Provenance, Signer
    from tests.certificates import make_files

    key = ec.generate_private_key(ec.SECP256R1())
    signer = Signer(*make_files(folder, key=key))
    expired = make_files(folder / "expired", key=key, days=(-10, -1)).certificates.read_bytes()
    signer._credentials = dataclasses.replace(signer._credentials, certificates=expired)
    result = a_result(provenance=Provenance(signer=signer))
    with pytest.raises(OutputError) as caught:
        result.save(folder / "out")
    assert caught.value.code == "signing.failed"
    assert list((folder / "out").iterdir()) == []  # none without the signature that was asked for
    assert len(dataclasses.replace(result, provenance=Provenance()).save(folder / "out")) == 4
