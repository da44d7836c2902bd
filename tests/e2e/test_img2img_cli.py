"""``sdjp img2img``: every flag of the original's script, its sizes, and its random numbers."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp import cli, images
from sdjp.pipeline import Pipeline
from sdjp.samplers import classifier_free, get_sampler
from tests.original import (
    CKPT,
    CONFIG,
    equal,
    options,
    pixels,
    record,
    save_checkpoint,
    save_original,
    save_yaml,
    tiny_tensors,
    tiny_yaml,
)
from tests.pictures import size_of

# Every flag of scripts/img2img.py.
FLAGS: Final = {
    "--prompt", "--init-img", "--outdir", "--skip_grid", "--skip_save", "--ddim_steps", "--plms",
    "--fixed_code", "--ddim_eta", "--n_iter", "--C", "--f", "--n_samples", "--n_rows", "--scale",
    "--strength", "--from-file", "--config", "--ckpt", "--seed", "--precision",
}  # fmt: skip
PROMPT: Final = "山と湖"
SMALL: Final = ("--prompt", PROMPT, "--init-img", "スケッチ.png", "--ddim_steps", "4", "--n_samples", "1",
                "--precision", "full", "--device", "cpu", "--no-watermark", "--safety", "off")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stable-diffusion")
    save_original(folder)
    sketch(70, 70).save(folder / "スケッチ.png")
    return folder


@pytest.fixture(scope="module")
def plain(place: Path) -> Path:
    """The picture of ``SMALL`` without another flag."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert cli.main(["img2img", *SMALL, "--outdir", "plain"]) == 0
    return place / "plain" / "samples" / "00000.png"


Draw = Callable[..., list[Path]]


@pytest.fixture
def draw(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Draw:
    for name in (CKPT, CONFIG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(place / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    sketch(70, 70).save("スケッチ.png")
    runs = iter(range(100))

    def run(*flags: str, code: int = 0) -> list[Path]:
        outdir = tmp_path / f"out{next(runs)}"
        assert cli.main(["img2img", *SMALL, "--outdir", str(outdir), *flags]) == code
        return sorted((outdir / "samples").glob("*.png"))

    return run


def sketch(width: int, height: int) -> Image.Image:
    """A sky over a field."""
    picture = Image.new("RGB", (width, height), "skyblue")
    picture.paste((60, 120, 40), (0, height // 2, width, height))
    return picture


# What makes another picture, each by itself; and the defaults, which change nothing when they are given.
OTHER: Final = [
    ("--prompt", "夜の街"),
    ("--ddim_steps", "5"),
    ("--plms",),
    ("--ddim_eta", "1"),
    ("--scale", "1"),
    ("--strength", "0.5"),
    ("--strength", "1"),
    ("--seed", "0"),
    ("--config", "v.yaml"),
    ("--ckpt", "other.ckpt"),
]
DEFAULTS: Final = ("--scale", "5.0", "--strength", "0.75", "--seed", "42", "--C", "4", "--f", "8")


@pytest.mark.parametrize("flags", OTHER)
def test_flags_that_change_the_picture(flags: tuple[str, ...], draw: Draw, plain: Path) -> None:
    save_yaml(Path("v.yaml"), tiny_yaml(parameterization="v"))
    if "other.ckpt" in flags:
        other = {name: tensor * 0.5 for name, tensor in tiny_tensors().items()}
        save_checkpoint(Path("other.ckpt"), other)
    assert not equal(plain, draw(*flags)[0])


def test_defaults_given_and_flags_of_the_grid_change_nothing(draw: Draw, plain: Path) -> None:
    assert equal(plain, draw(*DEFAULTS, "--n_rows", "3")[0])
    [alone] = draw("--skip_grid")
    assert equal(plain, alone)
    assert [p.name for p in alone.parents[1].iterdir()] == ["samples"]


def test_files_and_grid(draw: Draw, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = draw("--n_samples", "2", "--n_iter", "2", "--n_rows", "3")
    assert [p.name for p in drawn] == ["00000.png", "00001.png", "00002.png", "00003.png"]
    assert size_of(drawn[0].parents[1] / "grid-0000.png") == (3 * 66 + 2, 2 * 66 + 2)
    assert "mountain" in capsys.readouterr().out
    assert draw("--skip_save", "--outdir", "only") == []
    assert [p.name for p in Path("only").rglob("*.png")] == ["grid-0000.png"]
    assert cli.main(["img2img", *SMALL]) == 0
    assert Path("outputs/img2img-samples/samples/00000.png").is_file()


def test_the_defaults_of_the_original(draw: Draw) -> None:
    assert cli.main(["img2img", "--init-img", "スケッチ.png", "--ddim_steps", "4"]) == 0
    drawn = sorted(Path("outputs/img2img-samples/samples").iterdir())
    assert len(drawn) == 2
    told = options(drawn[0])
    assert told.prompt == "a painting of a virus monster playing guitar"
    assert (told.guidance_scale, told.strength, told.seed, told.sampler) == (5.0, 0.75, 42, "ddim")
    args = cli.parse(["img2img"])
    assert (args.num_inference_steps, args.eta, args.n_iter) == (50, 0.0, 1)
    assert (args.n_rows, args.dtype) == (0, "auto")


def test_lines_of_a_file_in_batches(draw: Draw) -> None:
    Path("prompts.txt").write_text("赤い傘\n青い猫\n白い犬\n", encoding="utf-8")
    smaller = [flag for flag in SMALL if flag not in ("--prompt", PROMPT)]
    flags = ("--from-file", "prompts.txt", "--n_samples", "2", "--outdir", "file")
    assert cli.main(["img2img", *smaller, *flags]) == 0
    drawn = sorted(Path("file/samples").iterdir())
    assert [options(path).prompt for path in drawn] == ["赤い傘", "青い猫", "白い犬"]


def test_fixed_code_starts_each_round_from_the_same_noise(draw: Draw, plain: Path) -> None:
    a, b = draw("--n_iter", "2", "--fixed_code")
    assert equal(a, b)
    assert equal(a, plain)
    c, d = draw("--n_iter", "2")
    assert not equal(c, d)


def test_precision(draw: Draw, plain: Path) -> None:
    assert record(plain)["runtime"]["dtype"] == "float32"  # SMALL has --precision full
    assert record(draw("--precision", "autocast")[0])["runtime"]["dtype"] in ("float32", "bfloat16")


def test_sides_come_down_to_multiples_of_the_factor(draw: Draw, plain: Path) -> None:
    assert size_of(plain) == (64, 64)  # of 70 by 70
    for size, drawn in (((64, 95), (64, 88)), ((100, 8), (96, 8))):
        sketch(*size).save("スケッチ.png")
        assert size_of(draw()[0]) == drawn


def test_strength_zero_is_the_picture_through_the_autoencoder(draw: Draw) -> None:
    """The original still adds the noise of its first timestep, and takes no step."""
    [path] = draw("--strength", "0")
    assert options(path).strength == 0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("--init-img", "ない.png"), "ない.png"),
        (("--init-img", "小さい.png"), "小さすぎます"),
        (("--strength", "1.5"), "strength"),
        (("--C", "3"), "--C 4"),
        (("--f", "16"), "--f 8"),
        (("--prompt",), "--prompt"),
        (("--n_iter", "0"), "n_iter"),
        (("--ddim_steps", "3"), "4"),
        (("--plms", "--ddim_eta", "0.5"), "eta"),
        (("--config", "ない.yaml"), "ない.yaml"),
    ],
)
def test_bad_input(flags: tuple[str, ...], says: str, draw: Draw, capsys: pytest.CaptureFixture[str]) -> None:
    sketch(5, 70).save("小さい.png")
    assert draw(*flags, code=2) == []
    said = capsys.readouterr().err
    assert says in said
    assert "エラー" in said


def test_a_picture_is_needed(draw: Draw, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["img2img", "--prompt", PROMPT]) == 2
    assert "--init-img" in capsys.readouterr().err


def test_every_flag_of_the_script_is_known(draw: Draw, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["img2img", "--help"])
    said = capsys.readouterr().out
    assert all(flag in said for flag in FLAGS)


@torch.inference_mode()
def test_the_pictures_are_those_of_the_original_order(draw: Draw) -> None:
    """The script, written out: one sample of the latents, then for each round its noise and, at eta 0, draws
    for nothing at each step.
    """
    drawn = draw("--n_samples", "2", "--n_iter", "2")
    pipe = Pipeline.from_pretrained(CKPT, config=CONFIG, dtype="float32", device="cpu")
    picture = Image.open("スケッチ.png").resize((64, 64), Image.Resampling.LANCZOS)
    generator = torch.Generator().manual_seed(42)
    shape = (2, 4, 8, 8)
    gaussian = pipe.vae.encode(images.from_pil(picture, height=64, width=64).expand(2, -1, -1, -1))
    x0 = gaussian.sample(torch.randn(shape, generator=generator)) * pipe.vae.scaling_factor
    ddim = get_sampler("ddim")
    plan = ddim.plan(pipe.schedule, 4, spacing="compvis").from_strength(0.75, rule="compvis")
    assert plan.noised_at is not None
    cond, uncond = pipe.encode_prompt([PROMPT] * 2), pipe.encode_prompt(["", ""])
    denoise = classifier_free(pipe.unet, cond, uncond, 5.0)
    expected = []
    for _ in range(2):
        x = pipe.schedule.add_noise(x0, torch.randn(shape, generator=generator), plan.noised_at)
        for step in ddim(denoise, x, plan, lambda: torch.randn(shape, generator=generator)):
            x = step.x
            torch.randn(shape, generator=generator)
        expected += images.to_pil(pipe.vae.decode(x / pipe.vae.scaling_factor))
    for path, wanted in zip(drawn, expected, strict=True):
        # The same steps in the same order; a level of 255 for rounding where batches are put together.
        assert np.abs(pixels(path) - np.asarray(wanted).astype(int)).max() <= 1
