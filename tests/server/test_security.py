"""The doors of the server: each attack on servers of loopback that is known, and what must still pass."""

from __future__ import annotations

import base64
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import anyio
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from sdjp.errors import InputError
from sdjp.pipeline import Pipeline
from sdjp.server.answers import exception_handlers
from sdjp.server.app import create_app
from sdjp.server.doors.access import Failures, cookie_name, find_owner
from sdjp.server.doors.bodies import BodyCap
from sdjp.server.doors.security import middleware
from sdjp.server.limits import Limits
from sdjp.server.settings import Settings
from tests.server.conftest import make_context

OWN = "http://127.0.0.1:7860"
HANA, TARO = "hana-4f9Kq2Lw8Zx7Rt", "taro-9XkQ2mB7vLr4Ts"
TOKENS = {"花子": HANA, "taro": TARO}
LIMITS = Limits(max_body=1000)


async def echo(request: Request) -> Response:
    """Say who asks, and how much came."""
    return JSONResponse({"owner": request.state.owner, "bytes": len(await request.body())})


async def page(request: Request) -> Response:
    return Response("<!doctype html>", media_type="text/html")


async def fail(request: Request) -> Response:
    raise ZeroDivisionError("secret text")


async def fail_late(request: Request) -> Response:
    async def body() -> AsyncIterator[str]:
        yield "half"
        raise ZeroDivisionError

    return StreamingResponse(body())


async def careless(request: Request) -> Response:
    """Take any fault of the body for one of its JSON."""
    try:
        await request.json()
    except ValueError:
        return PlainTextResponse("not JSON", 400)
    return PlainTextResponse("fine")


async def refused(request: Request) -> Response:
    raise InputError("size.multiple", ja="幅が違います", en="wrong width")


def server(settings: Settings | None = None, limits: Limits = LIMITS) -> Starlette:
    """A small server behind the doors."""
    settings = settings or Settings()
    return Starlette(
        routes=[
            Route("/", page, methods=["GET", "POST"]),
            Route("/page.js", page),
            Route("/healthz", lambda request: PlainTextResponse("ok")),
            Route("/v1/jobs", echo, methods=["GET", "POST", "PATCH", "DELETE"]),
            Route("/v1/record", echo, methods=["POST"]),
            Route("/v1/images/edits", echo, methods=["POST"]),
            Route("/sdapi/v1/txt2img", echo, methods=["POST"]),
            Route("/careless", careless, methods=["POST"]),
            Route("/fail", fail),
            Route("/fail-late", fail_late),
            Route("/refused", refused),
        ],
        middleware=middleware(settings, limits, public=["/page.js"]),
        exception_handlers=exception_handlers(settings.language),
    )


def browser(settings: Settings | None = None, limits: Limits = LIMITS, **given: Any) -> TestClient:
    """Something that asks under the server's own name and follows no redirect."""
    return TestClient(
        server(settings, limits), base_url=OWN, follow_redirects=False, raise_server_exceptions=False, **given
    )


def code_of(answer: Any) -> str:
    return str(answer.json()["error"]["code"])


# Host.


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:7860", "127.0.0.1", "localhost:1", "LocalHost", "localhost.", "[::1]:7860", "pc.local:80"],
)
def test_names_of_this_server_pass(host: str) -> None:
    client = browser(Settings(hosts=("PC.local",)))
    assert client.get("/v1/jobs", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:7860",  # DNS rebinding: the name of the attacker, the address of loopback
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evil.example#localhost",
        "localhost@evil.example",
        "localhost:7860@evil.example",
        "192.168.1.5",
        "0.0.0.0:7860",
        "[::2]",
        "127.0.0.1:notaport",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/v1/jobs", "/healthz"])
def test_other_names_are_refused_with_the_flag_that_lets_them(host: str, path: str) -> None:
    answer = browser().get(path, headers={"Host": host})
    assert answer.status_code == 421
    assert code_of(answer) == "host.unknown"
    assert "--host-name" in answer.json()["error"]["ja"]


def test_two_hosts_are_none() -> None:
    answer = browser().get("/", headers=[("Host", "localhost"), ("Host", "evil.example")])
    assert answer.status_code == 421


@pytest.mark.parametrize(("host", "status"), [("192.168.1.5:7860", 200), ("[fe80::1]", 200), ("pc.lan", 421)])
def test_on_the_network_addresses_pass_and_names_do_not(host: str, status: int) -> None:
    client = browser(Settings(host="0.0.0.0", tokens=TOKENS))
    answer = client.get("/v1/jobs", headers={"Host": host, "Authorization": f"Bearer {HANA}"})
    assert answer.status_code == status


# Pages of other sites.


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},  # another program's page on the same machine
        {"Origin": "http://127.0.0.1:7860.evil.example"},
        {"Origin": "file://127.0.0.1:7860"},
        {"Origin": OWN, "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"},
    ],
)
def test_other_sites_can_neither_draw_nor_look(method: str, headers: dict[str, str]) -> None:
    answer = browser().request(method, "/v1/jobs", headers=headers)
    assert answer.status_code == 403
    assert code_of(answer) == "origin.foreign"
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Mode": "cors"},  # fetch of Node
        {"Sec-Fetch-Site": "none"},
        {"Origin": OWN, "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://localhost:7860", "Host": "localhost:7860"},
        {"Origin": "https://pc.example", "Host": "pc.example"},  # TLS ends at the reverse proxy
    ],
)
def test_the_own_page_and_programs_pass(headers: dict[str, str]) -> None:
    client = browser(Settings(hosts=("pc.example",)))
    assert client.post("/v1/jobs", json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "destination", "status"),
    [
        ("GET", "/", "document", 200),
        ("GET", "/?job=1", "document", 200),
        ("GET", "/", "iframe", 403),
        ("POST", "/", "document", 403),
        ("GET", "/page.js", "document", 403),
    ],
)
def test_a_link_elsewhere_may_open_the_page_and_nothing_else(
    method: str, path: str, destination: str, status: int
) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": destination}
    assert browser().request(method, path, headers=headers).status_code == status


SHARED = "https://friend.example"


def test_a_page_that_was_let_in_may_draw_and_read_the_answer() -> None:
    client = browser(Settings(origins=(SHARED,)))
    headers = {"Origin": SHARED, "Sec-Fetch-Site": "cross-site"}
    answer = client.post("/v1/jobs", json={}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHARED
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]
    assert "X-Request-Id" in answer.headers["access-control-expose-headers"]
    for other in ("https://friend.example.evil.example", "http://friend.example", "https://Friend.example"):
        assert client.post("/v1/jobs", json={}, headers={**headers, "Origin": other}).status_code == 403


def test_it_may_ask_first_without_a_token() -> None:
    client = browser(Settings(origins=(SHARED,), tokens=TOKENS))
    asking = {
        "Origin": SHARED,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
        "Access-Control-Request-Private-Network": "true",
    }
    answer = client.options("/v1/jobs", headers=asking)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == SHARED
    assert answer.headers["access-control-allow-headers"] == asking["Access-Control-Request-Headers"]
    assert answer.headers["access-control-allow-private-network"] == "true"
    assert "POST" in answer.headers["access-control-allow-methods"]
    odd = client.options("/v1/jobs", headers={**asking, "Access-Control-Request-Headers": "x y"})
    assert "access-control-allow-headers" not in odd.headers


def test_even_its_errors_can_be_read_by_it() -> None:
    answer = browser(Settings(origins=(SHARED,), tokens=TOKENS)).get("/v1/jobs", headers={"Origin": SHARED})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHARED


# Tokens.


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "owner"),
    [
        (f"Bearer {HANA}", "花子"),
        (f"bearer  {TARO}", "taro"),
        (basic("anyone", TARO), "taro"),
        (basic("", HANA), "花子"),
    ],
)
def test_a_token_tells_the_owner(authorization: str, owner: str) -> None:
    answer = browser(Settings(tokens=TOKENS)).get("/v1/jobs", headers={"Authorization": authorization})
    assert answer.json()["owner"] == owner


@pytest.mark.parametrize(
    "authorization", ["", "Basic", "Basic Og==", "Basic !!", "Bearer", "nonsense", "Bearer x"]
)
def test_without_tokens_any_authorization_is_passed_over(authorization: str) -> None:
    answer = browser().get("/v1/jobs", headers={"Authorization": authorization})
    assert answer.json()["owner"] == "local"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "token.missing"),
        ("", "token.missing"),
        ("Basic Og==", "token.missing"),
        ("Basic %%%", "token.missing"),
        ("Digest x", "token.missing"),
        (f"Bearer {HANA}x", "token.wrong"),
        (f"Bearer {HANA[:-1]}", "token.wrong"),
        ("Bearer トークン".encode(), "token.wrong"),
        (basic(HANA, "x"), "token.wrong"),
        (HANA, "token.missing"),
    ],
)
def test_without_the_right_token_there_is_nothing(authorization: Any, code: str) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = browser(Settings(tokens=TOKENS)).post("/v1/jobs", json={}, headers=headers)
    assert answer.status_code == 401
    assert code_of(answer) == code
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert HANA not in answer.text


def test_clients_of_a1111_are_asked_for_a_password() -> None:
    answer = browser(Settings(tokens=TOKENS)).post("/sdapi/v1/txt2img", json={})
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/page.js", 200),
        ("GET", "/healthz", 200),
        ("POST", "/", 401),
        ("GET", "/v1/jobs", 401),
        ("GET", "/nowhere", 401),
        ("GET", "/page.js/../v1/jobs", 401),
    ],
)
def test_the_page_itself_can_be_opened_without_a_token(method: str, path: str, status: int) -> None:
    assert browser(Settings(tokens=TOKENS)).request(method, path).status_code == status


def test_a_link_with_a_token_signs_the_browser_in_once() -> None:
    client = browser(Settings(tokens=TOKENS))
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    answer = client.get(f"/?job=%E9%A6%AC&token={HANA}", headers=link)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?job=%E9%A6%AC"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert client.get("/v1/jobs").json()["owner"] == "花子"
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {TARO}"}).json()["owner"] == "taro"
    assert client.post("/v1/jobs", json={}, headers={"Origin": "https://evil.example"}).status_code == 403


def test_over_tls_the_cookie_stays_on_it() -> None:
    client = TestClient(server(Settings(tokens=TOKENS)), base_url="https://localhost", follow_redirects=False)
    assert "secure" in client.get(f"/?token={HANA}").headers["set-cookie"].lower()


@pytest.mark.parametrize("settings", [Settings(tokens=TOKENS), Settings()])
def test_a_wrong_token_leaves_the_address_without_a_cookie(settings: Settings) -> None:
    answer = browser(settings).get("/?token=wrong")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/"
    assert "set-cookie" not in answer.headers


def test_a_broken_cookie_is_none() -> None:
    client = browser(Settings(tokens=TOKENS))
    for cookie in ('"', "a=b; \x7f", f"{cookie_name(7860)}=", f"other={HANA}"):
        assert client.get("/v1/jobs", headers={"Cookie": cookie}).status_code == 401


def test_whoever_is_behind_a_path_of_a_proxy_stays_there() -> None:
    client = TestClient(
        server(Settings(tokens=TOKENS)), base_url=OWN, root_path="/ai", follow_redirects=False
    )
    answer = client.get(f"/ai/?token={HANA}")
    assert answer.headers["location"] == "/ai/"
    assert "path=/ai" in answer.headers["set-cookie"].lower()
    assert client.get("/ai/page.js").status_code == 200
    assert client.get("/ai/v1/jobs").json()["owner"] == "花子"


def test_tokens_are_compared_whole() -> None:
    assert find_owner(HANA, TOKENS) == "花子"
    assert find_owner("", TOKENS) is None
    assert find_owner("\udcff", TOKENS) is None


def test_whoever_guesses_waits_and_others_do_not() -> None:
    async def guess() -> None:
        failures = Failures(pause=60)
        for _ in range(5):
            with anyio.fail_after(1):
                assert await failures.hold("1.1.1.1")
        answers: list[bool] = []

        async def held() -> None:
            answers.append(await failures.hold("1.1.1.1"))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(held)
            await anyio.wait_all_tasks_blocked()
            assert answers == []  # all of them wait
            assert not await failures.hold("1.1.1.1")  # and no more than these
            assert await failures.hold("2.2.2.2")
            tasks.cancel_scope.cancel()
        assert failures._waiting == {}

    anyio.run(guess)


def test_too_many_guesses_are_told_to_come_later(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(self: Failures, address: str) -> bool:
        return False

    monkeypatch.setattr(Failures, "hold", never)
    client = browser(Settings(tokens=TOKENS))
    for path, headers in (("/v1/jobs", {"Authorization": "Bearer x"}), ("/?token=x", {})):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 429
        assert code_of(answer) == "token.often"
        assert 1 <= int(answer.headers["retry-after"]) <= 120
    assert client.get("/v1/jobs", headers={"Authorization": f"Bearer {HANA}"}).status_code == 200


def test_of_endless_addresses_only_the_last_are_remembered() -> None:
    async def many() -> int:
        failures = Failures()
        for i in range(1100):
            await failures.hold(str(i))
        return len(failures._times)

    assert anyio.run(many) == 1024


# Bodies.


@pytest.mark.parametrize(
    ("path", "content_type", "status"),
    [
        ("/v1/jobs", "application/json", 200),
        ("/v1/jobs", "Application/JSON; charset=utf-8", 200),
        ("/v1/jobs", "text/plain", 415),  # a page of another site sends this without asking first
        ("/v1/jobs", "text/plain; application/json", 415),
        ("/v1/jobs", "application/x-www-form-urlencoded", 415),
        ("/v1/jobs", "multipart/form-data; boundary=x", 415),
        ("/v1/jobs", "application/jsonx", 415),
        ("/v1/jobs", None, 415),
        ("/sdapi/v1/txt2img", "text/plain", 415),
        ("/v1/images/edits", "multipart/form-data; boundary=x", 200),
        ("/v1/record", "image/png", 200),
        ("/v1/record", "application/json", 415),
        ("/v1/record", "imagery/png", 415),
    ],
)
def test_each_route_takes_its_own_types(path: str, content_type: str | None, status: int) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = browser().post(path, content=b"{}", headers=headers)
    assert answer.status_code == status
    if status == 415:
        assert code_of(answer) == "body.type"


def test_a_post_without_a_body_needs_no_type() -> None:
    assert browser().post("/v1/jobs").status_code == 200


def test_two_types_are_refused() -> None:
    headers = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    assert browser().post("/v1/jobs", content=b"{}", headers=headers).status_code == 415


def in_parts(size: int) -> Iterator[bytes]:
    """A body without a Content-Length."""
    for _ in range(size // 100):
        yield b"x" * 100


@pytest.mark.parametrize("path", ["/v1/jobs", "/careless"])
def test_a_body_is_counted_while_it_comes(path: str) -> None:
    headers = {"Content-Type": "application/json"}
    for content in (b"x" * 1001, in_parts(1100)):
        answer = browser().post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert code_of(answer) == "limit.body"
    for content in (b"x" * 1000, in_parts(1000)):
        assert browser().post("/v1/jobs", content=content, headers=headers).json()["bytes"] == 1000


def asked(app: Any, messages: list[Any], **scope: Any) -> tuple[list[Any], bool]:
    """What an ASGI application sends to a client that sends ``messages`` and then nothing more.

    Returns:
        What it sent, and whether it is still waiting.
    """
    sent: list[Any] = []

    async def receive() -> Any:
        if not messages:
            await anyio.sleep_forever()
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    async def run() -> bool:
        with anyio.move_on_after(5) as waiting:
            await app(
                {
                    "type": "http",
                    "method": "POST",
                    "path": "/",
                    "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
                    **scope,
                },
                receive,
                send,
            )
        return waiting.cancelled_caught

    return sent, anyio.run(run)


def test_a_body_that_never_ends_is_given_up() -> None:
    async def reads(scope: Any, receive: Any, send: Any) -> None:
        await Request(scope, receive).body()

    cap = BodyCap(reads, settings=Settings(), limits=LIMITS, seconds=0.01)
    sent, waiting = asked(cap, [{"type": "http.request", "body": b"{", "more_body": True}])
    assert not waiting
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_a_route_may_wait_for_its_client_to_leave_for_as_long_as_it_likes() -> None:
    left: list[str] = []

    async def waits(scope: Any, receive: Callable[[], Awaitable[Any]], send: Any) -> None:
        await receive()
        await anyio.sleep(0.05)
        left.append((await receive())["type"])

    cap = BodyCap(waits, settings=Settings(), limits=LIMITS, seconds=0.01)
    asked(cap, [{"type": "http.request", "body": b""}, {"type": "http.disconnect"}])
    assert left == ["http.disconnect"]


def test_a_stream_is_handed_on_piece_by_piece() -> None:
    """Nothing between the route and the client holds an event back."""

    async def events(request: Request) -> Response:
        async def body() -> AsyncIterator[str]:
            yield "data: 1\n\n"
            await anyio.sleep_forever()

        return StreamingResponse(body(), media_type="text/event-stream")

    app = Starlette(routes=[Route("/", events)], middleware=middleware(Settings(), LIMITS))
    sent, waiting = asked(app, [{"type": "http.request", "body": b""}], method="GET", query_string=b"")
    assert waiting
    assert sent[1]["body"] == b"data: 1\n\n"


# The whole server.


@pytest.fixture(scope="module")
def whole(tiny: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Starlette, TestClient]]:
    """All routes there are, behind the doors, with tokens."""
    context = make_context(tmp_path_factory.mktemp("server"), tiny)
    app = create_app(replace(context, settings=replace(context.settings, tokens=TOKENS)))
    with TestClient(app, base_url=OWN) as client:
        yield app, client


def test_no_route_was_forgotten(whole: tuple[Starlette, TestClient]) -> None:
    """But for health and the page, each route there is, and will be, wants a token, and no foreign page."""
    app, client = whole
    routes = [route for route in app.routes if isinstance(route, Route)]
    assert len(routes) > 10
    for route in routes:
        path = re.sub(r"\{[^}]*\}", "1", route.path)
        for method in sorted(route.methods or ()):
            health = path in ("/healthz", "/readyz")
            status = client.request(method, path).status_code
            assert status == (200 if health else 401), (method, path)
            evil = {"Authorization": f"Bearer {HANA}", "Origin": "https://evil.example"}
            assert client.request(method, path, headers=evil).status_code == 403
            rebound = {"Authorization": f"Bearer {HANA}", "Host": "evil.example:7860"}
            assert client.request(method, path, headers=rebound).status_code == 421
            if method in ("POST", "PUT", "PATCH"):
                plain = {"Authorization": f"Bearer {HANA}", "Content-Type": "text/plain"}
                assert client.request(method, path, content="{}", headers=plain).status_code == 415


def test_each_owner_sees_only_their_own(whole: tuple[Starlette, TestClient]) -> None:
    _, client = whole
    hana, taro = ({"Authorization": f"Bearer {token}"} for token in (HANA, TARO))
    job = client.post("/v1/jobs", json={"prompt": "猫"}, headers=hana).json()["id"]
    assert client.get(f"/v1/jobs/{job}", headers=hana).status_code == 200
    for method, path in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/pictures/0"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        assert client.request(method, f"/v1/jobs/{job}{path}", headers=taro).status_code == 404
    assert client.get("/v1/jobs", headers=taro).json()["jobs"] == []


# What is around an answer.


def test_every_answer_has_an_id_and_headers_for_browsers() -> None:
    client = browser(Settings(tokens=TOKENS))
    ids = set()
    signed = {"Authorization": f"Bearer {HANA}"}
    for path, headers in (
        ("/", {}),
        ("/v1/jobs", {}),
        ("/v1/jobs", {"Host": "evil.example"}),
        ("/v1/jobs", {"Origin": "null"}),
        ("/v1/jobs", signed),
        ("/nowhere", signed),
        ("/fail", signed),
        ("/refused", signed),
    ):
        answer = client.get(path, headers=headers)
        ids.add(answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        page = path == "/"
        assert ("default-src 'self'" in answer.headers["content-security-policy"]) == page
        assert answer.headers["cache-control"] == ("no-cache" if page else "no-store")
    assert len(ids) == 8


def test_an_error_that_nobody_foresaw_tells_the_client_nothing(caplog: pytest.LogCaptureFixture) -> None:
    answer = browser().get("/fail")
    assert answer.status_code == 500
    assert code_of(answer) == "server.error"
    assert "secret" not in answer.text
    assert "ZeroDivisionError" in caplog.text  # but the log has it, with the id that the client was told
    assert answer.headers["x-request-id"] in caplog.text


def test_half_an_answer_does_not_look_like_a_whole_one(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (older Starlettes raise a group of it)
        TestClient(server(), base_url=OWN).get("/fail-late")
    assert "ZeroDivisionError" in "".join(traceback.format_exception(caught.value))
    assert "/fail-late failed" in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/refused", 422, "size.multiple"),
        ("GET", "/nowhere", 404, "route.unknown"),
        ("POST", "/refused", 405, "method.unknown"),
    ],
)
def test_errors_of_routes_are_json_in_the_language_of_the_client(
    method: str, path: str, status: int, code: str
) -> None:
    for language, key in (("en-GB", "en"), ("ja", "ja"), ("de", "ja")):
        answer = browser().request(method, path, headers={"Accept-Language": language})
        assert answer.status_code == status
        error = answer.json()["error"]
        assert error["code"] == code
        assert error["message"] == error[key]


def test_the_log_has_a_line_for_each_request_and_no_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sdjp.server.doors.access")
    client = browser(Settings(tokens=TOKENS))
    client.get("/v1/jobs?q=%E9%A6%AC&x=secret", headers={"Authorization": f"Bearer {HANA}"})
    client.get(f"/?token={TARO}")
    client.get("/a%0Afaked%20line%1b[31m", headers={"Authorization": "Bearer wrong"})
    lines = [record.getMessage() for record in caplog.records if record.name == "sdjp.server.doors.access"]
    assert len(lines) == 3
    assert lines[0].startswith("testclient 花子 GET /v1/jobs 200 ")
    assert lines[2].startswith("testclient - GET /a%0Afaked%20line%1B%5B31m 401 ")
    for word in ("secret", "馬", "%E9", HANA, TARO, "wrong", "\n", "\x1b"):
        assert word not in "".join(lines)


def test_there_are_no_websockets() -> None:
    with pytest.raises(WebSocketDisconnect) as caught, browser().websocket_connect("/v1/jobs"):
        pass
    assert caught.value.code == 1008
