"""From the JSON body of a request to a job: the one way in, whichever API was asked.

The body has the names of the options table, and a few besides: :func:`schema` has them all.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from PIL import Image

from sdjp.addons.folder import SUFFIXES
from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.generation.controls import Control
from sdjp.generation.job import Inputs
from sdjp.generation.settle import check_ahead
from sdjp.options import GenerationOptions, check_factor, check_options
from sdjp.server.context import Context
from sdjp.server.jobs.record import TASKS, GivenControl, JobRequest
from sdjp.server.sent_pictures import from_base64, opened
from sdjp.weights.parts.upscaler import EMBEDDED

_LOG: Final = logging.getLogger("sdjp.server")
_BESIDES: Final = ("task", "model", "image", "mask", "image_prompt", "controls", "factor")
_CONTROL: Final = tuple(GivenControl.__dataclass_fields__)
_ADDRESS: Final = re.compile(r"(?i)[a-z][a-z0-9+.-]*://")

_PICTURE: Final[Mapping[str, Any]] = {
    "title": "picture",
    "description": "data URI（base64）か、自分の描いた絵か、自分のジョブに渡した絵\n"
    "a data URI (base64), a picture of one's own, or one that a job of one's own was given",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {"job": {"type": "string"}, "picture": {"type": "integer", "minimum": 0}},
            "required": ["job", "picture"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {
                "job": {"type": "string"},
                "input": {"enum": ["image", "mask", "image_prompt", "controls"]},
                "index": {"type": "integer", "minimum": 0, "default": 0},
            },
            "required": ["job", "input"],
            "additionalProperties": False,
        },
    ],
}


def schema(*, factor: int = 1) -> dict[str, Any]:
    """The body as a JSON Schema (2020-12): the options, and what is besides them.

    Args:
        factor: Pixels to one latent cell of the model; sizes are multiples of it.
    """
    options = GenerationOptions.schema(factor=factor)
    besides: dict[str, Any] = {
        "task": {
            "enum": list(TASKS),
            "default": "generate",
            "description": "描く、または image を拡大する\nto draw, or to enlarge image",
        },
        "model": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "description": "モデルの名前（省略時はいま使っているもの）\nthe name of a model (the one in use, "
            "if left out)",
        },
        "image": {"anyOf": [_PICTURE, {"type": "null"}]},
        "mask": {"anyOf": [_PICTURE, {"type": "null"}]},
        "image_prompt": {"anyOf": [_PICTURE, {"type": "array", "items": _PICTURE}, {"type": "null"}]},
        "controls": {
            "anyOf": [
                {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "image": _PICTURE,
                            "weight": {"type": "number", "default": 1.0},
                            "start": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.0},
                            "end": {"type": "number", "minimum": 0, "maximum": 1, "default": 1.0},
                            "preprocess": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                        },
                        "required": ["name", "image"],
                        "additionalProperties": False,
                    },
                },
                {"type": "null"},
            ]
        },
        "factor": {"type": "number", "minimum": 1, "maximum": 8, "default": 2.0},
    }
    return {
        **options,
        "title": "JobRequest",
        "properties": {**options["properties"], **besides},
        "required": [],
    }


def read_request(body: Mapping[str, Any], context: Context, *, owner: str) -> JobRequest:
    """Read and check what is asked for; whatever can be refused is refused here, before it is queued.

    Args:
        body: JSON data, as :func:`schema` tells.
        context: The parts of the server.
        owner: Who asks.

    Raises:
        InputError: If something in it cannot be used.
        LimitError: If it asks for more than the server gives.
    """
    if not isinstance(body, Mapping):
        raise _wrong(
            "body.object",
            ja="本文は JSON のオブジェクトにしてください。",
            en="the body must be a JSON object.",
        )
    given = {name: body[name] for name in _BESIDES if body.get(name) is not None}
    task = given.get("task", "generate")
    if task not in TASKS:
        raise _wrong(
            "task.unknown",
            ja=f"task に {task!r} は使えません。使える値: {', '.join(TASKS)}",
            en=f"task cannot be {task!r}. Allowed: {', '.join(TASKS)}",
        )
    plain = {name: value for name, value in body.items() if name not in _BESIDES}
    if task == "upscale":
        plain.setdefault("prompt", None)
    options = GenerationOptions.from_json(plain)
    _check_upscaler(options)
    reader = _Pictures(context, owner)
    request = JobRequest(
        task=task,
        model=_model(given.get("model"), context),
        options=_with_seed(options),
        image=reader.read("image", given.get("image")),
        mask=reader.read("mask", given.get("mask")),
        image_prompt=reader.several(given.get("image_prompt")),
        controls=reader.controls(given.get("controls")),
        factor=given.get("factor", 2.0) if task == "upscale" else None,
        strength=body.get("strength") if task == "upscale" else None,
        data=reader.data,
    )
    if task == "generate" and "factor" in given:
        raise _wrong(
            "factor.task",
            ja="factor は task が upscale のときだけ使えます。描いて拡大するには hires を使ってください。",
            en="factor is for the task upscale. To draw and enlarge, use hires.",
        )
    _check(request, reader.opened, context)
    if context.settings.log_prompts:
        _LOG.info("%s %s %r", owner, task, options.prompt)  # as a literal: it stays one line
    return request


def _check(request: JobRequest, opened: Mapping[str, Image.Image], context: Context) -> None:
    """Refuse what the model could not draw, and what is above a cap."""
    config = context.models.entry(request.model).config
    options = request.options
    context.limits.check(options)
    check_options(options, factor=1 if config is None else config.vae.factor)
    if request.task == "upscale":
        _check_upscale(request, opened, context)
        return
    inputs = Inputs(
        image=None if request.image is None else opened[request.image],
        mask=None if request.mask is None else opened[request.mask],
        image_prompt=[opened[name] for name in request.image_prompt] or None,
        controls=[
            Control(**{**vars(control), "image": opened[control.image]}) for control in request.controls
        ]
        or None,
    )
    pipe = context.models.loaded_as(request.model)
    if pipe is None:
        check_ahead(options, inputs)
        resolved = _filled(options, config)
    else:
        resolved = pipe.check(**_arguments(options), **vars(inputs))
    context.limits.check(resolved)


def _arguments(options: GenerationOptions) -> dict[str, Any]:
    return {name: getattr(options, name) for name in options.__dataclass_fields__}


def _filled(options: GenerationOptions, config: ModelConfig | None) -> GenerationOptions:
    return options if config is None else options.resolve(**dataclasses.asdict(config.defaults))


def _check_upscale(request: JobRequest, opened: Mapping[str, Image.Image], context: Context) -> None:
    """Refuse an enlargement that is none, or that becomes too large."""
    unused = [name for name in request.inputs if name != "image"]
    if request.image is None or unused:
        raise _wrong(
            "upscale.image",
            ja="拡大には image だけを指定してください"
            + (f"（{', '.join(unused)} は使えません）。" if unused else "（image がありません）。"),
            en="to enlarge, give image and no other picture"
            + (f" ({', '.join(unused)} cannot be used)." if unused else " (there is no image)."),
        )
    if isinstance(request.options.prompt, tuple):
        raise _wrong(
            "upscale.prompt",
            ja="拡大のプロンプトは 1 つにしてください。",
            en="give one prompt to enlarge a picture with.",
        )
    check_factor(request.factor)
    picture = opened[request.image]
    assert request.factor is not None
    context.limits.check_picture(
        round(picture.width * request.factor), round(picture.height * request.factor), name="image × factor"
    )
    if request.options.prompt:
        check_ahead(dataclasses.replace(request.options, upscaler=None))


def _check_upscaler(options: GenerationOptions) -> None:
    """Refuse the name of a file: clients open nothing on the server."""
    if options.upscaler is not None and options.upscaler not in tuple(EMBEDDED):  # it may be anything
        names = ", ".join(EMBEDDED)
        raise _wrong(
            "upscaler.unknown",
            ja=f"upscaler に {options.upscaler!r} は使えません。使える値: {names}",
            en=f"upscaler cannot be {options.upscaler!r}. Allowed: {names}",
        )


def _model(name: object, context: Context) -> str:
    if name is None:
        return context.models.in_use
    found = context.models.resolve(name) if isinstance(name, str) else None
    if found is None:
        names = ", ".join(context.models.names)
        raise _wrong(
            "model.unknown",
            ja=f"モデル {name!r} はありません。使えるモデル: {names}",
            en=f"there is no model {name!r}. There are: {names}",
        )
    return found


def _with_seed(options: GenerationOptions) -> GenerationOptions:
    """Settle the seed, so that a job that begins anew draws the same."""
    return (
        options if options.seed is not None else dataclasses.replace(options, seed=secrets.randbelow(2**32))
    )


class _Pictures:
    """Reads the pictures of a body, each once."""

    def __init__(self, context: Context, owner: str) -> None:
        self._context = context
        self._owner = owner
        self.data: dict[str, bytes] = {}
        self.opened: dict[str, Image.Image] = {}

    def read(self, name: str, given: object) -> str | None:
        """The file name of a picture; ``name`` is what messages call it."""
        if given is None:
            return None
        data = self._bytes(name, given)
        file = hashlib.sha256(data).hexdigest()
        if file not in self.opened:
            self.opened[file] = opened(name, data, self._context.limits)
            self.data[file] = data
        return file

    def several(self, given: object) -> tuple[str, ...]:
        """The file names of one picture, or of a list of them."""
        pictures = given if isinstance(given, list) else [] if given is None else [given]
        return tuple(name for name in (self.read("image_prompt", one) for one in pictures) if name)

    def controls(self, given: object) -> tuple[GivenControl, ...]:
        """The ControlNets of a list."""
        controls = given if isinstance(given, list) else [] if given is None else [given]
        found = []
        for control in controls:
            if not isinstance(control, Mapping) or not {"name", "image"} <= set(control) <= set(_CONTROL):
                raise _wrong(
                    "controls.form",
                    ja=f"controls の要素は、次の項目のオブジェクトにしてください: {', '.join(_CONTROL)}"
                    "（name と image は必要です）。",
                    en=f"each of controls must be an object of: {', '.join(_CONTROL)} "
                    "(name and image are needed).",
                )
            _check_name(control["name"])
            image = self.read("controls", control["image"])
            found.append(GivenControl(**{**control, "image": image}))
        return tuple(found)

    def _bytes(self, name: str, given: object) -> bytes:
        if isinstance(given, Mapping) and set(given) == {"job", "picture"}:
            job, index = given["job"], given["picture"]
            if isinstance(job, str) and type(index) is int:
                return self._context.queue.read_picture(job, index, owner=self._owner)
        if isinstance(given, Mapping) and {"job", "input"} <= set(given) <= {"job", "input", "index"}:
            job, kind, index = given["job"], given["input"], given.get("index", 0)
            if isinstance(job, str) and isinstance(kind, str) and isinstance(index, int):
                return self._context.queue.read_input(job, kind, index, owner=self._owner)
        if isinstance(given, str) and not _ADDRESS.match(given):
            data = from_base64(given)
            if data is not None:
                return data
        raise _wrong(
            f"{name}.form",
            ja=f"{name} には、data:image/png;base64,… の形の画像か、"
            '{"job": ジョブの ID, "picture": 番号} を指定してください（URL やパスは開きません）。',
            en=f"{name} must be a picture as data:image/png;base64,… or "
            '{"job": ID, "picture": NUMBER} (URLs and paths are not opened).',
        )


def _check_name(name: object) -> None:
    """Refuse what could be the path of a file, which the library would open."""
    if not isinstance(name, str) or re.search(r"[/\\:]", name) or name.lower().endswith(SUFFIXES):
        raise _wrong(
            "controls.name",
            ja=f"controls の name には、ControlNet の名前を指定してください（{name!r} は使えません）。",
            en=f"the name of one of controls must be that of a ControlNet, not {name!r}.",
        )


def _wrong(code: str, *, ja: str, en: str) -> InputError:
    return InputError(code, ja=ja, en=en)
