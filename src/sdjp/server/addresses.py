"""Where the server listens, and how it is called."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import Final

from sdjp.errors import InputError, reason
from sdjp.server.settings import Settings, is_loopback

_ANY: Final = ("0.0.0.0", "::", "")
_BACKLOG: Final = 2048


def listen(host: str, port: int, *, any_port: bool = False) -> list[socket.socket]:
    """Listen on all addresses of a host; that comes before a model is loaded, as a port may be taken.

    Args:
        host: A name or an address.
        port: The port; 0 takes one that is free.
        any_port: Whether one that is free will do if it is taken.

    Raises:
        InputError: If it cannot.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise InputError(
            "host.unknown_here",
            ja=f"--host {host} というアドレスが見つかりません。127.0.0.1 や 0.0.0.0 などを指定してください。",
            en=f"there is no address {host} (--host). Give one such as 127.0.0.1 or 0.0.0.0.",
        ) from error
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, address in dict.fromkeys((one[0], one[4]) for one in found):
        taken = sockets[0].getsockname()[1] if sockets else port
        try:
            sockets.append(_bound(family, (address[0], taken, *address[2:])))
        except OSError as error:
            failure = error
            if (
                error.errno != errno.EADDRNOTAVAIL
            ):  # a machine may have no IPv6, although it knows the address
                break
    if sockets and (failure is None or failure.errno == errno.EADDRNOTAVAIL):
        return sockets
    for one in sockets:
        one.close()
    assert failure is not None
    if failure.errno == errno.EADDRINUSE and any_port and port:
        return listen(host, 0)
    raise _refused(host, port, failure) from failure


def url_of(settings: Settings) -> str:
    """The address of the page for a browser on this machine."""
    host = "127.0.0.1" if settings.host in _ANY else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/"


def address_of(settings: Settings) -> str | None:
    """The address of the page for other machines, as far as it can be told; None if they cannot reach it."""
    if is_loopback(settings.host) or settings.host not in _ANY:
        return None
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent; the system only chooses from where it would be
        own = probe.getsockname()[0]
        return None if is_loopback(own) else f"http://{own}:{settings.port}/"
    return None


def _bound(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it lets another program take the port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(_BACKLOG)
        made.set_inheritable(False)
    except OSError:
        made.close()
        raise
    return made


def _refused(host: str, port: int, failure: OSError) -> InputError:
    if failure.errno == errno.EADDRINUSE:
        return InputError(
            "port.taken",
            ja=f"ポート {port} は、ほかのプログラムが使っています。--port 0 で空いているポートを使うか、"
            "別の番号を指定してください。",
            en=f"another program uses the port {port}. Take one that is free with --port 0, or give another "
            "number.",
        )
    ja, en = reason(failure)
    return InputError(
        "host.unusable",
        ja=f"{host} のポート {port} では待ち受けられません（{ja}）。--host と --port を確かめてください。",
        en=f"cannot listen on port {port} of {host} ({en}). Check --host and --port.",
    )
