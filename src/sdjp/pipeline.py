"""The one class that most people need: a Japanese prompt in, pictures out."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor

from sdjp import checks, images, loading, weights
from sdjp._version import __version__
from sdjp.addons import Addons
from sdjp.conditioning.cache import StateCache
from sdjp.conditioning.reader import Reader
from sdjp.config import ModelConfig
from sdjp.engines import AUTO as AUTO_ENGINE
from sdjp.engines import Engine, make_engine
from sdjp.errors import Cancelled, InputError
from sdjp.generation.fast import check_engine
from sdjp.generation.job import INPUTS, Inputs, Job, check_area, common_loras, enlarging_tile, settle
from sdjp.generation.memory import NORMAL, MemorySavings
from sdjp.generation.model import Model
from sdjp.generation.progress import OnStep, Progress, Watch
from sdjp.generation.run import Run
from sdjp.loading import Extras, Parts
from sdjp.options import ENLARGEMENT, Fit, GenerationOptions, MaskRule, TranslateMode, frozen
from sdjp.postprocess import PostProcessor, SafetyCheck, SafetyMode, Watermark
from sdjp.records import PromptInfo, Runtime
from sdjp.result import GenerationResult
from sdjp.samplers import Schedule
from sdjp.samplers.schedule import StrengthRule
from sdjp.text.prompt import Prompt
from sdjp.text.prompt_check import PromptCheck, PromptChecker
from sdjp.text.read import check_prompt
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.translate import AUTO
from sdjp.text.translate.base import Translator

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sdjp.generation.arguments import GenerationArguments, UpscaleArguments
    from sdjp.loading import ExtraArguments
    from sdjp.models import UNet

__all__ = ["OnStep", "Pipeline", "Progress"]


class Pipeline:
    """Text to pictures with Stable Diffusion v1 or a relative of it.

    A pipeline holds weights and settings and no state of a run: one object serves many threads. It can be
    copied and pickled, with its weights.

    Example:
        >>> from sdjp import Pipeline
        >>> pipe = Pipeline.from_pretrained()                      # doctest: +SKIP
        >>> result = pipe.generate("馬に乗る宇宙飛行士", seed=1)     # doctest: +SKIP
        >>> result.save("out/")                                    # doctest: +SKIP
    """

    def __init__(
        self,
        loaded: weights.Loaded,
        *,
        translator: Translator,
        tokenizer: Tokenizer | None = None,
        postprocessors: Sequence[PostProcessor] = (),
        prompt_checker: PromptChecker | None = None,
        addons: Addons | None = None,
        engine: Engine | None = None,
        memory: MemorySavings | None = None,
    ) -> None:
        if tokenizer is not None:
            loaded = dataclasses.replace(loaded, tokenizer=tokenizer)
        self._unet = loaded.unet
        self.vae = loaded.vae
        self.text_encoder = loaded.text
        self.config: ModelConfig = loaded.config
        self.load_report = loaded.report
        self.on_demand = loaded.on_demand
        self.memory = MemorySavings() if memory is None else memory
        self.reader: Reader = loading.reader_of(loaded, translator)
        self.postprocessors = tuple(postprocessors)
        self.prompt_checker = prompt_checker
        self.addons = Addons() if addons is None else addons
        self.engine = make_engine(device=self.device, dtype=self.dtype) if engine is None else engine
        self.states = StateCache()
        self.schedule = Schedule.from_config(loaded.config.schedule)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = weights.EMBEDDED_MODEL,
        *,
        # the networks
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        ema: bool | Literal["auto"] = "auto",
        config: str | Path | None = None,
        engine: str = AUTO_ENGINE,
        memory: str | Collection[str] = NORMAL,
        # what stands around them
        translator: str | Translator = AUTO,
        safety: SafetyMode = "flag",
        safety_checker: str | Path | None = None,
        safety_adjustment: float = 0.0,
        prompt_check: PromptCheck = "flag",
        prompt_words: str | Path | None = None,
        watermark: bool | str | Watermark = True,
        postprocessors: Sequence[PostProcessor] = (),
        lora_dir: str | Path | None = None,
        embeddings_dir: str | Path | None = None,
    ) -> Pipeline:
        """Load a model.

        Args:
            source: ``"mini"`` (the embedded model, the default), an original ``.ckpt`` or ``.safetensors``, a
                diffusers folder, or a hub id such as ``"CompVis/stable-diffusion-v1-4"``.
            device: ``"auto"`` (CUDA, then Apple's MPS, then the processor), or a torch device.
            dtype: ``"auto"``, a torch dtype or its name. Automatic is float16 on CUDA, bfloat16 on processors
                with instructions for it, else float32.
            ema: Which weights of a full checkpoint: the averaged ones where there are any, or always, or
                never.
            config: A configuration of the original, such as its ``v1-inference.yaml``, in place of what the
                weights tell of themselves; its ``use_ema`` decides where ``ema`` is ``"auto"``.
            engine: How the networks are run: ``"packed"`` (the automatic choice on a CPU), ``"eager"``,
                ``"compile"`` or ``"openvino"``; see :mod:`sdjp.engines`.
            memory: ``"normal"``; ``"low"`` for as little memory as can be; or some of what that does:
                ``"sequential"``, ``"slices"``, ``"tiles"``, with commas or in a list; see
                :class:`sdjp.generation.memory.Savings`.
            translator: ``"auto"`` (``"combined"``; none for models that read Japanese), ``"combined"``
                (lexicon and translation model), ``"combined:<folder>"``, ``"lexicon"``, ``"passthrough"``,
                ``"marian:<folder or hub id>"``, or an object; or ``"adapter"``: no translation, for the
                model's own adapter reads the Japanese (``"adapter:<folder>"``: the one in a folder).
            safety: What to do with pictures the safety checker flags; ``"off"`` loads none.
            safety_checker: Its file, folder or hub id (``"CompVis/stable-diffusion-safety-checker"``); the
                model's own, if None.
            safety_adjustment: Added to each of its scores, -1 to 1: above 0 is stricter.
            prompt_check: What to do where words of a list stand in a prompt: ``"flag"`` says so,
                ``"refuse"`` draws nothing, ``"off"`` looks at none.
            prompt_words: A file of more such words, or of exceptions; see :mod:`sdjp.text.word_list`.
            watermark: Invisible watermark: on, off, a text of one's own, or a ``Watermark``, which chooses
                the method too.
            postprocessors: Post-processors of one's own, which come before the safety check and the
                watermark; see :mod:`sdjp.postprocess`.
            lora_dir: A folder of LoRA files (kohya-ss, diffusers), to be called by name.
            embeddings_dir: A folder of files of textual inversion; a name of them in a prompt stands for
                the vectors of the file.

        Raises:
            InputError: If an argument is not usable.
            WeightsError: If the weights cannot be read; all that is wrong with them is in one message.
        """
        extras = Extras.checked(
            translator=translator,
            safety=safety,
            safety_checker=safety_checker,
            safety_adjustment=safety_adjustment,
            prompt_check=prompt_check,
            prompt_words=prompt_words,
            watermark=watermark,
            postprocessors=postprocessors,
            lora_dir=lora_dir,
            embeddings_dir=embeddings_dir,
        )
        parts = loading.from_source(
            source,
            extras,
            device=device,
            dtype=dtype,
            ema=ema,
            config=config,
            engine=engine,
            memory=memory,
        )
        return cls._of(parts)

    @classmethod
    def from_diffusers(
        cls, pipe: Any, *, engine: str = AUTO_ENGINE, **extras: Unpack[ExtraArguments]
    ) -> Pipeline:
        """Take over a loaded ``diffusers.StableDiffusionPipeline``; both share the memory of the weights.

        Args:
            pipe: The pipeline of diffusers.
            engine: As in :meth:`from_pretrained`.
            **extras: The arguments of :meth:`from_pretrained` from ``translator`` on; the safety checker is
                that of ``pipe``, where it has one and none is given.

        Raises:
            InputError: If an argument is not usable.
            WeightsError: If it is of another family, or LoRA or textual inversion is loaded into it.
            MissingDependencyError: If diffusers is not installed.
        """
        return cls._of(loading.from_diffusers(pipe, Extras.checked(**extras), engine=engine))

    @classmethod
    def _of(cls, parts: Parts) -> Pipeline:
        arguments = {f.name: getattr(parts, f.name) for f in dataclasses.fields(parts)}
        return cls(arguments.pop("loaded"), **arguments)

    def to_diffusers(self, *, sampler: str | None = None, spacing: str | None = None) -> Any:
        """Return a ``diffusers.StableDiffusionPipeline`` that shares the memory of the weights.

        Args:
            sampler: Its scheduler is the one that takes the steps of this sampler; the model's own, if None.
            spacing: ``"leading"``, ``"trailing"`` or ``"linspace"``; that of the sampler, if None.

        Raises:
            InputError: If diffusers has no such scheduler, or no such text encoder.
            MissingDependencyError: If diffusers is not installed.
        """
        from sdjp.weights.diffusers import checker as checkers
        from sdjp.weights.diffusers import modules

        if self.on_demand:
            raise InputError(
                "memory.diffusers",
                ja=f"memory={str(self.memory)!r} では、重みを使うときにだけ読むので、"
                "diffusers と共有できません。"
                "memory='normal' で読み込んだ Pipeline を使ってください。",
                en=f"with memory={str(self.memory)!r} weights are read when they are used, and cannot be "
                "shared with diffusers. Use a Pipeline loaded with memory='normal'.",
            )
        tokenizer = modules.require_clip(self.text_encoder, self.tokenizer)
        scheduler = modules.to_scheduler(self.config, sampler, spacing)
        networks = modules.to_modules(self.config, unet=self.unet, vae=self.vae, text=self.text_encoder)
        checks = (p for p in self.postprocessors if isinstance(p, SafetyCheck) and p.mode != "off")
        safety = next((p.checker for p in checks), None)
        return modules.to_pipeline(
            self.config,
            networks,
            tokenizer=tokenizer,
            scheduler=scheduler,
            checker=None if safety is None else checkers.to_checker(safety),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle is made of; an engine lays the weights out anew.

        Raises:
            InputError: If weights are read only while they are used: a copy could not read them.
        """
        if self.on_demand:
            raise InputError(
                "memory.pickle",
                ja=f"memory={str(self.memory)!r} では、重みを使うときにだけ読むので、Pipeline の複製も"
                " pickle もできません。memory='normal' で読み込むか、もう一度 from_pretrained を"
                "呼んでください。",
                en=f"with memory={str(self.memory)!r} weights are read when they are used: a Pipeline can "
                "neither be copied nor pickled. Load it with memory='normal', or call from_pretrained again.",
            )
        self.engine.give_back(self._unet)
        return {**self.__dict__, "engine": self.engine.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what :meth:`__getstate__` gave."""
        self.__dict__.update(state)
        self.engine = make_engine(state["engine"], device=self.device, dtype=self.dtype)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self._unet.conv_in.weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the UNet's weights."""
        return self._unet.conv_in.weight.dtype

    @property
    def unet(self) -> UNet:
        """The denoiser. Until it is asked for, an engine may keep its weights in an order of its own only;
        from then on they are in memory as they are, too.
        """
        self.engine.give_back(self._unet)
        return self._unet

    @property
    def tokenizer(self) -> Tokenizer:
        """The tokenizer, which gives the text encoder its ids."""
        return self.reader.tokenizer

    @property
    def translator(self) -> Translator:
        """The translator, which turns Japanese into English."""
        return self.reader.translator

    @property
    def runtime(self) -> Runtime:
        """The circumstances of a run; they go into the record of its pictures."""
        return Runtime(
            version=__version__,
            device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            ema=self.load_report.ema_used,
            translator=self.translator.name,
            engine=self.engine.name,
            memory=str(self.memory),
        )

    @overload
    def explain(self, prompt: str, *, translate: TranslateMode = ...) -> PromptInfo: ...
    @overload
    def explain(
        self, prompt: list[str] | tuple[str, ...], *, translate: TranslateMode = ...
    ) -> list[PromptInfo]: ...
    def explain(
        self, prompt: str | list[str] | tuple[str, ...], *, translate: TranslateMode = "auto"
    ) -> PromptInfo | list[PromptInfo]:
        """Tell the way a prompt takes, without drawing anything; several are read as one batch."""
        texts = list(prompt) if isinstance(prompt, list | tuple) else [prompt]
        prompts = [check_prompt(text) for text in texts]
        model = self._model().equipped(self.addons, prompts, {})
        read = model.reader.read(prompts, translate=translate, text_encoder=model.text_encoder)
        infos = [one.info for one in read]
        return infos if isinstance(prompt, list | tuple) else infos[0]

    def encode_prompt(
        self,
        prompt: str | Sequence[str],
        *,
        translate: TranslateMode = "auto",
        chunks: int | None = None,
        loras: Mapping[str, float] | None = None,
    ) -> Tensor:
        """Return the text states of prompts, to be changed and given back as ``prompt_embeds``.

        Args:
            prompt: One prompt or several; an empty one is allowed.
            translate: As in :meth:`generate`.
            chunks: At least so many chunks of 77 states, for a negative prompt beside a long prompt.
            loras: As in :meth:`generate`; give it the same, for the LoRAs act on the UNet, too.

        Returns:
            (B, 77 N, D) in the dtype of the model.
        """
        texts = [prompt] if isinstance(prompt, str) else list(prompt)
        prompts = [check_prompt(text, allow_empty=True) for text in texts]
        model = self._model().equipped(self.addons, prompts, common_loras(prompts, loras))
        states = model.encode(model.reader.read(prompts, translate=translate))
        missing = 0 if chunks is None else chunks - states.shape[1] // self.config.text.max_length
        if missing > 0:
            empty = model.encode(model.reader.read([Prompt()], translate="never"))
            states = torch.cat([states, empty.expand(len(texts), -1, -1).repeat(1, missing, 1)], dim=1)
        return states

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        # what to draw
        negative_prompt: str | Sequence[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        seed: int | Sequence[int] | None = None,
        num_images_per_prompt: int = 1,
        translate: TranslateMode = "auto",
        loras: Mapping[str, float] | None = None,
        # how to sample
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        sampler: str | None = None,
        spacing: str | None = None,
        eta: float = 0.0,
        # a picture to start from, and its mask
        image: images.Source | Sequence[images.Source] | None = None,
        strength: float = 0.75,
        strength_rule: StrengthRule = "diffusers",
        fit: Fit = "crop",
        mask: images.Source | Sequence[images.Source] | None = None,
        mask_rule: MaskRule = "exact",
        paste_back: bool = True,
        feather: int = 8,
        # large pictures
        hires: float | None = None,
        hires_strength: float = 0.4,
        tile: int | None = None,
        overlap: int | None = None,
        # tensors in place of words and seeds
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        noise: Callable[[tuple[int, ...]], Tensor] | None = None,
        # fast, and a little different
        preset: str | None = None,
        guidance_interval: tuple[float, float] | None = None,
        token_merging: float | None = None,
        feature_reuse: int | None = None,
        # how the run goes on
        batch_size: int | None = None,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
    ) -> GenerationResult:
        """Draw pictures. Whatever is None is taken from the model's own defaults.

        The ranges of plain values are those of :class:`sdjp.options.GenerationOptions`.

        Args:
            prompt: One prompt or several, Japanese or English or both mixed.
            negative_prompt: What should not be in the picture; one for all prompts, or one each.
            height: Pixels, a multiple of the model's factor (8 for SD v1). With ``image``, what is left open
                follows from its proportions.
            width: Pixels, likewise.
            seed: Picture i has seed + i, or one seed for each picture; drawn at random if None. The same seed
                gives the same picture in any batch.
            num_images_per_prompt: Pictures for each prompt.
            translate: ``"auto"`` (what is Japanese), ``"always"`` or ``"never"``.
            loras: Files of ``lora_dir`` by name, each with its weight, beside those in the prompt
                (``<lora:name:0.8>``).
            num_inference_steps: S.
            guidance_scale: Weight of the prompt (Ho & Salimans 2022, arXiv 2207.12598); 1 is without
                guidance.
            sampler: One of ``sdjp.samplers.SAMPLERS``.
            spacing: How timesteps are chosen, one of ``sdjp.samplers.SPACINGS``.
            eta: Noise added back by DDIM.
            image: A picture to start from (SDEdit, arXiv 2108.01073), or the path of one; of any size and
                mode. A list has one for each prompt.
            strength: How much of it is replaced; at 0 it only goes through the autoencoder.
            strength_rule: ``"diffusers"``, or ``"compvis"`` for the very steps of the original; see
                :meth:`sdjp.samplers.Plan.from_strength`.
            fit: How it comes to the size: ``"crop"``, ``"pad"`` or ``"stretch"``.
            mask: A picture, white where ``image`` is to be redrawn and black where it stays; of any size.
            mask_rule: ``"exact"``: what stays leads every step to the very picture; ``"compvis"``: it is
                noised anew at each step, as in the original. Models for inpainting need neither.
            paste_back: Give the pixels outside the mask back as they were.
            feather: Pixels outside the mask within which they go over into what was drawn.
            hires: Enlarge the finished pictures so many times, and redraw them in tiles.
            hires_strength: How much is replaced then.
            tile: Denoise in tiles of this side in pixels (MultiDiffusion, arXiv 2302.08113); for ``hires``
                the model's own size, if None.
            overlap: Pixels that neighbouring tiles share; a quarter of a tile, if None.
            latents: Noise to start from instead of the seed's, (B, C, h, w).
            prompt_embeds: Text states in place of ``prompt``, (B, L, D).
            negative_prompt_embeds: Text states in place of ``negative_prompt``.
            noise: Draws all noise of a batch in place of the seeds: called with (B, C, h, w) for the latents
                of ``image``, the start (unless there are ``latents``) and each step that needs some.
            preset: A name in ``sdjp.options.PRESETS``: settings for whatever is None. ``"fast"`` has fewer
                steps and the three shortcuts below, which change the picture; docs/en/fast.md says by how
                much.
            guidance_interval: Guide only the steps that meet this part of the run, such as (0, 0.6); 0 is its
                beginning, 1 its end (Kynkäänniemi et al. 2024, arXiv 2404.07724).
            token_merging: Share of the tokens that are merged before self-attention at the highest
                resolution (Bolya & Hoffman 2023, arXiv 2303.17604); 0, if None.
            feature_reuse: Compute the deep part of the UNet at every n-th step only (DeepCache, Ma et al.
                2023, arXiv 2312.00858); 1, if None.
            batch_size: Pictures drawn together; all, if None.
            progress: Show a bar; if None, where a person is watching.
            on_step: Called with a :class:`Progress` after each step; returning False stops the run.
            cancel: An event that stops the run after the current step.

        Raises:
            InputError: If an argument is not usable; before any heavy work.
            TranslationError: If the prompt cannot be translated.
            NonFiniteError: If the model gives NaN and float32 does not help.
            Cancelled: If the run was stopped; ``partial`` is a :class:`GenerationResult` of the finished
                pictures, or None.
        """
        arguments = {name: value for name, value in locals().items() if name != "self"}
        return _merged(self.stream(**arguments))

    def stream(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        batch_size: int | None = 1,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
        **arguments: Unpack[GenerationArguments],
    ) -> Iterator[GenerationResult]:
        """Draw as :meth:`generate` does, giving each batch as soon as it is finished.

        Takes the same arguments. Pictures already given stay whatever happens to the later ones.
        """
        given: dict[str, Any] = {"prompt": prompt, **arguments}
        inputs = Inputs(**{name: given.pop(name) for name in INPUTS if name in given})
        options = GenerationOptions(**{name: frozen(value) for name, value in given.items()})
        job = self._settle(options, inputs)
        if batch_size is not None:
            checks.count("batch_size", batch_size, label="一度に描く枚数")
        size = job.count if batch_size is None else batch_size
        return self._run().batches(job, size, Watch(bar=progress, on_step=on_step, cancel=cancel))

    def upscale(
        self,
        image: images.Source,
        prompt: str | None = None,
        *,
        factor: float = 2.0,
        strength: float = 0.3,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
        **arguments: Unpack[UpscaleArguments],
    ) -> GenerationResult:
        """Enlarge a picture (Lanczos) and redraw it in overlapping tiles, which puts in what was too small.

        Memory is that of one tile and of the picture itself. The arguments that are not told here are those
        of :meth:`generate`.

        Args:
            image: A picture of any size and mode, or its path.
            prompt: What is in it.
            factor: How many times larger the sides become, 1 to 8.
            strength: How much is replaced, 0 to 1. From 0.4 up each tile begins to draw a picture of its own.
            progress: As in :meth:`generate`, and so are ``on_step`` and ``cancel``.
            on_step: See there.
            cancel: See there.
            **arguments: Of :meth:`generate`. ``tile`` is the model's own size, if it is left out.

        Returns:
            One picture of exactly ``factor`` times the size, rounded to whole pixels.

        Raises:
            InputError: If an argument is not usable; before any heavy work.
        """
        ENLARGEMENT.check("factor", factor, factor=1, label="拡大の倍率")
        picture = images.open_picture(image)
        check_area(round(picture.width * factor), round(picture.height * factor))
        larger, keep = images.enlarge(images.to_rgb(picture), factor, multiple=self.config.vae.factor)
        given: dict[str, Any] = {"tile": None, **arguments}
        if given["tile"] is None:
            given["tile"] = enlarging_tile(self.config)
        inputs = Inputs(image=larger, prompt_embeds=given.pop("prompt_embeds", None))
        options = GenerationOptions(
            prompt=prompt,
            height=larger.height,
            width=larger.width,
            strength=strength,
            **{name: frozen(value) for name, value in given.items()},
        )
        job = dataclasses.replace(self._settle(options, inputs), keep=keep)
        watch = Watch(bar=progress, on_step=on_step, cancel=cancel)
        return _merged(self._run().batches(job, job.count, watch))

    def _model(self) -> Model:
        """The networks as they are now, and how they are run."""
        return Model(
            unet=self._unet,
            vae=self.vae,
            text_encoder=self.text_encoder,
            config=self.config,
            schedule=self.schedule,
            reader=self.reader,
            engine=self.engine,
            memory=self.memory,
            on_demand=self.on_demand,
            states=self.states,
        )

    def _run(self) -> Run:
        return Run(
            model=self._model(),
            addons=self.addons,
            prompt_checker=self.prompt_checker,
            postprocessors=self.postprocessors,
            runtime=self.runtime,
        )

    def _settle(self, options: GenerationOptions, inputs: Inputs) -> Job:
        """Refuse what cannot be drawn, before any heavy work."""
        job = settle(options, inputs, config=self.config, schedule=self.schedule)
        check_engine(self.engine, job.options)
        for part in job.by_loras():
            prompts = [*part.prompts, *part.negatives]
            self.addons.check(prompts, part.loras, self.config, self._model().networks)
        return job


def _merged(batches: Iterator[GenerationResult]) -> GenerationResult:
    """Every batch of a run in one result; Cancelled keeps those that were finished."""
    finished: list[GenerationResult] = []
    try:
        finished.extend(batches)
    except Cancelled as stopped:
        stopped.partial = GenerationResult.merge(finished) if finished else None
        raise
    return GenerationResult.merge(finished)
