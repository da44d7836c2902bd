"""sdjp's own API, from outside."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from PIL import Image
from starlette.testclient import TestClient

from sdjp.images import read_metadata
from sdjp.server.context import Context

ASKED = {"prompt": "赤い猫", "seed": 1, "num_inference_steps": 2}


def draw(client: TestClient, body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Ask for a job and wait for it; the job as it is told last."""
    answer = client.post("/v1/jobs", json={**ASKED, **(body or {}), **more})
    assert answer.status_code == 202, answer.text
    *_, (_, kind, job) = events(client, answer.json()["id"])
    assert kind == "job"
    return job


def events(client: TestClient, job: str, **more: Any) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """The server-sent events of a job: id, kind and data of each."""
    with client.stream("GET", f"/v1/jobs/{job}/events", **more) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        block: dict[str, str] = {}
        for line in answer.iter_lines():
            name, _, value = line.partition(": ")
            if line and name:
                block[name] = value
            elif block:
                yield int(block["id"]), block["event"], json.loads(block["data"])
                block = {}


def test_from_a_prompt_to_its_picture(client: TestClient) -> None:
    answer = client.post("/v1/jobs", json=ASKED)
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    told = list(events(client, job["id"], params={"previews": "1"}))
    assert [kind for _, kind, _ in told if kind == "picture"] == ["picture"]
    assert told[-1][2]["state"] == "done"
    assert client.get(f"/v1/jobs/{job['id']}").json() == told[-1][2]

    [picture] = told[-1][2]["pictures"]
    assert (picture["prompt"], picture["english"], picture["seed"]) == ("赤い猫", "a red cat", 1)
    png = client.get(picture["url"])
    assert png.headers["content-type"] == "image/png"
    with Image.open(io.BytesIO(png.content)) as image:
        assert image.size == (picture["width"], picture["height"]) == (64, 64)
    options = read_metadata(io.BytesIO(png.content)).options
    assert options is not None
    assert options.prompt == "赤い猫"
    download = client.get(picture["url"], params={"download": "1"})
    assert "attachment" in download.headers["content-disposition"]


def test_events_go_on_after_the_last_one(client: TestClient) -> None:
    job = draw(client)
    told = list(events(client, job["id"]))
    assert len(told) == 1  # all is told by the job itself
    assert list(events(client, job["id"], headers={"Last-Event-ID": str(told[-1][0] + 10**9)}))
    for odd in ("x", "-1", "9" * 40, b"\xb9"):  # the last one is a digit, and no number
        assert list(events(client, job["id"], headers={"Last-Event-ID": odd}))[-1][2]["state"] == "done"


def test_the_same_key_is_the_same_job(client: TestClient) -> None:
    first, second = (
        client.post("/v1/jobs", json=ASKED, headers={"Idempotency-Key": "once"}) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]


def test_stopping_and_deleting(client: TestClient) -> None:
    job = draw(client)
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "done"
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    for path in ("", "/events", "/pictures/0"):
        gone = client.get(f"/v1/jobs/{job['id']}{path}")
        assert gone.status_code == 410
        assert gone.json()["error"]["code"] == "job.expired"
    assert client.delete(f"/v1/jobs/{job['id']}").status_code == 410


def test_what_is_not_there(client: TestClient) -> None:
    for method, path in (
        ("GET", "/v1/jobs/none"),
        ("GET", "/v1/jobs/none/events"),
        ("POST", "/v1/jobs/none/cancel"),
        ("GET", "/v1/jobs/none/pictures/0"),
        ("PATCH", "/v1/jobs/none/pictures/0"),
        ("GET", "/v1/nothing"),
    ):
        body = {"starred": True} if method in ("PATCH", "POST") else None
        answer = client.request(method, path, json=body)
        assert answer.status_code == 404, (method, path)
        assert set(answer.json()["error"]) == {"code", "message", "ja", "en"}
    assert client.put("/v1/jobs", json={}).status_code == 405
    english = client.get("/v1/jobs/none", headers={"Accept-Language": "en-GB"}).json()["error"]
    assert english["message"] == english["en"]


def test_lists_and_the_gallery(client: TestClient) -> None:
    drawn = [draw(client, prompt=prompt) for prompt in ("青い鳥", "青い魚")]
    listed = client.get("/v1/jobs", params={"limit": "1"}).json()
    assert [job["id"] for job in listed["jobs"]] == [drawn[1]["id"]]
    after = client.get("/v1/jobs", params={"limit": "1", "before": str(listed["next"])}).json()
    assert [job["id"] for job in after["jobs"]] == [drawn[0]["id"]]
    assert client.get("/v1/jobs", params={"state": "queued,drawing"}).json()["jobs"] == []
    assert client.get("/v1/jobs", params={"state": "lost"}).status_code == 422
    assert client.get("/v1/jobs", params={"before": "x"}).status_code == 422

    found = client.get("/v1/pictures", params={"q": "青い"}).json()["pictures"]
    assert [picture["prompt"] for picture in found] == ["青い魚", "青い鳥"]
    url = found[1]["url"]
    assert client.patch(url, json={"starred": True}).json()["starred"] is True
    assert client.patch(url, json={"starred": 1}).status_code == 422
    assert client.patch(url, json=[]).status_code == 422
    starred = client.get("/v1/pictures", params={"starred": "1"}).json()["pictures"]
    assert [picture["url"] for picture in starred] == [url]
    assert client.delete(url).status_code == 204
    assert client.get(url).status_code == 410
    assert client.get("/v1/pictures", params={"q": "鳥"}).json()["pictures"] == []


def test_a_picture_of_ones_own_is_drawn_over_and_enlarged(client: TestClient) -> None:
    job = draw(client)
    own = {"job": job["id"], "picture": 0}
    over = draw(client, image=own, strength=0.5)
    assert (over["state"], over["inputs"]) == ("done", ["image"])
    answer = client.post("/v1/jobs", json={"task": "upscale", "image": own, "factor": 2, "strength": 0,
                                           "upscaler": "animevideo"})  # fmt: skip
    *_, (_, _, larger) = events(client, answer.json()["id"])
    assert larger["state"] == "done", larger["error"]
    assert larger["pictures"][0]["width"] == 128
    missing = client.post("/v1/jobs", json={**ASKED, "image": {"job": job["id"], "picture": 7}})
    assert missing.status_code == 404


def test_which_word_drew_what(client: TestClient) -> None:
    job = draw(client, attention=True)
    told = client.get(f"/v1/jobs/{job['id']}/pictures/0/attention").json()
    assert "猫" in {word["source"] for word in told["words"]}
    plain = draw(client)
    answer = client.get(f"/v1/jobs/{plain['id']}/pictures/0/attention")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "attention.off"


def test_how_a_prompt_is_read(client: TestClient) -> None:
    told = client.post("/v1/explain", json={"prompt": "赤い猫"}).json()
    assert told["english"] == "a red cat"
    assert [part["source"] for part in told["parts"]]
    assert client.post("/v1/explain", json={"prompt": 3}).status_code == 422
    assert client.post("/v1/explain", json={"prompt": "猫", "translate": "x"}).status_code == 422
    assert client.post("/v1/explain", json={"prompt": "猫" * 20_000}).status_code == 422


def test_what_a_picture_tells_of_itself(client: TestClient) -> None:
    job = draw(client)
    png = client.get(job["pictures"][0]["url"]).content
    told = client.post("/v1/record", content=png, headers={"Content-Type": "image/png"}).json()
    assert told["source"] == "sdjp"
    assert told["options"]["prompt"] == "赤い猫"
    again = {name: value for name, value in told["options"].items() if value is not None}
    assert draw(client, again)["pictures"][0]["seed"] == 1
    bare = io.BytesIO()
    Image.new("RGB", (4, 4)).save(bare, "PNG")
    told = client.post("/v1/record", content=bare.getvalue(), headers={"Content-Type": "image/png"}).json()
    assert told["source"] is None
    broken = client.post("/v1/record", content=b"nothing", headers={"Content-Type": "image/png"})
    assert broken.status_code == 422


def test_what_there_is(client: TestClient, context: Context) -> None:
    told = client.get("/v1/capabilities").json()
    assert told["model"] == "mini"
    assert told["limits"]["max_pictures"] == context.limits.max_pictures
    jsonschema.Draft202012Validator(told["schema"]).validate(ASKED)
    assert {entry["name"] for entry in told["models"]} == {"mini"}


@pytest.mark.parametrize("body", [b"", b"{", b"[1, 2", b"\xff\xfe", b'{"prompt": NaN}', b"[" * 100_000])
def test_bodies_that_are_no_json(client: TestClient, body: bytes) -> None:
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "body.json"


def test_the_document_describes_every_route(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    declared = {
        (path, method.upper())
        for path, operations in document["paths"].items()
        for method in operations
        if method != "parameters"
    }
    routed = {
        (route.path.replace(":int", ""), method)
        for route in client.app.routes  # type: ignore[attr-defined]
        if getattr(route, "path", "").startswith("/v1/") and hasattr(route, "methods")
        for method in route.methods - {"HEAD"}
    }
    assert {pair for pair in routed if "/images/" not in pair[0] and "/models" not in pair[0]} == declared


def test_health(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True}
    assert 'sdjp_jobs_total{state="done"}' in client.get("/metrics").text
