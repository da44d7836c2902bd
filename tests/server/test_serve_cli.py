"""``sdjp serve`` and ``sdjp ui``: what they refuse, where they listen, and how they stop."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sdjp import cli
from sdjp.cli.commands import ui
from sdjp.cli.server_options import is_same_model, limits_of, loader, settings_of
from sdjp.errors import InputError, SdjpError
from sdjp.postprocess import SafetyCheck
from sdjp.server.addresses import address_of, listen, url_of
from sdjp.server.limits import Limits
from sdjp.server.run import ADDRESS_FILE, running
from sdjp.server.settings import Settings

SECRET = "kT2-Lw9_vQ7.xR4~nB8"
SIGNED = {"Authorization": f"Bearer {SECRET}"}
SMALL = {"prompt": "猫", "width": 64, "height": 64, "num_inference_steps": 1}


# What is refused.


@pytest.mark.parametrize("command", ["serve", "ui"])
@pytest.mark.parametrize(
    ("flags", "ja", "en"),
    [
        (["--host", "0.0.0.0"], "--token me:", "--token me:"),
        (["--token", "me:short"], "簡単に当てられます", "easy to guess"),
        (["--tokens", "no such file"], "見つかりません", "No such file"),
        (["--origin", "*"], "--origin * は使えません", "--origin cannot be *"),
        (["--host-name", "http://pc"], "名前だけ", "the name alone"),
        (["--port", "70000"], "65535 まで", "to 65535"),
        (["--port", "x"], "整数を指定してください", "invalid int"),
        (["--max-steps", "0"], "--max-steps は、1 以上", "--max-steps must be"),
        (["--max-body", "-1"], "--max-body は、1 以上", "--max-body must be"),
        (["--keep-days", "-1"], "--keep-days は、0 より大きい", "--keep-days must be"),
        (["--keep-days", "long"], "数を指定してください", "invalid float"),
        (["--keep-gb", "inf"], "--keep-gb は、0 より大きい", "--keep-gb must be"),
        (["--batch", "0"], "--batch は、1 から", "--batch must be"),
        (["--safety", "never"], "使えない値です", "invalid choice"),
        (["--root-path", "sdjp/"], "/sdjp のように", "do not end with it"),
        (["--behind-proxy", "*"], "プロキシーのアドレス", "the proxy's address"),
    ],
)
def test_bad_flags_are_refused_before_anything_is_loaded(
    command: str,
    flags: list[str],
    ja: str,
    en: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def too_late() -> None:
        raise AssertionError

    monkeypatch.delenv("SDJP_TOKEN", raising=False)
    monkeypatch.setattr(f"sdjp.cli.commands.{command}.check_server", too_late)
    for language, words in (("ja", ja), ("en", en)):
        try:
            code = cli.main([command, "--lang", language, *flags])
        except SystemExit as stopped:  # argparse
            code = int(str(stopped.code))
        assert code == 2
        said = capsys.readouterr()
        assert words in said.err
        assert said.out == ""


def test_neither_torch_nor_the_packages_of_the_server_are_loaded_for_that() -> None:
    code = (
        "import sys; from sdjp.cli import main; main(['serve', '--host', '0.0.0.0']); "
        "print([name for name in ('torch', 'starlette', 'uvicorn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("package", ["starlette", "uvicorn", "python_multipart"])
@pytest.mark.parametrize("command", ["serve", "ui"])
def test_without_its_packages_the_line_that_installs_them_is_told(
    command: str, package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    for language in ("ja", "en"):
        assert cli.main([command, "--lang", language]) == 1
        said = capsys.readouterr().err
        assert 'pip install "sdjp[server]"' in said
        assert package.replace("_", "-") in said


def test_a_port_that_is_taken_is_refused_by_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert cli.main(["serve", "--port", str(port), "--data", str(tmp_path)]) == 2
        assert f"ポート {port} は、ほかのプログラムが使っています" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []
        [free] = listen("127.0.0.1", port, any_port=True)  # as ui does
        with free:
            assert free.getsockname()[1] != port


@pytest.mark.parametrize(
    ("host", "code"),
    [("no such host", "host.unknown_here"), ("192.0.2.1", "host.unusable")],
)
def test_where_it_cannot_listen_is_told(host: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        listen(host, 0)
    assert caught.value.code == code


def test_a_name_listens_on_all_its_addresses() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({one.getsockname()[1] for one in sockets}) == 1
    finally:
        for one in sockets:
            one.close()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:7860/"),
        ("0.0.0.0", "http://127.0.0.1:7860/"),
        ("::1", "http://[::1]:7860/"),
        ("192.168.1.5", "http://192.168.1.5:7860/"),
    ],
)
def test_the_address_is_one_that_a_browser_opens(host: str, url: str) -> None:
    assert url_of(Settings(host=host)) == url


def test_other_machines_are_told_an_address_of_theirs() -> None:
    assert address_of(Settings()) is None
    assert address_of(Settings(host="192.168.1.5")) is None  # the same as here
    found = address_of(Settings(host="0.0.0.0"))
    assert found is None or (found.endswith(":7860/") and "127.0.0.1" not in found)


@pytest.mark.parametrize("text", ["", "[]", '{"url": 1}', '{"url": "file:///etc/passwd"}', "\xff"])
def test_a_file_that_tells_no_address_is_passed_over(text: str, tmp_path: Path) -> None:
    assert running(tmp_path) is None
    (tmp_path / ADDRESS_FILE).write_bytes(text.encode("latin-1"))
    assert running(tmp_path) is None


def test_what_belongs_to_one_model_is_for_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "real.v1.ckpt"
    own.write_bytes(b"")
    for given in ("real.v1.ckpt", str(own), "./real.v1.ckpt", "real.v1"):
        assert is_same_model(str(own), given)
    assert is_same_model("mini", "mini")
    assert not is_same_model("mini", "real.v1.ckpt")
    assert not is_same_model(str(tmp_path / "other.ckpt"), "real.v1.ckpt")
    args = cli.parse(
        ["serve", "--model", "real.v1.ckpt", "--vae", "missing.ckpt", "--ip-adapter", "missing.bin"]
    )
    assert loader(args)("mini").config.name == "mini"  # without the VAE and the adapter of the other one
    with pytest.raises(SdjpError):
        loader(args)(own)


def test_a_model_without_a_checker_is_unchecked_and_not_hidden(tmp_path: Path) -> None:
    """A file of weights alone has none: to hide all its pictures is for those who say so."""
    file = tmp_path / "own.safetensors"
    assert cli.main(["convert", "mini", str(file)]) == 0

    def mode(*flags: str) -> tuple[str, bool]:
        pipe = loader(cli.parse(["serve", *flags]))(file if "mini" not in flags else "mini")
        [check] = [one for one in pipe.postprocessors if isinstance(one, SafetyCheck)]
        return check.mode, check.checker is None

    assert mode() == ("flag", True)
    assert mode("--safety", "blur") == ("blur", True)
    assert mode("--model", "mini") == ("blur", False)


def test_how_long_and_how_much_is_kept_can_be_left_open() -> None:
    args = cli.parse(
        ["serve", "--keep-days", "none", "--keep-gb", "2.5", "--max-body", "3", "--behind-proxy"]
    )
    settings, limits = settings_of(args), limits_of(args)
    assert settings.keep_days is None
    assert settings.keep_bytes == 2_500_000_000
    assert limits.max_body == 3 * 2**20
    assert settings.behind_proxy == "127.0.0.1,::1"
    assert settings_of(cli.parse(["serve"])) == Settings.checked()
    assert limits_of(cli.parse(["ui"])) == Limits()


# The browser.


def test_without_a_display_no_browser_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BROWSER", "false")
    assert not ui.has_display()
    ui.open_page("http://127.0.0.1:1/").join()
    assert "ブラウザーを開けません" in capsys.readouterr().err
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert ui.has_display()
    monkeypatch.setattr("sys.platform", "win32")
    assert ui.has_display()


# The real thing.


class Running:
    """A server in a process of its own."""

    def __init__(self, folder: Path, *flags: str, **environment: str) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")
        code = "import sys; from sdjp.cli import main; sys.exit(main())"
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code, *flags, "--data", str(folder)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env={**os.environ, **environment},
            )

    def line(self) -> str:
        """The next line that it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def until(self, words: str) -> str:
        """Read up to a line that has these words, and return what follows them."""
        while True:
            line = self.line()
            assert line or self.process.poll() is None, self.log.read_text(encoding="utf-8")
            if words in line:
                return line.partition(words)[2].strip()

    def over(self) -> int:
        """Wait until it has ended, and return its exit code."""
        code = self.process.wait(120)
        self.kill()
        return code

    def kill(self) -> None:
        """End it, if it has not."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    """A job, when it is over."""
    while True:
        found: dict[str, Any] = client.get(f"/v1/jobs/{job}").json()
        if found["state"] not in ("queued", "drawing"):
            return found
        time.sleep(0.1)


def state(client: httpx.Client, job: str) -> str:
    return str(client.get(f"/v1/jobs/{job}").json()["state"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "data"


@pytest.fixture(scope="module")
def opened(folder: Path) -> Path:
    """Where the browser of the tests writes what it was told to open."""
    return folder.with_suffix(".opened")


@pytest.fixture(scope="module")
def browser(opened: Path) -> dict[str, str]:
    script = opened.with_suffix(".py")
    script.write_text(
        f"import sys\nopen({str(opened)!r}, 'a').write(sys.argv[1] + '\\n')\n", encoding="utf-8"
    )
    return {"BROWSER": f"{sys.executable} {script} %s", "DISPLAY": ":0"}


@pytest.fixture(scope="module")
def page(folder: Path, browser: dict[str, str]) -> Iterator[Running]:
    """``sdjp ui`` with a token."""
    server = Running(folder, "ui", "--port", "0", "--max-body", "1", SDJP_TOKEN=f"me:{SECRET}", **browser)
    yield server
    server.kill()


@pytest.fixture(scope="module")
def client(page: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=page.until("動いています:"), headers=SIGNED, timeout=120) as client:
        yield client


def test_ui_opens_its_page_signed_in(client: httpx.Client, opened: Path) -> None:
    deadline = time.monotonic() + 60
    while not (opened.is_file() and opened.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    url = httpx.URL(opened.read_text().splitlines()[0])
    assert url.copy_with(query=None) == client.base_url.join("/")
    answer = httpx.get(url)
    assert answer.status_code == 303
    assert SECRET not in answer.headers["location"]
    assert SECRET in answer.headers["set-cookie"]


def test_the_doors_are_before_the_real_server(client: httpx.Client) -> None:
    assert httpx.get(client.base_url.join("/healthz")).status_code == 200
    assert httpx.get(client.base_url.join("/v1/capabilities")).status_code == 401
    assert client.get("/v1/capabilities", headers={"Host": "evil.example"}).status_code == 421
    assert client.get("/v1/capabilities", headers={"Origin": "https://evil.example"}).status_code == 403
    assert "server" not in client.get("/healthz").headers


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_sends_too_much_is_told_so(client: httpx.Client, chunked: bool) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b" " * 2**16

    content = parts() if chunked else b" " * (40 * 2**16)
    answer = client.post("/v1/jobs", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "limit.body"
    assert client.get("/healthz").status_code == 200


def test_a_second_ui_opens_the_page_of_the_first_one(
    client: httpx.Client, folder: Path, opened: Path, browser: dict[str, str]
) -> None:
    second = Running(folder, "ui", "--port", "0", **browser)
    assert second.until("その画面を開きます:") == str(client.base_url.join("/"))
    assert second.over() == 0
    assert opened.read_text().splitlines()[-1] == str(client.base_url.join("/"))


def test_the_picture_that_is_drawn_is_finished_before_it_stops(
    client: httpx.Client, page: Running, folder: Path
) -> None:
    """After SIGTERM: no new jobs, the end of the one that is drawn, and those that wait are left."""
    first, second = (
        client.post("/v1/jobs", json={**SMALL, "num_inference_steps": steps}).json()["id"]
        for steps in (60, 1)
    )
    while state(client, first) == "queued":
        time.sleep(0.05)
    assert state(client, first) == "drawing"
    with client.stream("GET", f"/v1/jobs/{first}/events") as events:
        lines = events.iter_lines()
        assert next(lines).startswith("id:")
        page.process.send_signal(signal.SIGTERM)
        page.until("描き終えて保存します")
        refused = client.post("/v1/jobs", json=SMALL)
        assert refused.status_code == 503
        assert refused.json()["error"]["code"] == "server.stopping"
        told = [json.loads(line[6:]) for line in lines if line.startswith("data: ")]
    assert told[-1]["state"] == "done"
    page.until("順番待ちの 1 件は、次に起動したときに描きます")
    assert page.over() == 0
    assert not (folder / ADDRESS_FILE).exists()
    assert first != second


def test_what_waited_is_drawn_after_the_next_start_and_a_second_signal_stops_at_once(folder: Path) -> None:
    server = Running(folder, "serve", "--port", "0", "--lang", "en", SDJP_TOKEN=f"me:{SECRET}")
    try:
        with httpx.Client(base_url=server.until("running at"), headers=SIGNED, timeout=120) as client:
            second, first = client.get("/v1/jobs").json()["jobs"]
            assert first["state"] == "done"
            assert client.get(first["pictures"][0]["url"]).content.startswith(b"\x89PNG")
            assert ended(client, second["id"])["state"] == "done"
            large = {**SMALL, "width": 512, "height": 512, "num_inference_steps": 150}
            job = client.post("/v1/jobs", json=large).json()["id"]
            while state(client, job) == "queued":
                time.sleep(0.05)
            server.process.send_signal(signal.SIGINT)
            server.until("stopping")
            server.process.send_signal(signal.SIGINT)
            assert server.over() == 130
        log = server.log.read_text(encoding="utf-8")
        assert "me POST /v1/jobs 202" in log
        assert "猫" not in log
    finally:
        server.kill()
    from sdjp.server.jobs.store import JobStore

    store = JobStore(folder)
    try:
        left = store.get(job)
        assert (left.state, left.attempts) == ("queued", 0)  # to be drawn again; it crashed nothing
    finally:
        store.close()
