"""The common part of ``sdjp txt2img`` and ``sdjp img2img``: flags and files of the original's scripts."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sdjp.cli.options import (
    clip_skip_option,
    file_form,
    form_options,
    make_pipeline,
    model_options,
    shortcut_options,
    text_options,
)
from sdjp.cli.original_noise import Stream
from sdjp.cli.parser import Parser
from sdjp.cli.prompts import drawable, prompts
from sdjp.cli.report import Output, announce_prompt
from sdjp.cli.speech import say, say_stopped
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline
    from sdjp.result import GenerationResult

PROMPT: Final = "a painting of a virus monster playing guitar"


class Places(NamedTuple):
    """Where a script looks for its model."""

    config: str
    ckpt: str


V1: Final = Places("configs/stable-diffusion/v1-inference.yaml", "models/ldm/stable-diffusion-v1/model.ckpt")
LAION: Final = Places(
    "configs/latent-diffusion/txt2img-1p4B-eval.yaml", "models/ldm/text2img-large/model.ckpt"
)


def original_options(parser: Parser, *, outdir: str, n_iter: int, n_samples: int, scale: float) -> None:
    """The flags that both scripts have, with the defaults of one of them."""
    option = parser.option
    option("--prompt", nargs="?", const="", metavar="PROMPT",
           ja=f'描きたいもの。日本語も使えます（省略時は "{PROMPT}"）',
           en=f'what to draw, also in Japanese ("{PROMPT}", if left out)')  # fmt: skip
    option("--outdir", nargs="?", const="", metavar="OUTDIR",
           ja=f"保存先（省略時は {outdir}）", en=f"where to write ({outdir}, if left out)")  # fmt: skip
    option("--skip_grid", action="store_true", ja="一覧の絵を作らない", en="write no grid")
    option("--skip_save", action="store_true", ja="1 枚ずつの絵を保存しない", en="write no single pictures")
    parser.generation("num_inference_steps", "--ddim_steps", default=50, metavar="S", ja="ステップ数",
                      en="steps")  # fmt: skip
    option("--plms", action="store_true", ja="PLMS を使う（ないときは DDIM）", en="PLMS instead of DDIM")
    option("--fixed_code", action="store_true", ja="どの回も同じノイズから始める",
           en="the same starting noise each time")  # fmt: skip
    parser.generation("eta", "--ddim_eta", default=0.0, metavar="ETA")
    option("--n_iter", type=int, default=n_iter, metavar="N", ja="繰り返す回数", en="how often")  # fmt: skip
    option("--C", type=int, metavar="C", ja="潜在表現のチャンネル数（モデルと同じか確かめる）",
           en="channels of the latents (checked against the model)")  # fmt: skip
    option("--f", type=int, metavar="F", ja="縮小率（モデルと同じか確かめる）",
           en="downsampling factor (checked against the model)")  # fmt: skip
    option("--n_samples", type=int, default=n_samples, metavar="N",
           ja="1 回に描く枚数", en="pictures drawn together")  # fmt: skip
    option("--n_rows", type=int, default=0, metavar="N", ja="一覧の横に並べる枚数（0 なら n_samples）",
           en="pictures in a row of the grid (0: n_samples)")  # fmt: skip
    parser.generation("guidance_scale", "--scale", default=scale, ja="ガイダンスの強さ",
                      en="guidance scale")  # fmt: skip
    parser.generation("seed", "--seed", default=42, ja="シード", en="the seed")
    clip_skip_option(parser)
    shortcut_options(parser)
    text_options(parser)
    form_options(parser)
    model_options(parser)
    parser.set_defaults(model=None, default_outdir=outdir)
    parser.set_defaults(noise_multiplier=1.0)  # the original has none, whatever a model's own default is


def check_original(args: argparse.Namespace) -> None:
    """Refuse flags that cannot be, and fill in those that were left out; nothing is loaded.

    Raises:
        InputError: If a flag has no value, counts or the quality are out of range, or standard input is to
            be read twice.
    """
    from sdjp import checks

    for name in ("prompt", "outdir"):
        if getattr(args, name) == "":
            raise InputError(
                f"{name}.no_value",
                ja=f"--{name} のあとに値を書いてください。",
                en=f"--{name} needs a value.",
            )
    file_form(args)
    checks.count("n_iter", args.n_iter, label="繰り返しの回数")
    checks.count("n_samples", args.n_samples, label="枚数")
    if args.from_file is None and args.prompt is None:
        args.prompt = PROMPT
    if args.from_file == "-" and args.n_iter != 1:
        raise InputError(
            "from_file.again",
            ja="標準入力は 1 度しか読めません。--n_iter 1 を指定するか、ファイルにしてください。",
            en="standard input can be read only once: give --n_iter 1, or a file.",
        )
    if args.from_file not in (None, "-"):
        next(prompts(args))  # it can be read, and there is something in it
    if args.outdir is None:
        args.outdir = args.default_outdir


def find_model(args: argparse.Namespace, places: Places = V1) -> None:
    """Settle ``--ckpt`` and ``--config``, where they are left out, as the original does.

    Raises:
        InputError: If the checkpoint is not where the original looks for it, or the configuration cannot be
            used.
    """
    from sdjp.weights.configs.ldm_yaml import read_ldm_yaml

    if args.model is None:
        if not Path(places.ckpt).exists():
            raise InputError(
                "ckpt.missing",
                ja=f"重み {places.ckpt} がありません。手元の重みを --ckpt に指定するか、次のように"
                f"リンクを置いてください。\n  mkdir -p {Path(places.ckpt).parent}\n"
                f"  ln -s <model.ckpt の場所> {places.ckpt}\n"
                "重みは、ライセンスに同意のうえ https://huggingface.co/CompVis から入手できます。"
                "付属の小さなモデルで試すには --ckpt mini を指定します。",
                en=f"there are no weights at {places.ckpt}. Give yours with --ckpt, or link them there:\n"
                f"  mkdir -p {Path(places.ckpt).parent}\n  ln -s <path/to/model.ckpt> {places.ckpt}\n"
                "They are at https://huggingface.co/CompVis, under a licence to agree to. "
                "To try the small embedded model, give --ckpt mini.",
            )
        args.model = places.ckpt
    if args.config is None and Path(args.model).is_file():
        if Path(places.config).exists():
            args.config = places.config
        else:
            say(ja=f"{places.config} がないので、モデルの構成は重みから調べます。",
                en=f"there is no {places.config}: the configuration is told from the weights.")  # fmt: skip
    if args.config is not None:
        read_ldm_yaml(args.config)  # a slip costs no loading


def load(args: argparse.Namespace) -> Pipeline:
    """Load the model and hold ``--C`` and ``--f`` against it.

    Raises:
        InputError: If they are not the model's.
        OutputError: If nothing can be written to ``--outdir``.
    """
    from sdjp.images import check_folder

    check_folder(args.outdir)  # a slip costs no loading
    pipe = make_pipeline(args)
    vae = pipe.config.vae
    for name, given, own in (("C", args.C, vae.latent_channels), ("f", args.f, vae.factor)):
        if given is not None and given != own:
            raise InputError(
                f"{name}.model",
                ja=f"--{name} {given} は、モデル {pipe.config.name} の {own} と違います。"
                f"--{name} {own} とするか、--{name} を省いてください。",
                en=f"--{name} {given} is not the {own} of the model {pipe.config.name}: "
                f"give --{name} {own}, or leave it out.",
            )
    ja, en = (
        ("EMA の重み", "averaged weights") if pipe.load_report.ema_used else ("通常の重み", "plain weights")
    )
    say(ja=f"モデル: {args.model}（{ja}）", en=f"model: {args.model} ({en})")
    return pipe


def batches(args: argparse.Namespace, pipe: Pipeline) -> Iterator[list[str]]:
    """The prompts of each batch: the prompt ``n_samples`` times, or so many lines of the file."""
    if args.from_file is None:
        yield [args.prompt] * args.n_samples
        return
    lines = drawable(args, pipe, prompts(args))
    while batch := list(islice(lines, args.n_samples)):
        yield batch


def together(batch: list[str]) -> dict[str, Any]:
    """A batch as arguments of ``Pipeline.generate``: one prompt several times is translated once."""
    if len(set(batch)) == 1:
        return {"prompt": batch[0], "num_images_per_prompt": len(batch)}
    return {"prompt": batch}


def draw_all(
    args: argparse.Namespace,
    pipe: Pipeline,
    generate: Callable[[list[str]], GenerationResult],
    stream: Stream,
    sampler: str,
) -> int:
    """Draw every batch ``n_iter`` times, save pictures and grid under the names of the original."""
    from sdjp.images import check_folder

    outdir = check_folder(args.outdir)
    samples = check_folder(outdir / "samples")
    count = len(list(samples.iterdir()))
    announced: set[str] = set()
    output, stopped = Output(verbose=args.verbose, form=file_form(args)), False
    try:
        for iteration in range(args.n_iter):
            for number, batch in enumerate(batches(args, pipe)):
                result = _signed(generate(batch), args.seed, sampler, iteration, number)
                stream.finish(sampler)
                for info in result.prompts:
                    if info is not None and info.source not in announced:
                        announced.add(info.source)
                        announce_prompt(info)
                output.take(result, None if args.skip_save else samples, at_least=count)
    except KeyboardInterrupt:
        stopped = True
        say_stopped(0 if args.skip_save else output.count)
    if output.kept and not args.skip_grid:
        output.save_grid(outdir, columns=args.n_rows if args.n_rows > 0 else args.n_samples)
    return 130 if stopped else 0


def _signed(
    result: GenerationResult, seed: int, sampler: str, iteration: int, batch: int
) -> GenerationResult:
    """Let each record tell where in the run its picture stands: the seed alone does not give it again."""
    from sdjp.records import Report

    def report(row: int) -> Report:
        return Report(
            name="random",
            status="done",
            ja=f"元のスクリプトと同じ乱数列（シード {seed}、{iteration + 1} 巡目、{batch + 1} 組目の"
            f" {row + 1} 枚目）で描きました。",
            en=f"drawn with the random numbers of the original script (seed {seed}, round {iteration + 1}, "
            f"batch {batch + 1}, picture {row + 1}).",
            data={"stream": "compvis", "seed": seed, "sampler": sampler, "iteration": iteration,
                  "batch": batch, "row": row, "rows": len(result)},
        )  # fmt: skip

    return dataclasses.replace(
        result,
        seeds=(seed,) * len(result),
        reports=tuple((*reports, report(row)) for row, reports in enumerate(result.reports)),
    )
