"""``sdjp batch``: draw a whole file of prompts, on one machine or many, none lost, none twice."""

from __future__ import annotations

import argparse
import signal
import sys
from typing import TYPE_CHECKING, Any

from sdjp import errors
from sdjp.cli.options import (
    form_options,
    generation_arguments,
    large_options,
    lora_option,
    model_arguments,
    model_options,
    preset_options,
    sampling_options,
    translation_options,
)
from sdjp.cli.parser import Parser
from sdjp.cli.report import announce_load
from sdjp.cli.speech import say
from sdjp.errors import InputError
from sdjp.options import OPTIONS

if TYPE_CHECKING:
    from sdjp.batch import BatchSummary, Engine
    from sdjp.batch.item import Refused
    from sdjp.batch.sinks import Event
    from sdjp.batch.spec import Job
    from sdjp.cli.batch_progress import Reporter
    from sdjp.pipeline import Pipeline


def parser() -> Parser:
    """The options of ``sdjp batch``."""
    en = errors.get_language() == "en"
    options = Parser(
        prog="sdjp batch",
        description="Draw every prompt of a file (.txt, .jsonl, .csv, .parquet). Whatever stops it, the same "
        "command goes on where it was: no picture is drawn twice, none is lost."
        if en
        else "ファイル（.txt、.jsonl、.csv、.parquet）に書いたプロンプトを、全部描きます。何で止まっても、"
        "同じコマンドで続きから描きます。同じ絵を 2 度描くことも、絵をなくすこともありません。",
    )
    options.option("file", nargs="?", metavar="FILE",
                   ja="プロンプトのファイル（id と、行ごとの設定も書ける）",
                   en="the file of prompts (rows may have an id and options of their own)")  # fmt: skip
    options.option("--out", "-o", required=True, metavar="D",
                   ja="ジョブのフォルダー（s3:// なども可）",
                   en="the folder of the job (or s3:// …)")  # fmt: skip
    options.option("--format", choices=("txt", "jsonl", "csv", "parquet"),
                   ja="ファイルの形式（省略時は名前から）",
                   en="form of the file (by its name, if left out)")  # fmt: skip
    options.option("--strict", action="store_true",
                   ja="描けない行が 1 つでもあれば、何も描かずに終わる",
                   en="draw nothing if a single row cannot be drawn")  # fmt: skip
    options.option("--shard", type=int, metavar="N",
                   ja="N 枚ずつ 1 つの tar にまとめる（WebDataset の形。省略時は 1 枚ずつのファイル）",
                   en="put N pictures in one tar file (WebDataset; single files, if left out)")  # fmt: skip
    form_options(options, flag="--picture-format")
    _modes(options)
    _engine(options)
    translation_options(options)
    options.generation("negative_prompt", "--negative", metavar="PROMPT")
    options.generation("num_images_per_prompt", "-n", metavar="N")
    options.generation("width", "-W", "--width", metavar="PX")
    options.generation("height", "-H", "--height", metavar="PX")
    sampling_options(options)
    options.generation("spacing", "--spacing", metavar="NAME")
    options.generation("eta", "--eta")
    options.generation("noise_multiplier", "--noise-multiplier")
    preset_options(options, turbo=False)
    large_options(options)
    lora_option(options)
    model_options(options, engine="--compute")
    return options


def _modes(options: Parser) -> None:
    """What to do instead of drawing."""
    options.option("--dry-run", action="store_true",
                   ja="描かずに、読まれ方の例 10 個と、かかる時間や大きさの見積もりを表示する",
                   en="draw nothing; show how ten rows are read, and an estimate")  # fmt: skip
    options.option("--verify", action="store_true",
                   ja="描いた絵をすべて読んで確かめ、どの記録にもないファイルを片付ける",
                   en="read every picture and check it, and remove files that no record names")  # fmt: skip
    options.option("--manifest", action="store_true",
                   ja="一覧（manifest）とまとめのページを作り直す",
                   en="make the manifest and the summary anew")  # fmt: skip


def _engine(options: Parser) -> None:
    """What draws, and how much of it at once."""
    options.option("--engine", dest="batch_engine", choices=("local", "ray"), default="local",
                   ja="描かせる相手: このマシンのプロセス（local）か、Ray のクラスター（ray）",
                   en="what draws: processes of this machine (local), or a cluster of Ray (ray)")  # fmt: skip
    options.option("--workers", type=int, metavar="N",
                   ja="ワーカーの数（省略時はプロセッサーか GPU の数）",
                   en="workers (as many as processors or GPUs, if left out)")  # fmt: skip
    options.option("--threads", type=int, metavar="N", ja="ワーカー 1 つのスレッドの数",
                   en="threads of each worker")  # fmt: skip
    options.option("--batch-size", type=int, default=4, metavar="N", ja="一度に描く枚数",
                   en="pictures drawn together")  # fmt: skip
    options.option("--tries", type=int, default=3, metavar="N", ja="失敗した絵を試す回数",
                   en="how often a picture that fails is tried")  # fmt: skip
    options.option("--address", metavar="A",
                   ja="Ray のクラスター（auto、ホスト:6379。省略時はこのマシンに作る）",
                   en="the cluster of Ray (auto, HOST:6379; one of this machine, if left out)")  # fmt: skip
    options.option("--ship-weights", action="store_true",
                   ja="重みをクラスターの各ノードに送る（共有の場所にない場合）",
                   en="send the weights to each node (if they are in no shared place)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Draw, or do what else was asked for."""
    chosen = [name for name in ("dry_run", "verify", "manifest") if getattr(args, name)]
    if len(chosen) > 1:
        flags = " ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise InputError(
            "batch.modes",
            ja=f"{flags} は一緒には使えません。1 つずつ実行してください。",
            en=f"{flags} cannot go together. Run them one by one.",
        )
    if args.verify:
        return _verify(args)
    if args.manifest:
        return _manifest(args)
    if args.file is None:
        raise InputError(
            "batch.file",
            ja="プロンプトのファイルを指定してください（例: sdjp batch prompts.txt --out pictures）。",
            en="give a file of prompts (for example: sdjp batch prompts.txt --out pictures).",
        )
    arguments: dict[str, Any] = {
        "options": _options(args),
        "model": model_arguments(args),
        "seed": args.seed,
        "format": args.format,
        "picture_format": args.picture_format,
        "quality": args.quality,
        "engine": _engine_of(args),
    }
    if args.dry_run:
        from sdjp.batch.estimate import dry_run
        from sdjp.cli.batch_estimate import announce_dry_run

        announce_dry_run(dry_run(args.file, args.out, **arguments))
        return 0
    from sdjp.batch import run_batch

    told = _Told()
    signal.signal(signal.SIGTERM, _interrupt)  # of a machine that is taken away: as Ctrl-C
    try:
        summary = run_batch(
            args.file, args.out, **arguments, shard=args.shard, strict=args.strict, watch=told.watch
        )
    except KeyboardInterrupt:
        told.close()
        say(
            ja="描き終えた絵は残っています。同じコマンドで続きから描きます。",
            en="what is drawn stays; the same command goes on from there.",
            file=sys.stderr,
        )
        raise
    finally:
        told.close()
    return _conclude(summary)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class _Told:
    """Says how a job goes: what is refused, and then each picture."""

    def __init__(self) -> None:
        from sdjp.batch import Watch

        self.watch = Watch(loaded=self._load, planned=self._plan, refused=self._refuse, event=self._tell)
        self._refused = 0
        self._reporter: Reporter | None = None

    def close(self) -> None:
        """End the line that is rewritten."""
        if self._reporter is not None:
            self._reporter.close()
            self._reporter = None

    def _load(self, pipe: Pipeline) -> None:
        announce_load(pipe.load_report)

    def _refuse(self, row: Refused) -> None:
        from sdjp.cli.batch_progress import TOLD

        self._refused += 1
        if self._refused <= TOLD:
            say(
                ja=f"{row.row:,} 行目は描けません: {row.error['ja']}",
                en=f"row {row.row:,} cannot be drawn: {row.error['en']}",
                file=sys.stderr,
            )
        elif self._refused == TOLD + 1:
            say(
                ja="これより先の描けない行は、数だけを数えます。理由は一覧（manifest）に残ります。",
                en="further rows that cannot be drawn are only counted; the manifest has the reasons.",
                file=sys.stderr,
            )

    def _plan(self, job: Job, done: int) -> None:
        from sdjp.batch.progress import Progress
        from sdjp.cli.batch_progress import Reporter

        total = job.count - job.refused
        if done:
            say(
                ja=f"{total:,} 枚のうち {done:,} 枚は描き終えています。続きから描きます。",
                en=f"{done:,} of {total:,} pictures are there already; going on from there.",
                file=sys.stderr,
            )
        self._reporter = Reporter(Progress(total, done_before=done))

    def _tell(self, event: Event) -> None:
        if self._reporter is not None:
            self._reporter.tell(event)


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """The options for all rows: those that are not as they are anyway."""
    given = generation_arguments(args)
    return {name: value for name, value in given.items() if value != OPTIONS[name].default}


def _engine_of(args: argparse.Namespace) -> Engine:
    from sdjp.batch.run import Engine

    if args.batch_engine == "local" and (args.address is not None or args.ship_weights):
        raise InputError(
            "batch.address",
            ja="--address と --ship-weights は --engine ray と一緒に指定してください。",
            en="--address and --ship-weights are for --engine ray.",
        )
    return Engine(
        name=args.batch_engine,
        workers=args.workers,
        threads=args.threads,
        batch=args.batch_size,
        tries=args.tries,
        address=args.address,
        ship_weights=args.ship_weights,
    )


def _conclude(summary: BatchSummary) -> int:
    """Say what became of the job; 0 if every row is a picture."""
    say(
        ja=f"{summary.drawn:,} 枚の絵があります（失敗 {summary.failed:,}、まだ {summary.missing:,}、"
        f"描けない行 {summary.refused:,}）。",
        en=f"{summary.drawn:,} pictures are there (failed: {summary.failed:,}, not yet drawn: "
        f"{summary.missing:,}, rows that cannot be drawn: {summary.refused:,}).",
    )
    say(ja=f"一覧: {summary.out}/{summary.manifest}", en=f"manifest: {summary.out}/{summary.manifest}")
    say(ja=f"まとめ: {summary.out}/{summary.page}", en=f"summary: {summary.out}/{summary.page}")
    if summary.manifest.endswith(".jsonl"):
        say(
            ja='一覧を Parquet にするには、pip install "sdjp[batch]" のあと、--manifest を実行してください。',
            en='For a manifest in Parquet, pip install "sdjp[batch]" and make it anew with --manifest.',
            file=sys.stderr,
        )
    if not summary.complete:
        say(
            ja="描けていない絵は、同じコマンドをもう一度実行すると、あらためて描きます。",
            en="Run the same command again for those that are not drawn.",
            file=sys.stderr,
        )
    return 0 if summary.complete and not summary.refused else 2


def _verify(args: argparse.Namespace) -> int:
    """Look at all pictures; 0 if all that is recorded is true."""
    from sdjp.batch import verify_batch

    found = verify_batch(args.out)
    for finding in found.findings:
        say(ja=finding.ja, en=finding.en, file=sys.stderr)
    others = found.foreign + found.strangers
    say(
        ja=f"{found.pictures:,} 枚は記録のとおりです（壊れたもの {found.damaged:,}、なくなったもの "
        f"{found.missing:,}、片付けた残り {found.orphans:,}、ほかのファイル {others:,}）。",
        en=f"{found.pictures:,} pictures are as they were recorded (damaged: {found.damaged:,}, missing: "
        f"{found.missing:,}, leftovers removed: {found.orphans:,}, other files: {others:,}).",
    )
    return found.exit_code


def _manifest(args: argparse.Namespace) -> int:
    """Make the manifest and the summary anew."""
    from sdjp.batch import conclude_batch

    return _conclude(conclude_batch(args.out))
