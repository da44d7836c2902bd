"""From a body to a job: everything that can be refused is refused before it is queued."""

from __future__ import annotations

import base64
import io
from typing import Any

import jsonschema
import pytest
from PIL import Image

from sdjp.errors import InputError
from sdjp.server.context import Context
from sdjp.server.jobs.errors import JobUnknownError
from sdjp.server.request import read_request, schema


def encoded(side: int = 8, color: str = "red") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side), color).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


PICTURE = encoded()
URI = f"data:image/png;base64,{PICTURE}"


def test_a_body_has_the_names_of_the_options(context: Context) -> None:
    body = {"prompt": "猫", "width": 64.0, "seed": 7, "num_images_per_prompt": 2, "model": "MINI"}
    request = read_request(body, context, owner="a")
    assert (request.model, request.options.width, request.options.seed) == ("mini", 64, 7)
    assert request.count == 2
    jsonschema.Draft202012Validator(schema(factor=8)).validate(body)
    jsonschema.Draft202012Validator.check_schema(schema())


def test_a_seed_is_settled(context: Context) -> None:
    seeds = {read_request({"prompt": "猫"}, context, owner="a").options.seed for _ in range(4)}
    assert len(seeds) == 4


@pytest.mark.parametrize("picture", [PICTURE, URI, URI.replace("png", "PNG"), f"{URI[:40]}\n{URI[40:]}"])
def test_pictures_come_as_data(context: Context, picture: str) -> None:
    body = {"prompt": "猫", "image": picture, "mask": encoded(color="white"), "strength": 0.5}
    request = read_request(body, context, owner="a")
    assert request.image is not None
    assert request.data[request.image] == base64.b64decode(PICTURE)
    assert request.inputs == ("image", "mask")


def test_equal_pictures_are_kept_once(context: Context) -> None:
    request = read_request({"task": "upscale", "image": URI, "factor": 2}, context, owner="a")
    assert len(request.data) == 1
    assert request.options.prompt is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "body.object"),
        ({}, "options.missing_key"),
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": "猫", "colour": "red"}, "options.unknown_key"),
        ({"prompt": "猫", "task": "sing"}, "task.unknown"),
        ({"prompt": "猫", "model": "sd-v9"}, "model.unknown"),
        ({"prompt": "猫", "model": "../../etc/passwd"}, "model.unknown"),
        ({"prompt": "猫", "model": 3}, "model.unknown"),
        ({"prompt": "猫", "width": 100}, "size"),
        ({"prompt": "猫", "width": "64"}, "size"),
        ({"prompt": "猫", "width": 4096, "height": 4096}, "limit.pixels"),
        ({"prompt": "猫", "width": 256, "height": 256, "hires": 2}, "limit.pixels"),
        ({"prompt": "猫", "num_inference_steps": 500}, "limit.steps"),
        ({"prompt": "猫", "num_images_per_prompt": 5}, "limit.pictures"),
        ({"prompt": ["猫", "犬", "鳥"], "num_images_per_prompt": 2}, "limit.pictures"),
        ({"prompt": "猫" * 10_001}, "limit.prompt"),
        ({"prompt": "猫", "sampler": "magic"}, "sampler"),
        ({"prompt": "猫", "seed": [1, 2]}, "seed.count"),
        ({"prompt": "猫", "guidance_scale": "high"}, "guidance_scale"),
        ({"prompt": "猫", "upscaler": "/etc/passwd"}, "upscaler.unknown"),
        ({"prompt": "猫", "loras": {"none": 1}}, "lora"),
        ({"prompt": "猫 <lora:none:1>"}, "lora"),
        ({"prompt": "猫", "factor": 2}, "factor.task"),
        ({"prompt": "猫", "mask": URI}, "mask"),
        ({"prompt": "猫", "image": "http://127.0.0.1/x.png"}, "image.form"),
        ({"prompt": "猫", "image": "file:///etc/passwd"}, "image.form"),
        ({"prompt": "猫", "image": "/etc/passwd"}, "image."),
        ({"prompt": "猫", "image": "data:image/png;base64,####"}, "image.form"),
        ({"prompt": "猫", "image": base64.b64encode(b"no picture").decode()}, "image.unreadable"),
        ({"prompt": "猫", "image": {"job": 1, "picture": 0}}, "image.form"),
        ({"prompt": "猫", "image": {"job": "a", "picture": 0, "more": 1}}, "image.form"),
        ({"prompt": "猫", "controls": [{"name": "../canny", "image": URI}]}, "controls.name"),
        ({"prompt": "猫", "controls": [{"name": "x.safetensors", "image": URI}]}, "controls.name"),
        ({"prompt": "猫", "controls": [{"name": "canny"}]}, "controls.form"),
        ({"prompt": "猫", "controls": "canny"}, "controls.form"),
        ({"prompt": "猫", "controls": [{"name": "canny", "image": URI}]}, "controlnet"),
        ({"prompt": "猫", "image_prompt": [URI, 3]}, "image_prompt.form"),
        ({"task": "upscale"}, "upscale.image"),
        ({"task": "upscale", "image": URI, "mask": URI}, "upscale.image"),
        ({"task": "upscale", "image": URI, "factor": 9}, "factor"),
        ({"task": "upscale", "image": URI, "factor": "2"}, "factor"),
        ({"task": "upscale", "image": URI, "prompt": ["a", "b"]}, "upscale.prompt"),
    ],
)
def test_what_cannot_be_drawn_is_refused(context: Context, body: Any, code: str) -> None:
    with pytest.raises(InputError) as caught:
        read_request(body, context, owner="a")
    assert caught.value.code.startswith(code)
    assert caught.value.ja
    assert caught.value.en


def test_a_picture_of_another_job_is_taken_from_its_owner_alone(context: Context) -> None:
    with pytest.raises(JobUnknownError):
        read_request({"prompt": "猫", "image": {"job": "x", "picture": 0}}, context, owner="a")
