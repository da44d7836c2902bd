"""Pictures as PNG, JPEG and WebP: each has the whole record, and says of itself that a model made it."""

from __future__ import annotations

import io
import random
import xml.etree.ElementTree as ET
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from sdjp import images
from sdjp.choices import OutputFormat
from sdjp.errors import InputError, OutputError
from sdjp.options import GenerationOptions
from sdjp.provenance import UNSIGNED, Provenance, read_packet
from tests import strategies

FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"


def noise(width: int = 24, height: int = 16) -> Image.Image:
    pixels = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def record_of(prompt: str) -> images.Texts:
    return images.texts_of(f"{prompt}\nSteps: 8", {"options": {"prompt": prompt}})


def xmp_in(data: bytes) -> bytes:
    """The packet as programs look for it that know no file format."""
    return data[data.index(b"<?xpacket begin") : data.index(b"<?xpacket end")]


@pytest.mark.parametrize("format", FORMATS)
def test_the_record_and_the_source_come_back(format: OutputFormat) -> None:
    data = images.encode(noise(), format=format, texts=record_of("馬に乗る宇宙飛行士"), provenance=UNSIGNED)
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.format == format.upper()
    found = images.read_metadata(io.BytesIO(data))
    assert found.options == GenerationOptions(prompt="馬に乗る宇宙飛行士", noise_multiplier=1)
    assert found.parameters == "馬に乗る宇宙飛行士\nSteps: 8"
    assert found.generated
    # Another reader: Python's own XML.
    root = ET.fromstring(xmp_in(data).decode().partition("?>")[2])
    assert root.tag == "{adobe:ns:meta/}xmpmeta"
    [source] = root.iter(f"{IPTC}DigitalSourceType")
    assert source.text == TRAINED
    assert len(list(root.iter(f"{RDF}Description"))) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_switched_off_is_not_there(format: OutputFormat) -> None:
    off = images.encode(noise(), format=format, texts=record_of("猫"), provenance=Provenance(xmp=False))
    assert b"trainedAlgorithmicMedia" not in off
    found = images.read_metadata(io.BytesIO(off))
    assert found.options == GenerationOptions(prompt="猫", noise_multiplier=1)
    assert not found.generated
    bare = images.encode(noise(), format=format)
    assert b"xpacket" not in bare
    assert images.read_metadata(io.BytesIO(bare)) == images.Metadata(parameters=None, sdjp=None)


@pytest.mark.parametrize("format", ["jpeg", "webp"])
@pytest.mark.parametrize("length", [20_000, 40_000, 70_000, 300_000])
def test_records_of_any_length_survive(format: OutputFormat, length: int) -> None:
    letters = random.Random(length).choices("猫と犬<>&\"'\r\n\\😀", k=length)
    prompt = "x" + "".join(letters) + "x"
    data = images.encode(noise(), format=format, texts=record_of(prompt), provenance=UNSIGNED)
    found = images.read_metadata(io.BytesIO(data))
    assert found.options == GenerationOptions(prompt=prompt, noise_multiplier=1)
    assert found.parameters == f"{prompt}\nSteps: 8"
    assert found.generated


@pytest.mark.parametrize("format", FORMATS)
@given(text=strategies.png_texts)
@settings(max_examples=40)
def test_any_prompt_survives(format: OutputFormat, text: str) -> None:
    data = images.encode(Image.new("RGB", (1, 1)), format=format, texts=record_of(text), provenance=UNSIGNED)
    assert images.read_metadata(io.BytesIO(data)).options == GenerationOptions(
        prompt=text, noise_multiplier=1
    )


def test_pixels() -> None:
    picture = noise()
    for exact in (images.encode(picture), images.encode(picture, format="webp", quality=100)):
        with Image.open(io.BytesIO(exact)) as saved:
            assert np.array_equal(np.asarray(saved), np.asarray(picture))
    sizes = [len(images.encode(noise(128, 128), format="jpeg", quality=quality)) for quality in (30, 95)]
    assert sizes[0] < sizes[1]


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(InputError, match="gif") as caught:
        images.check_format("gif")  # type: ignore[arg-type]
    assert caught.value.code == "output.format"
    for quality in (0, 101, 9.5, True, "90"):
        with pytest.raises(InputError) as caught:
            images.check_quality(quality)  # type: ignore[arg-type]
        assert caught.value.code == "quality.range"


def test_a_picture_too_large_for_a_format_is_refused_with_the_limit() -> None:
    wide = Image.new("RGB", (16_384, 1))
    with pytest.raises(OutputError, match="16383") as caught:
        images.encode(wide, format="webp")
    assert caught.value.code == "output.size"
    for format in ("png", "jpeg"):
        with Image.open(io.BytesIO(images.encode(wide, format=format))) as saved:
            assert saved.size == wide.size


def test_quality_is_settled_before_anything_is_drawn() -> None:
    assert [images.checked_quality(format, None) for format in FORMATS] == [None, 95, 95]
    assert images.checked_quality("webp", 100) == 100
    for format, quality, code in (("png", 90, "quality.png"), ("jpeg", 0, "quality.range")):
        with pytest.raises(InputError) as caught:
            images.checked_quality(format, quality)  # type: ignore[arg-type]
        assert caught.value.code == code


@pytest.mark.parametrize("format", FORMATS)
def test_the_text_for_other_tools_is_the_same_in_every_format(format: OutputFormat) -> None:
    text = " 猫😀 \ud800 cat\nSteps: 8"
    data = images.encode(noise(), format=format, texts=images.texts_of(text, {}))
    assert images.read_metadata(io.BytesIO(data)).parameters == " 猫😀 \\ud800 cat\nSteps: 8"


def test_names_get_the_ending_of_the_format() -> None:
    assert images.check_names(["猫", "犬.JPEG"], 2, format="jpeg") == (
        ("猫.jpg", "jpeg"),
        ("犬.JPEG", "jpeg"),
    )
    assert images.check_names(["猫.webp", "a.b"], 2) == (("猫.webp", "webp"), ("a.b.png", "png"))
    with pytest.raises(InputError) as caught:
        images.check_names(["犬", "猫.png"], 2, format="webp")
    assert caught.value.code == "names.format"
    with pytest.raises(InputError):
        images.check_names([".webp"], 1, format="webp")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"no XML",
        b"<a><b></a>",
        b'<!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>',
        b"<a>" * 1000 + b"</a>" * 1000,
        b"\xff\xfe<\x00a\x00/\x00>\x00",
    ],
)
def test_packets_that_are_none(packet: bytes) -> None:
    found = read_packet(packet)
    assert found is None or found.source_type is None
    with io.BytesIO() as buffer:
        noise().save(buffer, "WEBP", xmp=packet or b"-")
        assert not images.read_metadata(io.BytesIO(buffer.getvalue())).generated


@pytest.mark.parametrize(
    "inner",
    [
        f'<rdf:Description xmlns:i="{IPTC[1:-1]}" i:DigitalSourceType="{TRAINED}"/>',
        f'<rdf:Description xmlns:i="{IPTC[1:-1]}"><i:DigitalSourceType rdf:resource="{TRAINED}"/>'
        "</rdf:Description>",
        f'<rdf:Description xmlns:i="{IPTC[1:-1]}"><i:DigitalSourceType> {TRAINED} </i:DigitalSourceType>'
        "</rdf:Description>",
    ],
)
def test_packets_of_other_programs(inner: str) -> None:
    found = read_packet(f'<rdf:RDF xmlns:rdf="{RDF[1:-1]}">{inner}</rdf:RDF>'.encode())
    assert found is not None
    assert found.source_type is not None
    assert found.source_type.code == "trainedAlgorithmicMedia"


def test_a_jpeg_whose_second_packet_is_cut_keeps_what_the_first_says() -> None:
    data = images.encode(noise(), format="jpeg", texts=record_of("猫" * 40_000), provenance=UNSIGNED)
    at = data.index(b"http://ns.adobe.com/xmp/extension/\0")
    damaged = data[: at + 80] + b"\0" * 40 + data[at + 120 :]
    assert images.read_metadata(io.BytesIO(damaged)).generated
