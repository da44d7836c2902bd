"""The one class that most people need: a Japanese prompt in, pictures out."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import itertools
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor

import sdjp
from sdjp import conditioning, images, weights
from sdjp.addons.equip import Addons, Networks, common, split, wanted
from sdjp.allocator import kept_pages
from sdjp.config import ModelConfig
from sdjp.device import resolve_device, resolve_dtype
from sdjp.engines import AUTO as AUTO_ENGINE
from sdjp.engines import Engine, make_engine
from sdjp.errors import Cancelled, InputError, NonFiniteError
from sdjp.generation import autoencode
from sdjp.generation.fast import Shortcuts, check_engine
from sdjp.generation.job import INPUTS, Inputs, Job, check_area, check_tensor, enlarging_tile, frozen, settle
from sdjp.generation.memory import NORMAL, Savings, by_rows
from sdjp.generation.start import begin
from sdjp.postprocess import PostProcessor, SafetyCheck, Watermark, make_postprocessors, with_checker
from sdjp.postprocess import run as run_postprocessors
from sdjp.result import GenerationResult
from sdjp.samplers import Schedule, Step, get_sampler
from sdjp.samplers.schedule import StrengthRule
from sdjp.text.names import Names
from sdjp.text.prompt_check import PromptCheck, Screen, make_screen
from sdjp.text.read import ReadPrompt, check_prompt, read
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.translate import AUTO, adapter_of, make_translator
from sdjp.text.translate.base import Translator
from sdjp.types import (
    Fit,
    GenerationOptions,
    MaskRule,
    PromptInfo,
    Report,
    Runtime,
    Timings,
    TranslateMode,
    check_count,
    check_enlargement,
)
from sdjp.weights.parts import adapter as adapter_file

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdjp.models import UNet

EMBEDDED = "mini"
SafetyMode = Literal["flag", "blur", "black", "off"]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What ``on_step`` is told after each step.

    Attributes:
        index: Steps done in this batch, from 1.
        total: Steps of this batch.
        timestep: The timestep just left.
        latents: Latents now, (B, C, h, w) float32; do not modify.
        x0: The picture they point at, as latents.
    """

    index: int
    total: int
    timestep: float
    latents: Tensor
    x0: Tensor


OnStep = Callable[[Progress], object]


class Pipeline:
    """Text to pictures with Stable Diffusion v1 or a relative of it.

    A pipeline holds weights and settings and no state of a run: one object serves many threads.

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
        tokenizer: Tokenizer,
        translator: Translator,
        postprocessors: Sequence[PostProcessor] = (),
        screen: Screen | None = None,
        addons: Addons | None = None,
        engine: Engine | None = None,
        savings: Savings | None = None,
    ) -> None:
        self._unet = loaded.unet
        self.vae = loaded.vae
        self.text_encoder = loaded.text
        self._words = loaded.words
        self._written = loaded.written
        self.config: ModelConfig = loaded.config
        self.load_report = loaded.report
        self.on_demand = loaded.on_demand
        self.savings = Savings() if savings is None else savings
        self.tokenizer = tokenizer
        self.translator = translator
        self.postprocessors = tuple(postprocessors)
        self.screen = screen
        self.addons = Addons() if addons is None else addons
        self.engine = make_engine(device=self.device, dtype=self.dtype) if engine is None else engine
        self._encoded = conditioning.Memory()
        self._names = Names({})  # of embeddings in the prompts of one run; see _equipped
        self._addon_reports: tuple[Report, ...] = ()
        self.schedule = Schedule.from_config(loaded.config.schedule)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = EMBEDDED,
        *,
        device: str | torch.device = "auto",
        dtype: str | torch.dtype = "auto",
        ema: bool | Literal["auto"] = "auto",
        config: str | Path | None = None,
        engine: str = AUTO_ENGINE,
        memory: str | Collection[str] = NORMAL,
        translator: str | Translator = AUTO,
        safety: SafetyMode = "flag",
        safety_checker: str | Path | None = None,
        safety_adjustment: float = 0.0,
        prompt_check: PromptCheck = "flag",
        prompt_words: str | Path | None = None,
        watermark: bool | str | Watermark = True,
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
            lora_dir: A folder of LoRA files (kohya-ss, diffusers), to be called by name.
            embeddings_dir: A folder of files of textual inversion; a name of them in a prompt stands for
                the vectors of the file.

        Raises:
            InputError: If an argument is not usable.
            WeightsError: If the weights cannot be read; all that is wrong with them is in one message.
        """
        chosen_device = resolve_device(device)
        chosen_dtype = resolve_dtype(dtype, chosen_device)
        savings = Savings.named(memory)
        engine = savings.engine(engine, auto=AUTO_ENGINE)
        chosen_engine = make_engine(engine, device=chosen_device, dtype=chosen_dtype)
        on_demand = weights.OnDemand() if savings.sequential else None
        check = SafetyCheck(mode=safety, adjustment=safety_adjustment)
        processors = make_postprocessors(safety=check, watermark=watermark)
        screen = make_screen(prompt_check, words=prompt_words)
        addons = Addons(lora_dir, embeddings_dir)
        chosen_translator = make_translator(translator)
        adapts, adapter = adapter_of(translator)
        adapter_place = adapter_file.adapter_folder(adapter, model=source) if adapts else None
        if safety != "off":
            from sdjp.weights.parts.safety_checker import load_checker

            checker = load_checker(safety_checker, model=source, device=chosen_device, on_demand=on_demand)
            processors = with_checker(processors, checker)
        loaded = weights.load(
            source, dtype=chosen_dtype, device=chosen_device, ema=ema, config=config, on_demand=on_demand
        )
        if adapter_place is not None:
            loaded = adapter_file.adapted(loaded, adapter_place)
        if chosen_device.type == "cuda":  # the layout in which its convolutions are fastest
            for network in (loaded.unet, loaded.vae):
                network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if loaded.tokenizer.japanese and translator in (AUTO, "passthrough"):
            chosen_translator = make_translator("passthrough", reads_japanese=True)
        chosen_engine.own(loaded.unet, lambda name: loaded.give_back(f"unet.{name}"))
        return cls(
            loaded,
            tokenizer=loaded.tokenizer,
            translator=chosen_translator,
            postprocessors=processors,
            screen=screen,
            addons=addons,
            engine=chosen_engine,
            savings=savings,
        )

    @classmethod
    def from_diffusers(
        cls,
        pipe: Any,
        *,
        engine: str = AUTO_ENGINE,
        translator: str | Translator = AUTO,
        safety: SafetyMode = "flag",
        safety_checker: str | Path | None = None,
        safety_adjustment: float = 0.0,
        prompt_check: PromptCheck = "flag",
        prompt_words: str | Path | None = None,
        watermark: bool | str | Watermark = True,
        lora_dir: str | Path | None = None,
        embeddings_dir: str | Path | None = None,
    ) -> Pipeline:
        """Take over a loaded ``diffusers.StableDiffusionPipeline``; both share the memory of the weights.

        The arguments are those of :meth:`from_pretrained`; the safety checker is that of ``pipe``, where it
        has one and none is given.

        Raises:
            InputError: If an argument is not usable.
            WeightsError: If it is of another family, or LoRA or textual inversion is loaded into it.
            MissingDependencyError: If diffusers is not installed.
        """
        from sdjp.weights.diffusers import checker as diffusers_checker
        from sdjp.weights.diffusers import modules
        from sdjp.weights.parts import safety_checker as safety_file

        check = SafetyCheck(mode=safety, adjustment=safety_adjustment)
        processors = make_postprocessors(safety=check, watermark=watermark)
        screen = make_screen(prompt_check, words=prompt_words)
        addons = Addons(lora_dir, embeddings_dir)
        chosen_translator = make_translator(translator)
        adapts, adapter = adapter_of(translator)
        adapter_place = adapter_file.adapter_folder(adapter, model=None) if adapts else None
        loaded, tokenizer = modules.from_modules(pipe)
        if adapter_place is not None:
            loaded = adapter_file.adapted(dataclasses.replace(loaded, tokenizer=tokenizer), adapter_place)
        weight = loaded.unet.conv_in.weight
        chosen_engine = make_engine(engine, device=weight.device, dtype=weight.dtype)
        theirs = getattr(pipe, "safety_checker", None)
        if safety != "off" and safety_checker is not None:
            device = loaded.unet.conv_in.weight.device
            checker = safety_file.load_checker(safety_checker, model=EMBEDDED, device=device)
            processors = with_checker(processors, checker)
        elif safety != "off" and theirs is not None:
            processors = with_checker(processors, diffusers_checker.from_checker(theirs))
        return cls(
            loaded,
            tokenizer=tokenizer if adapter_place is None else loaded.tokenizer,
            translator=chosen_translator,
            postprocessors=processors,
            screen=screen,
            addons=addons,
            engine=chosen_engine,
        )

    def to_diffusers(self, *, sampler: str | None = None, spacing: str | None = None) -> Any:
        """Return a ``diffusers.StableDiffusionPipeline`` that shares the memory of the weights.

        Args:
            sampler: Its scheduler is the one that takes the steps of this sampler; the model's own, if None.
            spacing: ``"leading"``, ``"trailing"`` or ``"linspace"``; that of the sampler, if None.

        Raises:
            InputError: If diffusers has no such scheduler, or no such text encoder.
            MissingDependencyError: If diffusers is not installed.
        """
        from sdjp.weights.diffusers import checker as diffusers_checker
        from sdjp.weights.diffusers import modules

        if self.on_demand:
            raise InputError(
                "memory.diffusers",
                ja=f"memory={str(self.savings)!r} では、重みを使うときにだけ読むので、"
                "diffusers と共有できません。"
                "memory='normal' で読み込んだ Pipeline を使ってください。",
                en=f"with memory={str(self.savings)!r} weights are read when they are used, and cannot be "
                "shared with diffusers. Use a Pipeline loaded with memory='normal'.",
            )
        tokenizer = modules.require_clip(self.text_encoder, self.tokenizer)
        scheduler = modules.to_scheduler(self.config, sampler, spacing)
        networks = modules.to_modules(self.config, unet=self.unet, vae=self.vae, text=self.text_encoder)
        checks = (p for p in self.postprocessors if isinstance(p, SafetyCheck) and p.mode != "off")
        checker = next((p.checker for p in checks), None)
        return modules.to_pipeline(
            self.config,
            networks,
            tokenizer=tokenizer,
            scheduler=scheduler,
            checker=None if checker is None else diffusers_checker.to_checker(checker),
        )

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
    def runtime(self) -> Runtime:
        """What pictures are drawn with; it goes into their record."""
        return Runtime(
            version=sdjp.__version__,
            device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            ema=self.load_report.ema_used,
            translator=self.translator.name,
            engine=self.engine.name,
            memory=str(self.savings),
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
        for text in texts:
            check_prompt(text)
        told = [one.info for one in self._equipped(texts, {})._read(texts, translate)]
        return told if isinstance(prompt, list | tuple) else told[0]

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
        for text in texts:
            check_prompt(text, allow_empty=True)
        pipe = self._equipped(texts, common(texts, loras))
        prompts = pipe._read(texts, translate)
        states = pipe._states(prompts)
        missing = 0 if chunks is None else chunks - states.shape[1] // self.config.text.max_length
        if missing > 0:
            empty = pipe._states(pipe._read([""], "never"))
            states = torch.cat([states, empty.expand(len(texts), -1, -1).repeat(1, missing, 1)], dim=1)
        return states

    def generate(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        negative_prompt: str | Sequence[str] | None = None,
        height: int | None = None,
        width: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        sampler: str | None = None,
        spacing: str | None = None,
        eta: float = 0.0,
        seed: int | Sequence[int] | None = None,
        num_images_per_prompt: int = 1,
        image: images.Source | Sequence[images.Source] | None = None,
        strength: float = 0.75,
        strength_rule: StrengthRule = "diffusers",
        fit: Fit = "crop",
        mask: images.Source | Sequence[images.Source] | None = None,
        mask_rule: MaskRule = "exact",
        paste_back: bool = True,
        feather: int = 8,
        hires: float | None = None,
        hires_strength: float = 0.4,
        tile: int | None = None,
        overlap: int | None = None,
        latents: Tensor | None = None,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        noise: Callable[[tuple[int, ...]], Tensor] | None = None,
        loras: Mapping[str, float] | None = None,
        preset: str | None = None,
        guidance_interval: tuple[float, float] | None = None,
        token_merging: float | None = None,
        feature_reuse: int | None = None,
        translate: TranslateMode = "auto",
        batch_size: int | None = None,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
    ) -> GenerationResult:
        """Draw pictures. Whatever is None is taken from the model's own defaults.

        Args:
            prompt: One prompt or several, Japanese or English or both mixed.
            negative_prompt: What should not be in the picture; one for all prompts, or one each.
            height: Pixels, a multiple of the model's factor (8 for SD v1). With ``image``, what is left open
                follows from its proportions.
            width: Pixels, likewise.
            num_inference_steps: S, 1 to 1000.
            guidance_scale: Weight of the prompt (Ho & Salimans 2022, arXiv 2207.12598); 1 is without
                guidance.
            sampler: One of ``sdjp.samplers.SAMPLERS``.
            spacing: How timesteps are chosen; see ``sdjp.samplers``.
            eta: Noise added back by DDIM, 0 to 1.
            seed: Picture i has seed + i, or one seed for each picture; drawn at random if None. The same seed
                gives the same picture in any batch.
            num_images_per_prompt: Pictures for each prompt.
            image: A picture to start from (SDEdit, arXiv 2108.01073), or the path of one; of any size and
                mode. A list has one for each prompt.
            strength: How much of it is replaced, 0 (it only goes through the autoencoder) to 1.
            strength_rule: ``"diffusers"``, or ``"compvis"`` for the very steps of the original; see
                :meth:`sdjp.samplers.Plan.from_strength`.
            fit: How it comes to the size: ``"crop"``, ``"pad"`` or ``"stretch"``.
            mask: A picture, white where ``image`` is to be redrawn and black where it stays; of any size.
            mask_rule: ``"exact"``: what stays leads every step to the very picture; ``"compvis"``: it is
                noised anew at each step, as in the original. Models for inpainting need neither.
            paste_back: Give the pixels outside the mask back as they were.
            feather: Pixels outside the mask within which they go over into what was drawn.
            hires: Enlarge the finished pictures so many times, 1 to 8, and redraw them in tiles.
            hires_strength: How much is replaced then, 0 to 1.
            tile: Denoise in tiles of this side in pixels (MultiDiffusion, arXiv 2302.08113); for ``hires``
                the model's own size, if None.
            overlap: Pixels that neighbouring tiles share; a quarter of a tile, if None.
            latents: Noise to start from instead of the seed's, (B, C, h, w).
            prompt_embeds: Text states in place of ``prompt``, (B, L, D).
            negative_prompt_embeds: Text states in place of ``negative_prompt``.
            noise: Draws all noise of a batch in place of the seeds: called with (B, C, h, w) for the latents
                of ``image``, the start (unless there are ``latents``) and each step that needs some.
            loras: Files of ``lora_dir`` by name, each with its weight, beside those in the prompt
                (``<lora:name:0.8>``).
            preset: ``"fast"``: fewer steps and the three shortcuts below, for whatever is None. Shortcuts
                change the picture; docs/en/fast.md says by how much.
            guidance_interval: Guide only the steps that meet this part of the run, such as (0, 0.6); 0 is its
                beginning, 1 its end (Kynkäänniemi et al. 2024, arXiv 2404.07724).
            token_merging: Share of the tokens that are merged before self-attention at the highest
                resolution, 0 to 0.75 (Bolya & Hoffman 2023, arXiv 2303.17604); 0, if None.
            feature_reuse: Compute the deep part of the UNet at every n-th step only, 1 to 10 (DeepCache, Ma
                et al. 2023, arXiv 2312.00858); 1, if None.
            translate: ``"auto"`` (what is Japanese), ``"always"`` or ``"never"``.
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
        options = GenerationOptions(
            prompt=frozen(prompt),
            negative_prompt=frozen(negative_prompt),
            height=height,
            width=width,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            sampler=sampler,
            spacing=spacing,
            eta=eta,
            seed=frozen(seed),
            num_images_per_prompt=num_images_per_prompt,
            strength=strength,
            translate=translate,
            strength_rule=strength_rule,
            fit=fit,
            mask_rule=mask_rule,
            paste_back=paste_back,
            feather=feather,
            tile=tile,
            overlap=overlap,
            hires=hires,
            hires_strength=hires_strength,
            loras=frozen(loras),
            preset=preset,
            guidance_interval=frozen(guidance_interval),
            token_merging=token_merging,
            feature_reuse=feature_reuse,
        )
        inputs = Inputs(
            image=image,
            mask=mask,
            latents=latents,
            prompt_embeds=prompt_embeds,
            negative_prompt_embeds=negative_prompt_embeds,
            noise=noise,
        )
        return self._all(self._settle(options, inputs), batch_size, progress, on_step, cancel)

    def stream(
        self,
        prompt: str | Sequence[str] | None = None,
        *,
        batch_size: int | None = 1,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
        **arguments: Any,
    ) -> Iterator[GenerationResult]:
        """Draw as :meth:`generate` does, giving each batch as soon as it is finished.

        Takes the same arguments. Pictures already given stay whatever happens to the later ones.
        """
        given = {"prompt": prompt, **arguments}
        inputs = Inputs(**{name: given.pop(name) for name in INPUTS if name in given})
        options = GenerationOptions(**{name: frozen(value) for name, value in given.items()})
        job = self._settle(options, inputs)
        return self._run(job, _batch(batch_size, job), progress, on_step, cancel)

    def upscale(
        self,
        image: images.Source,
        prompt: str | None = None,
        *,
        factor: float = 2.0,
        strength: float = 0.3,
        negative_prompt: str | None = None,
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        sampler: str | None = None,
        seed: int | None = None,
        prompt_embeds: Tensor | None = None,
        translate: TranslateMode = "auto",
        tile: int | None = None,
        overlap: int | None = None,
        loras: Mapping[str, float] | None = None,
        preset: str | None = None,
        guidance_interval: tuple[float, float] | None = None,
        token_merging: float | None = None,
        feature_reuse: int | None = None,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
    ) -> GenerationResult:
        """Enlarge a picture (Lanczos) and redraw it in overlapping tiles, which puts in what was too small.

        Memory is that of one tile and of the picture itself. The arguments that are not told here are those
        of :meth:`generate`.

        Args:
            image: A picture of any size and mode, or its path.
            prompt: What is in it.
            factor: How many times larger the sides become, 1 to 8.
            strength: How much is replaced, 0 to 1. From 0.4 up each tile begins to draw a picture of its own.
            tile: Side of the tiles in pixels; the model's own size, if None.
            overlap: Pixels that neighbouring tiles share; a quarter of a tile, if None.

        Returns:
            One picture of exactly ``factor`` times the size, rounded to whole pixels.

        Raises:
            InputError: If an argument is not usable; before any heavy work.
        """
        check_enlargement("factor", factor)
        picture = images.open_picture(image)
        check_area(round(picture.width * factor), round(picture.height * factor))
        larger, keep = images.enlarge(images.to_rgb(picture), factor, multiple=self.config.vae.factor)
        options = GenerationOptions(
            prompt=prompt,
            negative_prompt=negative_prompt,
            height=larger.height,
            width=larger.width,
            num_inference_steps=num_inference_steps,
            guidance_scale=guidance_scale,
            sampler=sampler,
            seed=seed,
            strength=strength,
            translate=translate,
            tile=enlarging_tile(self.config) if tile is None else tile,
            overlap=overlap,
            loras=frozen(loras),
            preset=preset,
            guidance_interval=frozen(guidance_interval),
            token_merging=token_merging,
            feature_reuse=feature_reuse,
        )
        job = self._settle(options, Inputs(image=larger, prompt_embeds=prompt_embeds))
        return self._all(dataclasses.replace(job, keep=keep), None, progress, on_step, cancel)

    # How a run is put together.

    def _all(
        self,
        job: Job,
        batch_size: int | None,
        progress: bool | None,
        on_step: OnStep | None,
        cancel: threading.Event | None,
    ) -> GenerationResult:
        """Every batch of a run in one result."""
        finished: list[GenerationResult] = []
        try:
            finished.extend(self._run(job, _batch(batch_size, job), progress, on_step, cancel))
        except Cancelled as stopped:
            stopped.partial = GenerationResult.merge(finished) if finished else None
            raise
        return GenerationResult.merge(finished)

    def _settle(self, options: GenerationOptions, inputs: Inputs) -> Job:
        job = settle(options, inputs, config=self.config, schedule=self.schedule)
        check_engine(self.engine, job.options)
        self.addons.check(job, self.config, Networks(self._unet, self.text_encoder))
        return job

    def _equipped(self, texts: Sequence[str], loras: Mapping[str, float]) -> Pipeline:
        """This pipeline with LoRAs, and with the embeddings named in ``texts``; it shares all else."""
        pipe = copy.copy(self)
        if loras:
            self.engine.give_back(self._unet)
        networks = Networks(self._unet, self.text_encoder)
        with self.on_demand.loaded(*(("unet", "text") if loras else ())):  # they are written into copies
            pipe._unet, pipe.text_encoder, pipe._names, pipe._addon_reports = self.addons.equip(
                texts, loras, self.config, networks
            )
        return pipe

    def _run(
        self,
        job: Job,
        size: int,
        progress: bool | None,
        on_step: OnStep | None,
        cancel: threading.Event | None,
    ) -> Iterator[GenerationResult]:
        """Draw the parts of a job that have LoRAs of their own; nearly always there is one."""
        parts = list(split(job))
        if len(parts) > 1 and self.screen is not None:  # a later part is refused before the first is drawn
            read_now = self._equipped(job.prompts, {})._read(job.prompts, job.options.translate)
            self.screen.check([prompt.info for prompt in read_now])
        with _bar(parts, size, progress) as bar:
            for part in parts:
                pipe = self._equipped([*part.prompts, *part.negatives], wanted(part))
                yield from pipe._run_part(part, size, bar, on_step, cancel)

    def _run_part(
        self, job: Job, size: int, bar: Any, on_step: OnStep | None, cancel: threading.Event | None
    ) -> Iterator[GenerationResult]:
        """Encode, sample, decode, post-process: one batch after the other."""
        start = time.perf_counter()
        cond, uncond, infos, screened = self._condition(job)
        encoded = time.perf_counter() - start
        for first in range(0, job.count, size):
            rows = range(first, min(first + size, job.count))
            start = time.perf_counter()
            watch = _watcher(job, bar, on_step, cancel)
            x, pictures, decoding = self._draw(job, rows, cond, uncond, watch)
            decoded = time.perf_counter()
            with self.on_demand.loaded("safety"):
                pictures, reports = run_postprocessors(self.postprocessors, pictures)
            finished = time.perf_counter()
            yield GenerationResult(
                images=tuple(pictures),
                seeds=tuple(job.seeds[i] for i in rows),
                prompts=tuple(infos[i][0] for i in rows),
                negative_prompts=tuple(infos[i][1] for i in rows),
                options=dataclasses.replace(job.options, seed=job.seeds[0]),
                reports=tuple(
                    self._addon_reports + screened[i] + of_one
                    for i, of_one in zip(rows, reports, strict=True)
                ),
                timings=Timings(
                    encode=encoded,
                    sample=decoded - start - decoding,
                    decode=decoding,
                    postprocess=finished - decoded,
                ),
                model=self.config.name,
                runtime=self.runtime,
                latents=x,
            )
            encoded = 0.0

    @torch.inference_mode()
    def _condition(
        self, job: Job
    ) -> tuple[Tensor, Tensor, list[tuple[PromptInfo | None, PromptInfo | None]], list[tuple[Report, ...]]]:
        """Text states of every picture, (count, L, D) each, what became of the prompts, and their check."""
        groups = job.count // job.options.num_images_per_prompt
        texts = self._read([*job.prompts, *job.negatives], job.options.translate)  # one batch to translate
        prompts, negatives = texts[: len(job.prompts)], texts[len(job.prompts) :]
        drawn_with = tuple(wanted(job).items())
        prompts = [replace(p, info=replace(p.info, loras=drawn_with)) for p in prompts]
        screened: list[tuple[Report, ...]] = [()] * groups
        if self.screen is not None:
            told = [p.info for p in prompts] if prompts else [None] * groups
            screened = [(report,) for report in self.screen.check(told)]
        embeds, negative_embeds = job.inputs.prompt_embeds, job.inputs.negative_prompt_embeds
        read_now = [*(prompts if embeds is None else ()), *(negatives if negative_embeds is None else ())]
        states = self._states(read_now) if read_now else None  # as one batch, all of the same length
        if embeds is None:
            assert states is not None
            embeds = states[: len(prompts)]
        if negative_embeds is None:
            assert states is not None
            negative_embeds = states[-len(negatives) :]
        embeds, negative_embeds = (e.to(self.device, self.dtype) for e in (embeds, negative_embeds))
        if embeds.shape[1] != negative_embeds.shape[1]:
            raise InputError(
                "prompt_embeds.length",
                ja=f"prompt_embeds（{embeds.shape[1]} トークン）と negative_prompt_embeds"
                f"（{negative_embeds.shape[1]} トークン）の長さをそろえてください。",
                en=f"prompt_embeds has {embeds.shape[1]} tokens, "
                f"negative_prompt_embeds {negative_embeds.shape[1]}: "
                "make them equally long (encode_prompt takes chunks=…).",
            )
        each = job.options.num_images_per_prompt
        infos = [
            (
                prompts[i].info if prompts else None,
                negatives[i].info if negatives and negatives[i].info.source else None,
            )
            for i in range(groups)
        ]
        return (
            embeds.expand(groups, -1, -1).repeat_interleave(each, dim=0),
            negative_embeds.expand(groups, -1, -1).repeat_interleave(each, dim=0),
            [info for info in infos for _ in range(each)],
            [reports for reports in screened for _ in range(each)],
        )

    def _draw(
        self, job: Job, rows: range, cond: Tensor, uncond: Tensor, watch: Callable[[Step], None]
    ) -> tuple[Tensor, list[Image], float]:
        """Draw one batch, enlarged where that is asked for: last latents, pictures, seconds of decoding."""
        x = self._sample(job, rows, job.pictures[rows.start : rows.stop], cond, uncond, watch)
        start = time.perf_counter()
        pictures = self._pictures(job, rows, x)
        seconds = time.perf_counter() - start
        if job.larger is None:
            return x, pictures, seconds
        size = {"height": job.larger.options.height, "width": job.larger.options.width}
        enlarged = [images.fit_picture(picture, fit="stretch", **size) for picture in pictures]
        x = self._sample(job.larger, rows, enlarged, cond, uncond, watch)
        start = time.perf_counter()
        return x, self._pictures(job.larger, rows, x), seconds + time.perf_counter() - start

    @torch.inference_mode()
    def _sample(
        self,
        job: Job,
        rows: range,
        pictures: Sequence[Image],
        cond: Tensor,
        uncond: Tensor,
        watch: Callable[[Step], None],
    ) -> Tensor:
        """Run the sampler over one batch; returns latents (B, C, h, w) float32, scaled as the UNet knows
        them.
        """
        generators = [torch.Generator("cpu").manual_seed(job.seeds[i]) for i in rows]

        def noise() -> Tensor:
            if job.inputs.noise is not None:
                given = job.inputs.noise((len(rows), *job.shape))
                check_tensor("noise", given, (len(rows), *job.shape))
                return given.to(self.device, torch.float32)
            # Each picture has a generator of its own on the CPU: the same seed, the same picture, in any
            # batch.
            drawn = [torch.randn(job.shape, generator=g, dtype=torch.float32) for g in generators]
            return torch.stack(drawn).to(self.device)

        network = self.engine.unet(self._unet)
        if self.savings.slices:
            network = by_rows(network)

        def unet(x: Tensor, t: Tensor, context: Tensor, **shortcuts: Any) -> Tensor:
            return network(x.to(self.dtype), t, context, **shortcuts).float()

        with self.on_demand.loaded(*(("vae",) if pictures else ())):
            start = begin(
                job,
                rows,
                pictures,
                noise,
                vae=self.vae,
                config=self.config,
                schedule=self.schedule,
                vae_tile=self._vae_tile,
            )
        x = start.x
        selected = slice(rows.start, rows.stop)
        guided = Shortcuts(unet, cond[selected], uncond[selected], job)
        denoise = start.model(guided)
        with self.on_demand.loaded("unet"), self._pages():
            for step in get_sampler(job.options.sampler)(denoise, x, job.plan, noise):
                x = step.x
                guided.next_step()
                watch(step)
        x = start.finish(x)
        if not bool(torch.isfinite(x).all()):
            raise NonFiniteError(
                "nan.latents",
                ja=f"計算の途中で数値があふれました（UNet、{self.dtype}）。"
                "dtype='float32' でもう一度お試しください。",
                en=f"the UNet gave NaN or infinity in {self.dtype}. Try again with dtype='float32'.",
            )
        return x

    @torch.inference_mode()
    def _pictures(self, job: Job, rows: range, x: Tensor) -> list[Image]:
        """Decode; what was to be kept comes back over it, and what was only margin goes."""
        with self.on_demand.loaded("vae"), self._pages(keep=autoencode.keeps_pages(x)):
            pixels = autoencode.decode(self.vae, x, tile=self._vae_tile, decoder=self.engine.decoder)
        pictures = images.to_pil(pixels)
        if job.masks and job.options.paste_back:
            pictures = [
                images.paste_back(drawn, job.pictures[i], job.masks[i], feather=job.options.feather)
                for drawn, i in zip(pictures, rows, strict=True)
            ]
        return pictures if job.keep is None else [p.crop((0, 0, *job.keep)) for p in pictures]

    def _pages(self, *, keep: bool = True) -> contextlib.AbstractContextManager[None]:
        """Freed memory is kept where no saving is asked for: faster, and larger."""
        wanted = keep and self.device.type == "cpu" and self.savings == Savings()
        return kept_pages() if wanted else contextlib.nullcontext()

    @property
    def _vae_tile(self) -> int:
        """Side of the largest square that the autoencoder takes whole, in latent cells."""
        return autoencode.tile_cells(self.config, small=self.savings.tiles)

    def _read(self, texts: Sequence[str], translate: TranslateMode) -> list[ReadPrompt]:
        prompts = read(
            texts,
            translator=self.translator,
            tokenizer=self.tokenizer,
            translate=translate,
            names=self._names,
            words=self._words,
        )
        return prompts if self._written is None else self._told(prompts, self._written)

    def _told(self, prompts: Sequence[ReadPrompt], written: Tokenizer) -> list[ReadPrompt]:
        """Prompts with what the adapter makes of them."""
        said = conditioning.read_as(self.text_encoder, [prompt.chunks for prompt in prompts], written)
        return [
            dataclasses.replace(prompt, info=dataclasses.replace(prompt.info, read=text))
            for prompt, text in zip(prompts, said, strict=True)
        ]

    @torch.inference_mode()
    def _states(self, prompts: Sequence[ReadPrompt]) -> Tensor:
        empty = self._read([""], "never")[0].chunks
        chunks = [p.chunks for p in prompts]
        return conditioning.encode(self.text_encoder, chunks, empty, self._encoded)


def _batch(size: int | None, job: Job) -> int:
    """How many pictures are drawn together."""
    if size is None:
        return job.count
    check_count(size, "batch_size")
    return size


def _watcher(
    job: Job, bar: Any, on_step: OnStep | None, cancel: threading.Event | None
) -> Callable[[Step], None]:
    """What happens after each step: the bar moves, the caller is told, and may stop the run."""
    numbers = itertools.count(1)  # of a batch; they go on where an enlarged picture follows

    def watch(step: Step) -> None:
        number = next(numbers)
        bar.update()
        stop = cancel is not None and cancel.is_set()
        if on_step is not None and not stop:
            told = Progress(index=number, total=job.steps, timestep=step.t, latents=step.x, x0=step.x0)
            stop = on_step(told) is False
        if stop:
            raise Cancelled(
                "cancelled",
                ja=f"{number}/{job.steps} ステップで中止しました。",
                en=f"stopped at step {number} of {job.steps}.",
            )

    return watch


def _bar(parts: Sequence[Job], size: int, progress: bool | None) -> Any:
    """A tqdm bar over all steps of all batches; by default only where a person is watching."""
    from tqdm.auto import tqdm

    steps = sum(-(-part.count // size) * part.steps for part in parts)
    hidden = not progress if progress is not None else not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    return tqdm(total=steps, disable=hidden, unit="step", leave=False)
