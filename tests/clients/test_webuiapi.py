"""PyPI's webuiapi, unchanged, against the real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving import Server

webuiapi = pytest.importorskip("webuiapi")

SMALL: dict[str, Any] = {"prompt": "草原の馬", "width": 128, "height": 128, "steps": 2, "seed": 1}


@pytest.fixture
def api(server: Server) -> Any:
    api = webuiapi.WebUIApi(host=server.host, port=server.port)
    assert not api.has_controlnet  # it has read the list of scripts
    return api


def test_txt2img(api: Any) -> None:
    result = api.txt2img(**SMALL, batch_size=2)
    assert [image.size for image in result.images] == [(128, 128)] * 2
    assert result.info["all_seeds"] == [1, 2]
    assert result.info["sampler_name"] == "Euler a"  # it asks for it by itself
    assert result.info["sdjp"]["notes"] == []  # and all else that it sends by rote means nothing
    assert result.parameters["prompt"] == "草原の馬"
    assert "horse" in result.info["infotexts"][0]
    told = api.png_info(result.image)
    assert told.info == result.info["infotexts"][0]
    assert told.parameters["Sampler"] == "Euler a"


def test_img2img(api: Any) -> None:
    blue = Image.new("RGB", (128, 128), "skyblue")
    mask = Image.new("L", (128, 128))
    mask.paste(255, (64, 0, 128, 128))
    result = api.img2img([blue], **SMALL, mask_image=mask, mask_blur=0, denoising_strength=0.5)
    kept = np.asarray(result.image.convert("RGB"), dtype=int)[:, :64]
    assert abs(kept - (135, 206, 235)).max() <= 4  # of the watermark
    assert [note["field"] for note in result.info["sdjp"]["notes"]] == ["inpaint_full_res", "inpainting_fill"]


def test_hires(api: Any) -> None:
    result = api.txt2img(**SMALL, enable_hr=True, hr_scale=1.5, hr_upscaler=webuiapi.HiResUpscaler.Lanczos)
    assert result.image.size == (192, 192)
    assert result.info["denoising_strength"] == 0.7


def test_enlarging(api: Any) -> None:
    picture = Image.new("RGB", (24, 16), "skyblue")
    assert api.extra_single_image(picture, upscaler_1="R-ESRGAN AnimeVideo").image.size == (48, 32)
    results = api.extra_batch_images([picture] * 2, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=3)
    assert [image.size for image in results.images] == [(72, 48)] * 2


def test_models(api: Any) -> None:
    (title,) = api.util_get_model_names()
    api.util_set_model("MINI")
    assert api.util_get_current_model() == title
    api.util_wait_for_ready(check_interval=0.1)


def test_lists(api: Any) -> None:
    for name in (
        *("cmd_flags", "progress", "sd_vae", "upscalers", "latent_upscale_modes", "loras", "hypernetworks"),
        *(
            "face_restorers",
            "realesrgan_models",
            "prompt_styles",
            "embeddings",
            "memory",
            "scripts",
            "options",
        ),
    ):
        assert "detail" not in getattr(api, f"get_{name}")()
    assert {"Euler a", "DPM++ 2M"} <= set(api.util_get_sampler_names())
    assert {"karras", "sgm_uniform"} <= set(api.util_get_scheduler_names())
    assert api.interrupt() == {}
    assert api.skip() == {}
    assert api.refresh_checkpoints() == {}
    assert api.controlnet_model_list() == []


def test_every_sampler_draws(api: Any) -> None:
    """By the names that the server lists."""
    for name in api.util_get_sampler_names():
        if name not in ("LCM", "TCD"):  # they are for models of their own
            assert api.txt2img(**SMALL, sampler_name=name, scheduler="Karras").image.size == (128, 128)


def test_refusals(api: Any, tmp_path: Path) -> None:
    for fields, status, words in (
        ({"restore_faces": True}, 422, "restore_faces"),
        ({"sampler_name": "LMS Karras"}, 404, "Sampler not found"),
        ({"width": 4096, "height": 4096}, 422, "--max-pixels"),
        ({"adetailer": [webuiapi.ADetailer(ad_model="face")]}, 422, "ADetailer"),
    ):
        with pytest.raises(RuntimeError) as caught:
            api.txt2img(**{**SMALL, "alwayson_scripts": {}, **fields})
        assert caught.value.args[0] == status
        assert words in caught.value.args[1]
    with pytest.raises(RuntimeError) as caught:
        api.interrogate(Image.new("RGB", (8, 8)))
    assert caught.value.args[0] == 501
