"""The pictures that a job was given: seen again, and given again to the next one."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

from PIL import Image
from starlette.testclient import TestClient

from sdjp.options import GenerationOptions
from sdjp.server.jobs.record import GivenControl, JobRequest


def picture(kind: str, color: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 64), color).save(file, kind)
    return file.getvalue()


def ask(client: TestClient, **more: Any) -> dict[str, Any]:
    """Ask for a job and wait for it."""
    body = {"prompt": "赤い猫", "seed": 1, "num_inference_steps": 2, **more}
    job = client.post("/v1/jobs", json=body)
    assert job.status_code == 202, job.text
    for line in client.get(f"/v1/jobs/{job.json()['id']}/events").text.splitlines():
        told = line
        if told.startswith("data: "):
            last = json.loads(told.removeprefix("data: "))
    assert last["state"] == "done"
    return dict(last)


def test_a_job_gives_its_pictures_to_the_next(client: TestClient) -> None:
    files = {"image": picture("JPEG", "teal"), "mask": picture("PNG", "white")}
    job = ask(client, **{name: base64.b64encode(data).decode() for name, data in files.items()})
    assert job["inputs"] == ["image", "mask"]
    for kind, data in files.items():
        answer = client.get(f"/v1/jobs/{job['id']}/inputs/{kind}/0")
        assert answer.content == data
        assert answer.headers["content-type"] == ("image/jpeg" if kind == "image" else "image/png")
    again = ask(client, **job["given"])
    assert again["inputs"] == ["image", "mask"]
    pngs = [client.get(one["pictures"][0]["url"]).content for one in (job, again)]
    assert pngs[0] == pngs[1]
    client.delete(f"/v1/jobs/{job['id']}")  # the next one keeps what it was given
    assert client.get(f"/v1/jobs/{again['id']}/inputs/image/0").content == files["image"]


def test_what_a_job_was_not_given(client: TestClient) -> None:
    job = ask(client)
    assert job["given"] == {"task": "generate", "model": "mini"}
    for path in ("image/0", "options/0", "data/0", "image_prompt/0"):
        assert client.get(f"/v1/jobs/{job['id']}/inputs/{path}").status_code == 404
    refused = client.post("/v1/jobs", json={"prompt": "a", "image": {"job": job["id"], "input": "image"}})
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "picture.unknown"
    for odd in ({"job": job["id"], "input": 1}, {"job": job["id"], "input": "image", "path": "x"}):
        answer = client.post("/v1/jobs", json={"prompt": "a", "image": odd})
        assert answer.status_code == 422
        assert answer.json()["error"]["code"] == "image.form"


def test_all_kinds_of_pictures_are_given_again() -> None:
    request = JobRequest(
        model="m",
        options=GenerationOptions(prompt="a"),
        image_prompt=("a", "b"),
        controls=(GivenControl(name="canny", image="c", weight=0.5),),
    )
    given = request.given("j")
    assert given["image_prompt"] == [{"job": "j", "input": "image_prompt", "index": i} for i in (0, 1)]
    assert given["controls"] == [
        {
            "name": "canny",
            "image": {"job": "j", "input": "controls", "index": 0},
            "weight": 0.5,
            "start": 0.0,
            "end": 1.0,
            "preprocess": None,
        }
    ]
    assert request.files_of("controls") == ("c",)
    assert request.files_of("model") == ()
