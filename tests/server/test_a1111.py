"""AUTOMATIC1111's API over a real queue: what its clients send, and what they get."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from starlette.testclient import TestClient

from sdjp import Pipeline
from sdjp.errors import InputError
from sdjp.images import encode, read_metadata, texts_of
from sdjp.images.a1111 import SAMPLER_NAMES, SCHEDULE_NAMES
from sdjp.samplers import SAMPLERS, SPACINGS
from sdjp.server.a1111.fields import (
    REFUSED,
    REFUSED_OF_HIRES,
    TOLD,
    TOLD_OF_HIRES,
    TOLD_OF_MASKS,
    USED,
)
from sdjp.server.a1111.names import SCHEDULERS, own_upscaler, sampler_and_spacing, spacing_of
from sdjp.server.a1111.requests import Asked, asked
from sdjp.server.app import create_app
from sdjp.server.context import Context
from sdjp.server.jobs.queue import JobQueue
from sdjp.server.limits import Limits
from sdjp.server.models.shelf import ModelShelf
from sdjp.server.request import read_request
from sdjp.server.settings import Settings
from tests.addon_files import kohya, lora_tensors, vectors, write_inversion, write_lora
from tests.safety_files import save_checker, with_thresholds
from tests.stand_in import save_stand_in
from tests.strategies import json_values

API = "/sdapi/v1"
SMALL = {"prompt": "猫", "width": 64, "height": 64, "steps": 2, "seed": 7}
"""A request that takes no time."""
PATIENCE = 120.0  # of a machine that has much else to do


class HeldShelf(ModelShelf):
    """A shelf that may be held: what is being drawn then does not go on, and what waits stays there."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        self.free = threading.Event()
        self.free.set()
        super().__init__(*arguments, **settings)

    def pipeline(self, name: str | None = None) -> Pipeline:
        self.free.wait(PATIENCE)
        return super().pipeline(name)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two small models, which are there beside the embedded one."""
    folder = tmp_path_factory.mktemp("models")
    save_stand_in(folder / "small.ckpt")
    for suffix in (".ckpt", ".json"):
        shutil.copy(folder / f"small{suffix}", folder / f"twin{suffix}")
    return folder


def context_of(
    models: Path, data: Path, *, limits: Limits | None = None, max_queue: int = 100, **arguments: Any
) -> Context:
    def load(source: str | Path) -> Pipeline:
        return Pipeline.from_pretrained(
            source,
            translator="lexicon",
            **{"dtype": "float32", "watermark": False, "safety": "off", **arguments},
        )

    shelf = HeldShelf(models, first="small", load=load)
    set_up = Settings(data=data)
    return Context(
        queue=JobQueue(data, shelf, batch=set_up.batch, max_queue=max_queue),
        models=shelf,
        limits=limits or Limits(max_pixels=512 * 512, max_pictures=4),
        settings=set_up,
    )


@pytest.fixture(scope="module")
def context(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    return context_of(models, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def client(context: Context) -> Iterator[TestClient]:
    with TestClient(
        create_app(context), base_url="http://127.0.0.1:7860", raise_server_exceptions=False
    ) as client:
        yield client


def picture(width: int = 64, height: int = 64, color: Any = (200, 40, 40), mode: str = "RGB") -> str:
    """A plain picture as base64."""
    return base64.b64encode(encode(Image.new(mode, (width, height), color))).decode()


def opened(text: str) -> Image.Image:
    with Image.open(io.BytesIO(base64.b64decode(text, validate=True))) as image:
        copy: Image.Image = image.copy()
        return copy


def read(context: Context, *, img2img: bool = False, **fields: Any) -> Asked:
    return asked({"prompt": "猫", **fields}, context, img2img=img2img)


# Names.


def test_every_sampler_and_scheduler_that_is_listed_is_understood(client: TestClient) -> None:
    listed = client.get(f"{API}/samplers").json()
    found = {}
    for row in listed:
        for name in (row["name"], row["name"].upper(), *row["aliases"]):
            found[name], spacing = sampler_and_spacing(name, None)
            assert spacing is None
    assert {found[row["name"]] for row in listed} == set(SAMPLERS)
    assert {SAMPLER_NAMES.get(own, own) for own in SAMPLERS} == {row["name"] for row in listed}
    schedulers = client.get(f"{API}/schedulers").json()
    for row, own in zip(schedulers, SCHEDULERS, strict=True):
        for name in (row["name"], row["label"], row["label"].lower()):
            assert spacing_of(name) == own.spacing
    assert {one.spacing for one in SCHEDULERS} == {None, *SPACINGS}
    assert set(SCHEDULE_NAMES.values()) <= {row["label"] for row in schedulers}


@pytest.mark.parametrize(
    ("sampler", "scheduler", "own"),
    [
        ("DPM++ 2M Karras", None, ("dpm++_2m", "karras")),
        ("DPM++ 2M Karras", "Automatic", ("dpm++_2m", "karras")),
        ("dpm++ 2m", "karras", ("dpm++_2m", "karras")),
        ("Euler a", "automatic", ("euler_a", None)),
        ("k_euler_a", "", ("euler_a", None)),
        ("UniPC", "SGM Uniform", ("unipc", "time_uniform")),
        ("Euler", "beta", ("euler", "beta_sigmas")),  # as in the web UI, which has another than ComfyUI
        ("DDIM", "ddim", ("ddim", "compvis")),
        (None, "Uniform", (None, "normal")),
        ("", None, (None, None)),
    ],
)
def test_names_of_samplers_and_schedulers(
    sampler: str | None, scheduler: str | None, own: tuple[str | None, str | None]
) -> None:
    assert sampler_and_spacing(sampler, scheduler) == own


def test_names_that_are_not_there_are_refused(client: TestClient) -> None:
    unknown = client.post(f"{API}/txt2img", json={**SMALL, "sampler_name": "DPM++ 3M SDE"})
    assert unknown.status_code == 404
    assert unknown.json()["detail"].startswith("Sampler not found\n")
    assert "euler_a" in unknown.json()["detail"]
    for fields in (
        {"scheduler": "kl_optimal"},
        {"sampler_name": "DPM++ 2M Karras", "scheduler": "Exponential"},
        {"override_settings": {"sd_model_checkpoint": "sdxl"}},
    ):
        assert client.post(f"{API}/txt2img", json={**SMALL, **fields}).status_code == 422


def test_names_of_upscalers(client: TestClient) -> None:
    listed = [row["name"] for row in client.get(f"{API}/upscalers").json()]
    assert [own_upscaler(name, field="") for name in listed] == [None, "animevideo", None]
    with pytest.raises(InputError, match="R-ESRGAN AnimeVideo"):
        own_upscaler("SwinIR 4x", field="upscaler_1")


# Requests.


def test_fields_go_to_options(context: Context) -> None:
    found = read(
        context,
        negative_prompt="ぼやけた",
        seed=3,
        batch_size=2,
        n_iter="2",
        steps=8.0,
        cfg_scale="4.5",
        width=64,
        height=128,
        sampler_name="DDIM",
        eta=0.5,
        override_settings={"CLIP_stop_at_last_layers": 2, "sd_vae": "Automatic", "token_merging_ratio": 0.5},
        force_task_id="task(1)",
    )
    assert found.body == {
        "prompt": "猫",
        "negative_prompt": "ぼやけた",
        "seed": 3,
        "num_images_per_prompt": 4,
        "num_inference_steps": 8,
        "guidance_scale": 4.5,
        "width": 64,
        "height": 128,
        "sampler": "ddim",
        "eta": 0.5,
        "clip_skip": 2,
        "token_merging": 0.5,
    }
    assert (found.notes, found.task, found.model) == ((), "task(1)", None)


def test_what_is_not_sent_is_left_to_the_model(context: Context) -> None:
    assert read(context, seed=-1, override_settings=None, styles=[], script_name=None).body == {
        "prompt": "猫",
        "num_images_per_prompt": 1,
    }


def test_hires(context: Context) -> None:
    body = read(
        context, enable_hr=True, hr_scale=1.5, hr_upscaler="R-ESRGAN AnimeVideo", denoising_strength=0.5
    ).body
    assert (body["hires"], body["upscaler"], body["hires_strength"]) == (1.5, "animevideo", 0.5)
    off = read(context, enable_hr=False, hr_scale=3, hr_prompt="犬", hr_upscaler="?", denoising_strength=0.7)
    assert "hires" not in off.body
    assert off.notes == ()  # they mean nothing to the web UI either
    latent = read(context, enable_hr=True, hr_upscaler="Latent (bicubic)", hr_second_pass_steps=10)
    assert (latent.body["hires"], "upscaler" in latent.body) == (2.0, False)
    assert [note.field for note in latent.notes] == ["hr_second_pass_steps", "hr_upscaler"]
    sides = read(context, enable_hr=True, width=64, height=64, hr_resize_x=96, hr_resize_y=96)
    assert sides.body["hires"] == 1.5
    assert read(context, enable_hr=True, hr_resize_x=128).body["hires"] == 2.0  # of the model's own width
    for refused in (
        {"hr_resize_x": 96, "hr_resize_y": 128},
        {"hr_prompt": "犬"},
        {"hr_checkpoint_name": "x"},
    ):
        with pytest.raises(InputError):
            read(context, enable_hr=True, width=64, height=64, **refused)


def test_a_picture_to_start_from(context: Context) -> None:
    image = picture()
    found = read(
        context,
        img2img=True,
        init_images=[image],
        denoising_strength=0.4,
        resize_mode=2,
        mask=picture(color=255, mode="L"),
        mask_blur=3,
        inpainting_fill=1,
        inpaint_full_res=False,
    )
    body = {name: found.body[name] for name in ("image", "strength", "fit", "feather")}
    assert body == {"image": image, "strength": 0.4, "fit": "pad", "feather": 6}
    assert found.notes == ()
    less = {"initial_noise_multiplier": 0.9}
    given = read(context, img2img=True, init_images=[image], override_settings=less)
    assert given.body["noise_multiplier"] == 0.9
    assert (
        "noise_multiplier" not in read(context, override_settings=less).body
    )  # nor has it a meaning to the web UI there
    by_rote = read(
        context, img2img=True, init_images=[image], mask=picture(), inpainting_fill=0, inpaint_full_res=True
    )
    assert by_rote.body["fit"] == "stretch"
    assert [note.field for note in by_rote.notes] == ["inpaint_full_res", "inpainting_fill"]
    unusable: list[dict[str, Any]] = [{"init_images": []}, {"init_images": [image] * 2}, {"resize_mode": 3}]
    for refused in unusable:
        with pytest.raises(InputError):
            read(context, img2img=True, **{"init_images": [image], **refused})
    with pytest.raises(InputError):
        read(context, img2img=True, init_images=[image], mask=picture(), inpainting_fill=2)
    assert [note.field for note in read(context, init_images=[image]).notes] == ["init_images"]


def test_masks_are_white_where_they_are_painted(context: Context) -> None:
    def mask_of(text: str, invert: int = 0) -> list[int]:
        given = {"init_images": [picture()], "mask": text, "inpainting_mask_invert": invert}
        mask = read(context, img2img=True, **given).body["mask"]
        grey = opened(mask.removeprefix("data:image/png;base64,")).convert("L")
        return [grey.getpixel((x, 0)) for x in (0, 63)]  # type: ignore[misc]

    left = Image.new("L", (64, 64))
    left.paste(255, (0, 0, 32, 64))
    white = base64.b64encode(encode(left)).decode()
    black_paint = Image.merge("RGBA", [Image.new("L", (64, 64))] * 3 + [left])
    transparent = base64.b64encode(encode(black_paint)).decode()
    assert mask_of(white) == mask_of(transparent) == [255, 0]
    assert mask_of(white, invert=1) == mask_of(transparent, invert=1) == [0, 255]


@pytest.mark.parametrize(
    "fields",
    [
        {"restore_faces": True},
        {"tiling": True},
        {"styles": ["anime"]},
        {"script_name": "x/y plot"},
        {"alwayson_scripts": {"ADetailer": {"args": [True, {}]}}},
        {"subseed_strength": 0.3},
        {"refiner_checkpoint": "sdxl"},
        {"firstphase_width": 512},
        {"disable_extra_networks": True},
        {"override_settings": {"sd_vae": "vae-ft-mse.pt"}},
        {"steps": "many"},
        {"seed": 1.5},
        {"cfg_scale": "nan"},
        {"prompt": ["猫"]},
        {"batch_size": 0},
        {"width": True},
        {"steps": [20]},
        {"styles": "anime"},
        {"enable_hr": "yes"},
        {"override_settings": []},
    ],
)
def test_what_cannot_be_done_is_refused(context: Context, fields: dict[str, Any]) -> None:
    with pytest.raises(InputError) as caught:
        read(context, **fields)
    name = next(iter(fields))
    assert name in caught.value.ja
    assert name in caught.value.en


def test_what_only_tunes_is_told(context: Context) -> None:
    rote: dict[str, Any] = {
        # As webuiapi sends them, whatever its caller says.
        "s_churn": 0,
        "s_tmax": 0,
        "s_tmin": 0,
        "s_noise": 1,
        "eta": 1.0,
        "sampler_index": "Euler a",
        "subseed": -1,
        "subseed_strength": 0.0,
        "seed_resize_from_h": 0,
        "seed_resize_from_w": 0,
        "restore_faces": False,
        "tiling": False,
        "do_not_save_samples": False,
        "do_not_save_grid": False,
        "alwayson_scripts": {},
        "script_args": [],
        "script_name": None,
        "save_images": False,
        "sampler_name": "Euler a",
        "scheduler": "automatic",
        "override_settings": {},
    }
    assert read(context, **rote).notes == ()
    assert (
        read(context, sampler_name="DPM++ 2M", eta=0.5).notes == ()
    )  # which has no eta in the web UI either
    told = read(
        context,
        sampler_name="Euler a",
        eta=0.5,
        s_churn=2,
        do_not_save_samples=True,
        url="http://127.0.0.1:7860",
        auth="name:secret",
        mystery={"a": "secret"},
        override_settings={"samples_format": "png", "eta_noise_seed_delta": 31337},
    )
    fields = {note.field for note in told.notes}
    assert fields == {
        "eta",
        "s_churn",
        "do_not_save_samples",
        "mystery",
        "override_settings.eta_noise_seed_delta",
    }
    assert "secret" not in str(told.notes)
    assert "auth" not in told.echo


FIELDS = sorted(USED.union(REFUSED, REFUSED_OF_HIRES, TOLD, TOLD_OF_HIRES, TOLD_OF_MASKS))
VALUES = json_values | st.sampled_from(["", "None", "Latent", "1e999", "7"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(body=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6), img2img=st.booleans())
def test_whatever_is_sent_is_read_or_refused(context: Context, body: dict[str, Any], img2img: bool) -> None:
    units = {"controlNet": {"args": [body]}}
    for one in (body, {**body, "enable_hr": True}, {**body, "alwayson_scripts": units}):
        with suppress(InputError):
            asked(one, context, img2img=img2img)


def test_controlnet(context: Context) -> None:
    unit = {
        # As webuiapi sends it.
        "image": picture(),
        "mask": None,
        "module": "canny",
        "model": "control_v11p_sd15_canny [d14c016b]",
        "weight": 0.5,
        "resize_mode": "Resize and Fill",
        "low_vram": False,
        "processor_res": 512,
        "threshold_a": 64,
        "threshold_b": 200,
        "guidance_start": 0.0,
        "guidance_end": 0.8,
        "control_mode": "Balanced",
        "pixel_perfect": False,
        "hr_option": "Both",
        "enabled": True,
    }
    found = read(context, alwayson_scripts={"ControlNet": {"args": [unit, {**unit, "enabled": False}]}})
    assert found.body["controls"] == [
        {
            "name": "control_v11p_sd15_canny",
            "image": unit["image"],
            "preprocess": "canny",
            "weight": 0.5,
            "start": 0.0,
            "end": 0.8,
        }
    ]
    assert found.body["fit"] == "pad"
    assert [note.field for note in found.notes] == ["ControlNet.threshold_a"]
    beside = {**unit, "image": None, "module": "none", "resize_mode": 1}
    scripts = {"controlNet": {"args": [beside]}, "ADetailer": {"args": [False]}}
    started = read(context, img2img=True, init_images=[picture(32)], alwayson_scripts=scripts)
    assert started.body["controls"][0]["image"] == picture(32)
    assert started.body["fit"] == "stretch"
    assert [note.field for note in started.notes] == ["ControlNet.resize_mode"]
    for refused in ({"module": "depth_midas"}, {"control_mode": 2}, {"mask": picture()}, {"resize_mode": 7}):
        with pytest.raises(InputError):
            read(context, alwayson_scripts={"controlnet": {"args": [{**unit, **refused}]}})


# Drawing.


def test_txt2img(client: TestClient) -> None:
    reply = client.post(f"{API}/txt2img", json={**SMALL, "n_iter": 2, "negative_prompt": "犬", "s_churn": 1})
    assert reply.status_code == 200, reply.text
    body = reply.json()
    assert body["parameters"] == {
        "prompt": "猫",
        "width": 64,
        "height": 64,
        "steps": 2,
        "seed": 7,
        "n_iter": 2,
        "negative_prompt": "犬",
        "s_churn": 1,
        "cfg_scale": 7.5,
        "sampler_name": "DDIM",
    }
    info = json.loads(body["info"])
    assert [opened(image).size for image in body["images"]] == [(64, 64)] * 2
    texts = [read_metadata(io.BytesIO(base64.b64decode(image))).parameters for image in body["images"]]
    assert info["infotexts"] == texts
    assert texts[0] is not None
    assert texts[0].startswith("cat\nNegative prompt: dog\nSteps: 2, Sampler: DDIM,")
    assert (info["seed"], info["all_seeds"]) == (7, [7, 8])
    assert info["all_prompts"] == ["猫", "猫"]
    assert info["sd_model_name"] == "small"
    assert info["sdjp"]["english"] == ["cat", "cat"]
    assert [note["field"] for note in info["sdjp"]["notes"]] == ["s_churn"]
    job = client.get(f"/v1/jobs/{info['sdjp']['job']}").json()  # it is a job as any other
    assert job["state"] == "done"
    assert client.get(job["pictures"][0]["url"]).content == base64.b64decode(body["images"][0])


def test_a_seed_is_told_and_draws_the_same_again(client: TestClient) -> None:
    first = client.post(f"{API}/txt2img", json={**SMALL, "seed": -1}).json()
    seed = json.loads(first["info"])["seed"]
    assert seed >= 0
    again = client.post(f"{API}/txt2img", json={**SMALL, "seed": seed, "send_images": True}).json()
    assert opened(again["images"][0]).tobytes() == opened(first["images"][0]).tobytes()
    none = client.post(f"{API}/txt2img", json={**SMALL, "send_images": False}).json()
    assert none["images"] == []
    assert json.loads(none["info"])["all_seeds"] == [7]


def test_img2img(client: TestClient) -> None:
    left = Image.new("L", (64, 64))
    left.paste(255, (0, 0, 32, 64))
    mask = base64.b64encode(encode(left)).decode()
    fields = {**SMALL, "init_images": [f"data:image/png;base64,{picture()}"], "mask": mask, "mask_blur": 0}
    reply = client.post(
        f"{API}/img2img", json={**fields, "inpainting_mask_invert": 1, "denoising_strength": 1}
    )
    assert reply.status_code == 200, reply.text
    drawn = opened(reply.json()["images"][0]).convert("RGB")
    kept = drawn.crop((0, 0, 32, 64))  # inverted: what is white is kept
    assert kept.getextrema() == ((200, 200), (40, 40), (40, 40))
    assert drawn.crop((32, 0, 64, 64)).getextrema() != kept.getextrema()
    assert json.loads(reply.json()["info"])["denoising_strength"] == 1
    assert reply.json()["parameters"]["init_images"] is None
    sent = client.post(f"{API}/img2img", json={**fields, "include_init_images": True})
    assert sent.json()["parameters"]["init_images"] == fields["init_images"]


@pytest.mark.parametrize(
    "image",
    ["http://127.0.0.1/a.png", "file:///etc/passwd", "/etc/passwd", "data:text/plain;base64,aGk=", "aGk="],
)
def test_nothing_is_opened_for_a_client(client: TestClient, image: str) -> None:
    for path, body in (
        ("img2img", {**SMALL, "init_images": [image]}),
        ("png-info", {"image": image}),
        ("extra-single-image", {"image": image, "upscaler_1": "Lanczos"}),
        ("img2img", {**SMALL, "init_images": [picture()], "mask": image, "inpainting_mask_invert": 1}),
    ):
        reply = client.post(f"{API}/{path}", json=body)
        assert reply.status_code == 422, reply.text
        assert set(reply.json()) == {"error", "detail", "body", "errors", "sdjp"}


def test_caps_are_told(client: TestClient) -> None:
    for fields, flag in (
        ({"width": 1024, "height": 1024}, "--max-pixels"),
        ({"steps": 151}, "--max-steps"),
        ({"batch_size": 5}, "--max-pictures"),
        ({"enable_hr": True, "hr_scale": 0.5}, "hires"),
    ):
        reply = client.post(f"{API}/txt2img", json={**SMALL, **fields})
        assert reply.status_code == 422
        assert flag in reply.json()["detail"]
    large = picture(6000, 5000, 0, "1")  # a small file
    for path, body in (
        ("png-info", {"image": large}),
        ("extra-single-image", {"image": large}),
        ("extra-single-image", {"image": picture(1000, 1000), "upscaling_resize": 8}),
        ("img2img", {**SMALL, "init_images": [picture()], "mask": large}),
    ):
        assert "--max-picture-pixels" in client.post(f"{API}/{path}", json=body).json()["detail"]
    broken = client.post(f"{API}/txt2img", content=b"[1", headers={"Content-Type": "application/json"})
    assert broken.status_code == 400
    assert client.post(f"{API}/txt2img", json=[1]).status_code == 422
    wrong = client.post(f"{API}/txt2img", json={"steps": "x"}).json()  # as FastAPI tells it
    assert wrong["detail"][0]["loc"] == ["body", "steps"]


def test_a_full_queue_says_when_to_come_again(models: Path, tmp_path: Path) -> None:
    context = context_of(models, tmp_path, max_queue=1)
    context.queue.submit(read_request({"prompt": "犬"}, context, owner="local"), owner="local")
    client = TestClient(create_app(context), base_url="http://127.0.0.1:7860")  # nothing is drawn
    reply = client.post(f"{API}/txt2img", json=SMALL)
    assert reply.status_code == 429
    assert 1 <= int(reply.headers["Retry-After"]) <= 120
    assert "1 件" in reply.json()["detail"]
    context.queue.stop()


def test_add_ons(models: Path, tmp_path: Path) -> None:
    folders: dict[str, Any] = {name: tmp_path / name for name in ("lora_dir", "embeddings_dir")}
    for folder in folders.values():
        folder.mkdir()
    write_lora(folders["lora_dir"] / "着物.safetensors", lora_tensors(kohya))
    write_inversion(folders["embeddings_dir"] / "桜.pt", vectors())
    context = context_of(models, tmp_path / "data", **folders)
    with TestClient(create_app(context), base_url="http://127.0.0.1:7860") as client:
        plain = client.post(f"{API}/txt2img", json=SMALL).json()
        (lora,) = client.get(f"{API}/loras").json()
        assert (lora["name"], lora["alias"], lora["path"]) == ("着物",) * 3  # and not where it is
        assert list(client.get(f"{API}/embeddings").json()["loaded"]) == ["桜"]
        other = client.post(f"{API}/txt2img", json={**SMALL, "prompt": "猫<lora:着物:0.8>"}).json()
        assert opened(other["images"][0]).tobytes() != opened(plain["images"][0]).tobytes()
        unknown = client.post(f"{API}/txt2img", json={**SMALL, "prompt": "猫<lora:浴衣:1>"})
        assert unknown.status_code == 422


def test_withheld_pictures(models: Path, tmp_path: Path) -> None:
    def drawn(threshold: float) -> tuple[Any, list[float]]:
        """The reply, and how far each picture is from being flagged."""
        checker = save_checker(tmp_path / f"checker {threshold}", with_thresholds(threshold))
        context = context_of(models, tmp_path / f"data {threshold}", safety="blur", safety_checker=checker)
        with TestClient(create_app(context), base_url="http://127.0.0.1:7860") as client:
            reply = client.post(f"{API}/txt2img", json={**SMALL, "batch_size": 2})
            (job,), _ = context.queue.find(owner="local")
            records = [
                read_metadata(io.BytesIO(context.queue.read_picture(job.id, i, owner="local"))).sdjp or {}
                for i in range(2)
            ]
        reports = [one for record in records for one in record["reports"] if one["name"] == "safety"]
        return reply, [max(one["data"]["scores"]) for one in reports]

    none, scores = drawn(-2.0)
    assert none.status_code == 422
    assert none.json()["sdjp"]["code"] == "pictures.withheld"
    some, _ = drawn(-2.0 + sum(scores) / 2)  # between the two
    info = json.loads(some.json()["info"])
    assert len(some.json()["images"]) == len(info["all_seeds"]) == len(info["infotexts"]) == 1
    assert info["all_seeds"] == [7 if scores[0] < scores[1] else 8]
    assert info["sdjp"]["withheld"] == 1
    assert info["sdjp"]["notes"]


# While it is drawn.


def posted(client: TestClient, fields: dict[str, Any]) -> tuple[threading.Thread, list[Any]]:
    """A request in a thread, and its reply, once it is there."""
    replies: list[Any] = []
    thread = threading.Thread(
        target=lambda: replies.append(client.post(f"{API}/txt2img", json={**SMALL, **fields}))
    )
    thread.start()
    return thread, replies


def until(client: TestClient, ready: Any, **params: Any) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found: dict[str, Any] = client.get(f"{API}/progress", params=params).json()
        if ready(found):
            return found
        time.sleep(0.01)
    pytest.fail("nothing came of it")


def wait_for(ready: Any) -> None:
    end = time.monotonic() + PATIENCE
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def held(context: Context) -> Iterator[threading.Event]:
    """Nothing goes on until this is set."""
    assert isinstance(context.models, HeldShelf)
    context.models.free.clear()
    yield context.models.free
    context.models.free.set()
    wait_for(lambda: context.queue.drawing() is None)


def test_progress(client: TestClient) -> None:
    idle = client.get(f"{API}/progress").json()
    assert (idle["progress"], idle["state"]["job_count"], idle["eta_relative"]) == (0.0, 0, 0.0)
    assert (idle["current_image"], idle["textinfo"], idle["current_task"]) == (None, None, None)
    drawing, replies = posted(client, {"steps": 60, "batch_size": 2, "force_task_id": "mine"})
    now = until(client, lambda found: found["state"]["sampling_step"] > 1 and found["current_image"])
    assert 0 < now["progress"] < 1
    assert now["eta_relative"] > 0
    assert now["current_task"] == "mine"
    assert (now["state"]["job_count"], now["state"]["sampling_steps"]) == (2, 60)
    assert opened(now["current_image"]).size == (64, 64)
    skipped = client.get(f"{API}/progress", params={"skip_current_image": "true"}).json()
    assert skipped["current_image"] is None
    client.post(f"{API}/interrupt")
    drawing.join(PATIENCE)
    stopped = json.loads(replies[0].json()["info"])
    assert replies[0].json()["images"] == stopped["infotexts"] == []
    assert (stopped["sdjp"]["state"], stopped["sdjp"]["task"], stopped["seed"]) == ("cancelled", "mine", 7)
    until(client, lambda found: found["progress"] == 0.0 and found["state"]["job_count"] == 0)


def test_interrupt_leaves_what_waits(client: TestClient, context: Context, held: threading.Event) -> None:
    assert client.post(f"{API}/interrupt").json() == {}  # nothing to stop
    drawing, replies = posted(client, {})
    wait_for(context.queue.drawing)
    waiting, later = posted(client, {"seed": 8})
    wait_for(lambda: context.queue.waiting)
    assert client.post(f"{API}/interrupt").json() == {}
    held.set()
    for thread in (drawing, waiting):
        thread.join(PATIENCE)
    assert replies[0].json()["images"] == []
    assert len(later[0].json()["images"]) == 1


def test_nothing_of_others_is_told_or_stopped(
    client: TestClient, context: Context, held: threading.Event
) -> None:
    request = read_request({"prompt": "犬", "width": 64, "height": 64}, context, owner="other")
    job = context.queue.submit(request, owner="other")
    wait_for(context.queue.drawing)
    assert client.get(f"{API}/progress").json()["state"]["job_count"] == 0
    mine, replies = posted(client, {})
    waiting = until(client, lambda found: found["state"]["job_count"] == 1)
    assert (waiting["progress"], waiting["current_image"]) == (0.0, None)
    assert "0" in waiting["textinfo"]  # none waits before it
    client.post(f"{API}/interrupt")
    client.post(f"{API}/skip")
    held.set()
    mine.join(PATIENCE)
    assert len(replies[0].json()["images"]) == 1
    assert context.queue.get(job.id, owner="other").state == "done"


def test_skip_stops_one_picture_and_none_of_several(
    client: TestClient, context: Context, held: threading.Event
) -> None:
    several, replies = posted(client, {"batch_size": 2})
    wait_for(context.queue.drawing)
    assert "interrupt" in client.post(f"{API}/skip").json()["sdjp"]["ja"]
    one, later = posted(client, {})
    wait_for(lambda: context.queue.waiting)
    held.set()
    several.join(PATIENCE)
    assert len(replies[0].json()["images"]) == 2
    one.join(PATIENCE)
    held.clear()
    assert len(later[0].json()["images"]) == 1
    skipped, replies = posted(client, {})
    wait_for(context.queue.drawing)
    assert client.post(f"{API}/skip").json() == {}
    held.set()
    skipped.join(PATIENCE)
    assert replies[0].json()["images"] == []


async def leave(app: Any, body: dict[str, Any], when: Any) -> list[Any]:
    """Post a body, and close the connection when it is time; what was answered all the same."""
    asked, sent = [json.dumps(body).encode()], list[Any]()

    async def receive() -> dict[str, Any]:
        if asked:
            return {"type": "http.request", "body": asked.pop(), "more_body": False}
        while not when():
            await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": f"{API}/txt2img",
        "query_string": b"",
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("127.0.0.1", 7860),
        "client": ("127.0.0.1", 1),
        "headers": [(b"host", b"127.0.0.1:7860"), (b"content-type", b"application/json")],
    }
    await asyncio.wait_for(app(scope, receive, send), PATIENCE)
    return sent


def test_who_leaves_while_waiting_is_forgotten_and_later_it_is_finished(
    client: TestClient, context: Context, held: threading.Event
) -> None:
    app, queue = client.app, context.queue
    asyncio.run(leave(app, {**SMALL, "seed": 100}, queue.drawing))
    asyncio.run(leave(app, {**SMALL, "seed": 101}, lambda: queue.waiting))
    held.set()
    jobs, _ = queue.find(owner="local", limit=2)
    wait_for(lambda: all(queue.get(job.id, owner="local").over for job in jobs))
    states = {job.request.options.seed: queue.get(job.id, owner="local").state for job in jobs}
    assert states == {100: "done", 101: "cancelled"}


# Other routes.


def test_options_choose_the_model(client: TestClient, context: Context) -> None:
    models = {row["model_name"]: row for row in client.get(f"{API}/sd-models").json()}
    assert set(models) == {"mini", "small", "twin"}
    before = client.get(f"{API}/options").json()
    assert before["sd_model_checkpoint"] == models["small"]["title"]
    mini = context.models.entry("mini")
    digits = mini.sha256 or ""
    for name in (mini.name, mini.title, mini.title.upper(), digits[:10], "small.ckpt", "twin", "small"):
        if name:  # the checksum may not be there yet
            assert client.post(f"{API}/options", json={"sd_model_checkpoint": name}).json() is None
            now = client.get(f"{API}/options").json()["sd_model_checkpoint"]
            assert now == context.models.entry(name).title
    whole = {**before, "sd_model_checkpoint": models["mini"]["title"]}
    assert client.post(f"{API}/options", json=whole).json() is None  # all of it sent back
    assert context.models.in_use == "mini"
    assert client.post(f"{API}/options", json={**before, "sd_vae": "x", "new": 1}).json()["sdjp"][
        "ignored"
    ] == [
        "new",
        "sd_vae",
    ]
    assert context.models.in_use == "small"
    assert client.post(f"{API}/options", json={"sd_model_checkpoint": "sdxl"}).status_code == 422
    assert client.post(f"{API}/options", json=[]).status_code == 422
    assert context.models.in_use == "small"


def test_a_request_may_choose_its_model(client: TestClient, context: Context) -> None:
    settings = {"sd_model_checkpoint": "twin.ckpt"}
    once = client.post(f"{API}/txt2img", json={**SMALL, "override_settings": settings}).json()
    assert json.loads(once["info"])["sd_model_name"] == "twin"
    assert context.models.in_use == "small"
    stays = {"override_settings": settings, "override_settings_restore_afterwards": False}
    assert client.post(f"{API}/txt2img", json={**SMALL, **stays}).status_code == 200
    assert context.models.in_use == "twin"
    context.models.use("small")


def test_lists(client: TestClient) -> None:
    empty = (
        "sd-vae sd-modules hypernetworks face-restorers realesrgan-models prompt-styles latent-upscale-modes"
    )
    for name in (*empty.split(), "script-info", "extensions", "loras"):
        assert client.get(f"{API}/{name}").json() == []
    assert client.get(f"{API}/scripts").json() == {"txt2img": [], "img2img": []}
    assert client.get(f"{API}/embeddings").json() == {"loaded": {}, "skipped": {}}
    assert client.get("/controlnet/model_list").json() == {"model_list": []}
    assert "canny" in client.get("/controlnet/module_list").json()["module_list"]
    assert client.get(f"{API}/cmd-flags").json()["api"] is True
    assert client.get("/internal/ping").json() == {}
    memory = client.get(f"{API}/memory").json()
    assert set(memory) == {"ram", "cuda"}
    for name in ("refresh-checkpoints", "refresh-loras", "reload-checkpoint", "unload-checkpoint"):
        assert client.post(f"{API}/{name}").json() == {}
    assert client.get(f"{API}/interrogate").status_code == 405  # it is there, some clients conclude
    assert client.post(f"{API}/interrogate", json={"image": picture()}).status_code == 501


def test_png_info(client: TestClient) -> None:
    image = client.post(f"{API}/txt2img", json=SMALL).json()["images"][0]
    for text in (image, f"data:image/png;base64,{image}"):
        found = client.post(f"{API}/png-info", json={"image": text}).json()
        assert found["info"].startswith("cat\nSteps: 2")
        assert found["parameters"]["Prompt"] == "cat"
        assert (found["parameters"]["Size-1"], found["parameters"]["Seed"]) == ("64", "7")
        assert json.loads(found["items"]["sdjp"])["options"]["prompt"] == "猫"
    foreign = texts_of("a dog\nNegative prompt: cats\nSteps: 20, Sampler: Euler a, Seed: 1, Size: 8x16", {})
    text = base64.b64encode(encode(Image.new("RGB", (8, 8)), texts=foreign)).decode()
    found = client.post(f"{API}/png-info", json={"image": text}).json()
    assert (found["parameters"]["Negative prompt"], found["parameters"]["Size-2"]) == ("cats", "16")
    for format in ("jpeg", "webp"):
        data = encode(Image.new("RGB", (8, 8)), format=format, texts=texts_of("", {"何か": "猫"}))
        found = client.post(f"{API}/png-info", json={"image": base64.b64encode(data).decode()}).json()
        assert json.loads(found["items"]["sdjp"])["何か"] == "猫"
    for nothing in (picture(), ""):
        assert client.post(f"{API}/png-info", json={"image": nothing}).json()["info"] == ""


def test_enlarging(client: TestClient) -> None:
    def extra(**fields: Any) -> Any:
        return client.post(f"{API}/extra-single-image", json={"image": picture(24, 16), **fields})

    own = extra(upscaler_1="R-ESRGAN AnimeVideo", upscaling_resize=2)
    assert own.status_code == 200, own.text
    assert opened(own.json()["image"]).size == (48, 32)
    assert "Postprocess upscaler: R-ESRGAN AnimeVideo" in own.json()["html_info"]
    assert opened(extra().json()["image"]).size == (48, 32)  # by Lanczos, twice, as by default
    sides = {"resize_mode": 1, "upscaling_resize_w": 40, "upscaling_resize_h": 40}
    cut = extra(upscaler_1="R-ESRGAN AnimeVideo", **sides).json()
    assert opened(cut["image"]).size == (40, 40)
    assert read_metadata(io.BytesIO(base64.b64decode(cut["image"]))).sdjp is not None
    assert opened(extra(**sides, upscaling_crop=False).json()["image"]).size == (60, 40)
    for refused in (
        {"gfpgan_visibility": 1},
        {"upscaler_1": "LDSR"},
        {"upscaler_2": "R-ESRGAN AnimeVideo", "extras_upscaler_2_visibility": 0.5},
        {"upscaling_resize": 9},
        {"resize_mode": 1, "upscaling_resize_w": 0},
        {"image": None},
    ):
        assert extra(**refused).status_code == 422
    rows = [{"data": picture(8, 8), "name": "a"}, {"data": picture(16, 8), "name": "b"}]
    batch = {"imageList": rows, "upscaler_1": "R-ESRGAN AnimeVideo"}
    several = client.post(f"{API}/extra-batch-images", json=batch).json()
    assert [opened(image).size for image in several["images"]] == [(16, 16), (32, 16)]
    assert client.post(f"{API}/extra-batch-images", json={**batch, "imageList": rows * 3}).status_code == 422
