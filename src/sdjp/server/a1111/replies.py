"""What came of a job, as the web UI tells it: pictures, ``info``, progress."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sdjp._version import __version__
from sdjp.images import read_metadata
from sdjp.images.a1111 import Parameters, read_parameters
from sdjp.server.a1111.fields import Note
from sdjp.server.a1111.names import sampler_label
from sdjp.server.a1111.requests import Asked
from sdjp.server.jobs.record import JobProgress, JobRecord, PictureRecord
from sdjp.server.models.entry import ModelEntry

_IN_INFO: Final = frozenset(
    ("Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", "Model hash", "VAE", "Clip skip", "Version")
)
"""Settings of a text that ``info`` has fields for; the others are its ``extra_generation_params``."""


def generated(
    job: JobRecord,
    pictures: Sequence[tuple[PictureRecord, bytes]],
    *,
    asked: Asked,
    entry: ModelEntry,
    batch_size: int,
) -> dict[str, Any]:
    """The reply to ``txt2img`` and ``img2img``.

    Args:
        job: What was drawn, or what was stopped.
        pictures: Those that are shown, with their files.
        asked: What the client asked for.
        entry: The model that drew.
        batch_size: Pictures of a batch, as the client counted them.
    """
    images = [base64_of(data) for _, data in pictures]
    info = _info(job, pictures, asked=asked, entry=entry, batch_size=batch_size)
    used = {name: info[name] for name in ("width", "height", "steps", "cfg_scale", "sampler_name")}
    return {
        "images": images if asked.send_images else [],
        "parameters": {**used, **asked.echo},
        "info": json.dumps(info, ensure_ascii=False),
    }


def _info(
    job: JobRecord,
    pictures: Sequence[tuple[PictureRecord, bytes]],
    *,
    asked: Asked,
    entry: ModelEntry,
    batch_size: int,
) -> dict[str, Any]:
    options = {**(entry.defaults or {}), **_known(job.request.options.to_json()), **_known(job.options or {})}
    texts = [text_of(data) for _, data in pictures]
    settings = read_parameters(texts[0]).settings if texts else {}
    prompt, negative = str(options.get("prompt") or ""), str(options.get("negative_prompt") or "")
    seeds = [picture.seed for picture, _ in pictures]
    first = pictures[0][0] if pictures else None
    return {
        "prompt": prompt,
        "all_prompts": [prompt] * len(pictures),
        "negative_prompt": negative,
        "all_negative_prompts": [negative] * len(pictures),
        "seed": seeds[0] if seeds else options["seed"],
        "all_seeds": seeds,
        "subseed": -1,
        "all_subseeds": [-1] * len(pictures),
        "subseed_strength": 0,
        "width": options["width"] if first is None else first.width,
        "height": options["height"] if first is None else first.height,
        "sampler_name": sampler_label(str(options["sampler"])),
        "cfg_scale": options["guidance_scale"],
        "steps": options["num_inference_steps"],
        "batch_size": batch_size,
        "restore_faces": False,
        "face_restoration_model": None,
        "sd_model_name": entry.name,
        "sd_model_hash": (entry.sha256 or "")[:10],
        "sd_vae_name": None,
        "sd_vae_hash": None,
        "seed_resize_from_w": -1,
        "seed_resize_from_h": -1,
        "denoising_strength": options["strength"] if job.request.image else options.get("hires_strength"),
        "extra_generation_params": {name: settings[name] for name in settings if name not in _IN_INFO},
        "index_of_first_image": 0,
        "infotexts": texts,
        "styles": [],
        "job_timestamp": timestamp(job.created),
        "clip_skip": options["clip_skip"],
        "is_using_inpainting_conditioning": False,
        "version": f"sdjp {__version__}",
        "sdjp": _own(job, [picture for picture, _ in pictures], asked),
    }


def _own(job: JobRecord, pictures: Sequence[PictureRecord], asked: Asked) -> dict[str, Any]:
    """What the web UI has no field for.

    ``english`` and ``unknown`` belong to the pictures in their order: what was drawn, and what of the prompt
    was not understood. ``notes`` tell what is otherwise than it was asked for.
    """
    return {
        "job": job.id,
        "task": asked.task,
        "state": job.state,
        "english": [picture.english for picture in pictures],
        "unknown": [list(picture.unknown) for picture in pictures],
        "withheld": job.withheld,
        "notes": [*map(Note.to_json, asked.notes), *map(dict, job.notes)],
    }


def _known(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def base64_of(data: bytes) -> str:
    """Bytes as plain base64: clients of the web UI do not expect a data URI."""
    return base64.b64encode(data).decode("ascii")


def text_of(data: bytes) -> str:
    """The text ``parameters`` in a picture, ``""`` if there is none."""
    return read_metadata(io.BytesIO(data)).parameters or ""


def picture_info(data: bytes) -> dict[str, Any]:
    """The reply to ``png-info``.

    Raises:
        InputError: If it cannot be read.
    """
    found = read_metadata(io.BytesIO(data))
    text = found.parameters or ""
    items = {} if found.sdjp is None else {"sdjp": json.dumps(found.sdjp, ensure_ascii=False)}
    return {"info": text, "items": items, "parameters": _settings(read_parameters(text)) if text else {}}


def _settings(text: Parameters) -> dict[str, str]:
    """The text taken apart; a size is two numbers."""
    found = {"Prompt": text.prompt, "Negative prompt": text.negative_prompt, **text.settings}
    width, separator, height = found.get("Size", "").partition("x")
    return {**found, "Size-1": width, "Size-2": height} if separator else found


def progress(
    job: JobRecord | None,
    now: JobProgress | None,
    *,
    task: str | None,
    preview: bytes | None,
    batch: int,
    ahead: int | None = None,
) -> dict[str, Any]:
    """The reply to ``progress``: exactly 0.0 and no job when there is none, for clients wait for that.

    Args:
        job: The job that is drawn, or else the first that waits; None if there is neither.
        now: How far it has come.
        task: The client's own name of it.
        preview: The newest preview.
        batch: Pictures that are drawn together at most.
        ahead: How many jobs are drawn before it, if it waits.
    """
    whole = 0.0
    if now is not None and now.count:
        part = now.step / now.total if now.total else 0.0
        whole = min((now.done + part * min(batch, now.count - now.done)) / now.count, 1.0)
    count = 0 if job is None else job.request.count
    text = None
    if ahead is not None:
        text = f"順番待ちです（前に {ahead} 件） Waiting ({ahead} before)"
    return {
        "progress": whole,
        "eta_relative": 0.0 if now is None or now.seconds_left is None else now.seconds_left,
        "state": {
            "skipped": False,
            "interrupted": False,
            "stopping_generation": False,
            "job": "" if job is None else job.id,
            "job_count": count,
            "job_timestamp": timestamp(time.time() if job is None else job.created),
            "job_no": 0 if now is None else now.done,
            "sampling_step": 0 if now is None else now.step,
            "sampling_steps": 0 if now is None else now.total,
        },
        "current_image": None if preview is None else base64_of(preview),
        "textinfo": text,
        "current_task": task,
    }


def timestamp(seconds: float) -> str:
    """A time as the web UI writes it: year, month, day, hour, minute and second, on the server's clock."""
    return time.strftime("%Y%m%d%H%M%S", time.localtime(seconds))
