"""PyPI's sd-backend-client, unchanged: its models of what a server answers are strict."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving import Server

pytest.importorskip("sd_backend_client")  # of Python 3.11 and later

from sd_backend_client.api.a1111_webservice import A1111Webservice
from sd_backend_client.api.detect import connect_to_backend
from sd_backend_client.api.shared_data.generation_handle import GenerationStatus
from sd_backend_client.api.webui.diffusion_request_body import DiffusionRequestBody
from sd_backend_client.errors import GenerationError, ServerError

SMALL: dict[str, Any] = {"prompt": "草原の馬", "width": 128, "height": 128, "steps": 2, "seed": 1}


@pytest.fixture
def api(server: Server) -> A1111Webservice:
    found = connect_to_backend(server.url)
    assert isinstance(found, A1111Webservice)
    return found


def test_capabilities_and_lists(api: A1111Webservice) -> None:
    able = api.get_capabilities()
    assert (able.controlnet, able.scheduler, able.interrogate) == (True, True, True)
    assert (able.ultimate_upscale, able.soft_inpainting) == (False, False)
    assert [model.name for model in api.list_checkpoints()] == ["mini"]
    assert {"euler_ancestral", "dpmpp_2m", "ddim"} <= {one.name for one in api.list_samplers()}
    assert {"karras", "sgm_uniform", "normal"} <= {one.name for one in api.list_schedulers()}
    assert [one.name for one in api.list_upscalers()] == ["R-ESRGAN AnimeVideo", "Lanczos"]
    for found in (api.list_vaes(), api.list_loras(), api.list_hypernetworks(), api.list_controlnet_models()):
        assert found == []
    assert api.get_styles() == []
    assert api.get_latent_upscale_modes() == []
    assert [one.name for one in api.get_controlnet_preprocessors()][:2] == ["none", "canny"]
    assert api.get_controlnet_version() >= 1
    assert api.progress_check().state.job_count == 0
    for refreshed in (api.refresh_checkpoints(), api.refresh_vae(), api.refresh_loras()):
        assert refreshed.status_code == 200
    api.set_config({**api.get_config(), "sd_model_checkpoint": "mini"})
    assert api.login_check().status_code == 200


def test_txt2img(api: A1111Webservice) -> None:
    handle = api.submit_txt2img(DiffusionRequestBody(**SMALL, batch_size=2, sd_model_name="mini"))
    result = handle.wait(poll_interval=0.05)
    assert [image.size for image in result.images] == [(128, 128)] * 2
    assert result.seeds == [1, 2]
    info: Any = result.raw_info
    assert (info.sampler_name, info.sd_model_name) == ("Euler a", "mini")


def test_img2img_and_inpainting(api: A1111Webservice) -> None:
    blue = Image.new("RGB", (128, 128), "skyblue")
    mask = Image.new("RGBA", (128, 128))
    mask.paste((0, 0, 0, 255), (64, 0, 128, 128))  # opaque is what is to be redrawn
    body = DiffusionRequestBody(**SMALL, init_images=[blue], denoising_strength=0.5)
    assert api.submit_img2img(body).wait(poll_interval=0.05).images[0].size == (128, 128)
    body.mask, body.mask_blur = mask, 0
    drawn = api.submit_inpaint(body).wait(poll_interval=0.05).images[0]
    kept = np.asarray(drawn.convert("RGB"), dtype=int)[:, :64]
    assert abs(kept - (135, 206, 235)).max() <= 4  # of the watermark


def test_enlarging(api: A1111Webservice) -> None:
    result = api.submit_upscale(Image.new("RGB", (24, 16), "skyblue"), 48, 48).wait(poll_interval=0.05)
    assert result.images[0].size == (48, 48)


def test_cancelling(api: A1111Webservice) -> None:
    handle = api.submit_txt2img(DiffusionRequestBody(**{**SMALL, "steps": 150}))
    stopped = False

    def stop(progress: Any) -> None:
        nonlocal stopped
        if progress.progress and not stopped:
            stopped = handle.cancel()

    with pytest.raises(GenerationError) as caught:
        handle.wait(poll_interval=0.05, on_progress=stop)
    assert caught.value.status is GenerationStatus.CANCELLED
    assert api.progress_check().state.job_count == 0


def test_refusals(api: A1111Webservice) -> None:
    with pytest.raises(ServerError) as caught:
        api.txt2img(DiffusionRequestBody(**SMALL, tiling=True))
    assert caught.value.status_code == 422
    assert "tiling" in caught.value.body
    with pytest.raises(ServerError, match="Sampler not found"):
        api.txt2img(DiffusionRequestBody(**SMALL, sampler="dpmpp_3m_sde"))
    with pytest.raises(ServerError, match="501"):
        api.interrogate(Image.new("RGB", (8, 8)))
