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
from sdjp.addons import Addons, ImagePrompter
from sdjp.choices import Fit, MaskRule, PromptCheck, SafetyMode, TranslateMode
from sdjp.conditioning.cache import StateCache
from sdjp.conditioning.reader import Reader
from sdjp.config import ModelConfig
from sdjp.engines import AUTO as AUTO_ENGINE
from sdjp.engines import Engine, make_engine
from sdjp.errors import InputError
from sdjp.forks import about_to_compute
from sdjp.generation.clip_skip import check_clip_skip
from sdjp.generation.fast import check_engine
from sdjp.generation.image_prompt import check_image_prompt
from sdjp.generation.job import INPUTS, Inputs, Job, common_loras
from sdjp.generation.memory import NORMAL, MemorySavings
from sdjp.generation.model import Model
from sdjp.generation.preview import default_preview
from sdjp.generation.progress import OnStep, Progress, Watch
from sdjp.generation.run import Run
from sdjp.generation.settle import enlarged, enlarging_tile, settle, settle_record, upscaler_of
from sdjp.loading import EXTRAS, Extras, Parts
from sdjp.options import GenerationOptions, ResolvedOptions, check_option, checked_steps, enlarging
from sdjp.postprocess import PostProcessor, Watermark
from sdjp.provenance import Provenance
from sdjp.records import PromptInfo, Runtime
from sdjp.result import GenerationResult
from sdjp.samplers import Schedule
from sdjp.samplers.schedule import StrengthRule
from sdjp.text.prompt_check import PromptChecker
from sdjp.text.read import check_prompt
from sdjp.text.schedule import check_single, schedule
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.translate import AUTO
from sdjp.text.translate.base import Translator

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from sdjp.generation.arguments import GenerationArguments, UpscaleArguments
    from sdjp.generation.controls import Control
    from sdjp.loading import ExtraArguments
    from sdjp.models import UNet

__all__ = ["OnStep", "Pipeline", "Progress"]


class Pipeline:
    """Text to pictures with Stable Diffusion v1 or a relative of it.

    A pipeline holds weights and settings and no state of a run: many threads may share it. It can be pickled.

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
        provenance: Provenance | None = None,
        prompt_checker: PromptChecker | None = None,
        addons: Addons | None = None,
        engine: Engine | None = None,
        memory: MemorySavings | None = None,
        preview: Callable[[Tensor], Tensor] | None = None,
        image_prompter: ImagePrompter | None = None,
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
        self.provenance = Provenance() if provenance is None else provenance
        self.prompt_checker = prompt_checker
        self.addons = Addons() if addons is None else addons
        self.image_prompter = image_prompter
        self.engine = make_engine(device=self.device, dtype=self.dtype) if engine is None else engine
        self.preview = default_preview(self.vae, self.on_demand) if preview is None else preview
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
        vae: str | Path | None = None,
        engine: str = AUTO_ENGINE,
        memory: str | Collection[str] = NORMAL,
        # what stands around them
        translator: str | Translator = AUTO,
        user_lexicon: Path | Mapping[str, str] | None = None,
        safety: SafetyMode = "flag",
        safety_checker: str | Path | None = None,
        safety_adjustment: float = 0.0,
        prompt_check: PromptCheck = "flag",
        prompt_words: str | Path | None = None,
        watermark: bool | str | Watermark = True,
        provenance: bool | Provenance = True,
        postprocessors: Sequence[PostProcessor] = (),
        lora_dir: str | Path | None = None,
        embeddings_dir: str | Path | None = None,
        preview: str | Path | None = None,
        ip_adapter: str | Path | None = None,
        image_encoder: str | Path | None = None,
        controlnet_dir: str | Path | None = None,
    ) -> Pipeline:
        """Load a model.

        Args:
            source: ``"mini"`` (the embedded model, the default), an original ``.ckpt`` or ``.safetensors``, a
                diffusers folder, or a hub id such as ``"CompVis/stable-diffusion-v1-4"``.
            device: ``"auto"`` (CUDA, then Apple's MPS, then the processor), or a torch device.
            dtype: ``"auto"`` (float16 on CUDA, bfloat16 on CPUs that have it, else float32), or a dtype.
            ema: Whether to take the averaged weights of a full checkpoint: where there are any, or always …
            config: A configuration of the original, such as its ``v1-inference.yaml``, in place of what the
                weights tell of themselves; its ``use_ema`` decides where ``ema`` is ``"auto"``.
            vae: An autoencoder in place of the model's: a file such as ``vae-ft-mse-840000-ema-pruned.ckpt``,
                a folder of diffusers' ``AutoencoderKL``, or a hub id.
            engine: ``"packed"`` (automatic on a CPU), ``"eager"``, ``"compile"`` or ``"openvino"``.
            memory: ``"normal"``, ``"low"``, or some of ``"sequential"``, ``"slices"``, ``"tiles"``, with
                commas or in a list; see :class:`sdjp.generation.memory.MemorySavings`.
            translator: ``"auto"`` (``"combined"``; none for models that read Japanese), another name of
                :func:`sdjp.text.translate.make_translator`, or an object; or ``"adapter"``: no translation,
                for the model's own adapter reads the Japanese (``"adapter:<folder>"``: one of your own).
            user_lexicon: Your own words, which win over everything: a TSV file ``ja<TAB>en[<TAB>category]``
                (``sdjp.words_path()`` is that of ``sdjp words``) or a mapping. A model that reads Japanese
                has no use for them.
            safety: What to do with pictures the safety checker flags; ``"off"`` loads none.
            safety_checker: Its file, folder or hub id; the model's own, if None.
            safety_adjustment: Added to each of its scores, -1 to 1: above 0 is stricter.
            prompt_check: Words of a list in a prompt are told, refused, or not looked for (``"off"``).
            prompt_words: A file of more such words, or of exceptions; see :mod:`sdjp.text.word_list`.
            watermark: Invisible watermark: on, off, a text, or a ``Watermark``, which has a method too.
            provenance: What the files of pictures say of where they come from: XMP that a trained model made
                them, nothing (False), or a ``Provenance``.
            postprocessors: Your own, before the safety check and the watermark; see :mod:`sdjp.postprocess`.
            lora_dir: A folder of LoRA files (kohya-ss, diffusers), to be called by name.
            embeddings_dir: A folder of textual inversion, whose names in a prompt stand for vectors.
            preview: What makes ``Progress.preview``: a file or folder of TAESD; ``"fit"``, a linear map
                measured on the model's own decoder at first use; or the file of a map. If None, the model's
                own map, the published one of SD v1 for latents of its form, or ``"fit"``.
            ip_adapter: The file of an IP-Adapter, for ``image_prompt`` of :meth:`generate`.
            image_encoder: Its CLIP image encoder, a folder or a file; ``image_encoder`` beside it, if None.
            controlnet_dir: A folder of ControlNets (files, diffusers folders), to be called by name.

        Raises:
            InputError: If an argument is not usable.
            WeightsError: If the weights cannot be read; all that is wrong with them is in one message.
        """
        arguments = {name: value for name, value in locals().items() if name not in ("cls", "source")}
        about_to_compute()
        extras = {name: arguments.pop(name) for name in EXTRAS}
        return cls._of(loading.from_source(source, Extras.checked(**extras), **arguments))

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
        about_to_compute()
        return cls._of(loading.from_diffusers(pipe, Extras.checked(**extras), engine=engine))

    @classmethod
    def _of(cls, parts: Parts) -> Pipeline:
        arguments = {f.name: getattr(parts, f.name) for f in dataclasses.fields(parts)}
        return cls(arguments.pop("loaded"), **arguments)

    def to_diffusers(self, *, sampler: str | None = None, spacing: str | None = None) -> Any:
        """Return a ``diffusers.StableDiffusionPipeline`` that shares the memory of the weights.

        Args:
            sampler: Its scheduler is the one that takes the steps of this sampler; the model's own, if None.
            spacing: One that its scheduler has, such as ``"trailing"`` or ``"karras"``; its own, if None.

        Raises:
            InputError: If diffusers has no such scheduler, or no such text encoder.
            MissingDependencyError: If diffusers is not installed.
        """
        if self.on_demand:
            raise self._absent(
                "memory.diffusers", ja="diffusers と共有できません", en="cannot be shared with diffusers"
            )
        return loading.to_diffusers(self._model(), self.postprocessors, sampler=sampler, spacing=spacing)

    def __repr__(self) -> str:
        """Return one line: the model, and what it runs with."""
        run = self.runtime
        return f"<Pipeline {self.config.name}: {run.device}, {run.dtype}, {run.engine}, {run.translator}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of; weights that are read only while they are used are refused."""
        if self.on_demand:
            raise self._absent("memory.pickle", ja="複製も pickle もできません", en="cannot be copied")
        self.engine.give_back(self._unet)
        return {**self.__dict__, "engine": self.engine.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what :meth:`__getstate__` gave."""
        self.__dict__.update(state)
        self.engine = make_engine(state["engine"], device=self.device, dtype=self.dtype)

    def _absent(self, code: str, *, ja: str, en: str) -> InputError:
        return InputError(
            code,
            ja=f"memory={str(self.memory)!r} では、重みを使うときにだけ読むので、{ja}。"
            "memory='normal' で読み込んだ Pipeline を使ってください。",
            en=f"with memory={str(self.memory)!r} weights are read when they are used, and {en}. "
            "Use a Pipeline loaded with memory='normal'.",
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
        """The denoiser; until it is asked for, an engine may keep its weights in an order of its own only."""
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
        """The circumstances of a run, for the record of its pictures."""
        return Runtime(
            version=__version__,
            device=str(self.device),
            dtype=str(self.dtype).removeprefix("torch."),
            ema=self.load_report.ema_used,
            translator=self.translator.name,
            engine=self.engine.name,
            memory=str(self.memory),
            vae=None if self.load_report.vae is None else Path(self.load_report.vae).name,
            license=self.load_report.licence,
        )

    @overload
    def explain(
        self, prompt: str, *, translate: TranslateMode = ..., num_inference_steps: int | None = ...
    ) -> PromptInfo: ...
    @overload
    def explain(
        self,
        prompt: list[str] | tuple[str, ...],
        *,
        translate: TranslateMode = ...,
        num_inference_steps: int | None = ...,
    ) -> list[PromptInfo]: ...
    def explain(
        self,
        prompt: str | list[str] | tuple[str, ...],
        *,
        translate: TranslateMode = "auto",
        num_inference_steps: int | None = None,
    ) -> PromptInfo | list[PromptInfo]:
        """Tell the way a prompt takes, without drawing anything; several are read as one batch.

        ``num_inference_steps`` is for prompts that change with the steps; the model's own number, if None.
        """
        texts = list(prompt) if isinstance(prompt, list | tuple) else [prompt]
        check_option("translate", translate)
        steps = checked_steps(num_inference_steps, default=self.config.defaults.num_inference_steps)
        prompts = [check_prompt(text) for text in texts]
        variants = [one for prompt in prompts for one in schedule(prompt, [steps]).prompts]
        model = self._model().equipped(self.addons, variants, {})
        read = model.reader.read_schedules(
            prompts, [steps], translate=translate, text_encoder=model.text_encoder
        )
        infos = [one.info for one in read]
        return infos if isinstance(prompt, list | tuple) else infos[0]

    def encode_prompt(
        self,
        prompt: str | Sequence[str],
        *,
        translate: TranslateMode = "auto",
        chunks: int | None = None,
        loras: Mapping[str, float] | None = None,
        clip_skip: int = 1,
    ) -> Tensor:
        """Return the text states of prompts, to be changed and given back as ``prompt_embeds``.

        Args:
            prompt: One prompt or several; an empty one is allowed.
            translate: As in :meth:`generate`.
            chunks: At least so many chunks of 77 states, for a negative prompt beside a long prompt.
            loras: As in :meth:`generate`; give it the same, for the LoRAs act on the UNet, too.
            clip_skip: As in :meth:`generate`.

        Returns:
            (B, 77 N, D) in the dtype of the model.

        Raises:
            InputError: If it cannot be read, or is no single prompt: with prompt editing, alternation or AND.
        """
        texts = [prompt] if isinstance(prompt, str) else list(prompt)
        prompts = [check_prompt(text, allow_empty=True) for text in texts]
        check_clip_skip(clip_skip, self.config)
        check_single(prompts)
        about_to_compute()
        model = self._model().equipped(self.addons, prompts, common_loras(prompts, loras))
        read = model.reader.read(prompts, translate=translate)
        return model.encode(read, chunks=chunks, clip_skip=clip_skip)

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
        clip_skip: int = 1,
        # how to sample
        num_inference_steps: int | None = None,
        guidance_scale: float | None = None,
        sampler: str | None = None,
        spacing: str | None = None,
        eta: float | None = None,
        noise_multiplier: float | None = None,
        # a picture to start from, and its mask
        image: images.Source | Sequence[images.Source] | None = None,
        strength: float = 0.75,
        strength_rule: StrengthRule = "diffusers",
        fit: Fit = "crop",
        mask: images.Source | Sequence[images.Source] | None = None,
        mask_rule: MaskRule = "exact",
        paste_back: bool = True,
        feather: int = 8,
        # pictures that are a prompt beside the words
        image_prompt: images.Source | Sequence[images.Source] | None = None,
        image_prompt_scale: float = 0.6,
        # pictures to follow
        controls: Control | Sequence[Control] | None = None,
        # large pictures
        hires: float | None = None,
        hires_strength: float | None = None,
        upscaler: str | None = None,
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
        # what is told of it
        attention: bool = False,
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
            height: Pixels, a multiple of the model's factor (8 for SD v1); by a picture given, if None.
            width: Pixels, likewise.
            seed: Picture i has seed + i, or one seed each. The same seed gives the same picture in any batch.
            num_images_per_prompt: Pictures for each prompt.
            translate: ``"auto"`` (what is Japanese), ``"always"`` or ``"never"``.
            loras: Files of ``lora_dir`` by name, with their weights, beside tags such as ``<lora:name:0.8>``.
            clip_skip: The layer of CLIP whose states are taken: 1 is the last one, 2 the one before it …
            num_inference_steps: S.
            guidance_scale: Weight of the prompt (Ho & Salimans 2022, arXiv 2207.12598); 1: no guidance.
            sampler: One of ``sdjp.samplers.SAMPLERS``, or its name elsewhere, such as "DPM++ 2M Karras".
            spacing: How timesteps are chosen, one of ``sdjp.samplers.SPACINGS``.
            eta: Noise added back by DDIM (0, if None); gamma of TCD (0.3, if None).
            noise_multiplier: What the noise that a run starts with, drawn or given, is multiplied by.
            image: A picture to start from (SDEdit, arXiv 2108.01073), or its path; any size, or a list.
            strength: How much of it is replaced; at 0 it only goes through the autoencoder.
            strength_rule: The original's is ``"compvis"``; see :meth:`sdjp.samplers.Plan.from_strength`.
            fit: How it comes to the size: ``"crop"``, ``"pad"`` or ``"stretch"``.
            mask: A picture, white where ``image`` is to be redrawn and black where it stays; of any size.
            mask_rule: ``"exact"``: what stays leads every step to the very picture; ``"compvis"``: it is
                noised anew at each step, as in the original. Models for inpainting need neither.
            paste_back: Give the pixels outside the mask back as they were.
            feather: Pixels outside the mask within which they go over into what was drawn.
            image_prompt: What the picture should be like: a picture or its path, or several, which are all
                for each prompt (IP-Adapter: Ye et al. 2023, arXiv 2308.06721).
            image_prompt_scale: Their weight beside the words, 0 to 5.
            controls: ControlNets (arXiv 2302.05543) with the pictures they read; what they do adds up.
            hires: Enlarge the finished pictures so many times, and redraw them in tiles.
            hires_strength: How much is replaced then; at 0, with an upscaler, they are only enlarged. If
                None, 0.4; 0 with models that have an upscaler of their own, as the embedded one.
            upscaler: What enlarges them: ``"animevideo"``, which ships, or a file of the kind of ESRGAN. If
                None, Lanczos, or the model's own. See :mod:`sdjp.weights.parts.upscaler`.
            tile: Denoise in tiles of this side in pixels (MultiDiffusion, arXiv 2302.08113).
            overlap: Pixels that neighbouring tiles share; a quarter of a tile, if None.
            latents: Noise to start from instead of the seed's, (B, C, h, w).
            prompt_embeds: Text states in place of ``prompt``, (B, L, D).
            negative_prompt_embeds: Text states in place of ``negative_prompt``.
            noise: Draws all noise of a batch in place of the seeds: called with (B, C, h, w) for the latents
                of ``image``, the start (unless there are ``latents``) and each step that needs some.
            preset: A name in ``sdjp.options.PRESETS``: settings for whatever is None. Shortcuts like the
                three below change the picture; docs/en/fast.md says by how much.
            guidance_interval: Guide only this part of the run, such as (0, 0.6); 0 is its beginning
                (Kynkäänniemi et al. 2024, arXiv 2404.07724).
            token_merging: Share of the tokens merged before self-attention at the highest resolution
                (Bolya & Hoffman 2023, arXiv 2303.17604); 0, if None.
            feature_reuse: Compute the deep part of the UNet at every n-th step only (DeepCache, Ma et al.
                2023, arXiv 2312.00858); 1, if None.
            attention: Record which word drew what, for ``result.attention("馬")``; docs/en/attention.md.
            batch_size: Pictures drawn together; all, if None.
            progress: Show a bar; if None, where a person is watching.
            on_step: Called with a :class:`Progress` after each step; returning False stops the run.
            cancel: An event that stops the run after the current step.

        Raises:
            InputError: If an argument is not usable; before any heavy work.
            TranslationError: If the prompt cannot be translated.
            NonFiniteError: If the model gives NaN and float32 does not help.
            Cancelled: If the run was stopped; ``partial`` is the result of the finished pictures, or None.
        """
        arguments = {name: value for name, value in locals().items() if name != "self"}
        return GenerationResult.collect(self.stream(**arguments))

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
        job = self._job(prompt, arguments)
        size = job.count if batch_size is None else checks.plain(batch_size)
        if batch_size is not None:
            checks.count("batch_size", size, label="一度に描く枚数")
        return self._run().batches(job, size, Watch(bar=progress, on_step=on_step, cancel=cancel))

    def check(
        self, prompt: str | Sequence[str] | None = None, **arguments: Unpack[GenerationArguments]
    ) -> ResolvedOptions:
        """Refuse what :meth:`generate` would refuse, and draw nothing.

        Takes the same arguments, but for those of how the run goes on. Prompts are not translated: a word of
        the list of ``prompt_check`` is found when they are read.

        Returns:
            The options with everything filled in that was left open.

        Raises:
            InputError: If an argument is not usable.
        """
        return self._job(prompt, arguments).options

    def _job(self, prompt: str | Sequence[str] | None, arguments: GenerationArguments) -> Job:
        given: dict[str, Any] = {"prompt": prompt, **arguments}
        inputs = Inputs(**{name: given.pop(name) for name in INPUTS if name in given})
        return self._settle(GenerationOptions(**given), inputs)

    def upscale(
        self,
        image: images.Source,
        prompt: str | None = None,
        *,
        factor: float = 2.0,
        strength: float | None = None,
        progress: bool | None = None,
        on_step: OnStep | None = None,
        cancel: threading.Event | None = None,
        **arguments: Unpack[UpscaleArguments],
    ) -> GenerationResult:
        """Enlarge a picture (by Lanczos or ``upscaler``) and redraw it in overlapping tiles, which puts in
        what was too small.

        Memory is that of one tile and of the picture itself.

        Args:
            image: A picture of any size and mode, or its path.
            prompt: What is in it.
            factor: How many times larger the sides become, 1 to 8.
            strength: How much is replaced, 0 to 1. From 0.4 up each tile begins to draw a picture of its own.
                At 0, with ``upscaler``, it is only enlarged, and no prompt is needed. If None, 0.3; 0 with
                models that have an upscaler of their own, as the embedded one, whose tiles do so at once.
            progress: As in :meth:`generate`, and so are ``on_step``, ``cancel`` and all others; ``tile`` is
                the model's own size, if it is left out.

        Returns:
            One picture of exactly ``factor`` times the size, rounded to whole pixels.

        Raises:
            InputError: If an argument is not usable; before any heavy work.
        """
        picture = images.open_picture(image)
        larger, keep = enlarged(picture, checks.plain(factor), self.config)
        given: dict[str, Any] = {"tile": None, "upscaler": None, **arguments}
        given["tile"] = enlarging_tile(self.config) if given["tile"] is None else given["tile"]
        if strength is None:
            own = self.config.defaults.upscaler
            given["upscaler"], strength = enlarging(given["upscaler"], default=own, strength=0.3)
        others = {name: given.pop(name, None) for name in ("prompt_embeds", "image_prompt")}
        inputs = Inputs(image=larger, **others)
        options = GenerationOptions(
            prompt=prompt, height=larger.height, width=larger.width, strength=strength, **given
        )
        run, network = self._run(), upscaler_of(options)
        if network is not None and options.strength == 0:
            about_to_compute()
            return run.enlarged(settle_record(options, inputs, self.config), picture, keep, network)
        job = self._settle(dataclasses.replace(options, upscaler=None), inputs)
        if network is not None:
            job = run.with_upscaler(job, options, picture, keep, network)
        watch = Watch(bar=progress, on_step=on_step, cancel=cancel)
        job = dataclasses.replace(job, keep=keep)
        return GenerationResult.collect(run.batches(job, job.count, watch))

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
            preview=self.preview,
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
            provenance=self.provenance,
            runtime=self.runtime,
            image_prompter=self.image_prompter,
        )

    def _settle(self, options: GenerationOptions, inputs: Inputs) -> Job:
        """Refuse what cannot be drawn, before any heavy work."""
        about_to_compute()
        job = settle(options, inputs, config=self.config, schedule=self.schedule)
        check_engine(self.engine, job.options, job.controls)
        self.addons.controlnets.check([hint.control.name for hint in job.controls], self.config)
        if job.options.attention:
            self.reader.check_words()
        check_image_prompt(job, self.image_prompter)
        for part in job.by_loras():
            self.addons.check(part.variants, part.loras, self.config, self._model().networks)
        return job
