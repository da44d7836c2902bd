"""Files of pictures: names that are free and safe everywhere, and writing that leaves nothing half-done."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final

from sdjp.choices import OutputFormat
from sdjp.errors import InputError, OutputError, reason
from sdjp.images.encoding import ENDINGS, format_of

PICTURE: Final = "{:05d}"
"""Names of single pictures without their ending, as in the original: 00000.png, 00001.png …"""

GRID: Final = "grid-{:04d}"
"""Names of grids, as in the original: grid-0000.png …"""

# What Windows keeps for itself, whatever the ending.
_RESERVED: Final = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_LONGEST: Final = 200  # bytes of UTF-8; most file systems take 255, and writing needs room for an ending


def save_as(data: bytes, path: str | Path) -> Path:
    """Write a picture to a file that does not exist yet; it appears whole or not at all.

    Args:
        data: What :func:`~sdjp.images.encoding.encode` gave.
        path: The file.

    Raises:
        OutputError: If the file exists or cannot be written; nothing half-written is left behind.
    """
    path = Path(path)
    try:
        _write_new(data, path)
    except FileExistsError as error:
        raise OutputError(
            "output.exists",
            ja=f"{path} はすでにあります。上書きはしません。別の名前を指定してください。",
            en=f"{path} exists and is not overwritten. Choose another name.",
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise unwritable(path, error) from error
    return path


def save_new(
    data: bytes,
    folder: str | Path,
    *,
    format: OutputFormat = "png",
    pattern: str = PICTURE,
    at_least: int = 0,
) -> Path:
    """Write a picture under the next free number of a folder; processes that do so together never collide.

    Args:
        data: What :func:`~sdjp.images.encoding.encode` gave.
        folder: An existing folder.
        format: Of the picture, which decides the ending.
        pattern: :data:`PICTURE` or :data:`GRID`.
        at_least: The lowest number to take.

    Raises:
        OutputError: If it cannot be written.
    """
    folder, ending = Path(folder), ENDINGS[format][0]
    try:
        for number in count(max(_next_number(folder, pattern), at_least)):
            with suppress(FileExistsError):  # another process was faster: take the next number
                return _write_new(data, folder / f"{pattern.format(number)}{ending}")
    except (OSError, ValueError) as error:
        raise unwritable(folder, error) from error
    raise AssertionError  # count() does not end


def check_folder(folder: str | Path) -> Path:
    """Make a folder, if it is not there, and see that files can be written in it.

    Raises:
        InputError: If its name is empty.
        OutputError: If they cannot.
    """
    if folder == "":
        raise InputError(
            "output.empty",
            ja="保存先のフォルダーの名前が空です。名前を書いてください（いまいるフォルダーなら「.」）。",
            en="the name of the folder to write to is empty. Give one ('.' is the current folder).",
        )
    folder = Path(folder)
    probe = folder / _part_name("check")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch(exist_ok=False)
        probe.unlink()
    except (OSError, ValueError) as error:
        raise unwritable(folder, error) from error
    return folder


def check_names(
    names: Sequence[str], count: int, *, format: OutputFormat | None = None
) -> tuple[tuple[str, OutputFormat], ...]:
    """Refuse file names that some system cannot have; those without an ending of ours get that of the format.

    Args:
        names: The names.
        count: How many there should be.
        format: Of all; if None, each has the one that its ending stands for, or else PNG.

    Returns:
        Each name as the file is to have it, and its format.

    Raises:
        InputError: If there are not ``count`` of them, two are equal but for case, or one is unusable or has
            the ending of another format.
    """
    if isinstance(names, str) or len(names) != count:
        given = 1 if isinstance(names, str) else len(names)
        raise InputError(
            "names.count",
            ja=f"ファイル名は画像と同じ {count} 個のリストで指定してください（{given} 個）。",
            en=f"give a list of {count} file names, one for each picture, not {given}.",
        )
    found = [(name, format_of(name)) for name in names]
    for name, told in found:
        if None not in (format, told) and told != format:
            raise InputError(
                "names.format",
                ja=f"ファイル名 {name!r} の拡張子が、形式 {format!r} と合いません。どちらかに合わせるか、"
                "拡張子を付けない名前にしてください（付け足します）。",
                en=f"the ending of the file name {name!r} is not that of the format {format!r}. Change one "
                "of them, or leave the ending out: it is added.",
            )
    formats = [told or format or "png" for _, told in found]
    complete = tuple(
        name if told else f"{name}{ENDINGS[kind][0]}"
        for (name, told), kind in zip(found, formats, strict=True)
    )
    for name in complete:
        stem = name[: name.rindex(".")]
        unusable = not stem.strip(" .") or stem != stem.strip() or _FORBIDDEN.search(name)
        if unusable or _RESERVED.fullmatch(name) or len(name.encode("utf-8", "replace")) > _LONGEST:
            raise InputError(
                "names.unusable",
                ja=f'ファイル名 {name!r} は使えません。< > : " / \\ | ? * と制御文字、前後の空白、'
                f"CON や NUL などの予約名を避け、{_LONGEST} バイト以内にしてください。",
                en=f'the file name {name!r} cannot be used. Avoid < > : " / \\ | ? *, control characters, '
                "spaces at the ends and reserved names such as CON or NUL, and stay within "
                f"{_LONGEST} bytes.",
            )
    if len({name.casefold() for name in complete}) != count:
        raise InputError(
            "names.equal",
            ja="同じファイル名が二つ以上あります（大文字と小文字は区別しません）。",
            en="two of the file names are equal (case does not count).",
        )
    return tuple(zip(complete, formats, strict=True))


def _write_new(data: bytes, path: Path) -> Path:
    """Write beside the target, claim its name, then move: a reader never sees half a picture."""
    part = path.with_name(_part_name(path.name))
    try:
        with part.open("xb") as file:
            file.write(data)
        with path.open("xb"):  # fails if the name is taken; from here on it is ours
            pass
        try:
            os.replace(part, path)
        except OSError:
            path.unlink()
            raise
    finally:
        with suppress(OSError):
            part.unlink()
    return path


def _part_name(name: str) -> str:
    return f".{name}.{secrets.token_hex(4)}.part"


def _next_number(folder: Path, pattern: str) -> int:
    """One more than the highest number in use, whatever the format: the order is the order of time."""
    prefix, _ = re.split(r"\{.*\}", pattern)
    endings = "|".join(re.escape(ending) for endings in ENDINGS.values() for ending in endings)
    number = re.compile(f"{re.escape(prefix)}([0-9]+)(?:{endings})", re.IGNORECASE)
    found = (number.fullmatch(name) for name in os.listdir(folder))
    return max((int(match[1]) for match in found if match), default=-1) + 1


def unwritable(path: Path, error: Exception) -> OutputError:
    """The error for a file or folder that cannot be written."""
    ja, en = reason(error)
    return OutputError(
        "output.unwritable",
        ja=f"{path} に保存できません（{ja}）。"
        "書き込みの権限と空き容量を確かめるか、別のフォルダーを指定してください。",
        en=f"cannot write to {path} ({en}). "
        "Check the permissions and the free space, or choose another folder.",
    )
