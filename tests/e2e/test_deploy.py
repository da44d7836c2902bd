"""The files of examples/deploy, as far as they can be tried without a machine to deploy to."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
import yaml

from sdjp.cli import parse
from sdjp.cli.server_options import limits_of, settings_of
from sdjp.server.limits import Limits
from tests import markdown
from tests.serving import PATIENCE, free_port, serving

FOLDER: Final = markdown.ROOT / "examples" / "deploy"
TOKEN: Final = "me:0123456789abcdef"
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx")


def text_of(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"{TOKEN}\n", encoding="utf-8")
    return file


# What the files start, and with which flags.


def unit_command(tokens: Path) -> list[str]:
    [line] = re.findall(r"^ExecStart=(.*)$", text_of("sdjp.service"), re.MULTILINE)
    line = line.replace("${CREDENTIALS_DIRECTORY}/tokens", str(tokens))
    return shlex.split(line.replace("${STATE_DIRECTORY}", str(tokens.parent)))


def image_command() -> list[str]:
    [line] = re.findall(r"^ENTRYPOINT (\[.*\])$", text_of("Dockerfile"), re.MULTILINE)
    return list(json.loads(line))


def composed_command() -> list[str]:
    command = yaml.safe_load(text_of("compose.yaml"))["services"]["sdjp"]["command"]
    return [*image_command(), *(word.replace("${SDJP_NAME:-localhost}", "localhost") for word in command)]


def test_the_unit_starts_the_server(tokens: Path) -> None:
    program, *arguments = unit_command(tokens)
    assert program == "/opt/sdjp/bin/sdjp"
    args = parse(arguments)
    settings = settings_of(args)
    assert settings.tokens == {"me": TOKEN.partition(":")[2]}
    assert settings.host == "127.0.0.1"
    assert settings.hosts == ("sdjp.example.com",)
    assert settings.behind_proxy
    assert limits_of(args) == Limits()


@pytest.mark.parametrize("command", [image_command, composed_command])
def test_the_image_starts_the_server(
    command: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDJP_TOKEN", TOKEN)
    program, *arguments = command()
    assert program == "sdjp"
    settings = settings_of(parse(arguments))
    assert (settings.host, settings.port, settings.data) == ("0.0.0.0", 7860, Path("/data"))
    assert settings.tokens


def test_the_proxy_of_the_composition_is_believed() -> None:
    composition = yaml.safe_load(text_of("compose.yaml"))
    [network] = composition["networks"]["inside"]["ipam"]["config"]
    assert settings_of(parse([*composed_command()[1:], "--token", TOKEN])).behind_proxy == network["subnet"]
    assert composition["services"]["caddy"]["environment"]["SDJP_UPSTREAM"] == "sdjp:7860"


@pytest.mark.parametrize("name", ["nginx.conf", "Caddyfile"])
def test_the_flags_that_a_proxy_asks_for(name: str, tokens: Path) -> None:
    [flags] = re.findall(r"^# +(--host-name .*)$", text_of(name), re.MULTILINE)
    settings = settings_of(parse(["serve", *shlex.split(flags.replace("FILE", str(tokens)))]))
    assert settings.hosts == ("sdjp.example.com",)
    assert settings.behind_proxy


def test_what_the_image_is_made_of_is_there() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text_of("Dockerfile"), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert len(sources) == 4
    for source in sources:
        assert (markdown.ROOT / source).exists(), source
    assert "\nUSER 10001:10001\n" in text_of("Dockerfile")


def test_nginx_takes_as_much_as_the_server() -> None:
    [mebibytes] = re.findall(r"client_max_body_size (\d+)m;", text_of("nginx.conf"))
    assert int(mebibytes) * 2**20 == Limits().max_body


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "sdjp.service"
    unit.write_text(text_of("sdjp.service").replace("/opt/sdjp/bin/sdjp", "/bin/true"), encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, encoding="utf-8", check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# nginx before the real server.


def configuration(folder: Path, *, port: int, server: int, prefix: str = "/") -> Path:
    """nginx.conf on a free port and without certificates; with a prefix as the page has it."""
    site = text_of("nginx.conf")
    site = re.sub(r"^server \{\n    listen 80;.*?^\}\n", "", site, flags=re.DOTALL | re.MULTILINE)
    site = re.sub(r"^ +(listen \[::\]|ssl_certificate).*\n", "", site, flags=re.MULTILINE)
    site = site.replace("listen 443 ssl;", f"listen 127.0.0.1:{port};")
    site = site.replace("/var/log/nginx", str(folder)).replace("server_name sdjp.example.com;", "")
    if prefix != "/":
        site = site.replace("location / {", f"location {prefix} {{").replace(":7860;", ":7860/;")
    site = site.replace("127.0.0.1:7860", f"127.0.0.1:{server}")
    whole = f"daemon off; pid {folder}/pid; error_log {folder}/error.log;\nevents {{}}\n"
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in temporary)
    file = folder / "nginx.conf"
    file.write_text(f"{whole}http {{\n{paths}{site}}}\n", encoding="utf-8")
    return file


@contextmanager
def proxied(file: Path, url: str) -> Iterator[None]:
    """Run nginx until the block ends."""
    process = subprocess.Popen(["nginx", "-c", str(file)], stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and process.poll() is None:
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@needs_nginx
def test_nginx_understands_its_file(tmp_path: Path) -> None:
    file = configuration(tmp_path, port=free_port(), server=free_port())
    done = subprocess.run(
        ["nginx", "-t", "-c", str(file)], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


@needs_nginx
@pytest.mark.slow
def test_a_picture_below_a_path_of_nginx(tmp_path: Path) -> None:
    """The page, events one by one, the picture, and an address that an answer gives."""
    port = free_port()
    root = f"http://127.0.0.1:{port}/sdjp"
    with serving(tmp_path / "data", "--root-path", "/sdjp", "--behind-proxy", "--safety", "flag") as server:
        file = configuration(tmp_path, port=port, server=server.port, prefix="/sdjp/")
        with proxied(file, f"{root}/healthz"):
            with urllib.request.urlopen(f"{root}/?token=secret") as page:
                assert page.url == f"{root}/"
                assert b"main.js" in page.read()
            body = json.dumps({"prompt": "馬", "num_inference_steps": 20}).encode()
            request = urllib.request.Request(
                f"{root}/v1/jobs",
                body,
                {"Content-Type": "application/json", "Origin": root.rpartition("/")[0]},
            )
            with urllib.request.urlopen(request) as answer:
                job = json.load(answer)
                assert answer.headers["Location"] == f"/sdjp/v1/jobs/{job['id']}"
            seen = []
            with urllib.request.urlopen(f"{root}/v1/jobs/{job['id']}/events") as events:
                for line in events:
                    if line.startswith(b"event: progress"):
                        seen.append(time.monotonic())
            assert len(seen) > 5
            assert seen[-1] - seen[0] > 0.2  # they were not held back until the end
            with urllib.request.urlopen(f"{root}/v1/jobs/{job['id']}/pictures/0") as picture:
                assert picture.read().startswith(b"\x89PNG")
            body = json.dumps({"prompt": "馬", "size": "64x64", "response_format": "url"}).encode()
            request = urllib.request.Request(
                f"{root}/v1/images/generations", body, {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)["data"][0]["url"].startswith(f"{root}/v1/jobs/")
    log = (tmp_path / "sdjp.log").read_text(encoding="utf-8")
    assert "/sdjp/" in log
    assert "secret" not in log
