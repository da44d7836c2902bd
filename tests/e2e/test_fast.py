"""The preset ``fast`` and the shortcuts on the command line, and the work that they save."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from sdjp import cli
from sdjp.config import MINI, SD_V1, TINY, ModelConfig
from sdjp.images import read_metadata
from sdjp.options.presets import PRESETS

QUICK = ["-W", "64", "-H", "64", "--no-watermark", "--safety", "off", "--seed", "1"]


@pytest.fixture
def bench(import_bench: Callable[[str], ModuleType]) -> ModuleType:
    return import_bench("fast_quality")


def pixels(number: int) -> np.ndarray:
    return np.asarray(Image.open(f"out/{number:05d}.png"))


def test_fast_is_recorded_as_what_it_stands_for(here: Path) -> None:
    assert cli.main(["赤い車", "--fast", *QUICK]) == 0
    assert cli.main(["赤い車", "--preset", "fast", "--steps", "3", "--sampler", "ddim", *QUICK]) == 0
    first, second = (read_metadata(f"out/0000{i}.png").options for i in (0, 1))
    assert first is not None
    assert second is not None
    fast = PRESETS["fast"]
    for options in (first, second):
        assert options.preset is None
        assert options.guidance_interval == fast.guidance_interval
        assert (options.token_merging, options.feature_reuse) == (fast.token_merging, fast.feature_reuse)
    assert (first.sampler, first.num_inference_steps) == (fast.sampler, fast.num_inference_steps)
    assert (second.sampler, second.num_inference_steps) == ("ddim", 3)


def test_each_shortcut_has_its_flag(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["赤い車", "--steps", "4", *QUICK]
    flags = [
        [],
        ["--guidance-interval", "0", "1"],
        ["--guidance-interval", "0.25", "0.75"],
        ["--token-merging", "0.5"],
        ["--feature-reuse", "2"],
    ]
    for more in flags:
        assert cli.main([*command, *more]) == 0
    plain = pixels(0)
    assert np.array_equal(pixels(1), plain)
    for number in (2, 3, 4):
        assert not np.array_equal(pixels(number), plain), flags[number]
    found = read_metadata("out/00003.png")
    assert found.parameters is not None
    assert "Token merging ratio: 0.5" in found.parameters
    assert "Token merging" not in str(read_metadata("out/00004.png").parameters)


def test_the_scripts_of_the_original_and_upscale_take_them(here: Path) -> None:
    Image.new("RGB", (64, 64), "skyblue").save("sketch.png")
    common = ["--no-watermark", "--safety", "off", "--feature-reuse", "2", "--guidance-interval", "0", "0.5"]
    one = ["--ckpt", "mini", "--n_samples", "1", "--n_iter", "1", "--ddim_steps", "2", "--skip_grid"]
    assert (
        cli.main(["txt2img", "--prompt", "猫", *one, "--H", "64", "--W", "64", "--outdir", "a", *common]) == 0
    )
    assert (
        cli.main(["img2img", "--init-img", "sketch.png", "--prompt", "猫", *one, "--outdir", "b", *common])
        == 0
    )
    redraw = ["--prompt", "猫", "--fast", "--strength", "0.1", "--outdir", "c"]
    assert cli.main(["upscale", "sketch.png", *redraw, *common]) == 0
    drawn = [*Path("a").rglob("*.png"), *Path("b").rglob("*.png"), *Path("c").rglob("*.png")]
    assert len(drawn) == 3
    for path in drawn:
        options = read_metadata(path).options
        assert options is not None
        assert (options.feature_reuse, options.guidance_interval) == (2, (0.0, 0.5))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--guidance-interval", "0.7", "0.2"], "小さい順"),
        (["--guidance-interval", "0", "0.5", "--scale", "1"], "ガイダンスがかからない"),
        (["--token-merging", "0.9"], "0.75"),
        (["--feature-reuse", "0"], "1 から 10"),
        (["--preset", "slow"], "fast"),
    ],
)
def test_bad_flags_are_refused_before_a_model_is_loaded(
    here: Path, capsys: pytest.CaptureFixture[str], flags: list[str], said: str
) -> None:
    assert cli.main(["赤い車", "--model", "no such model", *flags]) == 2
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_an_interval_needs_two_numbers(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["赤い車", "--guidance-interval", "0.5"])
    assert "値を 2 つ指定してください" in capsys.readouterr().err


# The work.


@pytest.mark.parametrize("config", [MINI, SD_V1], ids=lambda config: config.name)
def test_fast_needs_a_sixth_of_the_work_of_plms(bench: ModuleType, config: ModelConfig) -> None:
    plain, fast = bench.counted(config, **bench.PLAIN), bench.counted(config, preset="fast")
    assert plain.calls == 51
    assert plain.work >= 6 * fast.work


def test_the_work_of_each_shortcut_is_what_it_should_be(bench: ModuleType) -> None:
    def work(**settings: object) -> float:
        return float(bench.counted(TINY, sampler="ddim", num_inference_steps=10, **settings).work)

    plain = work()
    assert work(guidance_scale=1.0) == plain / 2
    assert work(guidance_interval=(0.0, 0.5)) == plain * 3 / 4
    assert work(token_merging=0.5) < plain
    assert work(feature_reuse=2) < plain


def test_the_bench_of_quality_has_a_row_for_each_case(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = {name: {**bench.CASES[name], "width": 64, "height": 64} for name in ("PLMS", "fast")}
    monkeypatch.setattr(bench, "CASES", some)  # all of them take a minute
    rows = bench.measure(tiny=True)
    assert [row["case"] for row in rows] == list(some)
    assert (rows[0]["work_mini"], rows[0]["work_sd_v1"]) == (1.0, 1.0)
    assert all(0 < row["psnr_db"]["median"] < 99 for row in rows[1:])


def test_the_bench_sees_the_color_of_a_background(bench: ModuleType) -> None:
    picture = np.full((64, 64, 3), (230, 65, 50))
    picture[16:48, 16:48] = 0
    assert bench.border_color(picture) == "red"
    assert all(color in bench.COLORS for color in bench.NAMED)
