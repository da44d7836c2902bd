"""``sdjp txt2img``: every flag of the original's usage text does what it says, on a tiny model."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import torch
import yaml

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

# The README's usage text of txt2img.py; --dpm_solver is in the script and not in that text.
USAGE: Final = """
usage: txt2img.py [-h] [--prompt [PROMPT]] [--outdir [OUTDIR]] [--skip_grid] [--skip_save]
                  [--ddim_steps DDIM_STEPS] [--plms] [--laion400m] [--fixed_code] [--ddim_eta DDIM_ETA]
                  [--n_iter N_ITER] [--H H] [--W W] [--C C] [--f F] [--n_samples N_SAMPLES] [--n_rows N_ROWS]
                  [--scale SCALE] [--from-file FROM_FILE] [--config CONFIG] [--ckpt CKPT] [--seed SEED]
                  [--precision {full,autocast}]
"""
PROMPT: Final = "馬に乗る宇宙飛行士"
SMALL: Final = ("--prompt", PROMPT, "--H", "64", "--W", "64", "--ddim_steps", "2", "--n_iter", "1",
                "--n_samples", "1", "--precision", "full", "--device", "cpu", "--no-watermark",
                "--safety", "off")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user of the original stands."""
    folder = tmp_path_factory.mktemp("stable-diffusion 日本語")
    save_original(folder)
    return folder


@pytest.fixture(scope="module")
def plain(place: Path) -> Path:
    """The picture of ``SMALL`` without another flag."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert cli.main(["txt2img", *SMALL, "--outdir", "plain"]) == 0
    return place / "plain" / "samples" / "00000.png"


@pytest.fixture
def here(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own, with the model in its place."""
    for name in (CKPT, CONFIG):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(place / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


Draw = Callable[..., list[Path]]


@pytest.fixture
def draw(here: Path) -> Draw:
    """Run the command with small settings, which ``flags`` may override; the pictures it made."""
    runs = iter(range(100))

    def run(*flags: str, code: int = 0) -> list[Path]:
        outdir = here / f"out{next(runs)}"
        assert cli.main(["txt2img", *SMALL, "--outdir", str(outdir), *flags]) == code
        return sorted((outdir / "samples").glob("*.png"))

    return run


# One check for each flag: what must be seen when it is given.


def check_help(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["txt2img", "-h"])
    said = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "txt2img" in said
    assert "保存先" in said  # in Japanese
    assert all(flag in said for flag in re.findall(r"--[\w-]+", USAGE))


def check_prompt(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a] = draw()
    said = capsys.readouterr().out
    assert "astronaut" in said  # Japanese is translated, and it is said into what
    [b] = draw("--prompt", "青い猫")
    assert options(b).prompt == "青い猫"
    assert not equal(a, b)
    draw("--prompt", code=2)
    assert "--prompt" in capsys.readouterr().err


def check_outdir(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw("--outdir", "絵/新しい フォルダー")
    assert (Path("絵/新しい フォルダー/samples") / "00000.png").is_file()
    assert (Path("絵/新しい フォルダー") / "grid-0000.png").is_file()
    arguments = ["txt2img", *SMALL]
    assert cli.main(arguments) == 0
    assert Path("outputs/txt2img-samples/samples/00000.png").is_file()


def check_skip_grid(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (plain.parents[1] / "grid-0000.png").is_file()
    [without] = draw("--skip_grid")
    assert [p.name for p in without.parents[1].iterdir()] == ["samples"]


def check_skip_save(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert draw("--skip_save", "--outdir", "grids") == []
    assert [p.name for p in Path("grids").rglob("*.png")] == ["grid-0000.png"]


def check_ddim_steps(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a] = draw("--ddim_steps", "4")
    assert options(a).num_inference_steps == 4
    assert not equal(a, plain)
    draw("--ddim_steps", "3", code=2)  # the original stops with an IndexError
    assert "4" in capsys.readouterr().err  # the nearest that work


def check_plms(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a] = draw("--plms")
    assert (options(plain).sampler, options(a).sampler) == ("ddim", "plms")
    assert not equal(a, plain)


def check_dpm_solver(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a], [b] = draw("--plms"), draw("--dpm_solver", "--plms")  # the original asks for --dpm_solver first
    assert options(b).sampler == "dpm_solver"
    assert not equal(a, b)


def check_laion400m(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["txt2img", *SMALL, "--laion400m"]) == 2  # its own places, where there is nothing
    assert "models/ldm/text2img-large/model.ckpt" in capsys.readouterr().err
    # At that place, with that configuration; any model that fits it will do here.
    at = Path("models/ldm/text2img-large/model.ckpt")
    at.parent.mkdir(parents=True)
    os.link(CKPT, at)
    save_yaml(Path("configs/latent-diffusion/txt2img-1p4B-eval.yaml"), tiny_yaml(linear_end=0.02))
    assert cli.main(["txt2img", *SMALL, "--laion400m"]) == 0
    assert not equal(plain, Path("outputs/txt2img-samples-laion400m/samples/00000.png"))  # another schedule


def check_fixed_code(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a, b = draw("--n_iter", "2", "--fixed_code")
    assert equal(a, b)
    assert equal(a, plain)  # the first draw is the same either way
    c, d = draw("--n_iter", "2")
    assert not equal(c, d)


def check_ddim_eta(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a] = draw("--ddim_eta", "1.0")
    assert options(a).eta == 1.0
    assert not equal(a, plain)
    draw("--ddim_eta", "0.5", "--plms", code=2)
    assert "eta" in capsys.readouterr().err


def check_n_iter(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = draw("--n_iter", "3")
    assert [p.name for p in several] == ["00000.png", "00001.png", "00002.png"]
    assert equal(plain, several[0])
    draw("--n_iter", "0", code=2)


def check_h(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert size_of(draw("--H", "96")[0]) == (64, 96)
    draw("--H", "60", code=2)
    said = capsys.readouterr().err
    assert "56" in said
    assert "64" in said


def check_w(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert size_of(draw("--W", "96")[0]) == (96, 64)


def check_c(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert equal(plain, draw("--C", "4")[0])
    draw("--C", "3", code=2)
    assert "--C 4" in capsys.readouterr().err


def check_f(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert equal(plain, draw("--f", "8")[0])
    draw("--f", "16", code=2)
    assert "--f 8" in capsys.readouterr().err


def check_n_samples(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = draw("--n_samples", "3")
    assert len(several) == 3
    assert not equal(several[0], several[1])
    # As torchvision's make_grid draws it: n_samples in a row, two black pixels around each.
    sheet = pixels(several[0].parents[1] / "grid-0000.png")
    assert sheet.shape == (64 + 4, 3 * 66 + 2, 3)
    assert not sheet[:2].any()
    assert (sheet[2:66, 68:132] == pixels(several[1])).all()


def check_n_rows(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    several = draw("--n_samples", "3", "--n_rows", "2")
    assert size_of(several[0].parents[1] / "grid-0000.png") == (2 * 66 + 2, 2 * 66 + 2)
    more = draw("--n_samples", "3", "--n_rows", "0")
    assert size_of(more[0].parents[1] / "grid-0000.png") == (3 * 66 + 2, 68)


def check_scale(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a], [b] = draw("--scale", "1.0"), draw("--scale", "0")
    assert options(plain).guidance_scale == 7.5
    assert options(b).guidance_scale == 0.0
    assert not equal(plain, a)
    assert not equal(a, b)


def check_from_file(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("prompts.txt").write_text("赤い傘\n\n青い猫\na red umbrella\n", encoding="utf-8")
    flags = ("--from-file", "prompts.txt", "--n_samples", "2")
    outdir = Path("file")
    smaller = [flag for flag in SMALL if flag not in ("--prompt", PROMPT)]
    assert cli.main(["txt2img", *smaller, *flags, "--n_iter", "2", "--outdir", str(outdir)]) == 0
    drawn = sorted((outdir / "samples").iterdir())
    # Lines in batches of n_samples, the last one shorter; all of it n_iter times.
    prompts = [options(path).prompt for path in drawn]
    assert prompts == ["赤い傘", "青い猫", "a red umbrella"] * 2
    assert not equal(drawn[0], drawn[3])
    draw("--from-file", "nowhere.txt", code=2)
    assert cli.main(["txt2img", *smaller, "--from-file", "-", "--n_iter", "2"]) == 2


def check_config(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_yaml(Path("v.yaml"), tiny_yaml(parameterization="v"))
    [a] = draw("--config", "v.yaml")
    assert not equal(a, plain)
    save_yaml(Path("odd.yaml"), {"model": {"target": "os.system", "params": {}}})
    draw("--config", "odd.yaml", code=2)
    assert "os.system" in capsys.readouterr().err
    draw("--config", "none.yaml", code=2)
    # Without the default file the configuration is told from the weights, and that is said.
    Path(CONFIG).unlink()
    draw()
    assert CONFIG in capsys.readouterr().out


def check_ckpt(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_checkpoint(Path("full.ckpt"), tiny_tensors(ema=0.5))
    [a] = draw("--ckpt", "full.ckpt")  # use_ema is false in v1-inference.yaml
    assert equal(a, plain)
    assert "通常の重み" in capsys.readouterr().out
    [b] = draw("--ckpt", "full.ckpt", "--ema", "true")
    assert not equal(b, plain)
    assert record(b)["runtime"]["ema"] is True
    draw("--ckpt", "none.ckpt", code=1)
    shutil.rmtree("models")
    draw(code=2)
    said = capsys.readouterr().err
    assert CKPT in said
    assert "--ckpt mini" in said


def check_seed(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [a], [b] = draw("--seed", "42"), draw("--seed", "0")
    assert equal(plain, a)
    assert not equal(plain, b)
    assert options(plain).seed == 42
    draw("--seed", "-1", code=2)


def check_precision(draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [autocast] = draw("--precision", "autocast")
    assert record(plain)["runtime"]["dtype"] == "float32"  # SMALL has --precision full
    assert record(autocast)["runtime"]["dtype"] in ("float32", "bfloat16")
    with pytest.raises(SystemExit):
        draw("--precision", "half")


FLAGS: Final[dict[str, Callable[[Draw, Path, pytest.CaptureFixture[str]], None]]] = {
    "-h": check_help,
    "--prompt": check_prompt,
    "--outdir": check_outdir,
    "--skip_grid": check_skip_grid,
    "--skip_save": check_skip_save,
    "--ddim_steps": check_ddim_steps,
    "--plms": check_plms,
    "--dpm_solver": check_dpm_solver,
    "--laion400m": check_laion400m,
    "--fixed_code": check_fixed_code,
    "--ddim_eta": check_ddim_eta,
    "--n_iter": check_n_iter,
    "--H": check_h,
    "--W": check_w,
    "--C": check_c,
    "--f": check_f,
    "--n_samples": check_n_samples,
    "--n_rows": check_n_rows,
    "--scale": check_scale,
    "--from-file": check_from_file,
    "--config": check_config,
    "--ckpt": check_ckpt,
    "--seed": check_seed,
    "--precision": check_precision,
}


def test_the_table_has_every_flag_of_the_usage_text() -> None:
    assert set(re.findall(r"\[(--?[\w-]+)", USAGE)) | {"--dpm_solver"} == set(FLAGS)


@pytest.mark.parametrize("flag", FLAGS)
def test_flag(flag: str, draw: Draw, plain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    FLAGS[flag](draw, plain, capsys)


def test_the_defaults_of_the_original(here: Path) -> None:
    """Nothing is given but what makes it quick: two steps at 64 pixels."""
    assert cli.main(["txt2img", "--H", "64", "--W", "64", "--ddim_steps", "2"]) == 0
    outdir = here / "outputs" / "txt2img-samples"
    drawn = sorted((outdir / "samples").iterdir())
    assert [p.name for p in drawn] == [f"{n:05}.png" for n in range(6)]  # n_iter 2, n_samples 3
    assert size_of(outdir / "grid-0000.png") == (3 * 66 + 2, 2 * 66 + 2)
    told = options(drawn[0])
    assert told.prompt == "a painting of a virus monster playing guitar"
    assert (told.guidance_scale, told.sampler, told.seed) == (7.5, "ddim", 42)
    args = cli.parse(["txt2img"])
    assert (args.num_inference_steps, args.eta, args.n_rows, args.dtype) == (50, 0.0, 0, "auto")


def test_the_default_size_is_512(here: Path) -> None:
    """One side at a time: a whole picture of 512 by 512 would take a while."""
    for given, size in (("--W", (64, 512)), ("--H", (512, 64))):
        flags = [given, "64", "--ddim_steps", "1", "--n_iter", "1", "--n_samples", "1", "--scale", "1"]
        assert cli.main(["txt2img", *flags, "--outdir", given.strip("-")]) == 0
        assert size_of(here / given.strip("-") / "samples" / "00000.png") == size


def test_numbers_go_on_from_what_is_there(here: Path) -> None:
    samples = here / "out" / "samples"
    samples.mkdir(parents=True)
    for name in ("a.txt", "b.txt", "00000.png"):
        (samples / name).write_bytes(b"")
    for _ in range(2):
        assert cli.main(["txt2img", *SMALL, "--outdir", "out"]) == 0
    drawn = {p.name for p in samples.iterdir() if p.stat().st_size}
    assert drawn == {"00003.png", "00004.png"}  # three files were there, as the original counts
    assert {p.name for p in (here / "out").glob("*.png")} == {"grid-0000.png", "grid-0001.png"}


def test_the_embedded_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--ckpt", "mini", "--ddim_steps", "2", "--n_iter", "1", "--n_samples", "1", "--scale", "1"]
    assert cli.main(["txt2img", "--prompt", PROMPT, *flags]) == 0
    assert size_of("outputs/txt2img-samples/samples/00000.png") == (256, 256)


def test_the_record_tells_where_in_the_run_a_picture_stands(draw: Draw) -> None:
    drawn = draw("--n_samples", "2", "--n_iter", "2", "--seed", "7")
    found = []
    for path in drawn:
        told = record(path)
        [report] = [r for r in told["reports"] if r["name"] == "random"]
        found.append((told["seed"], report["data"]["iteration"], report["data"]["row"]))
    assert found == [(7, 0, 0), (7, 0, 1), (7, 1, 0), (7, 1, 1)]


@pytest.fixture(scope="module")
def pipe(place: Path) -> Pipeline:
    return Pipeline.from_pretrained(place / CKPT, config=place / CONFIG, dtype="float32", device="cpu",
                                    watermark=False, safety="off")  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "name", "eta", "unused"),
    [((), "ddim", 0.0, 2), (("--ddim_eta", "1"), "ddim", 1.0, 0), (("--plms",), "plms", 0.0, 3),
     (("--dpm_solver",), "dpm_solver", 0.0, 0)],
)  # fmt: skip
@torch.inference_mode()
def test_the_pictures_are_those_of_the_original_order(
    flags: tuple[str, ...], name: str, eta: float, unused: int, draw: Draw, pipe: Pipeline
) -> None:
    """The loop of the original, written out: one generator, one draw for a whole batch, draws for nothing."""
    drawn = draw("--n_samples", "2", "--n_iter", "2", *flags)
    generator = torch.Generator().manual_seed(42)
    shape = (2, 4, 8, 8)
    sampler = get_sampler(name)
    spacing = None if name == "dpm_solver" else "compvis"
    plan = sampler.plan(pipe.schedule, 2, spacing=spacing, eta=eta)
    cond, uncond = pipe.encode_prompt([PROMPT] * 2), pipe.encode_prompt(["", ""])
    denoise = classifier_free(pipe.unet, cond, uncond, 7.5)
    expected = []
    for _ in range(2):
        x = torch.randn(shape, generator=generator)
        for step in sampler(denoise, x, plan, lambda: torch.randn(shape, generator=generator)):
            x = step.x
        for _ in range(unused):
            torch.randn(shape, generator=generator)
        expected += images.to_pil(pipe.vae.decode(x / pipe.vae.scaling_factor))
    for path, picture in zip(drawn, expected, strict=True):
        # The same steps in the same order; a level of 255 for rounding where batches are put together.
        assert np.abs(pixels(path) - np.asarray(picture).astype(int)).max() <= 1


def test_stop_keeps_what_is_finished(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the second batch is drawn."""
    generate = Pipeline.generate
    calls = iter([False, True])

    def interrupted(self: Pipeline, *args: object, **kwargs: object) -> object:
        if next(calls):
            raise KeyboardInterrupt
        return generate(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Pipeline, "generate", interrupted)
    assert cli.main(["txt2img", *SMALL, "--n_iter", "2", "--outdir", "out"]) == 130
    assert sorted(p.name for p in Path("out").rglob("*.png")) == ["00000.png", "grid-0000.png"]


def test_use_ema_of_the_configuration_decides(here: Path, draw: Draw, plain: Path) -> None:
    save_checkpoint(Path("full.ckpt"), tiny_tensors(ema=0.5))
    data = yaml.safe_load(Path(CONFIG).read_text(encoding="utf-8"))
    data["model"]["params"]["use_ema"] = True
    save_yaml(Path("ema.yaml"), data)
    [averaged] = draw("--ckpt", "full.ckpt", "--config", "ema.yaml")
    assert not equal(plain, averaged)
    assert equal(plain, draw("--ckpt", "full.ckpt", "--config", "ema.yaml", "--ema", "false")[0])
