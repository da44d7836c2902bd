"""npm's ``openai`` and ``ai``, unchanged, against the real server; ``nox -s clients`` installs them."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.serving import Server

SCRIPTS = Path(__file__).parent / "node"
INSTALLED = Path(os.environ.get("SDJP_NODE_CLIENTS", SCRIPTS))
"""The folder with the ``node_modules`` of the package.json in :data:`SCRIPTS`."""

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (INSTALLED / "node_modules" / "openai").is_dir(),
    reason="needs node, and npm install in tests/clients/node",
)


def run(name: str, server: Server, folder: Path) -> dict[str, Any]:
    """What a script was given. It runs beside the packages, since node looks for them from where it lies."""
    script = folder / name
    shutil.copy(SCRIPTS / name, script)
    (folder / "node_modules").symlink_to(INSTALLED / "node_modules")
    done = subprocess.run(
        ["node", str(script), f"{server.url}/v1"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def decoded(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def test_openai(server: Server, tmp_path: Path) -> None:
    said = run("openai.mjs", server, tmp_path)
    [picture] = said["drawn"]["data"]
    assert decoded(picture["b64_json"]).size == (64, 64)
    assert "horse" in picture["revised_prompt"]
    assert said["drawn"]["sdjp"]["seeds"] == [7]
    *partial, last = [event["type"] for event in said["events"]]
    assert partial in ([], ["image_generation.partial_image"])  # one step may be over before it is seen
    assert last == "image_generation.completed"
    assert decoded(said["events"][-1]["b64_json"]).size == (64, 64)
    assert decoded(said["edited"]["data"][0]["b64_json"]).size == (64, 64)
    assert said["models"] == ["mini"]
    refused = said["refused"]
    assert (refused["name"], refused["status"]) == ("BadRequestError", 400)
    assert (refused["code"], refused["param"]) == ("size.multiple", "size")
    assert "100" in refused["message"]
    assert refused["id"]
    assert said["sent"] == 2
    assert decoded(said["retried"]["data"][0]["b64_json"]).size == (64, 64)


def test_ai_sdk(server: Server, tmp_path: Path) -> None:
    said = run("ai-sdk.mjs", server, tmp_path)
    assert [decoded(one).size for one in said["drawn"]] == [(64, 64)] * 2
    assert [decoded(one).size for one in said["byAddress"]] == [(64, 64)]
    assert [decoded(one).size for one in said["edited"]] == [(64, 64)]
    assert said["usage"]["inputTokens"] > 0
    assert said["refused"]["status"] == 400
    assert said["refused"]["again"] is False
    assert "100" in said["refused"]["message"]
