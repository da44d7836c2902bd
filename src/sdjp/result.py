"""The result of a generation: the pictures, and the record of how each came to be."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdjp import images as pictures
from sdjp.attention import AttentionMap, PictureAttention
from sdjp.choices import Among, OutputFormat
from sdjp.display import Shown, page
from sdjp.errors import Cancelled, InputError, get_language
from sdjp.images.encoding import QUALITY
from sdjp.images.files import GRID
from sdjp.options import ResolvedOptions
from sdjp.postprocess import PostProcessor
from sdjp.postprocess import run as postprocess
from sdjp.provenance import UNSIGNED, Provenance
from sdjp.records import PromptInfo, Report, Runtime, Timings

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class GenerationResult:
    """Pictures, each with its seed, its prompt and its reports.

    Attributes:
        images: The pictures, at least one.
        seeds: The seed of each; with ``options`` it gives the same picture again.
        prompts: The way each prompt took; None where text states were given instead.
        negative_prompts: The same for the negative prompts; None where there was none.
        options: What was asked for, the model's defaults filled in.
        reports: For each picture, one report from each post-processor.
        timings: Seconds by stage.
        model: The name of the model.
        runtime: Device, dtype and what else it ran with; None if it is not known.
        latents: The last latents, (B, C, h, w) float32, or None.
        origins: For each picture, what ``image`` and ``mask`` it started from, and the pictures of
            ``image_prompt``: name and SHA-256 of each file.
        controls: The ControlNets: name, file, SHA-256, weight, start, end, preprocess, and their pictures.
        marks: What marks the pictures with a watermark; a grid is marked by them, too.
        provenance: What their files say of where they come from.
        attentions: For each picture, what it looked to; none unless that was asked for.
        templates: For each picture, the dynamic prompts that its prompts were chosen from, by the names of
            their options; empty without any.
    """

    images: tuple[Image, ...]
    seeds: tuple[int, ...]
    prompts: tuple[PromptInfo | None, ...]
    negative_prompts: tuple[PromptInfo | None, ...]
    options: ResolvedOptions
    reports: tuple[tuple[Report, ...], ...]
    timings: Timings
    model: str
    runtime: Runtime | None = None
    latents: Tensor | None = None
    marks: tuple[PostProcessor, ...] = ()
    provenance: Provenance = UNSIGNED
    origins: tuple[Mapping[str, Any], ...] = ()
    attentions: tuple[PictureAttention, ...] = ()
    templates: tuple[Mapping[str, str], ...] = ()
    controls: tuple[Mapping[str, Any], ...] = ()

    def __post_init__(self) -> None:
        lengths = {
            name: len(getattr(self, name))
            for name in ("images", "seeds", "prompts", "negative_prompts", "reports")
        }
        if set(lengths.values()) != {len(self.images)} or not self.images:
            raise ValueError(f"a result needs as many of each as pictures, and at least one: {lengths}")

    @classmethod
    def collect(cls, batches: Iterator[GenerationResult]) -> GenerationResult:
        """Draw every batch of a run and put them together.

        Raises:
            Cancelled: If the run was stopped; ``partial`` has the batches that were finished.
        """
        finished: list[GenerationResult] = []
        try:
            finished.extend(batches)
        except Cancelled as stopped:
            stopped.partial = cls.merge(finished) if finished else None
            raise
        return cls.merge(finished)

    @classmethod
    def merge(cls, results: Sequence[GenerationResult]) -> GenerationResult:
        """Put several results of one model into one.

        Options, model and runtime are those of the first; times add up; latents are kept if all are there
        and of one shape, attention if it is there of all.
        """
        first, latents = results[0], [r.latents for r in results if r.latents is not None]
        together = None
        if len(latents) == len(results) and len({tuple(x.shape[1:]) for x in latents}) == 1:
            import torch

            together = torch.cat(latents)
        return cls(
            images=tuple(image for r in results for image in r.images),
            seeds=tuple(seed for r in results for seed in r.seeds),
            prompts=tuple(info for r in results for info in r.prompts),
            negative_prompts=tuple(info for r in results for info in r.negative_prompts),
            options=first.options,
            reports=tuple(reports for r in results for reports in r.reports),
            timings=sum((r.timings for r in results), Timings()),
            model=first.model,
            runtime=first.runtime,
            latents=together,
            origins=tuple(origin for r in results for origin in r.origins),
            controls=first.controls,
            marks=first.marks,
            provenance=first.provenance,
            attentions=tuple(one for r in results for one in r.attentions)
            if all(r.attentions for r in results)
            else (),
            templates=tuple(t for r in results for t in r.templates or ({},) * len(r))
            if any(r.templates for r in results)
            else (),
        )

    @property
    def image(self) -> Image:
        """The first picture."""
        return self.images[0]

    @property
    def safety_checked(self) -> tuple[bool, ...]:
        """For each picture, whether a safety checker looked at it."""
        return tuple(
            any(r.name == "safety" and r.status == "done" and r.data.get("checked") is True for r in reports)
            for reports in self.reports
        )

    @property
    def flagged(self) -> tuple[bool, ...]:
        """For each picture, whether the safety checker flagged it; False too where none looked at it."""
        return tuple(
            checked and any(r.name == "safety" and r.data.get("flagged") is True for r in reports)
            for checked, reports in zip(self.safety_checked, self.reports, strict=True)
        )

    def __repr__(self) -> str:
        """Return one line, without pixels and tensors."""
        size, seeds = f"{self.image.width}x{self.image.height}", ", ".join(map(str, self.seeds[:8]))
        more = ", …" if len(self) > 8 else ""
        return f"<GenerationResult {len(self)} x {size}, model {self.model}, seeds {seeds}{more}>"

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[Image]:
        return iter(self.images)

    def options_of(self, index: int) -> ResolvedOptions:
        """The options that draw picture ``index`` alone: its own prompts and seed."""
        prompt, negative = self.prompts[index], self.negative_prompts[index]
        return dataclasses.replace(
            self.options,
            prompt=None if prompt is None else prompt.source,
            negative_prompt=None if negative is None else negative.source,
            seed=self.seeds[index],
            num_images_per_prompt=1,
        )

    def record(self, index: int) -> dict[str, Any]:
        """All that is known of picture ``index``, as plain JSON data; it goes into its file."""
        prompt, negative = self.prompts[index], self.negative_prompts[index]
        return {
            "model": self.model,
            "seed": self.seeds[index],
            "options": self.options_of(index).to_json(),
            "prompt": None if prompt is None else prompt.to_json(),
            "negative_prompt": None if negative is None else negative.to_json(),
            "reports": [report.to_json() for report in self.reports[index]],
            "runtime": None if self.runtime is None else self.runtime.to_json(),
            **(self.origins[index] if self.origins else {}),
            **({"templates": dict(self._templates(index))} if self._templates(index) else {}),
            **({"controls": [dict(control) for control in self.controls]} if self.controls else {}),
        }

    def png(self, index: int = 0) -> bytes:
        """Picture ``index`` as a PNG that tells how it was made: what :meth:`save` writes."""
        return self.encode(index)

    def encode(self, index: int = 0, *, format: OutputFormat = "png", quality: int = QUALITY) -> bytes:
        """Picture ``index`` as a file that tells how it was made: what :meth:`save` writes.

        Args:
            index: Which picture.
            format: ``"png"``, ``"jpeg"`` or ``"webp"``; PNG alone has every pixel, and WebP of quality 100.
            quality: Of JPEG and WebP, 1 to 100.

        Raises:
            InputError: If the format or the quality is none.
        """
        pictures.check_format(format)
        pictures.check_quality(quality)
        texts = pictures.texts_of(self._parameters(index), self.record(index))
        return self._encoded(self.images[index], texts, format, quality)

    def attention(self, word: str, index: int = 0, *, among: Among | None = None) -> AttentionMap:
        """Tell which places of picture ``index`` looked to a word of its prompt: where the word was drawn.

        Args:
            word: A word of the prompt as it was typed, or of the English that it became; or neighbouring
                words. Of a word that stands several times, all of them.
            index: Which picture.
            among: Of what the values are shares: of the attention to ``"all"`` tokens (the sums of DAAM); of
                that to the ``"words"`` of the prompt, without what goes to start and padding; or, as
                ``"rollout"``, of all tokens, where each state of the text counts as the tokens that it was
                made of (Abnar & Zuidema 2020, arXiv 2005.00928; CLIP only). None: what fits the model, which
                is ``"rollout"`` for mini and ``"all"`` for others.

        Returns:
            (h, w) float32, one value for each latent cell, with ``overlay()``; docs/en/attention.md tells
            what it says.

        Raises:
            InputError: If no token came from the word, or nothing was recorded: ``generate(attention=True)``.
        """
        if not self.attentions:
            raise InputError(
                "attention.off",
                ja="どの語がどこを描いたかは記録されていません。generate(attention=True) で描いてください。",
                en="which word drew what was not recorded: draw with generate(attention=True).",
            )
        return self.attentions[index].of(word, self.images[index], among=among)

    @property
    def captions(self) -> tuple[str, ...]:
        """For each picture, its prompt as it was typed and its seed, on a line each."""
        name = "seed" if get_language() == "en" else "シード"
        return tuple(
            f"{name} {seed}" if info is None else f"{info.source}\n{name} {seed}"
            for seed, info in zip(self.seeds, self.prompts, strict=True)
        )

    def grid(
        self,
        *,
        columns: int | None = None,
        captions: bool | Sequence[str] = False,
        font: str | Path | None = None,
    ) -> Image:
        """All pictures in one, without a watermark of its own; see :func:`sdjp.images.grid`.

        Args:
            columns: Pictures in a row.
            captions: True: those of ``captions``; or a text for each picture.
            font: The file of a font for them; one of this computer that has their characters, if None.
        """
        texts = (self.captions if captions else None) if isinstance(captions, bool) else captions
        return pictures.grid(self.images, columns=columns, captions=texts, font=font)

    def save(
        self,
        folder: str | Path,
        *,
        grid: bool = False,
        names: Sequence[str] | None = None,
        at_least: int = 0,
        format: OutputFormat | None = None,
        quality: int = QUALITY,
    ) -> list[Path]:
        """Write the pictures as files that tell how they were made; no file is ever overwritten.

        Args:
            folder: Made if it is not there.
            grid: Write all pictures in one as well, ``grid-0000.png`` …
            names: A file name for each; the next free numbers ``00000.png`` … if None.
            at_least: The lowest of those numbers.
            format: ``"png"``, ``"jpeg"`` or ``"webp"``, as in :meth:`encode`; if None, the one that the
                ending of each name stands for, and else PNG.
            quality: Of JPEG and WebP, 1 to 100.

        Returns:
            The files, the grid last.

        Raises:
            InputError: If a name, the format or the quality cannot be used.
            OutputError: If something cannot be written. What was written by then stays, and the pictures are
                still in ``images``.
        """
        common = "png" if format is None else format
        pictures.check_format(common)
        pictures.check_quality(quality)
        chosen = None if names is None else pictures.check_names(names, len(self), format=format)
        folder = pictures.check_folder(folder)
        paths = []
        for i in range(len(self)):
            if chosen is None:
                data = self.encode(i, format=common, quality=quality)
                paths.append(pictures.save_new(data, folder, format=common, at_least=at_least))
            else:
                name, own = chosen[i]
                paths.append(pictures.save_as(self.encode(i, format=own, quality=quality), folder / name))
        return [*paths, self.save_grid(folder, format=common, quality=quality)] if grid else paths

    def save_grid(
        self,
        folder: str | Path,
        *,
        columns: int | None = None,
        format: OutputFormat = "png",
        quality: int = QUALITY,
    ) -> Path:
        """Write all pictures in one, under the next free number ``grid-0000.png`` …

        It gets the watermark that the pictures have: theirs cannot be read in it.

        Args:
            folder: Made if it is not there.
            columns: Pictures in a row.
            format: ``"png"``, ``"jpeg"`` or ``"webp"``, as in :meth:`encode`.
            quality: Of JPEG and WebP, 1 to 100.

        Raises:
            InputError: If the format or the quality is none.
            OutputError: If it cannot be written.
        """
        pictures.check_format(format)
        pictures.check_quality(quality)
        folder = pictures.check_folder(folder)
        marks = self.marks if len(self) > 1 else ()  # a picture alone has its own
        [sheet], [reports] = postprocess(marks, [self.grid(columns=columns)])
        record = {
            "model": self.model,
            "grid": [self.record(i) for i in range(len(self))],
            "reports": [report.to_json() for report in reports],
        }
        data = self._encoded(sheet, pictures.texts_of(self._parameters(0), record), format, quality)
        return pictures.save_new(data, folder, format=format, pattern=GRID)

    def _templates(self, index: int) -> Mapping[str, str]:
        return self.templates[index] if self.templates else {}

    def _encoded(self, image: Image, texts: pictures.Texts, format: OutputFormat, quality: int) -> bytes:
        return pictures.encode(image, format=format, quality=quality, texts=texts, provenance=self.provenance)

    def _parameters(self, index: int) -> str:
        return pictures.parameters(
            options=self.options_of(index),
            prompt=self.prompts[index],
            negative=self.negative_prompts[index],
            model=self.model,
            vae=None if self.runtime is None else self.runtime.vae,
            templates=self._templates(index),
            controls=self.controls,
        )

    def _repr_png_(self) -> bytes:
        """For notebooks: the picture, or the grid."""
        if len(self) == 1:
            return self.png()
        return pictures.encode(self.grid(), provenance=dataclasses.replace(self.provenance, signer=None))

    def _repr_html_(self) -> str:
        """For notebooks: the pictures, each with its record inside, their prompts and their seeds.

        Pictures of one prompt stand below it together.
        """
        return page(
            [
                Shown(
                    png=self.png(i),
                    width=image.width,
                    seed=self.seeds[i],
                    prompt=self.prompts[i],
                    negative=self.negative_prompts[i],
                    reports=self.reports[i],
                )
                for i, image in enumerate(self.images)
            ]
        )
