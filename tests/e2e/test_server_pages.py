"""The pages about the server: their code runs against a real one."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests import markdown
from tests.serving import Server, serving

PAGES: Final = markdown.ROOT / "docs" / "ja"
ADDRESS: Final = "127.0.0.1:7860"
"""Where the pages have it."""
PORT: Final = re.compile(r"\bport=7860\b")
CLIENTS: Final = {
    "openai": "openai",
    "langchain_community": "langchain_community.utilities.dalle_image_generator",
    "webuiapi": "webuiapi",
    "sd_backend_client": "sd_backend_client",
}
"""Packages that the page of clients uses, and what of them is imported first."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # No picture is withheld, whatever its seed.
    with serving(tmp_path_factory.mktemp("serve") / "data", "--safety", "flag") as running:
        yield running


def run(block: markdown.Block, server: Server, names: dict[str, Any]) -> None:
    """Run Python of a page against the server."""
    text = PORT.sub(f"port={server.port}", block.text.replace(ADDRESS, f"127.0.0.1:{server.port}"))
    exec(compile("\n" * block.line + text, "page", "exec"), names)


@pytest.mark.slow  # nine pictures
def test_the_python_of_the_server_page(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in markdown.blocks(PAGES / "server.md", ("python",)):
        run(block, server, names)
    said = capsys.readouterr().out.splitlines()
    assert "8/8" in said
    assert "a horse in a grassland 1" in said
    assert "done 512" in said
    assert said[-1] == names["ask"]("/v1/explain", {"prompt": "桜の木の下で眠る白い猫"})["english"]
    assert (tmp_path / "0.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl")
def test_the_commands_of_the_server_page(server: Server, tmp_path: Path) -> None:
    job = "ID"
    commands = [c for c in markdown.commands(PAGES / "server.md") if c.startswith("curl ")]
    assert len(commands) == 4
    for command in commands:
        command = command.replace(ADDRESS, f"127.0.0.1:{server.port}").replace("/ID", f"/{job}")
        done = subprocess.run(
            [*shlex.split(command), "--fail", "--noproxy", "127.0.0.1"],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        if job == "ID":
            job = json.loads(done.stdout)["id"]
        elif command.endswith("/events"):
            assert '"state": "done"' in done.stdout.splitlines()[-2]
    assert (tmp_path / "horse.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # clients have warnings of their own
@pytest.mark.parametrize("client", CLIENTS)
def test_the_python_of_the_page_of_clients(
    client: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(CLIENTS[client])
    monkeypatch.chdir(tmp_path)
    blocks = markdown.blocks(PAGES / "clients.md", ("python",))
    [block] = [one for one in blocks if f"import {client}" in one.text or f"from {client}" in one.text]
    run(block, server, {"__name__": "__main__"})
    if client != "langchain_community":  # which gives an address
        assert (tmp_path / "horse.png").read_bytes().startswith(b"\x89PNG")


def test_every_client_of_the_page_is_known() -> None:
    blocks = markdown.blocks(PAGES / "clients.md", ("python",))
    assert len(blocks) == len(CLIENTS)
