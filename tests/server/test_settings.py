"""How a server is set up, and what keeps it from being open to everyone."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from sdjp.errors import InputError
from sdjp.server.settings import Settings, data_folder, is_loopback
from sdjp.server.tokens import SHORTEST, check_token, read_tokens, suggestion

SECRET = "kT2-Lw9_vQ7.xR4~nB8"


def code_of(**given: object) -> str:
    with pytest.raises(InputError) as caught:
        Settings.checked(**given)
    return caught.value.code


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost", "LOCALHOST"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    assert is_loopback(host)
    assert Settings.checked(host=host).tokens == {}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "pc.local", "127.0.0.1.example.com"])
def test_elsewhere_a_server_without_a_token_does_not_start(host: str) -> None:
    with pytest.raises(InputError) as caught:
        Settings.checked(host=host)
    assert caught.value.code == "token.needed"
    flag = caught.value.ja.split("--token ")[1].split()[0]  # the flag to add is there to be copied
    assert read_tokens([flag]) == {"me": flag.removeprefix("me:")}
    assert f"--token {flag.split(':')[0]}:" in caught.value.en
    assert Settings.checked(host=host, tokens={"me": SECRET}).tokens == {"me": SECRET}


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("port", 65536, "port.range"),
        ("port", True, "port.range"),
        ("host", "", "host.form"),
        ("host", "http://localhost", "host.form"),
        ("hosts", ("pc.local:7860",), "host_name.form"),
        ("hosts", ("*",), "host_name.form"),
        ("hosts", ("http://pc.local",), "host_name.form"),
        ("origins", ("*",), "origin.form"),
        ("origins", ("null",), "origin.form"),
        ("origins", ("https://*.example.com",), "origin.form"),
        ("origins", ("https://example.com/",), "origin.form"),
        ("origins", ("https://example.com:443",), "origin.form"),
        ("origins", ("https://example.com:port",), "origin.form"),
        ("origins", ("https://me@example.com",), "origin.form"),
        ("origins", ("HTTPS://example.com",), "origin.form"),
        ("root_path", "sdjp", "root_path.form"),
        ("root_path", "/sdjp/", "root_path.form"),
        ("root_path", "//example.com", "root_path.form"),
        ("keep_days", 0, "keep.range"),
        ("keep_days", float("nan"), "keep.range"),
        ("keep_bytes", -1, "keep.range"),
        ("batch", 0, "batch.range"),
        ("safety", "never", "safety.unknown"),
        ("tokens", {"me": "short"}, "token.weak"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: object, code: str) -> None:
    assert code_of(**{name: value}) == code


def test_what_can_be_is_taken() -> None:
    settings = Settings.checked(
        hosts=("pc.local", "192.168.1.5", "::1"),
        origins=(
            "https://example.com",
            "http://localhost:3000",
            "tauri://localhost",
            "chrome-extension://abc",
        ),
        root_path="/ai/sdjp",
        keep_days=None,
        keep_bytes=None,
        port=0,
    )
    assert settings.root_path == "/ai/sdjp"


def test_the_secrets_are_not_in_what_is_printed_of_the_settings() -> None:
    assert SECRET not in repr(Settings.checked(tokens={"me": SECRET}))


def test_tokens_come_from_flags_a_file_and_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(f"\ufeff# those of the family\n\n  花子:{SECRET}2 \n", encoding="utf-8")
    found = read_tokens([f"me:{SECRET}1"], file=file, environment={"SDJP_TOKEN": f"{SECRET}3\n"})
    assert found == {"me": f"{SECRET}1", "花子": f"{SECRET}2", "local": f"{SECRET}3"}
    assert read_tokens(environment={"SDJP_TOKEN": ""}) == {}


@pytest.mark.parametrize("tokens", [[f"me:{SECRET}", f"me:{SECRET}2"], [f"me:{SECRET}", f"you:{SECRET}"]])
def test_a_name_or_a_secret_twice_is_refused(tokens: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_tokens(tokens)
    assert caught.value.code == "token.twice"
    assert SECRET not in caught.value.ja + caught.value.en


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("me:", "token.weak"),
        ("", "token.weak"),
        ("me:" + "x1" * 20, "token.weak"),
        ("me:abcdefghijklmno", "token.weak"),
        ("me:" + "abcdefgh" * 65, "token.weak"),
        ("me:パスワードはとても長い文です", "token.characters"),
        ("me:with spaces, which no header takes", "token.characters"),
        (f"my name:{SECRET}", "token.name"),
        (f":{SECRET}", "token.name"),
    ],
)
def test_weak_tokens_are_refused_with_a_strong_one(token: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_tokens([token])
    assert caught.value.code == code
    for text in (caught.value.ja, caught.value.en):
        [(owner, secret)] = read_tokens([text.split("--token ")[1].split()[0]]).items()
        check_token(owner, secret)


def test_suggestions_differ_and_are_strong() -> None:
    assert suggestion() != suggestion()
    assert len(suggestion()) > SHORTEST
    check_token("me", suggestion())
    check_token("me", secrets.token_hex(16))


def test_a_file_of_tokens_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("# nobody\n", encoding="utf-8")
    for name, code in (
        ("empty", "tokens.empty"),
        ("missing", "tokens.unreadable"),
        (".", "tokens.unreadable"),
    ):
        with pytest.raises(InputError) as caught:
            read_tokens(file=tmp_path / name)
        assert caught.value.code == code


def test_the_data_is_where_the_platform_keeps_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert data_folder() == tmp_path / ".local/share/sdjp/server"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # passed over, as the standard has it
    assert data_folder() == tmp_path / ".local/share/sdjp/server"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert data_folder() == tmp_path / "data/sdjp/server"
    monkeypatch.setattr("sys.platform", "darwin")
    assert data_folder() == tmp_path / "Library/Application Support/sdjp/server"
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    assert data_folder() == tmp_path / "Local/sdjp/server"
