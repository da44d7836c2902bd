"""What Open WebUI and LibreChat send to an OpenAI server, and what they read of its answers.

Neither is a package to install here. Their requests are those of open-webui/open-webui (02530d5),
backend/open_webui/routers/images.py, engine "openai", and of danny-avila/LibreChat,
api/app/clients/tools/structured/OpenAIImageTools.js.
"""

from __future__ import annotations

import base64
import io
import json
import secrets
import urllib.error
import urllib.request
from typing import Any

import pytest
from PIL import Image

from tests.serving import Server


def send(server: Server, path: str, body: bytes, kind: str, *, status: int = 200) -> dict[str, Any]:
    """Send a request as both do, and return its answer, which must have the status."""
    headers = {"Authorization": "Bearer sk-unused", "Content-Type": kind}
    request = urllib.request.Request(f"{server.url}/v1{path}", body, headers)
    try:
        with urllib.request.urlopen(request) as answer:
            got, said = answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            got, said = error.code, json.load(error)
    assert got == status, said
    return dict(said)


def form(fields: dict[str, str], files: list[tuple[str, str, bytes]]) -> tuple[bytes, str]:
    """A form and its type; files are name, type and data."""
    border = secrets.token_hex(16)
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="a.png"\r\n'
        f"Content-Type: {kind}\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, kind, data in files
    ]
    return b"".join(parts) + f"--{border}--\r\n".encode(), f"multipart/form-data; boundary={border}"


def decoded(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def picture() -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("model", ["dall-e-2", "gpt-image-1", "mini"])
def test_open_webui_draws(server: Server, model: str) -> None:
    body: dict[str, Any] = {"model": model, "prompt": "馬", "n": 1, "size": "64x64"}
    if not model.startswith("gpt-image"):
        body["response_format"] = "b64_json"
    body |= {"num_inference_steps": 1, "quality": "standard"}  # its "additional parameters"
    answer = send(server, "/images/generations", json.dumps(body).encode(), "application/json")
    for one in answer["data"]:
        assert not one.get("url")  # it would take that first, and refuse an address on loopback
        assert decoded(one["b64_json"]).size == (64, 64)


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_open_webui_edits(server: Server, name: str) -> None:
    fields = {"model": "dall-e-2", "prompt": "馬", "n": "1", "size": "64x64", "response_format": "b64_json"}
    body, kind = form(fields, [(name, "image/png", picture())])
    answer = send(server, "/images/edits", body, kind)
    assert decoded(answer["data"][0]["b64_json"]).size == (64, 64)


def test_open_webui_is_refused_in_a_form_that_it_can_show(server: Server) -> None:
    body = json.dumps({"model": "mini", "prompt": "馬", "n": 1, "size": "100x100"}).encode()
    said = send(server, "/images/generations", body, "application/json", status=400)
    assert "112" in said["error"]["message"]  # one of the nearest sizes


def test_librechat_draws(server: Server) -> None:
    body = {
        "model": "gpt-image-1",
        "prompt": "馬",
        "n": 1,
        "background": "auto",
        "output_format": "webp",
        "output_compression": 100,
        "quality": "auto",
        "size": "auto",
    }
    answer = send(server, "/images/generations", json.dumps(body).encode(), "application/json")
    drawn = decoded(answer["data"][0]["b64_json"])
    assert (drawn.format, drawn.size) == ("WEBP", (256, 256))


def test_librechat_edits(server: Server) -> None:
    fields = {"model": "gpt-image-1", "prompt": "馬", "quality": "auto", "size": "auto"}
    body, kind = form(fields, [("image[]", "image/png", picture())])
    answer = send(server, "/images/edits", body, kind)
    assert decoded(answer["data"][0]["b64_json"]).size == (256, 256)
