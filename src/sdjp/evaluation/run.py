"""Draw with each model at each guidance scale, measure, and write a table; what is done is not done again.

As in the figure of Stable Diffusion's README: checkpoints over guidance scales 1.5 to 8 with 50 steps of
PLMS, CLIP score against Fréchet distance.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from sdjp.errors import InputError, Language, OutputError, get_language, reason
from sdjp.evaluation.features import ClipFeatures, PictureFeatures, read_pictures
from sdjp.evaluation.scores import Moments, clip_scores, frechet_distance
from sdjp.generation.settle import check_ahead
from sdjp.images import check_folder, open_picture, read_metadata, to_rgb
from sdjp.options import GenerationOptions
from sdjp.pipeline import Pipeline
from sdjp.text.read import check_prompt

SCALES: Final = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)
BATCH: Final = 8  # pictures whose features are taken together
HEADS: Final[Mapping[Language, str]] = {
    "ja": "| モデル | ガイダンスの強さ | 枚数 | CLIP スコア | フレシェ距離 |",
    "en": "| model | guidance scale | pictures | CLIP score | Fréchet distance |",
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The pictures to be drawn.

    Attributes:
        prompts: One picture each, for each model and scale.
        scales: Guidance scales.
        num_inference_steps: Steps.
        sampler: A name in ``sdjp.samplers.SAMPLERS``.
        seed: Prompt i is drawn with seed + i, with every model and at every scale.
        height: Pixels; None for the model's own.
        width: Pixels.
    """

    prompts: tuple[str, ...]
    scales: tuple[float, ...] = SCALES
    num_inference_steps: int = 50
    sampler: str = "plms"
    seed: int = 42
    height: int | None = None
    width: int | None = None

    def options(self, index: int, scale: float) -> GenerationOptions:
        """The options that draw the picture of prompt ``index``."""
        return GenerationOptions(
            prompt=self.prompts[index],
            height=self.height,
            width=self.width,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=scale,
            sampler=self.sampler,
            seed=self.seed + index,
        )


@dataclass(frozen=True, kw_only=True)
class Row:
    """One point of the figure.

    Attributes:
        model: Name of the model.
        scale: Guidance scale.
        pictures: How many were measured.
        clip_score: Mean of 100 max(cos, 0); None without CLIP.
        frechet: Distance to the reference pictures; None without any.
    """

    model: str
    scale: float
    pictures: int
    clip_score: float | None
    frechet: float | None


def evaluate(
    models: Sequence[str],
    settings: Settings,
    folder: Path,
    *,
    load: Callable[[str], Pipeline],
    clip: ClipFeatures | None = None,
    seen_by: PictureFeatures | None = None,
    reference: Path | None = None,
    batch_size: int = 1,
    say: Callable[[str, int, int], object] = lambda model, done, total: None,
) -> list[Row]:
    """Draw what is missing in ``folder``, measure everything, write ``results.json`` and ``results.md``.

    The table is in the language of messages, the keys of the JSON are not.

    Args:
        models: Anything :meth:`Pipeline.from_pretrained` takes; each is loaded once, if it has to draw.
        settings: What is drawn.
        folder: Pictures go to ``<model>/scale-<s>/00000.png``; pictures there that were drawn with the same
            settings are kept.
        load: How a model is loaded.
        clip: For the CLIP score.
        seen_by: For the Fréchet distance; CLIP's own features if None.
        reference: Folder of real pictures for the Fréchet distance.
        batch_size: Pictures drawn together.
        say: Told the model, the pictures done and their number, after each batch.

    Raises:
        InputError: If a setting cannot be used, or ``folder`` holds pictures drawn otherwise.
    """
    names = _names(models)
    for scale in settings.scales:
        for index in (0, len(settings.prompts) - 1):  # the seeds between them are in range if these are
            check_ahead(settings.options(index, scale))
    for text in settings.prompts:
        check_prompt(text)
    eyes = clip if seen_by is None else seen_by
    if clip is None and (eyes is None or reference is None):
        raise InputError(
            "evaluate.nothing",
            ja="測るものがありません。CLIP のフォルダー（--clip）か、比較する画像のフォルダー"
            "（--reference）と特徴量のモデル（--clip か --inception）を指定してください。",
            en="there is nothing to measure with. Give a CLIP folder (--clip), or reference pictures "
            "(--reference) and a model for their features (--clip or --inception).",
        )
    folder = check_folder(folder)
    real = None if reference is None or eyes is None else _moments(eyes, read_pictures(reference))
    rows = []
    for source, name in zip(models, names, strict=True):
        pipe: Pipeline | None = None
        for scale in settings.scales:
            place = check_folder(folder / name / f"scale-{scale:g}")
            missing = [i for i in range(len(settings.prompts)) if not _drawn(place, settings, i, scale)]
            for first in range(0, len(missing), batch_size):
                pipe = load(source) if pipe is None else pipe
                _draw(pipe, place, settings, missing[first : first + batch_size], scale)
                done = len(settings.prompts) - len(missing) + min(first + batch_size, len(missing))
                say(f"{name} ×{scale:g}", done, len(settings.prompts))
            rows.append(_measure(name, scale, place, settings, clip, eyes, real))
            write(folder, settings, rows, clip, eyes)
    return rows


def write(
    folder: Path,
    settings: Settings,
    rows: Sequence[Row],
    clip: PictureFeatures | None,
    eyes: PictureFeatures | None,
) -> None:
    """Write ``results.json`` and the table ``results.md``."""
    figures = {
        "settings": dataclasses.asdict(settings),
        "clip": None if clip is None else clip.name,
        "frechet_features": None if eyes is None else eyes.name,
        "rows": [dataclasses.asdict(row) for row in rows],
    }
    lines = [HEADS[get_language()], "|---|---|---|---|---|"]
    lines += [
        f"| {r.model} | {r.scale:g} | {r.pictures} | {_cell(r.clip_score)} | {_cell(r.frechet)} |"
        for r in rows
    ]
    try:
        (folder / "results.json").write_text(
            json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        (folder / "results.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            "evaluate.write",
            ja=f"{folder} に結果を書き込めません（{reason(error)[0]}）。",
            en=f"cannot write the results to {folder} ({reason(error)[1]}).",
        ) from error


def _cell(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


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


def _drawn(place: Path, settings: Settings, index: int, scale: float) -> bool:
    """Whether the picture is there and was drawn with these settings."""
    path = place / f"{index:05d}.png"
    if not path.exists():
        return False
    found, wanted = read_metadata(path).options, settings.options(index, scale)
    names = ("prompt", "num_inference_steps", "guidance_scale", "sampler", "seed")
    same = found is not None and all(getattr(found, n) == getattr(wanted, n) for n in names)
    if found is not None:
        same = same and settings.height in (None, found.height) and settings.width in (None, found.width)
    if not same:
        raise InputError(
            "evaluate.other",
            ja=f"{path} は別の設定で描かれた画像です。--outdir に別のフォルダーを指定してください。",
            en=f"{path} was drawn with other settings. Give another folder with --outdir.",
        )
    return True


def _draw(pipe: Pipeline, place: Path, settings: Settings, indices: Sequence[int], scale: float) -> None:
    result = pipe.generate(
        [settings.prompts[i] for i in indices],
        height=settings.height,
        width=settings.width,
        num_inference_steps=settings.num_inference_steps,
        guidance_scale=scale,
        sampler=settings.sampler,
        seed=[settings.seed + i for i in indices],
        progress=False,
    )
    result.save(place, names=[f"{i:05d}" for i in indices])


def _measure(
    name: str,
    scale: float,
    place: Path,
    settings: Settings,
    clip: ClipFeatures | None,
    eyes: PictureFeatures | None,
    real: Moments | None,
) -> Row:
    paths = [place / f"{i:05d}.png" for i in range(len(settings.prompts))]
    score = None
    if clip is not None:
        english = [_english(path) for path in paths]
        scores = [
            clip_scores(clip.pictures(pictures), clip.texts(english[first : first + len(pictures)]))
            for first, pictures in _batches(paths)
        ]
        score = float(np.concatenate(scores).mean())
    distance = None if real is None or eyes is None else frechet_distance(_moments(eyes, paths), real)
    return Row(model=name, scale=scale, pictures=len(paths), clip_score=score, frechet=distance)


def _english(path: Path) -> str:
    """The English of a prompt: CLIP reads no Japanese."""
    record: Any = read_metadata(path).sdjp
    return str(record["prompt"]["english"])


def _moments(eyes: PictureFeatures, paths: Sequence[Path]) -> Moments:
    moments = Moments()
    for _, pictures in _batches(paths):
        moments.add(eyes.pictures(pictures))
    return moments


def _batches(paths: Sequence[Path]) -> Iterator[tuple[int, list[Image.Image]]]:
    for first in range(0, len(paths), BATCH):
        yield first, [to_rgb(open_picture(path)) for path in paths[first : first + BATCH]]
