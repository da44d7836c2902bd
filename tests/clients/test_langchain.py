"""``langchain-community``'s wrapper of DALL·E, unchanged, against the real server."""

from __future__ import annotations

import urllib.request

import pytest
from PIL import Image

from tests.serving import Server

# It has a warning of its own for whoever imports it.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_addresses_of_pictures(server: Server) -> None:
    dalle = pytest.importorskip("langchain_community.utilities.dalle_image_generator")
    wrapper = dalle.DallEAPIWrapper(base_url=f"{server.url}/v1", api_key="unused", size="64x64", n=2)
    addresses = wrapper.run("赤い馬").split("\n")
    assert len(addresses) == 2
    for address in addresses:
        assert address.startswith(server.url)
        with urllib.request.urlopen(address) as file:
            assert Image.open(file).size == (64, 64)
