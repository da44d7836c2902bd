"""A job and its pictures, as they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from sdjp.options import GenerationOptions

State: TypeAlias = Literal["queued", "drawing", "done", "failed", "cancelled", "set_aside"]
OVER: Final[tuple[State, ...]] = ("done", "failed", "cancelled", "set_aside")
"""States that a job stays in."""

Task: TypeAlias = Literal["generate", "upscale"]
TASKS: Final[tuple[Task, ...]] = ("generate", "upscale")


@dataclass(frozen=True, kw_only=True)
class GivenControl:
    """A ControlNet that a job asks for; the fields are those of :class:`sdjp.Control`."""

    name: str
    image: str
    weight: float = 1.0
    start: float = 0.0
    end: float = 1.0
    preprocess: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What is asked for, checked.

    Pictures are names of files, which the store keeps: a restart finds them again.

    Attributes:
        task: To draw, or to enlarge ``image``.
        model: The name of the model; it is settled, so that the job means the same tomorrow.
        options: What to draw. The seed is settled, too.
        image: A picture to start from, or to enlarge.
        mask: White where it is to be redrawn.
        image_prompt: Pictures that are a prompt.
        controls: ControlNets.
        factor: How many times larger, for ``"upscale"``.
        strength: How much is redrawn then; None leaves it to the model.
        data: The files themselves, by name, until the store has them.
    """

    task: Task = "generate"
    model: str
    options: GenerationOptions
    image: str | None = None
    mask: str | None = None
    image_prompt: tuple[str, ...] = ()
    controls: tuple[GivenControl, ...] = ()
    factor: float | None = None
    strength: float | None = None
    data: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)

    @property
    def count(self) -> int:
        """Pictures in all."""
        prompts = self.options.prompt
        return (len(prompts) if isinstance(prompts, tuple) else 1) * self.options.num_images_per_prompt

    @property
    def files(self) -> tuple[str, ...]:
        """The files of its pictures."""
        given = (self.image, self.mask, *self.image_prompt, *(c.image for c in self.controls))
        return tuple(name for name in given if name is not None)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Which kinds of pictures it has."""
        kinds = ("image", "mask", "image_prompt", "controls")
        return tuple(kind for kind in kinds if getattr(self, kind))

    def files_of(self, kind: str) -> tuple[str, ...]:
        """The files of one kind of its pictures, one of :attr:`inputs`; none if it has no such kind."""
        if kind not in self.inputs:
            return ()
        found = getattr(self, kind)
        if isinstance(found, str):
            return (found,)
        return tuple(one.image if isinstance(one, GivenControl) else one for one in found)

    def given(self, job: str) -> dict[str, Any]:
        """What the body of a request has to say to be given the same again, besides the options.

        Args:
            job: The id of the job that keeps its pictures.
        """

        def kept(kind: str, index: int = 0) -> dict[str, Any]:
            return {"job": job, "input": kind, "index": index}

        controls = [
            {**vars(control), "image": kept("controls", i)} for i, control in enumerate(self.controls)
        ]
        said = {
            "task": self.task,
            "model": self.model,
            "image": kept("image") if self.image else None,
            "mask": kept("mask") if self.mask else None,
            "image_prompt": [kept("image_prompt", i) for i in range(len(self.image_prompt))],
            "controls": controls,
            "factor": self.factor,
        }
        return {name: value for name, value in said.items() if value}

    def to_json(self) -> str:
        """The request as text, for the store."""
        values = {**vars(self), "options": self.options.to_json()}
        del values["data"]
        values["controls"] = [vars(control) for control in self.controls]
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> JobRequest:
        """Read what :meth:`to_json` wrote.

        Raises:
            InputError: If another version of sdjp wrote it, and this one cannot read it.
        """
        values = json.loads(text)
        values["options"] = GenerationOptions.from_json(values["options"])
        values["image_prompt"] = tuple(values["image_prompt"])
        values["controls"] = tuple(GivenControl(**control) for control in values["controls"])
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class PictureRecord:
    """A finished picture.

    Attributes:
        job: The id of its job.
        index: Its number in the job, from 0.
        seed: Its seed.
        width: In pixels.
        height: In pixels.
        bytes: Of its file.
        flagged: Whether the safety checker flagged it.
        withheld: Whether what is kept is blurred or black on that account.
        starred: Whether its owner wants to keep it.
        gone: Why there is no file any more, or None.
        created: Seconds since 1970.
        prompt: What was typed.
        english: What the text encoder read.
        unknown: What of it was not understood.
        model: The name of the model.
    """

    job: str
    index: int
    seed: int
    width: int
    height: int
    bytes: int
    flagged: bool = False
    withheld: bool = False
    starred: bool = False
    gone: Literal["expired", "deleted"] | None = None
    created: float
    prompt: str
    english: str
    unknown: tuple[str, ...] = ()
    model: str

    @property
    def url(self) -> str:
        """Its address below the root of the server."""
        return f"/v1/jobs/{self.job}/pictures/{self.index}"

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return {**vars(self), "unknown": list(self.unknown), "url": self.url}


@dataclass(frozen=True, kw_only=True)
class JobProgress:
    """How far a job has come.

    Attributes:
        step: Steps done of the pictures that are drawn now.
        total: Steps that they take.
        done: Pictures that are finished.
        count: Pictures in all.
        seconds_left: An estimate from the steps so far; None before the first.
    """

    step: int
    total: int
    done: int
    count: int
    seconds_left: float | None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data."""
        return dict(vars(self))


@dataclass(frozen=True, kw_only=True)
class JobRecord:
    """A job.

    Attributes:
        id: Cannot be guessed.
        number: Its place in the order of all jobs.
        owner: Whose it is.
        request: What is asked for.
        state: Where it stands.
        created: Seconds since 1970; ``started`` and ``finished`` likewise, once they are true.
        started: When its drawing began.
        finished: When it was over.
        attempts: How often its drawing began since its last picture was finished.
        error: ``code``, ``ja`` and ``en``, if it failed.
        options: The options as they were drawn, once that is known; before that, those of the request.
        prompts: The way that its prompts took, once they were read.
        notes: What its owner should know, each as ``ja`` and ``en``.
        pictures: Those that are finished.
    """

    id: str
    number: int
    owner: str
    request: JobRequest
    state: State
    created: float
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    error: Mapping[str, str] | None = None
    options: Mapping[str, Any] | None = None
    prompts: Sequence[Mapping[str, Any]] = ()
    notes: Sequence[Mapping[str, str]] = ()
    pictures: tuple[PictureRecord, ...] = field(default=())

    @property
    def over(self) -> bool:
        """Whether it will not change any more."""
        return self.state in OVER

    @property
    def withheld(self) -> int:
        """Pictures that the safety checker held back."""
        return sum(picture.withheld for picture in self.pictures)

    def to_json(self, *, position: int | None = None, progress: JobProgress | None = None) -> dict[str, Any]:
        """Return it as plain JSON data.

        Args:
            position: How many jobs are before it; None if it does not wait.
            progress: How far it has come; None if it is not drawn now.
        """
        return {
            "id": self.id,
            "state": self.state,
            "task": self.request.task,
            "model": self.request.model,
            "position": position,
            "created": self.created,
            "started": self.started,
            "finished": self.finished,
            "attempts": self.attempts,
            "progress": None if progress is None else progress.to_json(),
            "options": self.request.options.to_json() if self.options is None else dict(self.options),
            "inputs": list(self.request.inputs),
            "given": self.request.given(self.id),
            "factor": self.request.factor,
            "pictures": [picture.to_json() for picture in self.pictures],
            "prompts": list(self.prompts),
            "notes": list(self.notes),
            "error": None if self.error is None else dict(self.error),
        }
