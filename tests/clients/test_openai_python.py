"""PyPI's ``openai``, unchanged, against the real server."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.images import read_metadata
from sdjp.images.a1111 import read_parameters
from tests.serving import Server

openai = pytest.importorskip("openai")
httpx2 = pytest.importorskip("httpx2")  # what it sends requests with

FAST: dict[str, Any] = {"num_inference_steps": 1}
SMALL = "64x64"


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def decoded(picture: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(picture)))


def count_jobs(server: Server) -> int:
    with urllib.request.urlopen(f"{server.url}/v1/jobs?limit=200") as answer:
        return len(json.load(answer)["jobs"])


def test_a_picture(client: Any) -> None:
    answer = client.images.generate(
        prompt="赤い馬", model="mini", size=SMALL, extra_body={**FAST, "seed": 7, "negative_prompt": "青"}
    )
    [picture] = answer.data
    assert picture.url is None
    assert decoded(picture.b64_json).size == (64, 64)
    assert "horse" in picture.revised_prompt
    assert (answer.size, answer.output_format, answer.background) == (SMALL, "png", "opaque")
    assert answer.usage.input_tokens == answer.usage.total_tokens > 0
    about = answer.sdjp
    assert (about["model"], about["seeds"], about["unused"]) == ("mini", [7], [])
    options = read_metadata(io.BytesIO(base64.b64decode(picture.b64_json))).options
    assert options is not None
    assert (options.prompt, options.negative_prompt, options.seed) == ("赤い馬", "青", 7)


def test_auto_is_the_size_of_the_model(client: Any) -> None:
    answer = client.images.generate(prompt="馬", model="mini", size="auto", extra_body=FAST)
    assert decoded(answer.data[0].b64_json).size == (256, 256)
    assert answer.size == "256x256"


def test_what_changes_nothing_is_told(client: Any) -> None:
    answer = client.images.generate(
        prompt="馬",
        model="gpt-image-1",
        n=2,
        size=SMALL,
        quality="high",
        background="auto",
        moderation="low",
        user="me",
        extra_body={**FAST, "steps": 3},
    )
    assert len(answer.data) == 2
    assert sorted(answer.sdjp["unused"]) == ["moderation", "quality", "steps", "user"]
    [note] = answer.sdjp["notes"]
    assert "gpt-image-1" in note["ja"]
    assert "gpt-image-1" in note["en"]


def test_dall_e_is_given_addresses(client: Any) -> None:
    answer = client.images.generate(prompt="馬", model="dall-e-3", size=SMALL, extra_body=FAST)
    [picture] = answer.data
    assert picture.b64_json is None
    with urllib.request.urlopen(picture.url) as file:
        assert Image.open(file).size == (64, 64)
    answer = client.images.generate(
        prompt="馬", model="dall-e-3", size=SMALL, response_format="b64_json", extra_body=FAST
    )
    assert answer.data[0].url is None
    assert decoded(answer.data[0].b64_json).size == (64, 64)


@pytest.mark.parametrize("output_format", ["jpeg", "webp"])
def test_other_formats_keep_the_record(client: Any, output_format: Any) -> None:
    answer = client.images.generate(
        prompt="馬",
        model="mini",
        size=SMALL,
        output_format=output_format,
        output_compression=80,
        extra_body={**FAST, "seed": 3},
    )
    assert answer.output_format == output_format
    data = base64.b64decode(answer.data[0].b64_json)
    assert Image.open(io.BytesIO(data)).format == output_format.upper()
    found = read_metadata(io.BytesIO(data))
    assert found.parameters is not None
    assert read_parameters(found.parameters).settings["Seed"] == "3"
    assert found.options is not None
    assert (found.options.prompt, found.options.seed) == ("馬", 3)
    assert found.generated


def test_async(server: Server) -> None:
    async def draw() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="unused") as client:
            return await asyncio.gather(
                *(
                    client.images.generate(
                        prompt="馬", model="mini", size=SMALL, extra_body={**FAST, "seed": i}
                    )
                    for i in range(3)
                )
            )

    answers = asyncio.run(draw())
    assert [answer.sdjp["seeds"] for answer in answers] == [[0], [1], [2]]
    assert len({answer.data[0].b64_json for answer in answers}) == 3


def test_streaming(client: Any) -> None:
    stream = client.images.generate(
        prompt="馬", model="mini", stream=True, partial_images=2, extra_body={"num_inference_steps": 16}
    )
    *before, last = list(stream)
    assert [event.type for event in before] == ["image_generation.partial_image"] * len(before)
    assert [event.partial_image_index for event in before] == list(range(len(before)))
    assert 1 <= len(before) <= 2  # as the client's own documentation says: the picture may be faster
    for event in [*before, last]:
        assert decoded(event.b64_json).format == "PNG"
        assert (event.output_format, event.background, event.quality) == ("png", "opaque", "auto")
    assert last.type == "image_generation.completed"
    assert last.size == "256x256"
    assert decoded(last.b64_json).size == (256, 256)
    assert last.usage.input_tokens > 0


def test_streaming_without_partial_images(client: Any) -> None:
    stream = client.images.generate(prompt="馬", model="mini", n=2, size=SMALL, stream=True, extra_body=FAST)
    assert [event.type for event in stream] == ["image_generation.completed"] * 2


def hole(picture: Image.Image) -> bytes:
    """The picture, transparent on its left half."""
    mask = picture.convert("RGBA")
    mask.paste((0, 0, 0, 0), (0, 0, picture.width // 2, picture.height))
    buffer = io.BytesIO()
    mask.save(buffer, "PNG")
    return buffer.getvalue()


def assert_left_half_redrawn(drawn: Image.Image, before: Image.Image) -> None:
    """The right half is as before, but for the invisible watermark."""
    change = np.abs(np.asarray(drawn).astype(int) - np.asarray(before)).mean(axis=(0, 2))
    assert change[32:].mean() < 4 < 20 < change[:32].mean()


def test_edits_redraw_what_is_transparent(client: Any, tmp_path: Path) -> None:
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    path = tmp_path / "絵.png"
    picture.save(path)
    (tmp_path / "mask.png").write_bytes(hole(picture))
    with path.open("rb") as image, (tmp_path / "mask.png").open("rb") as mask:
        answer = client.images.edit(
            image=image,
            mask=mask,
            prompt="馬",
            model="gpt-image-1",
            size=SMALL,
            quality="high",
            extra_body={"seed": 2, "feather": 0, "num_inference_steps": 4, "paste_back": True},
        )
    assert_left_half_redrawn(decoded(answer.data[0].b64_json), picture)
    assert answer.sdjp["seeds"] == [2]
    assert answer.sdjp["unused"] == ["quality"]


def test_edits_as_a_list_and_as_a_stream(client: Any) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 90).save(buffer, "JPEG")
    stream = client.images.edit(
        image=[("a.jpg", buffer.getvalue(), "image/jpeg")],
        prompt="馬",
        model="mini",
        size=SMALL,
        stream=True,
        extra_body={"strength": 0.5, **FAST},
    )
    [event] = list(stream)
    assert event.type == "image_edit.completed"
    assert decoded(event.b64_json).size == (64, 64)


def test_without_a_mask_dall_e_redraws_what_is_transparent(client: Any) -> None:
    picture = Image.effect_noise((64, 64), 90).convert("RGB")
    answer = client.images.edit(
        image=("a.png", hole(picture), "image/png"),
        prompt="馬",
        model="dall-e-2",
        size=SMALL,
        response_format="b64_json",
        extra_body={"feather": 0, **FAST},
    )
    assert_left_half_redrawn(decoded(answer.data[0].b64_json), picture)


def test_models(client: Any) -> None:
    assert [model.id for model in client.models.list()] == ["mini"]
    assert client.models.retrieve("mini").owned_by == "sdjp"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-image-1")
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"size": "100x100"}, "size", "size.multiple"),
        ({"size": "large"}, "size", "size.form"),
        ({"size": "4096x4096"}, "size", "limit.pixels"),
        ({"n": 99}, "n", "n.range"),
        ({"output_format": "svg"}, "output_format", "output_format.unknown"),
        ({"background": "transparent"}, "background", "background.transparent"),
        ({"response_format": "url", "output_format": "webp"}, "output_format", "output_format.url"),
        ({"extra_body": {"sampler": "none"}}, "sampler", "sampler.unknown"),
        ({"extra_body": {"width": 64}, "size": SMALL}, "size", "size.twice"),
    ],
)
def test_what_cannot_be_used_is_a_bad_request(
    client: Any, given: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="馬", model="mini", **given)
    error = caught.value
    assert (error.param, error.code, error.type) == (param, code, "invalid_request_error")
    assert " / " in error.message  # Japanese, then English
    assert error.request_id
    assert error.response.headers["x-should-retry"] == "false"


def test_messages_in_the_language_that_is_asked_for(client: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(
            prompt="馬", model="mini", size="100x100", extra_headers={"Accept-Language": "en-GB"}
        )
    assert "100 is not a multiple of 16" in caught.value.message
    assert caught.value.message.isascii()


def test_two_pictures_cannot_be_edited_into_one(client: Any) -> None:
    files = [("a.png", hole(Image.new("RGB", (64, 64))), "image/png")] * 2
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=files, prompt="馬", model="mini")
    assert (caught.value.param, caught.value.code) == ("image", "image.count")


def test_variations_are_no_more(client: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="edits"):
        client.post("/images/variations", body={}, cast_to=object)


class Forgetful:
    """A transport that loses the connection, the first time, when the answer is there."""

    def __init__(self) -> None:
        self._transport = httpx2.HTTPTransport()
        self.requests: list[Any] = []

    def __enter__(self) -> Forgetful:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._transport.close()

    def handle_request(self, request: Any) -> Any:
        self.requests.append(request)
        answer = self._transport.handle_request(request)
        if len(self.requests) > 1:
            return answer
        answer.read()
        answer.close()
        raise httpx2.ReadError("the connection is lost", request=request)


def test_a_retry_is_given_the_picture_of_the_first_attempt(server: Server) -> None:
    transport = Forgetful()
    before = count_jobs(server)
    with openai.OpenAI(
        base_url=f"{server.url}/v1", api_key="unused", http_client=httpx2.Client(transport=transport)
    ) as client:
        first = client.images.generate(prompt="馬", model="mini", size=SMALL, extra_body=FAST)
        assert [one.headers["x-stainless-retry-count"] for one in transport.requests] == ["0", "1"]
        assert count_jobs(server) == before + 1
        again = client.images.generate(prompt="馬", model="mini", size=SMALL, extra_body=FAST)
    assert count_jobs(server) == before + 2  # who asks for the same again wants another picture
    assert again.sdjp["seeds"] != first.sdjp["seeds"]


def test_a_key_of_ones_own(client: Any, server: Server) -> None:
    before = count_jobs(server)
    answers = [
        client.images.generate(
            prompt="馬", model="mini", size=SMALL, extra_body=FAST, extra_headers={"Idempotency-Key": "k1"}
        )
        for _ in range(2)
    ]
    assert count_jobs(server) == before + 1
    assert answers[0].data[0].b64_json == answers[1].data[0].b64_json
