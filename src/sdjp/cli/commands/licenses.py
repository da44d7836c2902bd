"""``sdjp licenses``: what is installed, under which licences, and what follows from them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from sdjp import errors
from sdjp.cli.help import wrap
from sdjp.cli.parser import Parser
from sdjp.cli.speech import put, say

if TYPE_CHECKING:
    from sdjp.licences.model import ModelLicence
    from sdjp.licences.packages import Package

EMBEDDED: Final = "mini"  # as sdjp.weights calls it, which loads torch
WIDTH: Final = 100
HOW: Final[Mapping[str, tuple[str, str]]] = {
    "embedded": ("付属のモデル", "the embedded model"),
    "published": ("公開されている Stable Diffusion v1", "a published file of Stable Diffusion v1"),
    "file": ("重みのファイルの記録による", "by the metadata of the weights"),
    "card": ("モデルカードによる", "by its model card"),
    "text": ("ライセンスのファイルによる", "by its licence file"),
}
FAMILIES: Final[Mapping[str, tuple[str, str]]] = {
    "weak copyleft": ("書き換えた部分の公開を求めるもの", "asks for changes to be published"),
    "copyleft": ("一緒に配るものの公開を求めることがあるもの", "may ask for all that ships with it"),
    "proprietary": ("提供元の定めによるもの", "the terms of its maker"),
    "other": ("わからないもの", "not known"),
}


def parser() -> Parser:
    """The options of ``sdjp licenses``."""
    options = Parser(
        prog="sdjp licenses",
        description="Say what is installed and under which licences (code, weights, dictionaries, Python "
        "packages, the model in use), and what they ask of you if you draw pictures, ship sdjp, run it as a "
        "service, or pass weights on. Downloads nothing. No legal advice."
        if errors.get_language() == "en"
        else "入っているもの（コード、重み、辞書、Python パッケージ、使うモデル）のライセンスと、"
        "絵を描く、アプリを配る、サービスとして動かす、重みを渡すときに、"
        "それぞれ何をすればよいかを表示します。"
        "何もダウンロードしません。法的助言ではありません。",
    )
    options.option("--model", "--ckpt", dest="model", default=EMBEDDED, metavar="M",
                   ja="使うモデル（mini、ファイル、フォルダー、Hugging Face Hub の名前）",
                   en="the model in use: mini, a file, a folder, a name on the hub")  # fmt: skip
    options.option("--terms", action="store_true",
                   ja="CreativeML OpenRAIL-M の使用制限を引き継ぐ、利用規約の文例を出力する",
                   en="print terms that pass on the restrictions of CreativeML OpenRAIL-M")  # fmt: skip
    options.option("--attribution", action="store_true",
                   ja="「このアプリについて」などに貼る、出典の行を出力する",
                   en="print lines that name the sources, for an about page")  # fmt: skip
    options.option("--text", action="store_true", ja="モデルのライセンスの本文を出力する",
                   en="print the licence of the model in full")  # fmt: skip
    options.option("--json", action="store_true", ja="JSON で出力する", en="as JSON")
    options.option("--no-sha256", action="store_true",
                   ja="SHA-256 を計算しない（大きなファイルでも速い）",
                   en="do not compute SHA-256 (quick for large files, too)")  # fmt: skip
    return options


def run(args: argparse.Namespace) -> int:
    """Tell what was asked for; all of it, if nothing was."""
    from sdjp.licences.asked import overview

    model = licence_of(args.model, checksums=not args.no_sha256)
    parts = dict(_parts(args, model))
    if args.json:
        put(json.dumps({**overview(args.model, model), **parts}, ensure_ascii=False, indent=2))
    elif parts:
        put("\n\n".join(text.rstrip() for text in parts.values()))
    else:
        show(args.model, model)
    return 0


def licence_of(source: str, *, checksums: bool) -> ModelLicence:
    """The licence of a model; of the embedded one without loading torch."""
    from sdjp.licences.model import embedded

    if source == EMBEDDED:
        return embedded()
    from sdjp.weights.licence import licence_of

    return licence_of(source, checksums=checksums)


def _parts(args: argparse.Namespace, model: ModelLicence) -> Iterator[tuple[str, str]]:
    from sdjp.licences.catalogue import OPENRAIL
    from sdjp.licences.model import text_of
    from sdjp.licences.notice import attribution, model_attribution
    from sdjp.licences.terms import terms

    language = errors.get_language()
    if args.terms:
        yield "terms", terms(language)
    if args.attribution:
        lines = attribution(language)
        if model.how == "published":
            lines = f"{lines}\n\n{'Model' if language == 'en' else 'モデル'}:\n{model_attribution(language)}"
        yield "attribution", lines
    if args.text:
        text = text_of(model)
        if text is None:
            where = model.url or ""
            text = (
                f"The text is not here. See {where or 'the page that the model came from'}."
                if language == "en"
                else f"本文は手元にありません。{where or '入手元のページ'} をご覧ください。"
            )
        yield "text", text
    if args.terms and "model" in args.given and model.licence not in (None, OPENRAIL) and not args.json:
        say(
            ja=f"注意: {args.model} のライセンスは {model.name} です。この文例は CreativeML OpenRAIL-M の"
            "モデルのためのものです。",
            en=f"note: the licence of {args.model} is {model.name}; these terms are for models under the "
            "CreativeML OpenRAIL-M.",
            file=sys.stderr,
        )


def show(source: str, model: ModelLicence) -> None:
    """Print it for a person."""
    from sdjp._version import __version__
    from sdjp.licences.asked import asked
    from sdjp.licences.duties import NO_ADVICE, PROBLEM_PACKAGES, USES
    from sdjp.licences.packages import installed_for
    from sdjp.licences.shipped import ASSETS, CODE, folder

    english = errors.get_language() == "en"
    packages = installed_for()
    _heading(f"sdjp {__version__} とライセンス", f"sdjp {__version__} and its licences")
    say(ja=NO_ADVICE.ja, en=NO_ADVICE.en)

    _heading("入っているもの", "What is in the package")
    for item in (CODE, *ASSETS):
        say(ja=f"  {item.ja}: {item.terms.name}", en=f"  {item.en}: {item.terms.name}")
        for works, ja, en in ((item.parts_of, "もと", "from"), (item.learnt_from, "使ったもの", "made with")):
            if works:
                listed = ("; " if english else "、").join(f"{work.name} ({work.licence})" for work in works)
                _wrapped(f"{en if english else ja}: {listed}", indent=6)
    say(ja=f"  詳しくは: {folder() / 'NOTICE'}", en=f"  more: {folder() / 'NOTICE'}")

    _heading(f"使うモデル: {source}", f"The model in use: {source}")
    _show_model(model)

    _heading(
        f"Python パッケージ（sdjp が使うもの、{len(packages)} 個）",
        f"Python packages that sdjp uses ({len(packages)})",
    )
    _show_packages(packages)

    _heading("すること", "What to do")
    problems = [package.name for package in packages if package.family != "permissive"]
    for use, title in USES.items():
        say(ja=f"  {title.ja}:", en=f"  {title.en}:")
        rows = asked(use, model)
        for of, said in rows:
            _wrapped(f"- {f'{_visible(of)}: ' if of else ''}{said.en if english else said.ja}", indent=4)
        if use == "code" and problems:
            _wrapped(
                f"- {PROBLEM_PACKAGES.en if english else PROBLEM_PACKAGES.ja}{', '.join(problems)}", indent=4
            )
        if not rows:
            say(ja="    - 特にありません。", en="    - nothing.")
    say(
        ja="\n絵の使い方は法律にもよります: docs/ja/using-pictures.md\n"
        "規約の文例は --terms、出典の行は --attribution、モデルのライセンスの本文は --text で出せます。",
        en="\nWhat may be done with pictures is also a matter of law: docs/en/using-pictures.md\n"
        "--terms prints terms for applications, --attribution names the sources, --text the model's licence.",
    )


def _show_model(model: ModelLicence) -> None:
    if model.how == "unknown":
        say(
            ja="  ライセンスはわかりません。入手元のページで確かめてください。",
            en="  its licence is not known. Look where it came from.",
        )
        return
    ja, en = HOW[model.how]
    say(ja=f"  {_visible(model.name)}（{ja}）", en=f"  {_visible(model.name)} ({en})")
    for value in (model.url, model.text or model.where):
        if value is not None:
            say(ja=f"  {_visible(value)}", en=f"  {_visible(value)}")


def _show_packages(packages: tuple[Package, ...]) -> None:
    if not packages:
        say(
            ja="  sdjp がインストールされた記録がないため、わかりません。",
            en="  not known: there is no record that sdjp was installed.",
        )
    english = errors.get_language() == "en"
    groups: dict[str, list[str]] = {}
    for package in packages:
        groups.setdefault(package.licence or "", []).append(package.name)
    for licence, names in sorted(groups.items(), key=lambda row: (row[0] == "", -len(row[1]), row[0])):
        if licence:
            _wrapped(f"{_visible(licence)}: {', '.join(names)}", indent=2)
    for family, (ja, en) in FAMILIES.items():
        names = [package.name for package in packages if package.family == family]
        if names:
            _wrapped(f"{en if english else ja}: {', '.join(names)}", indent=2)
    for package in packages:
        if package.licence is None:
            files = ", ".join(package.files) or ("none" if english else "なし")
            _wrapped(
                f"{package.name}: {'licence files' if english else 'ライセンスのファイル'}: {files}", indent=4
            )


def _heading(ja: str, en: str) -> None:
    say(ja=f"\n■ {ja}", en=f"\n{en}")


def _wrapped(text: str, *, indent: int) -> None:
    space = " " * indent
    put("\n".join(wrap(space + text, WIDTH)))


def _visible(value: object) -> str:
    """A text from a model or a package is anybody's: no control characters reach the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))
