"""Draw with each model at each guidance scale, measure, and write a table; what is done is not done again.

As in the figure of Stable Diffusion's README: checkpoints over guidance scales 1.5 to 8 with 50 steps of
PLMS, CLIP score against Fréchet distance. The pictures of a model are a job of :mod:`sdjp.batch`.
"""

from __future__ import annotations

import dataclasses
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from PIL import Image

from sdjp import batch
from sdjp.batch.pictures import pictures
from sdjp.batch.places import JOB
from sdjp.batch.spec import PIPELINE
from sdjp.batch.stores.opening import open_store
from sdjp.errors import InputError, OutputError, reason
from sdjp.evaluation.features import ClipFeatures, PictureFeatures
from sdjp.evaluation.measure import Figures, Measure
from sdjp.evaluation.table import Row, write_table
from sdjp.generation.settle import check_ahead
from sdjp.images import check_folder, to_rgb
from sdjp.options import GenerationOptions, TranslateMode
from sdjp.text.read import check_prompt

if TYPE_CHECKING:
    from sdjp.batch.item import Refused
    from sdjp.batch.sinks import Event
    from sdjp.batch.spec import Job
    from sdjp.pipeline import Pipeline
    from sdjp.weights.load import LoadReport

SCALES: Final = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The pictures to be drawn.

    Attributes:
        prompts: One picture each, for each model and scale.
        scales: Guidance scales, each once.
        num_inference_steps: Steps.
        sampler: A name in ``sdjp.samplers.SAMPLERS``.
        seed: Prompt i is drawn with seed + i, with every model and at every scale.
        height: Pixels; None for the model's own.
        width: Pixels.
        translate: Which prompts are translated.
    """

    prompts: tuple[str, ...]
    scales: tuple[float, ...] = SCALES
    num_inference_steps: int = 50
    sampler: str = "plms"
    seed: int = 42
    height: int | None = None
    width: int | None = None
    translate: TranslateMode = "auto"

    def options(self, index: int, scale: float) -> GenerationOptions:
        """The options that draw the picture of prompt ``index``."""
        return GenerationOptions(**self.common(), **self.own(index, scale))

    def common(self) -> dict[str, Any]:
        """The options that all pictures share."""
        names = ("num_inference_steps", "sampler", "height", "width", "translate")
        return {name: getattr(self, name) for name in names}

    def own(self, index: int, scale: float) -> dict[str, Any]:
        """The options that a picture has for itself."""
        return {"prompt": self.prompts[index], "guidance_scale": scale, "seed": self.seed + index}

    def place(self, number: int) -> tuple[float, int]:
        """The scale and the prompt of picture ``number``: all prompts at the first scale come first."""
        return self.scales[number // len(self.prompts)], number % len(self.prompts)


@dataclass(kw_only=True)
class Watch:
    """Who is told how it goes.

    Attributes:
        loaded: Called with what there is to say of a model, when its prompts are checked.
        progress: Called with the name of a model, the pictures that are there, and their number in all.
        failed: Called with the name of a model, the prompt of a picture that it could not draw, its scale,
            and the error: ``code``, ``ja`` and ``en``.
    """

    loaded: Callable[[LoadReport], object] = lambda report: None
    progress: Callable[[str, int, int], object] = lambda model, done, total: None
    failed: Callable[[str, str, float, Mapping[str, str]], object] = lambda model, prompt, scale, error: None


def evaluate(
    models: Sequence[str],
    settings: Settings,
    folder: Path,
    *,
    model: Mapping[str, Any] | None = None,
    clip: ClipFeatures | None = None,
    seen_by: PictureFeatures | None = None,
    reference: Path | None = None,
    engine: batch.Engine | None = None,
    load: str = PIPELINE,
    watch: Watch | None = None,
) -> list[Row]:
    """Draw what is missing in ``folder``, measure everything, write ``results.json`` and ``results.md``.

    The table is in the language of messages, the keys of the JSON are not. Pictures that cannot be drawn are
    left out of the figures, and counted in their row; the next call tries them again. Workers are new
    processes: a script calls this below ``if __name__ == "__main__":``.

    Args:
        models: The sources, anything :meth:`Pipeline.from_pretrained` takes.
        settings: What is drawn.
        folder: The pictures of a model are a job of ``sdjp batch`` in ``<model>/``; there the ids of
            pictures are such as ``"scale-2/00000"``. A job of the same settings goes on.
        model: What other arguments of :meth:`Pipeline.from_pretrained` all models have in common, as JSON
            can hold them, such as ``{"safety": "off"}``.
        clip: For the CLIP score.
        seen_by: For the Fréchet distance; CLIP's own features if None.
        reference: Folder of real pictures for the Fréchet distance.
        engine: What draws; if None, processes of this machine that draw one picture at a time.
        load: What loads a model, see :func:`sdjp.batch.run_batch`.
        watch: Who is told how it goes.

    Returns:
        The table: the scales of the first model, then those of the next.

    Raises:
        InputError: If a setting cannot be used, a model cannot draw a prompt, or ``folder`` holds pictures of
            other settings.
        StoreError: If the folder cannot be read or written; what is drawn stays.
        SdjpError: If a model cannot be loaded.
    """
    names = _names(models)
    for scale in settings.scales:
        for index in (0, len(settings.prompts) - 1):  # the seeds between them are in range if these are
            check_ahead(settings.options(index, scale))
    for text in settings.prompts:
        check_prompt(text)
    measure = Measure(clip, seen_by, reference)
    measure.check_count(len(settings.prompts))
    folder = check_folder(folder)
    for name in names:
        _check_place(folder / name)
    about = {
        "settings": dataclasses.asdict(settings),
        "clip": None if measure.clip is None else measure.clip.name,
        "frechet_features": None if measure.eyes is None else measure.eyes.name,
    }
    rows: list[Row] = []
    for source, name in zip(models, names, strict=True):
        arguments = {**(model or {}), "source": source}
        _draw(folder / name, settings, arguments, engine or batch.Engine(batch=1), load, watch or Watch())
        rows += _measured(folder / name, settings, measure)
        write_table(folder, rows, about)
    return rows


def _draw(
    place: Path,
    settings: Settings,
    model: Mapping[str, Any],
    engine: batch.Engine,
    load: str,
    watch: Watch,
) -> None:
    """Draw what is missing of a model."""
    name, total, done = place.name, len(settings.prompts) * len(settings.scales), 0

    def loaded(pipe: Pipeline) -> None:
        watch.loaded(pipe.load_report)

    def planned(job: Job, there: int) -> None:
        nonlocal done
        done = there

    def event(event: Event) -> None:
        nonlocal done
        scale, index = settings.place(event.number)
        if event.kind == "drawn":
            done += 1
            watch.progress(name, done, total)
        elif event.error is not None:
            watch.failed(name, settings.prompts[index], scale, event.error)

    def refused(row: Refused) -> None:
        scale, index = settings.place(row.number)
        raise InputError(
            "evaluate.prompt",
            ja=f"{name} では、プロンプト「{settings.prompts[index]}」を強さ {scale:g} で描けません。"
            f"{row.error['ja']}",
            en=f"{name} cannot draw the prompt '{settings.prompts[index]}' at scale {scale:g}: "
            f"{row.error['en']}",
        )

    try:
        with _input(settings) as file:
            batch.run_batch(
                file,
                place,
                options=settings.common(),
                model=model,
                seed=settings.seed,
                load=load,
                engine=engine,
                watch=batch.Watch(loaded=loaded, planned=planned, refused=refused, event=event),
            )
    except InputError as error:
        if error.code != "batch.other_job":
            raise
        raise InputError(
            "evaluate.other",
            ja=f"{error.ja}（input は、プロンプト、--scales、--seed のことです。）",
            en=f"{error.en} (input stands for the prompts, --scales and --seed.)",
        ) from error


def _measured(place: Path, settings: Settings, measure: Measure) -> list[Row]:
    """Measure what there is of a model: a row for each scale, also where nothing is."""
    drawn = groupby(pictures(open_store(str(place))), key=lambda found: settings.place(found[0].number)[0])
    found = {
        scale: measure.figures(
            (to_rgb(Image.open(io.BytesIO(png))), record.english) for record, png in of_scale
        )
        for scale, of_scale in drawn
    }
    return [
        Row(
            model=place.name,
            scale=scale,
            pictures=figures.pictures,
            failed=len(settings.prompts) - figures.pictures,
            clip_score=figures.clip_score,
            frechet=figures.frechet,
        )
        for scale, figures in ((scale, found.get(scale, Figures())) for scale in settings.scales)
    ]


@contextmanager
def _input(settings: Settings) -> Iterator[Path]:
    """The input of the jobs: all prompts at the first scale, then at the next."""
    rows = [
        {"id": f"scale-{scale:.12g}/{i:05d}", **settings.own(i, scale)}
        for scale in settings.scales
        for i in range(len(settings.prompts))
    ]
    try:
        room = tempfile.TemporaryDirectory(prefix="sdjp-")
        path = Path(room.name) / "evaluation.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    except OSError as error:
        ja, en = reason(error)
        raise OutputError(
            "evaluate.input",
            ja=f"一時フォルダーに書き込めません（{ja}）。空き容量と環境変数 TMPDIR を確かめてください。",
            en=f"cannot write to the temporary folder ({en}). Check its free space, and TMPDIR.",
        ) from error
    with room:
        yield path


def _names(models: Sequence[str]) -> list[str]:
    """A folder name for each model, its last part; they must differ."""
    names = [re.sub(r"[^\w.+-]", "_", Path(m).stem if Path(m).is_file() else Path(m).name) for m in models]
    if len(set(names)) != len(names) or not names:
        raise InputError(
            "evaluate.models",
            ja=f"モデルは 1 つ以上、違う名前のものを指定してください（{', '.join(names) or 'なし'}）。",
            en=f"give one or more models with different names (given: {', '.join(names) or 'none'}).",
        )
    return names


def _check_place(place: Path) -> None:
    """Refuse pictures as sdjp kept them before they were jobs."""
    if not (place / JOB).exists() and any(place.glob("scale-*/*.png")):
        raise InputError(
            "evaluate.old",
            ja=f"{place} には、前の版の sdjp が描いた画像（scale-…/00000.png）があり、続きは描けません。"
            "何も消していません。--outdir に別のフォルダーを指定するか、このフォルダーをよそへ移して"
            "ください。",
            en=f"{place} holds pictures of an earlier version of sdjp (scale-…/00000.png), which this one "
            "cannot go on with. Nothing was deleted. Give another folder with --outdir, or move this one "
            "away.",
        )
