"""The options of ``sdjp serve`` and ``sdjp ui``, and the server that they ask for."""

from __future__ import annotations

import argparse
import dataclasses
import math
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sdjp.cli.controls import controlnet_folder
from sdjp.cli.image_prompts import adapter_options
from sdjp.cli.options import make_pipeline, model_options, translator_option, words_option
from sdjp.cli.parser import Parser
from sdjp.cli.speech import say
from sdjp.errors import MissingDependencyError
from sdjp.server.limits import FLAGS, Limits
from sdjp.server.settings import BATCH, HOST, KEEP_BYTES, KEEP_DAYS, PORT, Settings, data_folder
from sdjp.server.tokens import VARIABLE, read_tokens

if TYPE_CHECKING:
    from sdjp.pipeline import Pipeline

_MIB: Final = 2**20
_GB: Final = 10**9


def server_options(parser: Parser) -> None:
    """Where the server listens, who may use it, what it keeps, and how much may be asked of it."""
    parser.option("--host", default=HOST, metavar="ADDRESS",
                  ja="待ち受けるアドレス（0.0.0.0 なら、ほかの機械からも使える。--token が必要）",
                  en="address to listen on (0.0.0.0: other machines may use it; needs --token)")  # fmt: skip
    parser.option("--port", type=int, default=PORT, metavar="N",
                  ja="ポート（0 なら空いているもの）", en="port (0: one that is free)")  # fmt: skip
    access_options(parser)
    proxy_options(parser)
    storage_options(parser)
    limit_options(parser)
    parser.option("--batch", type=int, default=BATCH, metavar="N",
                  ja="一度に描く枚数の上限（絵は変わらない）",
                  en="pictures drawn at once, at most (they stay the same)")  # fmt: skip
    parser.option("--no-previews", dest="previews", action="store_false",
                  ja="描いている途中の絵を見せない",
                  en="do not show pictures while they are drawn")  # fmt: skip
    parser.option("--log-prompts", action="store_true",
                  ja="プロンプトもログに書く", en="write prompts into the log, too")  # fmt: skip
    parser.option("--models", metavar="D",
                  ja="モデルのファイルがあるフォルダー（使うものを画面や API から選べる）",
                  en="folder of models, to be chosen among in the page or by the API")  # fmt: skip
    translator_option(parser)
    words_option(parser)
    model_options(parser, safety="blur")
    controlnet_folder(parser)
    adapter_options(parser)


def access_options(parser: Parser) -> None:
    """Who may use the server."""
    parser.option("--token", action="append", default=[], metavar="NAME:SECRET",
                  ja="使う人の名前とトークン（16 文字以上。何度でも指定できる。"
                     f"環境変数 {VARIABLE} でもよい）。指定すると、トークンのない人は使えない",
                  en=f"name and token of who may use it, 16 characters and more (may be given several times; "
                     f"or {VARIABLE} in the environment); nobody else may")  # fmt: skip
    parser.option("--tokens", metavar="F", ja="1 行に 1 つの 名前:トークン を書いたファイル",
                  en="a file with one NAME:SECRET on each line")  # fmt: skip
    parser.option("--host-name", "--host_name", dest="hosts", action="append", default=[], metavar="NAME",
                  ja="このサーバーを呼ぶときの名前（例: pc.local。何度でも指定できる）",
                  en="a name that this server is called by, such as pc.local (may be given several times)",
                  )  # fmt: skip
    parser.option("--origin", dest="origins", action="append", default=[], metavar="ORIGIN",
                  ja="このサーバーを使ってよい、ほかのサイトのページ（例: https://example.com。"
                     "何度でも指定できる）",
                  en="pages of another site that may use it, such as https://example.com (may be given "
                     "several times)")  # fmt: skip


def proxy_options(parser: Parser) -> None:
    """A reverse proxy before the server."""
    parser.option("--behind-proxy", nargs="?", const="127.0.0.1,::1", metavar="ADDRESSES",
                  ja="リバースプロキシーが知らせる相手のアドレスと https を信じる"
                     "（ADDRESSES はプロキシーのアドレス。省略時はこの機械）",
                  en="believe what a reverse proxy says of the client's address and https (ADDRESSES: the "
                     "proxy's; this machine, if left out)")  # fmt: skip
    parser.option("--root-path", metavar="PATH",
                  ja="リバースプロキシーがこのサーバーを置いているパス（例: /sdjp）",
                  en="path that a reverse proxy has the server under, such as /sdjp")  # fmt: skip


def storage_options(parser: Parser) -> None:
    """What is kept, where and for how long."""
    parser.option("--data", metavar="D",
                  ja="絵と順番待ちを置くフォルダー（省略時はユーザーのデータのフォルダーの sdjp/server）",
                  en="folder of pictures and of what waits (sdjp/server in your folder of data, if left out)",
                  )  # fmt: skip
    parser.option("--keep-days", type=_number_or_none, default=f"{KEEP_DAYS:g}", metavar="N",
                  ja="星のない絵を残しておく日数（none なら、ずっと）",
                  en="days that pictures without a star are kept (none: for ever)")  # fmt: skip
    parser.option("--keep-gb", type=_number_or_none, default=f"{KEEP_BYTES / _GB:g}", metavar="N",
                  ja="絵を残しておく大きさの上限（GB。超えると古いものから消す。none なら、いくらでも）",
                  en="gigabytes of pictures that are kept; the oldest go first (none: without bound)",
                  )  # fmt: skip


def limit_options(parser: Parser) -> None:
    """How much may be asked for."""
    own = Limits()
    for name, metavar, ja, en in (
        ("max_pixels", "N", "絵の 幅 × 高さ の上限（ピクセル）", "most pixels of a picture, width × height"),
        ("max_steps", "N", "ステップ数の上限", "most steps"),
        ("max_prompt", "N", "プロンプトの文字数の上限", "most characters of a prompt"),
        ("max_pictures", "N", "1 回に頼める枚数の上限", "most pictures of one request"),
        ("max_queue", "N", "順番待ちの上限（件）", "most jobs that wait"),
        ("max_picture_pixels", "N", "送られてくる絵の 幅 × 高さ の上限（ピクセル）",
         "most pixels of a picture that is sent, width × height"),
    ):  # fmt: skip
        parser.option(FLAGS[name], type=int, default=getattr(own, name), metavar=metavar, ja=ja, en=en)
    parser.option(FLAGS["max_body"], type=int, default=own.max_body // _MIB, metavar="MIB",
                  ja="リクエストの大きさの上限（MiB）", en="most mebibytes of a request")  # fmt: skip


def settings_of(args: argparse.Namespace) -> Settings:
    """The set-up that a command line asks for.

    Raises:
        InputError: If it cannot be, or would let everyone in.
    """
    return Settings.checked(
        host=args.host,
        port=args.port,
        tokens=read_tokens(
            args.token, file=None if args.tokens is None else Path(args.tokens), environment=os.environ
        ),
        hosts=tuple(args.hosts),
        origins=tuple(args.origins),
        data=data_folder() if args.data is None else Path(args.data).absolute(),
        keep_days=args.keep_days,
        keep_bytes=_bytes(args.keep_gb),
        batch=args.batch,
        previews=args.previews,
        log_prompts=args.log_prompts,
        safety=args.safety,
        root_path=args.root_path or "",
        behind_proxy=args.behind_proxy or "",
    )


def limits_of(args: argparse.Namespace) -> Limits:
    """The caps that a command line asks for.

    Raises:
        InputError: If one is no number of things.
    """
    return Limits(**{name: getattr(args, name) * (_MIB if name == "max_body" else 1) for name in FLAGS})


def check_server() -> None:
    """Refuse to start where the packages of the server are not installed.

    Raises:
        MissingDependencyError: If one of them is not.
    """
    missing = [name for name in ("starlette", "uvicorn", "python_multipart") if find_spec(name) is None]
    if missing:
        names = ", ".join(name.replace("_", "-") for name in missing)
        raise MissingDependencyError(
            "server.packages",
            ja=f'サーバーには {names} が必要です。「pip install "sdjp[server]"」を実行してください。',
            en=f'the server needs {names}: pip install "sdjp[server]"',
        )


def loader(args: argparse.Namespace) -> Callable[[str | Path], Pipeline]:
    """What loads a model for the server as the command line has it.

    What belongs to one model, its ``--config`` and its ``--vae``, is for that of ``--model`` alone; an
    IP-Adapter fits all but the embedded one. Unless ``--safety`` is given, pictures of a model that has no
    checker are shown, and said to be unchecked.
    """

    def load(source: str | Path) -> Pipeline:
        from sdjp.weights import EMBEDDED_MODEL

        own: dict[str, None] = {}
        if not is_same_model(str(source), args.model):
            own = dict.fromkeys(("config", "vae"))
            if str(source) == EMBEDDED_MODEL:
                own.update(dict.fromkeys(("ip_adapter", "image_encoder")))
        pipe = make_pipeline(argparse.Namespace(**{**vars(args), "model": str(source), **own}))
        return pipe if "safety" in args.given else _unhidden(pipe)

    return load


def _unhidden(pipe: Pipeline) -> Pipeline:
    """The pipeline, which hides no pictures only because it has no checker that could look at them."""
    from sdjp.postprocess import SafetyCheck

    pipe.postprocessors = tuple(
        dataclasses.replace(one, mode="flag") if isinstance(one, SafetyCheck) and one.checker is None else one
        for one in pipe.postprocessors
    )
    return pipe


def is_same_model(source: str, given: str) -> bool:
    """Whether a model that is to be loaded is the one that ``--model`` names: by its path, or its name in the
    folder of models.
    """
    if given in (source, os.path.basename(source), Path(source).stem):
        return True
    return os.path.exists(source) and os.path.exists(given) and os.path.samefile(source, given)


def say_where(settings: Settings) -> None:
    """Say where the page and the API are, and how to stop the server."""
    from sdjp.server.addresses import address_of, url_of

    own, others = url_of(settings), address_of(settings)
    say(ja=f"動いています: {own}", en=f"running at {own}")
    if others is not None:
        say(ja=f"ほかの機械からは: {others}", en=f"from other machines: {others}")
    if settings.tokens:
        say(
            ja="トークンが必要です。ブラウザーでは、アドレスに ?token=トークン を付けて開いてください。",
            en="a token is needed: in a browser, open the address with ?token=TOKEN at its end.",
        )
    say(ja="止めるには、ここで Ctrl-C を押してください。", en="press Ctrl-C here to stop it.")


def say_stopping() -> None:
    """Say that it takes a moment to stop."""
    say(
        ja="終了します。描いている途中の絵は、描き終えて保存します（すぐに止めるには、もう一度 Ctrl-C）。",
        en="stopping, when what is being drawn is finished and kept (Ctrl-C again stops at once).",
    )


def say_left(jobs: int) -> None:
    """Say what becomes of the jobs that still wait."""
    if jobs:
        say(
            ja=f"順番待ちの {jobs} 件は、次に起動したときに描きます。",
            en=f"{jobs} jobs are waiting and will be drawn after the next start.",
        )


def _bytes(gigabytes: float | None) -> int | None:
    """A bound in bytes; what is none is left for the settings to refuse."""
    if gigabytes is None or not math.isfinite(gigabytes):
        return None if gigabytes is None else 0
    return round(gigabytes * _GB)


def _number_or_none(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid float value: {text!r}") from None
