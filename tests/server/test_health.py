"""Whether the server lives, whether it can draw, and its figures as Prometheus' own parser reads them."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from sdjp import __version__
from sdjp.pipeline import Pipeline
from sdjp.server import health, metrics
from sdjp.server.app import create_app
from sdjp.server.context import Context
from sdjp.server.models.shelf import ModelShelf
from tests.server.conftest import make_context

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def parsed(text: str) -> Figures:
    """Values by name and labels; each may be there once."""
    figures: Figures = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            key = sample.name, tuple(sorted(sample.labels.items()))
            assert key not in figures
            figures[key] = sample.value
    return figures


def figures_of(client: TestClient) -> Figures:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.text)


def requests(figures: Figures, route: str, status: str, method: str = "GET") -> float:
    labels = (("method", method), ("route", route), ("status", status))
    return figures.get(("sdjp_http_requests_total", labels), 0)


def test_alive_and_ready(tiny: Pipeline) -> None:
    models = ModelShelf(None, load=lambda _: tiny)
    app = Starlette(routes=health.routes(Context(queue=None, models=models, limits=None, settings=None)))  # type: ignore[arg-type]
    client = TestClient(app)
    assert client.get("/healthz").json() == {"status": "ok"}
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    assert int(answer.headers["retry-after"]) > 0
    models.pipeline()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True})
    assert client.head("/healthz").status_code == 200


def test_the_figures_of_a_job(client: TestClient) -> None:
    before = figures_of(client)
    assert before[("sdjp_jobs_total", (("state", "done"),))] == 0
    job = client.post("/v1/jobs", json={"prompt": "秘密の猫", "num_inference_steps": 2, "seed": 1}).json()
    while client.get(f"/v1/jobs/{job['id']}").json()["state"] != "done":
        time.sleep(0.02)
    assert client.get(f"/v1/jobs/{job['id']}/pictures/7").status_code == 404
    text = client.get("/metrics").text
    assert "秘密" not in text
    assert "secret" not in text
    assert job["id"] not in text

    figures = parsed(text)
    for name in ("sdjp_jobs_submitted_total", "sdjp_pictures_total", "sdjp_ready"):
        assert figures[name, ()] == 1
    assert figures["sdjp_jobs_total", (("state", "done"),)] == 1
    assert figures["sdjp_jobs", (("state", "queued"),)] == 0
    assert figures["sdjp_drawing_seconds_total", ()] > 0
    assert figures["sdjp_pictures_bytes", ()] > 0
    assert figures["process_resident_memory_bytes", ()] > 1e7
    assert abs(figures["process_start_time_seconds", ()] - time.time()) < 86_400
    assert figures["sdjp_model_info", (("model", "mini"),)] == 1
    [version] = [dict(labels)["version"] for name, labels in figures if name == "sdjp_build_info"]
    assert version == __version__

    buckets = [value for (name, _), value in figures.items() if name == "sdjp_queue_wait_seconds_bucket"]
    assert buckets == sorted(buckets)
    assert figures["sdjp_queue_wait_seconds_bucket", (("le", "+Inf"),)] == 1
    assert figures["sdjp_queue_wait_seconds_count", ()] == 1

    assert requests(figures, "/v1/jobs", "202", "POST") == 1
    assert requests(figures, "/v1/jobs/{job}", "200") >= 1
    assert requests(figures, "/v1/jobs/{job}/pictures/{index}", "404") == 1
    assert requests(figures, "/metrics", "200") - requests(before, "/metrics", "200") == 1
    assert figures["sdjp_http_requests_in_progress", ()] == 1  # this one


def test_requests_are_counted_by_route_and_status() -> None:
    async def one(request: Request) -> Response:
        if request.path_params["name"] == "broken":
            raise RuntimeError
        return PlainTextResponse("?")

    app = Starlette(
        routes=[Route("/a/{name}", one, methods=["GET"]), Mount("/files", Route("/{name}", one))],
        middleware=[Middleware(health.CountRequests)],
    )
    client = TestClient(app, raise_server_exceptions=False)
    client.get("/a/x")
    client.get("/a/y")
    client.post("/a/x")
    client.get("/a/broken")
    client.get("/files/x")
    client.get("/nowhere/1")
    client.request("BREW", "/nowhere/2")
    assert dict(app.state.requests.answered) == {
        ("GET", "/a/{name}", 200): 2,
        ("POST", "/a/{name}", 405): 1,
        ("GET", "/a/{name}", 500): 1,
        ("GET", "/files", 200): 1,
        ("GET", "other", 404): 1,
        ("other", "other", 404): 1,
    }
    assert app.state.requests.in_progress == 0


def test_two_servers_count_apart(
    tiny: Pipeline, client: TestClient, tmp_path_factory: pytest.TempPathFactory
) -> None:
    context = make_context(tmp_path_factory.mktemp("other"), tiny)
    with TestClient(create_app(context), base_url="http://127.0.0.1:7860") as other:
        client.get("/healthz")
        figures = figures_of(other)
        assert requests(figures, "/healthz", "200") == 0
        assert figures["sdjp_http_requests_in_progress", ()] == 1


@given(st.text(st.characters(codec="utf-8")), st.floats(allow_nan=False))
def test_labels_and_values_come_back(label: str, value: float) -> None:
    text = metrics.text({metrics.sample("sdjp_model_info", model=label): value, "sdjp_ready": 1})
    assert parsed(text) == {("sdjp_model_info", (("model", label),)): value, ("sdjp_ready", ()): 1}


def test_numbers_and_names_that_are_unusual() -> None:
    text = metrics.text(
        {
            metrics.sample("sdjp_model_info", model="\udc80"): math.nan,  # of a file's name that is no UTF-8
            "sdjp_ready": 12345678901234567,
            "unheard_of": 1.5,
        }
    )
    assert text.encode().decode() == text
    lines = text.splitlines()
    assert 'sdjp_model_info{model="\ufffd"} NaN' in lines
    assert "sdjp_ready 12345678901234567" in lines
    assert lines[-2:] == ["# TYPE unheard_of untyped", "unheard_of 1.5"]
