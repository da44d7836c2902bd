"""The licence of a model, as it tells it itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdjp.licences.catalogue import OPENRAIL, by_name, by_title, openrail_text
from sdjp.licences.model import embedded, text_of, told_beside, told_within
from sdjp.weights import known as published
from sdjp.weights.known import Known, sha256
from sdjp.weights.licence import licence_of
from sdjp.weights.source import Source

CARD = "---\nlanguage: [ja]\n{}\n---\n# A model\n\nlicense: mit\n"


def card(folder: Path, lines: str) -> Path:
    path = folder / "README.md"
    path.write_text(CARD.format(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("lines", "name"),
    [
        ("license: creativeml-openrail-m", "CreativeML OpenRAIL-M"),
        ("license: 'apache-2.0'", "Apache License 2.0"),
        ("license:\n- mit", "MIT License"),
        ("license: other\nlicense_name: house-rules\nlicense_link: https://example.com", "house-rules"),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0"),
    ],
)
def test_a_card_tells(tmp_path: Path, lines: str, name: str) -> None:
    path = card(tmp_path, lines)
    told = told_within(tmp_path)
    assert (told.name, told.how, told.where) == (name, "card", path)
    assert told.licence is by_name(name)


def test_what_a_card_says_outside_of_its_head_is_no_licence(tmp_path: Path) -> None:
    card(tmp_path, "tags: [x]")
    assert told_within(tmp_path).how == "unknown"


def test_a_link_of_a_card_is_where_the_text_is(tmp_path: Path) -> None:
    card(tmp_path, "license: other\nlicense_name: house-rules\nlicense_link: https://example.com/rules")
    assert told_within(tmp_path).url == "https://example.com/rules"


def test_a_licence_file_is_known_by_its_title_and_shown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "LICENSE.txt").write_text(openrail_text(), encoding="utf-8")
    told = told_within(tmp_path)
    assert (told.licence, told.how) == (OPENRAIL, "text")
    assert text_of(told) == openrail_text()
    (tmp_path / "LICENSE.txt").write_text("Rules of the house\x1b[2J\nBe kind.", encoding="utf-8")
    told = told_within(tmp_path)
    assert (told.name, told.licence) == ("LICENSE.txt", None)
    assert text_of(told) == "Rules of the house [2J\nBe kind."


def test_weights_tell_it_in_their_metadata(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"x": torch.zeros(1)}, path, metadata={"modelspec.license": "CreativeML OpenRAIL-M"})
    assert told_within(path).licence is OPENRAIL
    path.write_bytes(b"\xff" * 40)
    assert told_within(path).how == "unknown"


def test_a_card_beside_a_file_counts_where_it_can_be_of_no_other(tmp_path: Path) -> None:
    card(tmp_path, "license: mit")
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"weights")
    assert told_beside(path).name == "MIT License"
    assert licence_of(str(path)).name == "MIT License"
    (tmp_path / "another.safetensors").write_bytes(b"weights")
    assert told_beside(path).how == "unknown"


def test_published_files_and_repositories_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.ckpt"
    path.write_bytes(b"as if it were published")
    assert licence_of(str(path)).how == "unknown"
    known = {sha256(path): Known(file="sd-v1-4.ckpt", model="sd-v1-4", holds="ema")}
    monkeypatch.setattr("sdjp.weights.licence.KNOWN", {**published.KNOWN, **known})
    assert licence_of(str(path)).licence is OPENRAIL
    assert licence_of(str(path), checksums=False).how == "unknown"
    assert licence_of("CompVis/stable-diffusion-v1-4").licence is OPENRAIL  # and nothing was downloaded
    assert licence_of("somebody/else").how == "unknown"
    fetched = Source(name="CompVis/stable-diffusion-v1-4", path=tmp_path)
    assert licence_of(fetched).licence is OPENRAIL
    assert licence_of(Source(name="somebody/else", path=path), checksums=False).how == "unknown"


def test_the_embedded_model_comes_with_its_texts() -> None:
    told = embedded()
    assert told == licence_of("mini")
    text = text_of(told)
    assert text is not None
    assert "Fluent Emoji" in text
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION" in text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("                    Apache License\n              Version 2.0, January 2004\n", "Apache-2.0"),
        ("# MIT License\n\nCopyright (c) 2020 x", "MIT"),
        ("=======\nThe MIT License (MIT)\n=======", "MIT"),
        ("Copyright (c) 2022 x\n\nCreativeML Open RAIL-M\ndated August 22, 2022", "CreativeML-OpenRAIL-M"),
        ("CreativeML Open RAIL++-M License\ndated July 26, 2023", None),
        ("This is like the MIT License, but", None),
        ("", None),
    ],
)
def test_titles_are_recognised_and_nothing_is_guessed(text: str, found: str | None) -> None:
    licence = by_title(text)
    assert (None if licence is None else licence.id) == found
