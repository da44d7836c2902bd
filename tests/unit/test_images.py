from __future__ import annotations

import io
import json
import re
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdjp import images
from sdjp.errors import InputError, NonFiniteError, OutputError
from sdjp.images.a1111 import read_parameters
from sdjp.images.files import GRID
from sdjp.options import GenerationOptions, ResolvedOptions
from sdjp.records import PromptInfo
from tests import strategies


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As it is on many a Japanese desktop: another script, and a space."""
    path = tmp_path / "日本語 テスト"
    path.mkdir()
    return path


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def a_prompt(source: str = "馬に乗る宇宙飛行士", english: str = "an astronaut riding a horse") -> PromptInfo:
    return PromptInfo(source=source, normalized=source, english=english, tokens=5)


def some_options(**changes: Any) -> ResolvedOptions:
    given = {"prompt": "馬に乗る宇宙飛行士", "seed": 42, **changes}
    return GenerationOptions(**given).resolve(
        height=512, width=768, num_inference_steps=50, guidance_scale=7.5, sampler="plms"
    )


# Pixels


def test_bytes_are_those_of_the_original() -> None:
    # All sixteen-bit steps of [-1.5, 1.5] as float32; the lines of txt2img.py, in torch.
    x = torch.linspace(-1.5, 1.5, 3 * 2**16).reshape(1, 3, 256, 256)
    original = 255.0 * torch.clamp((x + 1.0) / 2.0, min=0.0, max=1.0).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(images.to_uint8(x), original.astype(np.uint8))
    assert np.array_equal(images.to_uint8(x.numpy()), original.astype(np.uint8))
    assert images.to_uint8(x).min() == 0
    assert images.to_uint8(x).max() == 255


def test_bytes_are_truncated_not_rounded() -> None:
    x = torch.full((1, 3, 1, 1), 2 * 100.9 / 255 - 1)
    assert images.to_uint8(x).flatten().tolist() == [100, 100, 100]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes(dtype: torch.dtype) -> None:
    x = torch.tensor([-1.0, 0.0, 1.0], dtype=dtype).reshape(1, 3, 1, 1).requires_grad_()
    assert images.to_uint8(x).flatten().tolist() == [0, 127, 255]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_black_picture_is_never_made_of_nan(value: float) -> None:
    x = torch.zeros(1, 3, 4, 4)
    x[0, 1, 2, 3] = value
    with pytest.raises(NonFiniteError):
        images.to_pil(x)


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 8, 8, 3), (1, 4, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=re.escape(str(shape))):
        images.to_uint8(torch.zeros(shape))


def test_to_pil_and_back() -> None:
    picture = noise(16, 24)
    pixels = images.from_pil(picture, height=16, width=24)
    assert pixels.shape == (1, 3, 16, 24)
    assert pixels.dtype == torch.float32
    assert pixels.min() >= -1
    assert pixels.max() <= 1
    (back,) = images.to_pil(pixels)
    # Truncation may take one level off where float32 lands just below a whole number.
    difference = np.asarray(picture).astype(int) - np.asarray(back)
    assert set(np.unique(difference)) <= {0, 1}


def test_from_pil_scales() -> None:
    red = Image.new("RGB", (10, 10), (255, 0, 0))
    pixels = images.from_pil(red, height=8, width=32)
    assert pixels.shape == (1, 3, 8, 32)
    assert pixels[0, :, 4, 16].tolist() == [1, -1, -1]


def test_from_pil_lays_transparency_on_white_and_turns_upright() -> None:
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert images.from_pil(clear, height=4, width=4).min() == 1
    wide = Image.new("RGB", (8, 4))
    wide.paste((255, 255, 255), (0, 0, 4, 4))  # white on the left
    exif = wide.getexif()
    exif[0x0112] = 6  # to be turned a quarter clockwise: white comes to the top
    data = io.BytesIO()
    wide.save(data, format="PNG", exif=exif)
    upright = images.from_pil(Image.open(data), height=8, width=4)
    assert upright[0, 0, 0, 2] == 1
    assert upright[0, 0, 7, 2] == -1


# Grids


@given(count=st.integers(2, 9), columns=st.integers(1, 12))
@settings(max_examples=30)
def test_grid_is_make_grid(count: int, columns: int) -> None:
    height, width, gap = 5, 7, 2
    pictures = [noise(height, width, seed) for seed in range(count)]
    sheet = np.asarray(images.grid(pictures, columns=columns))
    across = min(columns, count)
    down = -(-count // across)
    assert sheet.shape == (down * (height + gap) + gap, across * (width + gap) + gap, 3)
    seen = np.zeros(sheet.shape[:2], bool)
    for n, picture in enumerate(pictures):
        y, x = n // across * (height + gap) + gap, n % across * (width + gap) + gap
        assert np.array_equal(sheet[y : y + height, x : x + width], np.asarray(picture))
        seen[y : y + height, x : x + width] = True
    assert not sheet[~seen].any()  # borders and empty cells are black


def test_one_picture_has_no_border() -> None:
    picture = noise(4, 4)
    assert np.array_equal(np.asarray(images.grid([picture], columns=3)), np.asarray(picture))


def test_grid_of_several_sizes_is_centred() -> None:
    small, large = Image.new("RGB", (2, 4), "white"), Image.new("RGB", (6, 8), "red")
    sheet = images.grid([small, large], columns=2)
    assert sheet.size == (2 * 8 + 2, 10 + 2)
    assert sheet.crop((2, 2, 8, 10)).getbbox() == (2, 2, 4, 6)  # in the middle of a cell of 6 by 8
    assert sheet.crop((8, 0, 18, 12)).getbbox() == (2, 2, 8, 10)


def test_grid_is_about_square_by_default() -> None:
    assert images.grid([noise(4, 4)] * 5).size == (3 * 6 + 2, 2 * 6 + 2)


@pytest.mark.parametrize("columns", [0, -1, 2.0, True])
def test_grid_refuses_odd_columns(columns: Any) -> None:
    with pytest.raises(InputError, match=str(columns)):
        images.grid([noise(4, 4)] * 2, columns=columns)
    with pytest.raises(InputError):
        images.grid([])


# Metadata


def read_as_web_ui(text: str) -> tuple[str, str, dict[str, str]]:
    """Read the text as other tools do: the last line is the list, the negative prompt has its mark."""
    *lines, last = text.split("\n")
    head, _, negative = "\n".join(lines).partition("Negative prompt: ")
    pairs = re.findall(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)', last)
    return head.strip(), negative, {k: json.loads(v) if v.startswith('"') else v for k, v in pairs}


def test_parameters_as_the_web_ui_writes_them() -> None:
    text = images.parameters(
        options=some_options(), prompt=a_prompt(), negative=a_prompt("ぼやけた", "blurry"), model="sd-v1"
    )
    assert text.startswith(
        "an astronaut riding a horse\nNegative prompt: blurry\n"
        "Steps: 50, Sampler: PLMS, CFG scale: 7.5, Seed: 42, Size: 768x512, Model: sd-v1, Version: sdjp "
    )


def test_parameters_can_be_read_back() -> None:
    text = images.parameters(
        options=some_options(sampler="dpm++_2m", eta=0.5, noise_multiplier=0.4),
        prompt=a_prompt(english="a cat, (red:1.2)\nBREAK sky"),
        negative=None,
        model='日本語, "mini": 2',
    )
    prompt, negative, values = read_as_web_ui(text)
    assert prompt == "a cat, (red:1.2)\nBREAK sky"
    assert negative == ""
    assert values["Sampler"] == "DPM++ 2M"
    assert values["Model"] == '日本語, "mini": 2'
    assert (values["Eta"], values["Noise multiplier"]) == ("0.5", "0.4")
    assert read_parameters(text).options()[0]["noise_multiplier"] == 0.4
    assert values["Seed"] == "42"


@pytest.mark.parametrize(
    ("spacing", "shown"), [("karras", "Karras"), ("time_uniform", "SGM Uniform"), ("trailing", "trailing")]
)
def test_a_spacing_is_the_type_of_its_schedule(spacing: str, shown: str) -> None:
    options = some_options(sampler="dpm++_sde", spacing=spacing)
    text = images.parameters(options=options, prompt=None, negative=None, model="m")
    assert text.startswith(f"Steps: 50, Sampler: DPM++ SDE, Schedule type: {shown}, CFG scale: ")
    found, left = read_parameters(text).options()
    assert (found["sampler"], found["spacing"], left) == ("dpm++_sde", spacing, [])


def test_an_unknown_sampler_keeps_its_name_and_an_empty_negative_prompt_no_line() -> None:
    text = images.parameters(
        options=some_options(sampler="my_own"), prompt=None, negative=a_prompt("", ""), model="m"
    )
    assert text.startswith("Steps: 50, Sampler: my_own, ")


def test_metadata_comes_back_in_japanese(folder: Path) -> None:
    options = some_options(prompt="馬に乗る宇宙飛行士、😀𠮷", negative_prompt="", guidance_scale=0)
    texts = images.texts_of("English: é", {"options": options.to_json(), "何か": [1, None]})
    path = images.save_new(images.encode(noise(8, 8), texts=texts), folder)
    found = images.read_metadata(path)
    assert found.parameters == "English: é"
    assert found.options is not None
    assert found.options.to_json() == options.to_json()
    assert found.sdjp is not None
    assert found.sdjp["何か"] == [1, None]
    assert {"sdjp", "torch", "pillow"} <= set(found.sdjp["versions"])
    assert b"iTXt" in path.read_bytes()
    assert "宇宙飛行士".encode() in path.read_bytes()  # readable in the file itself, as UTF-8


@given(strategies.png_texts)
@settings(max_examples=60)
def test_any_prompt_survives_a_png(text: str) -> None:
    texts = images.texts_of(text.replace("\0", ""), {"options": {"prompt": text}})
    found = images.read_metadata(io.BytesIO(images.encode(Image.new("RGB", (1, 1)), texts=texts)))
    assert found.options == GenerationOptions(prompt=text, noise_multiplier=1)


def test_figures_that_json_lacks_do_not_cost_the_picture() -> None:
    texts = images.texts_of("", {"reports": [{"score": np.float32(0.5)}]})
    found = images.read_metadata(io.BytesIO(images.encode(noise(4, 4), texts=texts)))
    assert found.sdjp is not None
    assert found.sdjp["reports"] == [{"score": "0.5"}]


def test_pictures_of_others_have_no_metadata_of_ours(folder: Path) -> None:
    noise(4, 4).save(folder / "写真.jpg")
    found = images.read_metadata(folder / "写真.jpg")
    assert (found.parameters, found.sdjp, found.options) == (None, None, None)


def test_damaged_metadata_and_files_are_refused(folder: Path) -> None:
    (folder / "x.png").write_text("絵ではない", encoding="utf-8")
    for bad in (folder / "x.png", folder / "missing.png", folder):
        with pytest.raises(InputError) as caught:
            images.read_metadata(bad)
        assert caught.value.code == "image.unreadable"
    whole = images.encode(noise(64, 64))
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="half"):
        images.read_metadata(folder / "half.png")
    for n, text in enumerate(["{", "[1]"]):
        texts = images.Texts(parameters="", sdjp=text)
        path = images.save_as(images.encode(noise(4, 4), texts=texts), folder / f"bad{n}.png")
        with pytest.raises(InputError) as caught:
            images.read_metadata(path)
        assert caught.value.code == "metadata.invalid"


# Files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_numbers_go_on_from_the_highest(folder: Path) -> None:
    picture = images.encode(noise(4, 4))
    assert images.save_new(picture, folder).name == "00000.png"
    assert images.save_new(picture, folder, format="jpeg").name == "00001.jpg"  # whatever the format
    for foreign in ("00041.PNG", "00099.gif", "猫.png", "00050.png.txt", "grid-0007.png"):
        (folder / foreign).touch()
    assert images.save_new(picture, folder).name == "00042.png"
    assert images.save_new(picture, folder, pattern=GRID).name == "grid-0008.png"
    (folder / "99999.png").touch()
    assert images.save_new(picture, folder).name == "100000.png"
    assert images.save_new(picture, folder).name == "100001.png"


def test_the_file_holds_the_very_pixels(folder: Path) -> None:
    picture = noise(9, 5)
    with Image.open(images.save_as(images.encode(picture), folder / "馬に乗る宇宙飛行士.png")) as saved:
        assert np.array_equal(np.asarray(saved), np.asarray(picture))
    assert names(folder) == ["馬に乗る宇宙飛行士.png"]


def test_nothing_is_overwritten(folder: Path) -> None:
    path = folder / "猫.png"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError) as caught:
        images.save_as(images.encode(noise(4, 4)), path)
    assert caught.value.code == "output.exists"
    assert path.read_bytes() == b"mine"
    assert names(folder) == ["猫.png"]


def test_many_writers_get_a_number_each(folder: Path) -> None:
    pictures = [noise(8, 8, seed) for seed in range(24)]
    files = [images.encode(picture) for picture in pictures]
    threads = [threading.Thread(target=images.save_new, args=(data, folder)) for data in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(folder) == [f"{n:05d}.png" for n in range(24)]
    saved = {Image.open(path).convert("RGB").tobytes() for path in folder.iterdir()}
    assert saved == {picture.tobytes() for picture in pictures}


def test_an_unwritable_place_is_refused_and_the_picture_stays(folder: Path) -> None:
    picture = noise(4, 4)
    before = picture.tobytes()
    (folder / "file").write_text("x", encoding="utf-8")
    for bad in (folder / "file", folder / "file" / "inside", folder / "nul\0"):
        with pytest.raises(OutputError) as caught:
            images.check_folder(bad)
        assert caught.value.code == "output.unwritable"
        assert "空き容量" in caught.value.ja
        with pytest.raises(OutputError):
            images.save_new(images.encode(picture), bad)
        with pytest.raises(OutputError):
            images.save_as(images.encode(picture), bad / "x.png")
    assert picture.tobytes() == before
    assert names(folder) == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_leaves_nothing_half_written(folder: Path) -> None:
    import resource

    picture = images.encode(noise(64, 64))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # writing more fails, as on a full disk
    try:
        with pytest.raises(OutputError):
            images.save_new(picture, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(folder) == []
    assert images.save_new(picture, folder).name == "00000.png"  # the picture is still there to be saved


def test_check_folder_makes_it_and_leaves_no_trace(folder: Path) -> None:
    made = images.check_folder(str(folder / "新しい" / "フォルダー"))
    assert made.is_dir()
    assert names(made) == []
    assert images.check_folder(made) == made


def test_names_get_their_ending() -> None:
    assert images.check_names(["猫", "b.PNG", "c.v2"], 3) == tuple(
        (name, "png") for name in ("猫.png", "b.PNG", "c.v2.png")
    )


@pytest.mark.parametrize(
    "name",
    ["", ".png", " ", "a/b", "..\\x", "../x", "a:b", "what?", "a\0", "a\n", "CON", "nul.png", "lpt1.v2", " a",
     "a ", "a .png", "x" * 250, "猫" * 80, "\ud800"],
)  # fmt: skip
def test_names_that_some_system_cannot_have(name: str) -> None:
    with pytest.raises(InputError) as caught:
        images.check_names([name], 1)
    assert caught.value.code == "names.unusable"


def test_names_must_be_as_many_and_different() -> None:
    for bad, code in [(["a"], "names.count"), ("ab", "names.count"), (["A", "a.png"], "names.equal")]:
        with pytest.raises(InputError) as caught:
            images.check_names(bad, 2)
        assert caught.value.code == code
