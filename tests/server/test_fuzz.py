"""Whatever is sent, the server answers: never with 500, and always with an error of the documented form."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from sdjp.options import OPTIONS
from sdjp.pipeline import Pipeline
from sdjp.server.app import create_app
from sdjp.server.limits import Limits
from tests import strategies
from tests.server.conftest import make_context

some = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

ODD = [
    "",
    "\0",
    "\ud800",
    "a\udfff",
    "\u202e猫",
    "9" * 5000,
    "true",
    "NaN",
    "((((",
    "[a:b:",
    "<lora:x:1>",
    "../x",
]
texts = st.sampled_from(ODD) | strategies.texts
numbers = (
    st.integers(-2, 70)
    | st.sampled_from([0.5, -1.0, 1e308, -0.0, 2**31, 2**63, 2**64, 10**30, 10**400])
    | st.floats(allow_nan=False, allow_infinity=False)
)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
BESIDES = ["task", "model", "image", "mask", "image_prompt", "controls", "factor"]
likely = {
    "task": st.sampled_from(["generate", "upscale"]),
    "model": st.just("mini"),
    "prompt": st.lists(texts, max_size=3) | texts,
    "controls": st.lists(
        st.fixed_dictionaries(
            {"name": texts, "image": values}, optional={"weight": values, "preprocess": values, "x": values}
        ),
        max_size=2,
    ),
    "loras": st.dictionaries(texts, numbers, max_size=2),
    "width": st.sampled_from([8, 16, 64, 72]),
    "height": st.sampled_from([8, 16, 64, 72]),
}


@st.composite
def bodies(draw: st.DrawFn) -> dict[str, Any]:
    """A body of a job: what is likely for some names, anything for others."""
    names = draw(st.lists(st.sampled_from([*OPTIONS, *BESIDES]), unique=True, max_size=4))
    body = {name: draw(likely.get(name, values) | values) for name in names}
    if draw(st.booleans()):
        body.setdefault("prompt", "猫")
    return body


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    return buffer.getvalue()


_PNG = _png()


@pytest.fixture(scope="module")
def own(tiny: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[TestClient, str]]:
    """A server that draws next to nothing, and the address of a picture there."""
    limits = Limits(max_pixels=64 * 64, max_steps=2, max_pictures=2)
    app = create_app(make_context(tmp_path_factory.mktemp("server"), tiny, limits=limits))
    with TestClient(app, base_url="http://127.0.0.1:7860", raise_server_exceptions=False) as client:
        job = client.post("/v1/jobs", json={"prompt": "猫", "num_inference_steps": 1}).json()["id"]
        with client.stream("GET", f"/v1/jobs/{job}/events") as stream:
            assert "done" in "".join(stream.iter_text())
        yield client, f"/v1/jobs/{job}/pictures/0"


def told(answer: Any) -> Any:
    """The answer, which is one that the API has."""
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()["error"]) == {"code", "message", "ja", "en"}
        assert all(answer.json()["error"].values())
    return answer


def send(client: TestClient, method: str, path: str, body: Any, **headers: Any) -> Any:
    """A request with JSON as other programs write it, with escapes for all that is not ASCII."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return told(
        client.request(method, path, content=data, headers={"Content-Type": "application/json", **headers})
    )


@some
@given(body=bodies() | values)
@example(body={"prompt": "\ud800"})
@example(body={"prompt": ["猫"], "negative_prompt": "\udfff"})
@example(body={"\ud800": 1})
@example(body={"model": "\ud800"})
@example(body={"image": "data:image/png;base64,"})
@example(body={"task": "upscale", "image": {"job": "x", "picture": 10**30}})
@example(body={"prompt": "猫", "seed": 10**400})
@example(body={"prompt": "猫", "num_inference_steps": 10**9})
def test_jobs(own: tuple[TestClient, str], body: Any) -> None:
    client, _ = own
    answer = send(client, "POST", "/v1/jobs", body)
    if answer.status_code == 202:
        job = answer.json()["id"]
        assert told(client.get(f"/v1/jobs/{job}")).status_code == 200
        assert told(client.delete(f"/v1/jobs/{job}")).status_code == 204


@pytest.mark.parametrize("name", [*OPTIONS, *BESIDES, "nothing"])
def test_each_option_with_each_kind_of_value(own: tuple[TestClient, str], name: str) -> None:
    client, _ = own
    odd: tuple[Any, ...] = (True, -1, 10**400, 0.5, "", "\0", [], [[]], [{}], {}, {"a": {}})
    for value in odd:
        answer = send(client, "POST", "/v1/jobs", {"prompt": "猫", "num_inference_steps": 1, name: value})
        assert answer.status_code in (202, 422)
        if answer.status_code == 202:
            client.delete(f"/v1/jobs/{answer.json()['id']}")


@some
@given(picture=values | st.fixed_dictionaries({"job": st.none(), "picture": values}))
@example(picture={"job": None, "picture": True})
@example(picture={"job": None, "picture": False})
@example(picture={"job": None, "picture": -1})
def test_pictures_of_ones_own(own: tuple[TestClient, str], picture: Any) -> None:
    client, url = own
    if isinstance(picture, dict) and "job" in picture:
        picture = {**picture, "job": url.split("/")[3]}
    answer = send(client, "POST", "/v1/jobs", {"task": "upscale", "image": picture, "factor": 1})
    if answer.status_code == 202:
        client.delete(f"/v1/jobs/{answer.json()['id']}")
    assert client.get(url).status_code == 200


@some
@given(data=st.binary(max_size=60) | st.binary(max_size=40).map(lambda more: _PNG[:-12] + more))
def test_pictures_that_are_none(own: tuple[TestClient, str], data: bytes) -> None:
    client, _ = own
    told(client.post("/v1/record", content=data, headers={"Content-Type": "image/png"}))


explained = st.fixed_dictionaries(
    {"prompt": texts}, optional={"translate": values, "num_inference_steps": values}
)


@some
@given(body=explained | values)
@example(body={"prompt": "猫", "num_inference_steps": 10**9})
@example(body={"prompt": "[a:b:0.5]", "num_inference_steps": 10**9})
def test_explain(own: tuple[TestClient, str], body: Any) -> None:
    client, _ = own
    send(client, "POST", "/v1/explain", body)


@some
@given(body=values | st.fixed_dictionaries({"starred": values}))
def test_stars(own: tuple[TestClient, str], body: Any) -> None:
    client, url = own
    answer = send(client, "PATCH", url, body)
    assert (answer.status_code == 200) == (isinstance(body, dict) and isinstance(body.get("starred"), bool))


@some
@given(data=st.binary(max_size=40) | values.map(lambda value: json.dumps(value).encode("utf-16")))
def test_bodies_of_any_bytes(own: tuple[TestClient, str], data: bytes) -> None:
    client, url = own
    for method, path in (("POST", "/v1/explain"), ("PATCH", url)):
        assert send(client, method, path, data).status_code in (200, 400, 422)


queries = st.dictionaries(
    st.sampled_from(["q", "state", "before", "limit", "starred", "previews", "download", "x"]),
    texts.map(lambda text: text.encode("utf-8", "replace").decode()) | numbers.map(str),
    max_size=3,
)


@some
@given(query=queries, raw=st.text("%&=+;aF0é猫\0", max_size=8))
@example(query={"q": " ".join(["a"] * 2000)}, raw="")
@example(query={"q": "\ufdfa" * 3000}, raw="")
@example(query={"q": "%_\\" * 100}, raw="%ff%00")
@example(query={"before": "9" * 18, "limit": "9" * 18}, raw="")
def test_queries(own: tuple[TestClient, str], query: dict[str, str], raw: str) -> None:
    client, url = own
    for path in ("/v1/jobs", "/v1/pictures", url):
        told(client.get(path, params=query))
        told(client.get(f"{path}?{quote(raw, safe='%&=+;')}"))


headers = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=12)


@some
@given(key=headers, last=headers | st.integers(-1, 10**20).map(str), language=headers)
@example(key="k" * 300, last="9" * 5000, language="en;q=nan")
@example(key="é\xa0", last="²", language="*;q=-1,ja;q=1e400")
def test_headers(own: tuple[TestClient, str], key: str, last: str, language: str) -> None:
    client, url = own
    given_: dict[str, Any] = {"Accept-Language": language.encode("latin-1")}
    answer = send(
        client, "POST", "/v1/jobs", {"prompt": 3}, **given_, **{"Idempotency-Key": key.encode("latin-1")}
    )
    assert answer.status_code == 422
    job = url.rpartition("/pictures/")[0]
    stream = told(client.get(f"{job}/events", headers={"Last-Event-ID": last.encode("latin-1"), **given_}))
    assert stream.status_code == 200


@some
@given(job=texts, index=texts | numbers.map(str))
@example(job="x", index="9" * 5000)
@example(job="x", index="１")
@example(job="x\0", index="-0")
def test_paths(own: tuple[TestClient, str], job: str, index: str) -> None:
    client, url = own
    job, index = (quote(part.encode("utf-8", "replace"), safe="") for part in (job, index))
    for path in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/events", f"{url.rpartition('/')[0]}/{index}/attention"):
        answer = told(client.get(path, follow_redirects=False))
        assert answer.status_code >= 300 or path == "/v1/jobs/"
