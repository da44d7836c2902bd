"""How the server is set up: where it listens, who may use it, where it keeps things and for how long."""

from __future__ import annotations

import ipaddress
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlsplit

from sdjp.checks import is_real, is_whole, shown
from sdjp.choices import SafetyMode
from sdjp.errors import InputError, Language, get_language
from sdjp.server.tokens import check_token, suggestion

HOST: Final = "127.0.0.1"
PORT: Final = 7860
KEEP_DAYS: Final = 30.0
KEEP_BYTES: Final = 10 * 10**9
BATCH: Final = 4
_MAX_BATCH: Final = 64
_HOST_NAME: Final = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*\.?")
_ROOT_PATH: Final = re.compile(r"(?:/[\w.~-]+)+", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The set-up of one server; nothing is checked on construction, see :meth:`checked`.

    Attributes:
        host: The address that it listens on.
        port: The port; 0 takes a free one.
        tokens: The secret of each owner of jobs; none are asked for if it is empty.
        hosts: Names that it is called by, besides loopback's: others in a ``Host`` header are refused.
        origins: Web pages of others that may use it (CORS), such as ``https://example.com``.
        data: The folder of jobs and pictures.
        keep_days: Days that pictures are kept if they have no star; None is for ever.
        keep_bytes: Bytes that they may take; the oldest go first; None is without bound.
        batch: Pictures that are drawn together at most.
        previews: Whether clients may see how a picture comes about.
        log_prompts: Whether prompts may stand in the log.
        safety: What happens to pictures that the safety checker flags.
        language: Of messages to clients that ask for none.
        root_path: The path that a reverse proxy has the server under, such as ``/sdjp``.
        behind_proxy: Addresses of reverse proxies whose ``X-Forwarded-For`` and ``-Proto`` are believed, with
            commas between them.
    """

    host: str = HOST
    port: int = PORT
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    data: Path = field(default_factory=lambda: data_folder())
    keep_days: float | None = KEEP_DAYS
    keep_bytes: int | None = KEEP_BYTES
    batch: int = BATCH
    previews: bool = True
    log_prompts: bool = False
    safety: SafetyMode = "blur"
    language: Language = field(default_factory=get_language)
    root_path: str = ""
    behind_proxy: str = ""

    @classmethod
    def checked(cls, **given: object) -> Settings:
        """Build settings, and refuse what cannot be, or what would be open to everyone.

        Raises:
            InputError: If a value cannot be used, a token is weak, or the server would listen elsewhere than
                on this machine without one.
        """
        settings = cls(**given)  # type: ignore[arg-type]
        _check(settings)
        return settings


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def data_folder() -> Path:
    """Return where the server keeps jobs and pictures, unless it is told otherwise; it need not be there.

    ``sdjp/server`` in the user's folder of data: ``%LOCALAPPDATA%`` on Windows, ``~/Library/Application
    Support`` on macOS, elsewhere ``XDG_DATA_HOME`` or ``~/.local/share``.
    """
    if sys.platform == "darwin":
        place = Path(os.path.expanduser("~/Library/Application Support"))
    else:
        windows = sys.platform.startswith("win")
        folder = os.environ.get("LOCALAPPDATA" if windows else "XDG_DATA_HOME", "")
        own = os.path.expanduser("~/AppData/Local" if windows else "~/.local/share")
        place = Path(folder if os.path.isabs(folder) else own)  # the XDG standard has others passed over
    return place / "sdjp" / "server"


def _check(settings: Settings) -> None:
    for owner, token in settings.tokens.items():
        check_token(owner, token)
    _check_address(settings)
    for host in settings.hosts:
        _check_host(host)
    for origin in settings.origins:
        _check_origin(origin)
    if settings.root_path and not _ROOT_PATH.fullmatch(settings.root_path):
        raise InputError(
            "root_path.form",
            ja=f"--root-path {settings.root_path} は使えません。/sdjp のように / で始め、"
            "終わりの / は付けないでください。",
            en=f"--root-path cannot be {settings.root_path}. Begin with / and do not end with it: /sdjp.",
        )
    for address in filter(None, settings.behind_proxy.split(",")):
        _check_proxy(address)
    _check_numbers(settings)


def _check_address(settings: Settings) -> None:
    """Refuse a server that anyone on the network could use."""
    if not settings.host or re.search(r"[\s/@?#]", settings.host):
        raise InputError(
            "host.form",
            ja=f"--host {settings.host!r} は使えません。127.0.0.1 や 0.0.0.0 のようなアドレスを"
            "指定してください。",
            en=f"--host cannot be {settings.host!r}. Give an address, such as 127.0.0.1 or 0.0.0.0.",
        )
    if not is_whole(settings.port) or not 0 <= settings.port <= 65535:
        raise InputError(
            "port.range",
            ja="--port は、0 から 65535 までの整数で指定してください"
            f"（指定された値: {shown(settings.port)}。0 なら空いているポートを使います）。",
            en=f"--port must be a whole number from 0 to 65535, not {shown(settings.port)} "
            "(0 takes one that is free).",
        )
    if not settings.tokens and not is_loopback(settings.host):
        flag = f"--token me:{suggestion()}"
        raise InputError(
            "token.needed",
            ja=f"{settings.host} で待ち受けると、ほかの機械からもこのサーバーを使えます。"
            f"トークン（合い言葉）なしでは起動しません。次のように足してください:\n  {flag}\n"
            "この機械だけで使うなら --host を外してください。",
            en=f"on {settings.host}, other machines could use this server: it does not start without a "
            f"token. Add, for example:\n  {flag}\nTo use it on this machine only, leave out --host.",
        )


def _check_host(host: str) -> None:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        if not _HOST_NAME.fullmatch(host.lower()):
            raise InputError(
                "host_name.form",
                ja=f"--host-name {host} は使えません。pc.local のように、ポートも http:// も付けずに、"
                "名前だけを指定してください。",
                en=f"--host-name cannot be {host}. Give the name alone, without a port or http://, such as "
                "pc.local.",
            ) from None


def _check_origin(origin: str) -> None:
    """Refuse what no browser sends as ``Origin`` (RFC 6454, 6.2)."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    plain = f"{parts.scheme}://{parts.netloc}" == origin == origin.lower() and "@" not in origin
    if not (plain and parts.hostname) or "*" in origin or (default is not None and port == default):
        raise InputError(
            "origin.form",
            ja=f"--origin {origin} は使えません。https://example.com や http://localhost:3000 のように、"
            "ブラウザーが Origin として送るとおり（小文字、パスなし、決まったポートは省く）に"
            "指定してください。* は使えません。",
            en=f"--origin cannot be {origin}. Give what a browser sends as Origin (lower case, no path, no "
            "default port), such as https://example.com or http://localhost:3000. There is no *.",
        )


def _check_proxy(address: str) -> None:
    """Refuse a proxy that could be anyone: each client would say itself where it is from."""
    try:
        ipaddress.ip_network(address.strip())
    except ValueError:
        raise InputError(
            "behind_proxy.form",
            ja=f"--behind-proxy {address} は使えません。プロキシーのアドレスを、172.17.0.1 や "
            "172.17.0.0/16 のように指定してください（いくつもあるときはコンマで区切る）。",
            en=f"--behind-proxy cannot be {address}. Give the proxy's address, such as 172.17.0.1 or "
            "172.17.0.0/16, and several with commas between them.",
        ) from None


def _check_numbers(settings: Settings) -> None:
    for flag, value in (("--keep-days", settings.keep_days), ("--keep-gb", settings.keep_bytes)):
        if value is not None and not (is_real(value) and 0 < value < float("inf")):
            raise InputError(
                "keep.range",
                ja=f"{flag} は、0 より大きい数で指定してください。ずっと残すなら none と書きます。",
                en=f"{flag} must be a number above 0; none keeps everything.",
            )
    if not is_whole(settings.batch) or not 1 <= settings.batch <= _MAX_BATCH:
        raise InputError(
            "batch.range",
            ja=f"--batch は、1 から {_MAX_BATCH} までの整数で指定してください"
            f"（指定された値: {shown(settings.batch)}）。",
            en=f"--batch must be a whole number from 1 to {_MAX_BATCH}, not {shown(settings.batch)}.",
        )
    if settings.safety not in get_args(SafetyMode):
        values = ", ".join(get_args(SafetyMode))
        raise InputError(
            "safety.unknown",
            ja=f"--safety {settings.safety} は使えません。使える値: {values}",
            en=f"--safety cannot be {settings.safety}. Allowed: {values}",
        )
