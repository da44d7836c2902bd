"""Requests of programs that are too large to install, as their sources have them, one after the other.

Open WebUI (backend/open_webui/routers/images.py), SillyTavern (src/endpoints/stable-diffusion.js) and
LibreChat (api/app/clients/tools/structured/StableDiffusion.js), read in November 2026.
"""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.serving import Server, serving

PATIENCE = 600.0


@pytest.fixture
def web(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=PATIENCE) as web:
        yield web


def opened(text: str) -> Image.Image:
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        copy: Image.Image = image.copy()
        return copy


@pytest.mark.parametrize("authorization", ["", "Basic bmFtZTpwYXNzd29yZA=="])
def test_open_webui(web: httpx.Client, authorization: str) -> None:
    headers = {"authorization": authorization}  # "" where its owner has set none
    assert web.get("/sdapi/v1/options", headers=headers).is_success  # "verify connection"
    models = web.get("/sdapi/v1/sd-models", headers=headers).json()
    (model,) = [one["title"] for one in models if one["model_name"]]
    options = web.get("/sdapi/v1/options", headers=headers).json()
    options["sd_model_checkpoint"] = model
    web.post("/sdapi/v1/options", json=options, headers=headers).raise_for_status()
    assert web.get("/sdapi/v1/options", headers=headers).json()["sd_model_checkpoint"] == model
    data = {
        "prompt": "草原の馬",
        "batch_size": 1,
        "width": 128,
        "height": 128,
        "steps": 2,
        "negative_prompt": "ぼやけた",
        "sampler_name": "DPM++ 2M",
        "scheduler": "Karras",
        "cfg_scale": 5,
    }
    reply = web.post("/sdapi/v1/txt2img", json=data, headers=headers).json()
    for image in reply["images"]:
        assert opened(image).size == (128, 128)
    assert json.loads(reply["info"])  # it keeps it beside the picture


def test_sillytavern(web: httpx.Client) -> None:
    # Basic auth header always, of an empty name and password here.
    web.headers["Authorization"] = f"Basic {base64.b64encode(b':').decode()}"
    assert web.get("/sdapi/v1/options").is_success  # ping
    upscalers = [one["name"] for one in web.get("/sdapi/v1/upscalers").json()]
    upscalers[1:1] = [one["name"] for one in web.get("/sdapi/v1/latent-upscale-modes").json()]
    assert upscalers[0] == "None"
    for path in ("sd-vae", "sd-modules"):
        assert [one["model_name"] for one in web.get(f"/sdapi/v1/{path}").json()] == []
    samplers = [one["name"] for one in web.get("/sdapi/v1/samplers").json()]
    schedulers = [one["name"] for one in web.get("/sdapi/v1/schedulers").json()]
    models = [one["title"] for one in web.get("/sdapi/v1/sd-models").json()]
    assert web.post("/sdapi/v1/options", json={"sd_model_checkpoint": models[0]}).is_success
    ready = web.get("/sdapi/v1/progress").json()
    assert ready["progress"] == 0.0
    assert ready["state"]["job_count"] == 0
    assert web.get("/sdapi/v1/options").json()["sd_model_checkpoint"] == models[0]

    assert "forge_preset" not in web.get("/sdapi/v1/options").json()
    body = {
        "url": str(web.base_url),
        "auth": "",
        "prompt": "草原の馬",
        "negative_prompt": "ぼやけた",
        "sampler_name": samplers[0],
        "scheduler": schedulers[0],
        "steps": 2,
        "cfg_scale": 7,
        "width": 128,
        "height": 128,
        "restore_faces": False,
        "enable_hr": False,
        "hr_upscaler": "Latent",
        "hr_scale": 1.0,
        "hr_additional_modules": [],
        "denoising_strength": 0.7,
        "hr_second_pass_steps": 0,
        "override_settings": {"CLIP_stop_at_last_layers": 1},
        "override_settings_restore_afterwards": True,
        "clip_skip": 1,
        "save_images": True,
        "send_images": True,
        "do_not_save_grid": False,
        "do_not_save_samples": False,
    }
    reply = web.post("/sdapi/v1/txt2img", json=body).raise_for_status().json()
    assert opened(reply["images"][0]).size == (128, 128)
    assert json.loads(reply["info"])["sdjp"]["notes"] == []
    assert "auth" not in reply["parameters"]

    # Its user stops: SillyTavern closes the connection and posts an interrupt.
    failed: list[Exception] = []
    with httpx.Client(base_url=web.base_url, timeout=PATIENCE) as other:

        def generate() -> None:
            try:
                other.post("/sdapi/v1/txt2img", json={**body, "steps": 150, "width": 256, "height": 256})
            except Exception as error:  # whatever a closed connection is told as
                failed.append(error)

        thread = threading.Thread(target=generate)
        thread.start()
        while not web.get("/sdapi/v1/progress").json()["state"]["sampling_step"]:
            time.sleep(0.05)
        assert web.post("/sdapi/v1/interrupt").is_success
        thread.join(PATIENCE)
    while web.get("/sdapi/v1/progress").json()["state"]["job_count"]:
        time.sleep(0.05)
    jobs = web.get("/v1/jobs", params={"limit": 1}).json()["jobs"]
    assert [job["state"] for job in jobs] == ["cancelled"]


def libre_chat(web: httpx.Client, **size: int) -> httpx.Response:
    payload = {
        "prompt": "草原の馬, 青い空",
        "negative_prompt": "ぼやけた, 文字",
        "cfg_scale": 4.5,
        "steps": 22,
        "width": 1024,
        "height": 1024,
        **size,
    }
    return web.post("/sdapi/v1/txt2img", json=payload)


def check_libre_chat(reply: Any, side: int) -> None:
    image = opened(reply["images"][0].split(",", 1)[0])
    info = json.loads(reply["info"])
    assert image.size == (info["width"], info["height"]) == (side, side)
    assert "Steps: 22" in info["infotexts"][0].splitlines()[-1]
    assert isinstance(info["seed"], int)


def test_librechat_reads_what_it_needs(web: httpx.Client) -> None:
    check_libre_chat(libre_chat(web, width=64, height=64).raise_for_status().json(), 64)


def test_librechat_is_told_where_its_pictures_are_too_large(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "data", "--max-pixels", "262144") as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE) as web,
    ):
        reply = libre_chat(web)
    assert reply.status_code == 422
    assert "1024×1024" in reply.json()["detail"]
    assert "262,144" in reply.json()["detail"]


@pytest.mark.slow
def test_librechat_as_it_is(web: httpx.Client) -> None:
    check_libre_chat(libre_chat(web).raise_for_status().json(), 1024)
