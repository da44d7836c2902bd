"""PyPI's image-generation-mcp, unchanged: the part of it that talks to a Stable Diffusion web UI."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import pytest
from PIL import Image

from tests.serving import Server

# It brings 91 packages: nox -s clients installs it.
webui = pytest.importorskip("image_generation_mcp.providers.sd_webui")
types = pytest.importorskip("image_generation_mcp.providers.types")


def test_what_it_finds_and_draws(server: Server) -> None:
    async def use() -> tuple[Any, Any, Any, list[float]]:
        provider, seen = webui.SdWebuiImageProvider(server.url), list[float]()
        try:
            found = await provider.discover_capabilities()
            drawn = await provider.generate(
                "草原の馬",
                negative_prompt="ぼやけた",
                aspect_ratio="3:2",
                model=found.models[0].model_id,
                progress_callback=lambda fraction, message: seen.append(fraction),
            )
            blue = io.BytesIO()
            Image.new("RGB", (64, 64), "skyblue").save(blue, "PNG")
            image = types.InputImage(data=blue.getvalue())
            again = await provider.generate(
                "青い花", aspect_ratio="3:2", reference_images=[image], strength=0.1
            )
            return found, drawn, again, seen
        finally:
            await provider.aclose()

    found, drawn, again, seen = asyncio.run(use())
    assert not found.degraded
    assert [model.display_name for model in found.models] == ["mini"]
    for result in (drawn, again):
        with Image.open(io.BytesIO(result.image_data)) as picture:
            assert picture.size == (768, 512)
        assert isinstance(result.provider_metadata["seed"], int)
    assert drawn.provider_metadata["model"] == found.models[0].model_id
    assert again.provider_metadata["model"] == "mini"
    assert again.provider_metadata["edited"]
    assert all(0 <= fraction <= 1 for fraction in seen)
