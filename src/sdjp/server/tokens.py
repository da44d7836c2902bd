"""The secrets of a server: where they are read from, and which are strong enough."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from sdjp.errors import InputError, reason

VARIABLE: Final = "SDJP_TOKEN"
"""The environment variable that holds a token."""
LOCAL: Final = "local"
"""Who owns the jobs where no tokens are asked for, and of a token without a name."""
SHORTEST: Final = 16
_LONGEST: Final = 512
_FEWEST: Final = 6  # different characters
_SECRET: Final = re.compile(
    r"[A-Za-z0-9._~+/=-]+"
)  # what may follow "Bearer " (RFC 6750, 2.1), and be a cookie
_OWNER: Final = re.compile(r"[\w.-]{1,64}")


def suggestion() -> str:
    """Return a token that nobody guesses."""
    return secrets.token_urlsafe(24)


def read_tokens(
    given: Iterable[str] = (), *, file: Path | None = None, environment: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Gather the tokens of a server, each of them ``NAME:SECRET``, or a secret alone.

    Args:
        given: Those of the command line.
        file: A file with one a line; empty lines and those that begin with ``#`` are passed over.
        environment: Where :data:`VARIABLE` is looked for.

    Returns:
        The secret of each name.

    Raises:
        InputError: If the file cannot be read or has none, a token cannot be used, or two names or two
            secrets are the same.
    """
    lines = [*given]
    if file is not None:
        lines += _lines(file)
    own = (environment or {}).get(VARIABLE, "").strip()
    if own:
        lines.append(own)
    tokens: dict[str, str] = {}
    for line in lines:
        name, colon, secret = line.strip().partition(":")
        owner, token = (name, secret) if colon else (LOCAL, name)
        check_token(owner, token)
        if owner in tokens or token in tokens.values():
            raise InputError(
                "token.twice",
                ja=f"トークンの名前 {owner}、またはその合い言葉が、2 度指定されています。"
                "--token 名前:合い言葉 のように、それぞれ別にしてください。",
                en=f"the token named {owner}, or its secret, is given twice. Each needs its own: "
                "--token NAME:SECRET.",
            )
        tokens[owner] = token
    return tokens


def check_token(owner: str, token: str) -> None:
    """Refuse a token that is easy to guess, or that clients could not send.

    Raises:
        InputError: ``token.name``, ``token.characters`` or ``token.weak``; the secret is not in its text.
    """
    if not _OWNER.fullmatch(owner):
        raise InputError(
            "token.name",
            ja="トークンの名前は、空白と記号を含まない 64 文字までにしてください（. - _ は使えます）。"
            f"例: --token me:{suggestion()}",
            en="the name of a token has up to 64 letters and digits (and . - _). "
            f"For example: --token me:{suggestion()}",
        )
    if token and not _SECRET.fullmatch(token):
        raise InputError(
            "token.characters",
            ja=f"{owner} のトークンに、使えない文字があります。半角の英数字と . _ ~ + / = - だけに"
            f"してください。例: --token {owner}:{suggestion()}",
            en=f"the token of {owner} has characters that cannot be sent. Use letters, digits and . _ ~ + / "
            f"= - only. For example: --token {owner}:{suggestion()}",
        )
    if not SHORTEST <= len(token) <= _LONGEST or len(set(token)) < _FEWEST:
        raise InputError(
            "token.weak",
            ja=f"{owner} のトークンは簡単に当てられます（{SHORTEST} 文字以上、{_FEWEST} 種類以上の文字で、"
            f"{_LONGEST} 文字まで）。次のようなものにしてください:\n  --token {owner}:{suggestion()}",
            en=f"the token of {owner} is easy to guess ({SHORTEST} to {_LONGEST} characters, {_FEWEST} "
            f"different ones). Use one like this:\n  --token {owner}:{suggestion()}",
        )


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        ja, en = reason(error)
        raise InputError(
            "tokens.unreadable",
            ja=f"トークンのファイル {file} を読めません（{ja}）。パスとアクセス権を確かめてください。",
            en=f"cannot read the file of tokens {file} ({en}). Check path and permissions.",
        ) from error
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    if not lines:
        raise InputError(
            "tokens.empty",
            ja=f"トークンのファイル {file} には何も書かれていません。1 行に 1 つ、名前:合い言葉 の形で"
            f"書いてください。例: me:{suggestion()}",
            en=f"there are no tokens in {file}. Write one a line, NAME:SECRET, such as me:{suggestion()}",
        )
    return lines
