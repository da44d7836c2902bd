"""The command line in its ordinary ways: drawing, explaining, converting, below a Japanese folder name."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from sdjp import cli
from sdjp.images import read_metadata
from tests.pictures import size_of

# 64 pixels and one step: what is drawn is no picture yet, and a real run of everything.
QUICK = ["--steps", "1", "-W", "64", "-H", "64", "--no-watermark", "--safety", "off"]


def pixels(path: str | Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_one_picture_with_its_record(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "赤い車、(夕焼け:1.2)",
        "--negative",
        "ぼやけた",
        "--seed",
        "7",
        "--scale",
        "3",
        "-o",
        "絵/一枚",
    ]
    assert cli.main([*arguments, "--sampler", "euler", *QUICK]) == 0
    said = capsys.readouterr()
    assert [p.name for p in (here / "絵" / "一枚").iterdir()] == ["00000.png"], "no grid of a single picture"
    assert re.search(r"英語: .*red car.*sunset", said.out)
    assert "保存しました: 絵/一枚/00000.png（シード " in said.out
    assert "Traceback" not in said.err
    found = read_metadata("絵/一枚/00000.png")
    assert found.options is not None
    assert found.options.prompt == "赤い車、(夕焼け:1.2)"
    assert found.options.negative_prompt == "ぼやけた"
    assert (found.options.seed, found.options.guidance_scale) == (7, 3.0)
    assert (found.options.sampler, found.options.num_inference_steps) == ("euler", 1)
    assert found.parameters is not None
    assert "red car" in found.parameters
    assert "Seed: 7" in found.parameters
    assert "Size: 64x64" in found.parameters
    assert found.sdjp is not None
    assert "red car" in found.sdjp["prompt"]["english"]


def test_the_same_seed_gives_the_same_picture(here: Path) -> None:
    """Alone, as the second of two, and in the second round."""
    assert cli.main(["赤い車", "--seed", "4", "-n", "2", "--n_iter", "2", *QUICK]) == 0
    assert cli.main(["赤い車", "--seed", "5", *QUICK, "-o", "second"]) == 0
    assert cli.main(["赤い車", "--seed", "7", *QUICK, "-o", "last"]) == 0
    assert sorted(p.name for p in (here / "out").iterdir()) == [
        *(f"{i:05d}.png" for i in range(4)),
        "grid-0000.png",
    ]
    assert (pixels("out/00001.png") == pixels("second/00000.png")).all()
    assert (pixels("out/00003.png") == pixels("last/00000.png")).all()
    assert (pixels("out/00000.png") != pixels("out/00001.png")).any()
    sheet = pixels("out/grid-0000.png")
    assert sheet.shape == (2 * 66 + 2, 2 * 66 + 2, 3)  # n_samples in a row, a round in each
    assert (sheet[2:66, 68:132] == pixels("out/00001.png")).all()
    assert (sheet[68:132, 2:66] == pixels("out/00002.png")).all()


def test_without_a_seed_every_run_draws_another(here: Path) -> None:
    for _ in range(2):
        assert cli.main(["赤い車", *QUICK]) == 0
    first, second = (read_metadata(f"out/0000{i}.png").options for i in (0, 1))
    assert first is not None
    assert second is not None
    assert first.seed != second.seed
    assert cli.main(["赤い車", "--seed", str(first.seed), *QUICK, "-o", "again"]) == 0
    assert (pixels("again/00000.png") == pixels("out/00000.png")).all()


def test_a_file_of_prompts(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a byte order mark, as Windows writes it, blank lines, and no end of the last line."""
    text = "\ufeff赤い車\r\n\r\na blue bird\r\n緑の木"
    (here / "プロンプト 一覧.txt").write_bytes(text.encode("utf-8"))
    assert cli.main(["--from-file", "プロンプト 一覧.txt", "--n_rows", "3", "--lang", "en", *QUICK]) == 0
    drawn = [read_metadata(f"out/0000{i}.png").options for i in range(3)]
    assert [o.prompt for o in drawn if o is not None] == ["赤い車", "a blue bird", "緑の木"]
    assert size_of("out/grid-0000.png") == (3 * 66 + 2, 66 + 2)
    said = capsys.readouterr()
    assert "English: a red car" in said.out
    assert said.out.count("saved: ") == 3
    assert "grid: out/grid-0000.png" in said.out
    assert "保存" not in said.out + said.err


def test_prompts_from_standard_input(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be looked through first; what is finished stays where a later one is refused."""
    monkeypatch.setattr("sys.stdin", io.StringIO("赤い車\n((猫\n"))
    assert cli.main(["--from-file", "-", *QUICK]) == 2
    said = capsys.readouterr()
    assert "保存しました: out/00000.png（シード " in said.out
    assert "対応する「)」がありません" in said.err
    assert size_of("out/00000.png") == (64, 64)


def test_what_is_saved_can_be_chosen(here: Path) -> None:
    assert cli.main(["赤い車", "-n", "2", "--skip_grid", *QUICK, "-o", "no grid"]) == 0
    assert sorted(p.name for p in (here / "no grid").iterdir()) == ["00000.png", "00001.png"]
    assert cli.main(["赤い車", "-n", "2", "--skip_save", *QUICK, "-o", "grid"]) == 0
    assert [p.name for p in (here / "grid").iterdir()] == ["grid-0000.png"]
    assert cli.main(["赤い車", "--skip_save", *QUICK, "-o", "one"]) == 0
    assert [p.name for p in (here / "one").iterdir()] == ["grid-0000.png"], "nothing drawn is lost"


def test_flags_of_the_original_are_aliases(here: Path) -> None:
    new = ["赤い車", "--steps", "2", "-W", "64", "-H", "80", "--sampler", "plms", "--precision", "full"]
    old = [
        "--prompt",
        "赤い車",
        "--ddim_steps",
        "2",
        "--W",
        "64",
        "--H",
        "80",
        "--plms",
        "--dtype",
        "float32",
    ]
    for arguments, folder in ((new, "new"), (old, "old")):
        rest = ["--seed", "1", "--no-watermark", "--safety", "off", "--outdir", folder]
        assert cli.main([*arguments, *rest]) == 0
    assert (pixels("new/00000.png") == pixels("old/00000.png")).all()
    assert pixels("new/00000.png").shape == (80, 64, 3)


def test_what_was_not_understood_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["赤い車とムニャポコ", *QUICK]) == 0
    assert "わからなかった語: ムニャポコ" in capsys.readouterr().err


def test_explain(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "馬に乗る宇宙飛行士"]) == 0
    said = capsys.readouterr().out
    assert "入力:     馬に乗る宇宙飛行士" in said
    assert "astronaut riding a horse" in said
    assert "トークン: " in said
    assert "  馬 → horse  [辞書]\n  に → —  [文法]\n" in said
    assert cli.main(["explain", "馬に乗る宇宙飛行士", "--lang", "en"]) == 0
    said = capsys.readouterr().out
    assert "source:     馬に乗る宇宙飛行士" in said
    assert "tokens: " in said
    assert "  馬 → horse  [lexicon]\n  に → —  [grammar]\n" in said
    assert not list(here.iterdir()), "explaining writes nothing"


def test_explain_as_json_lines(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """More lines than are translated together."""
    lines = ["赤い車", "", "a red car", *["青い鳥"] * 70, "「猫」"]
    (here / "行.txt").write_text("\n".join(lines), encoding="utf-8")
    assert cli.main(["explain", "--json", "--from-file", "行.txt"]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [item["source"] for item in said] == [line for line in lines if line]
    assert said[0]["english"] == "a red car"
    assert said[1]["parts"] == [{"source": "a red car", "english": "a red car", "how": "copied"}]
    assert {"source", "normalized", "english", "tokens", "truncated", "parts"} <= set(said[0])


def test_convert_and_draw(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file, a folder made from it, and the embedded model give the same picture."""
    assert cli.main(["convert", "mini", "変換 一.safetensors"]) == 0
    assert "変換 一.safetensors に書き出しました" in capsys.readouterr().out
    assert cli.main(["convert", "変換 一.safetensors", "変換 二", "--lang", "en"]) == 0
    assert "wrote 変換 二" in capsys.readouterr().out
    for model in ("mini", "変換 一.safetensors", "変換 二"):
        arguments = ["赤い車", "--seed", "3", "--dtype", "float32", "--model", model]
        assert cli.main([*arguments, *QUICK]) == 0
    first, *others = (pixels(f"out/0000{i}.png") for i in range(3))
    for other in others:
        assert (first == other).all()


def test_explain_tells_what_was_spelt_out(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "ぺろぽんの猫"]) == 0
    assert "わからなかった語: ぺろ、ぽん" in capsys.readouterr().out


def test_explain_as_the_adapter_reads_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["explain", "草原の馬", "--translator", "adapter"]) == 0
    said = capsys.readouterr().out
    assert "英語:     草原の馬" in said
    assert re.search("解釈: +.*horse.*（アダプター）", said)


def test_drawing_tells_what_the_adapter_read_and_what_nobody_knew(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["草原の馬", "--translator", "adapter", *QUICK]) == 0
    assert "アダプターの解釈: " in capsys.readouterr().out
    assert cli.main(["ぺろぽんの猫", *QUICK]) == 0
    said = capsys.readouterr().err
    assert "わからなかった語: ぺろ、ぽん" in said
    assert "このモデルが知らない語（絵に表れないことがあります）" in said


def test_info_on_an_incomplete_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file({"model.diffusion_model.time_embed.0.weight": torch.zeros(2, 2)}, here / "一部.safetensors")
    assert cli.main(["info", "一部.safetensors"]) == 0
    said = capsys.readouterr().out
    assert "使えません: " in said
    assert "VAEの重み" in said


def test_home_is_where_the_tilde_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert cli.main(["猫", *QUICK, "--outdir=~/絵"]) == 0
    assert cli.main(["猫", *QUICK, "--init-img", "~/絵/00000.png", "-o", "~/絵"]) == 0
    assert sorted(path.name for path in (tmp_path / "絵").iterdir()) == ["00000.png", "00001.png"]
    args = cli.parse(["~/猫", "--translator", "marian:~/m", "--lora", "a:0.5", "--negative", "~"])
    assert (args.prompt, args.negative_prompt, args.loras) == ("~/猫", "~", ["a:0.5"])
    assert args.translator == f"marian:{tmp_path}/m"
