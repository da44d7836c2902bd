"""The file of a user's own words: where it is, and adding to it, taking away, merging.

It is a table as ``lexicon_table.user_table`` reads it. The command line keeps and uses it; the library reads
it only if it is told to (``user_lexicon=words_path()``), so that a program says the same for everyone.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from sdjp.errors import InputError, OutputError, reason
from sdjp.text.script import has_letters, is_japanese
from sdjp.text.translate.lexicon_table import Entry, Table, spelling, spellings, user_rows, user_table

VARIABLE: Final = "SDJP_WORDS"
"""The environment variable that puts the file elsewhere."""
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""What ends a line of a table, or cannot be written in one."""


class Merged(NamedTuple):
    """What became of the words that were merged into a file.

    Attributes:
        new: Those that it did not have.
        changed: Those that it had otherwise, as they were and as they are.
        same: Those that it had already.
    """

    new: tuple[Entry, ...]
    changed: tuple[tuple[Entry, Entry], ...]
    same: tuple[Entry, ...]


def words_path() -> Path:
    """Return where the command line keeps the user's own words; there need be no such file.

    ``SDJP_WORDS`` names the file. Without it, it is ``sdjp/words.tsv`` in the user's folder of settings:
    ``%APPDATA%`` on Windows, ``~/Library/Application Support`` on macOS, elsewhere ``XDG_CONFIG_HOME`` or
    ``~/.config``.
    """
    given = os.environ.get(VARIABLE)
    return Path(os.path.expanduser(given)) if given else _settings() / "sdjp" / "words.tsv"


def _settings() -> Path:
    if sys.platform == "darwin":
        return Path(os.path.expanduser("~/Library/Application Support"))
    windows = sys.platform.startswith("win")
    folder = os.environ.get("APPDATA" if windows else "XDG_CONFIG_HOME", "")
    if os.path.isabs(folder):  # the XDG standard has others passed over
        return Path(folder)
    return Path(os.path.expanduser("~/AppData/Roaming" if windows else "~/.config"))


def read_words(path: Path) -> Table:
    """Return the words of a file; none, if it is not there.

    Raises:
        InputError: If it cannot be read.
    """
    return user_table(path) if os.path.exists(path) else {}


def one_word(ja: str, english: str, category: str = "") -> Table:
    """Return a table of one word, which may have several spellings with commas between them.

    Raises:
        InputError: If it cannot be a line of a table, or says nothing.
    """
    if _CONTROLS.search(ja + english):
        raise _refused(
            ja, "語と英語に改行やタブは入れられません", "there can be no line breaks or tabs in it"
        )
    if not any(map(has_letters, ja.split(","))):
        raise _refused(ja, "語に文字がありません", "there is no letter in the word")
    table = user_rows([(repr(ja), [ja, english, category])], "words")
    check_words(table)
    return table


def check_words(table: Table) -> None:
    """See that each word can be the beginning of a line, and that what stands for it is English.

    Raises:
        InputError: If one cannot, or Japanese stands there, or nothing that says anything.
    """
    for word, (entry, *_) in table.items():
        if word.startswith("#"):  # a line that begins so is a note
            raise _refused(word, "語を # で始めることはできません", "it cannot begin with #")
        if is_japanese(entry.english) or not has_letters(entry.english):
            raise _refused(
                word, f"訳「{entry.english}」は英語ではありません", f"{entry.english!r} is not English"
            )


def _refused(word: str, ja: str, en: str) -> InputError:
    return InputError(
        "words.refused",
        ja=f'{word!r} を登録できません。{ja}。例: sdjp words add ぽちまる "a small white Shiba Inu"',
        en=f"{word!r} cannot be a word: {en}. For example: sdjp words add POCHI 'a small white Shiba Inu'",
    )


def merge(path: Path, table: Table) -> Merged:
    """Put words into a file, which is made if it is not there; those that it has are replaced.

    Raises:
        InputError: If what is there is no table of words; it stays as it is.
        OutputError: If it cannot be written.
    """
    had = read_words(path)
    pairs = [(had[word][0] if word in had else None, entries[0]) for word, entries in table.items()]
    merged = Merged(
        new=tuple(entry for before, entry in pairs if before is None),
        changed=tuple((before, entry) for before, entry in pairs if before is not None and before != entry),
        same=tuple(entry for before, entry in pairs if before == entry),
    )
    fresh = [*merged.new, *(entry for _, entry in merged.changed)]
    if fresh:
        write_lines(path, [*_without(path, [entry.ja for entry in fresh]), *map(as_line, fresh)])
    return merged


def remove(path: Path, word: str) -> Entry:
    """Take one word out of a file, and return what it was.

    Raises:
        InputError: If it is not in there, or what is there is no table of words.
        OutputError: If it cannot be written.
    """
    key, had = spelling(word), read_words(path)
    if key not in had:
        raise InputError(
            "words.absent",
            ja=f"「{word}」は自分の語にありません（{path}）。sdjp words で一覧を表示します。",
            en=f"{word!r} is none of your own words ({path}). sdjp words lists them.",
        )
    write_lines(path, _without(path, [key]))
    return had[key][0]


def as_line(entry: Entry) -> str:
    """An entry as the line of a table."""
    marks = (f"{name}={value.replace(' ', '_')}" if value else name for name, value in entry.features.items())
    return "\t".join([entry.ja, entry.english, entry.category, " ".join(marks)]).rstrip("\t")


def _without(path: Path, words: Collection[str]) -> list[str]:
    """The lines of a file without these words; the user's notes, and other spellings of a line, stay."""
    lines = []
    for line in path.read_text(encoding="utf-8-sig").splitlines() if os.path.exists(path) else ():
        first, tab, rest = line.partition("\t")
        kept = [s for s in spellings(first) if spelling(s) not in words]
        if line.startswith("#") or not line.strip() or len(kept) == len(spellings(first)):
            lines.append(line)
        elif kept:
            lines.append(f"{','.join(kept)}{tab}{rest}")
    return lines


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a table beside the old one, and put it in its place: nobody finds half of it.

    Raises:
        OutputError: If it cannot be written; what was there stays.
    """
    target = Path(os.path.realpath(path))  # a link to the file stays one
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with part.open("x", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    except OSError as error:
        ja, en = reason(error)
        raise OutputError(
            "words.write",
            ja=f"{path} に書き込めません（{ja}）。場所は環境変数 {VARIABLE} で変えられます。",
            en=f"cannot write {path} ({en}). The environment variable {VARIABLE} puts it elsewhere.",
        ) from error
    finally:
        with suppress(OSError):
            part.unlink()
