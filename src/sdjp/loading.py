"""The parts of a pipeline: checked before anything is loaded, then loaded, then put together."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import torch
from torch import Tensor

from sdjp import weights
from sdjp.addons import Addons, ImagePrompter, ImagePromptFiles
from sdjp.conditioning.reader import Reader
from sdjp.device import resolve_device, resolve_dtype
from sdjp.engines import AUTO as AUTO_ENGINE
from sdjp.engines import Engine, make_engine
from sdjp.generation.memory import NORMAL, MemorySavings
from sdjp.generation.model import Model
from sdjp.generation.preview import FIT, Fitted
from sdjp.options import PromptCheck, SafetyMode
from sdjp.postprocess import (
    PostProcessor,
    SafetyCheck,
    Watermark,
    make_postprocessors,
    with_checker,
)
from sdjp.provenance import Provenance
from sdjp.text.names import Names
from sdjp.text.prompt_check import PromptChecker, make_prompt_checker
from sdjp.text.translate import AUTO, adapter_of, make_translator
from sdjp.text.translate.base import Translator
from sdjp.weights.added_tokens import by_name
from sdjp.weights.parts import adapter as adapters
from sdjp.weights.parts import preview as previews

if TYPE_CHECKING:
    from typing_extensions import TypedDict

    class ExtraArguments(TypedDict, total=False):
        """The arguments of ``Pipeline.from_pretrained`` that do not concern the networks."""

        translator: str | Translator
        user_lexicon: Path | Mapping[str, str] | None
        safety: SafetyMode
        safety_checker: str | Path | None
        safety_adjustment: float
        prompt_check: PromptCheck
        prompt_words: str | Path | None
        watermark: bool | str | Watermark
        provenance: bool | Provenance
        postprocessors: Sequence[PostProcessor]
        lora_dir: str | Path | None
        embeddings_dir: str | Path | None
        preview: str | Path | None
        ip_adapter: str | Path | None
        image_encoder: str | Path | None
        controlnet_dir: str | Path | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Extras:
    """The parts of a pipeline around its networks.

    Attributes:
        translator: As it was asked for.
        own_translator: The translator of that name; no model has been asked yet.
        safety_checker: Where the safety checker is; None for the model's own.
        checks_pictures: Whether there is to be one.
        postprocessors: In order; the safety check has no network yet.
        provenance: What the files of pictures say of where they come from.
        prompt_checker: Looks at prompts.
        addons: Folders of LoRA, textual inversion and ControlNets.
        preview: What previews are made with, as it was asked for.
        image_prompt: The files of an IP-Adapter and its image encoder; None without one.
    """

    translator: str | Translator
    own_translator: Translator
    safety_checker: str | Path | None
    checks_pictures: bool
    postprocessors: tuple[PostProcessor, ...]
    provenance: Provenance
    prompt_checker: PromptChecker
    addons: Addons
    preview: str | Path | None
    image_prompt: ImagePromptFiles | None

    @classmethod
    def checked(
        cls,
        *,
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
    ) -> Extras:
        """Check the arguments of ``Pipeline.from_pretrained`` that concern no network.

        Raises:
            InputError: If one is not usable.
            WeightsError: If an IP-Adapter or its image encoder is not.
        """
        check = SafetyCheck(mode=safety, adjustment=safety_adjustment)
        return cls(
            translator=translator,
            postprocessors=(*postprocessors, *make_postprocessors(safety=check, watermark=watermark)),
            provenance=Provenance.of(provenance),
            prompt_checker=make_prompt_checker(prompt_check, words=prompt_words),
            addons=Addons(lora_dir, embeddings_dir, controlnet_dir),
            image_prompt=ImagePromptFiles.named(ip_adapter, image_encoder),
            own_translator=make_translator(translator, user_lexicon=user_lexicon),
            safety_checker=safety_checker,
            checks_pictures=safety != "off",
            preview=preview,
        )

    def adapter(self, source: weights.Source | None) -> Path | None:
        """The folder of the adapter that was asked for beside the model ``source``; None if none was.

        Raises:
            WeightsError: If it is not there.
        """
        asked, folder = adapter_of(self.translator)
        return adapters.adapter_folder(folder, model=source) if asked else None

    def image_prompter(
        self, loaded: weights.Loaded, on_demand: weights.OnDemand | None = None
    ) -> ImagePrompter | None:
        """The IP-Adapter beside a model; None if none was asked for.

        Raises:
            WeightsError: If it does not fit the model.
        """
        if self.image_prompt is None:
            return None
        context_dim = loaded.config.unet.context_dim
        return self.image_prompt.load(loaded.unet, context_dim=context_dim, on_demand=on_demand)

    def translator_for(self, loaded: weights.Loaded) -> Translator:
        """The translator beside a model: none beside one that reads Japanese, unless one is asked for."""
        if loaded.tokenizer.japanese and self.translator in (AUTO, "passthrough"):
            return make_translator("passthrough", reads_japanese=True, as_typed=True)
        return self.own_translator

    def loaded_preview(self, dtype: torch.dtype, device: torch.device) -> previews.PreviewPart | None:
        """What makes previews, where a file of it was asked for.

        Raises:
            WeightsError: If it cannot be read.
        """
        if self.preview is None or self.preview == FIT:
            return None
        return previews.load_preview(self.preview, dtype=dtype, device=device)

    def preview_for(
        self,
        loaded: weights.Loaded,
        preview: previews.PreviewPart | None,
        *,
        model: weights.Source | None = None,
    ) -> Callable[[Tensor], Tensor] | None:
        """What makes previews beside a model: what was asked for, or what it brings along, or None.

        Raises:
            InputError: If it is for other latents.
            WeightsError: If what the model brings along cannot be read.
        """
        if self.preview == FIT:
            return Fitted(vae=loaded.vae, on_demand=loaded.on_demand)
        if preview is None and model is not None:
            preview = previews.own_map(model)
        if preview is not None:
            previews.check_channels(preview, loaded.config.vae.latent_channels)
        return preview


EXTRAS: Final = tuple(inspect.signature(Extras.checked).parameters)
"""The arguments of ``Pipeline.from_pretrained`` that concern no network."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Parts:
    """All that a pipeline is made of; see ``Pipeline``."""

    loaded: weights.Loaded
    translator: Translator
    postprocessors: tuple[PostProcessor, ...]
    provenance: Provenance
    prompt_checker: PromptChecker
    addons: Addons
    engine: Engine
    memory: MemorySavings
    preview: Callable[[Tensor], Tensor] | None
    image_prompter: ImagePrompter | None


def from_source(
    source: str | Path,
    extras: Extras,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    ema: bool | Literal["auto"] = "auto",
    config: str | Path | None = None,
    vae: str | Path | None = None,
    engine: str = AUTO_ENGINE,
    memory: str | Collection[str] = NORMAL,
) -> Parts:
    """Load a model; the arguments are those of ``Pipeline.from_pretrained``.

    Raises:
        InputError: If an argument is not usable.
        WeightsError: If the weights cannot be read.
    """
    chosen_device = resolve_device(device)
    chosen_dtype = resolve_dtype(dtype, chosen_device)
    savings = MemorySavings.named(memory)
    chosen_engine = make_engine(
        savings.engine(engine, auto=AUTO_ENGINE), device=chosen_device, dtype=chosen_dtype
    )
    on_demand = weights.OnDemand() if savings.sequential else None
    located = weights.locate(source)
    adapter = extras.adapter(located)
    preview = extras.loaded_preview(chosen_dtype, chosen_device)
    postprocessors = extras.postprocessors
    if extras.checks_pictures:
        from sdjp.weights.parts.safety_checker import load_checker

        checker = load_checker(
            extras.safety_checker, model=located, device=chosen_device, on_demand=on_demand
        )
        postprocessors = with_checker(postprocessors, checker)
    loaded = weights.load(
        located,
        dtype=chosen_dtype,
        device=chosen_device,
        ema=ema,
        config=config,
        vae=vae,
        on_demand=on_demand,
    )
    if adapter is not None:
        loaded = adapters.adapted(loaded, adapter)
    image_prompter = extras.image_prompter(loaded, on_demand)
    if chosen_device.type == "cuda":  # the layout in which its convolutions are fastest
        for network in (loaded.unet, loaded.vae):
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    chosen_engine.own(loaded.unet, lambda name: loaded.give_back(f"unet.{name}"))
    return Parts(
        loaded=loaded,
        translator=extras.translator_for(loaded),
        postprocessors=postprocessors,
        provenance=extras.provenance,
        prompt_checker=extras.prompt_checker,
        addons=extras.addons,
        engine=chosen_engine,
        memory=savings,
        preview=extras.preview_for(loaded, preview, model=located),
        image_prompter=image_prompter,
    )


def from_diffusers(pipe: Any, extras: Extras, *, engine: str = AUTO_ENGINE) -> Parts:
    """Take over a loaded ``diffusers.StableDiffusionPipeline``; both share the memory of the weights.

    Raises:
        InputError: If an argument is not usable.
        WeightsError: If it is of another family, or LoRA or textual inversion is loaded into it.
        MissingDependencyError: If diffusers is not installed.
    """
    from sdjp.weights.diffusers import checker, modules

    adapter = extras.adapter(None)
    loaded = modules.from_modules(pipe)
    if adapter is not None:
        loaded = adapters.adapted(loaded, adapter)
    weight = loaded.unet.conv_in.weight
    postprocessors = extras.postprocessors
    theirs = getattr(pipe, "safety_checker", None)
    if extras.checks_pictures and extras.safety_checker is not None:
        from sdjp.weights.parts.safety_checker import load_checker

        own = load_checker(extras.safety_checker, model=weights.EMBEDDED_MODEL, device=weight.device)
        postprocessors = with_checker(postprocessors, own)
    elif extras.checks_pictures and theirs is not None:
        postprocessors = with_checker(postprocessors, checker.from_checker(theirs))
    return Parts(
        loaded=loaded,
        translator=extras.own_translator,
        postprocessors=postprocessors,
        provenance=extras.provenance,
        prompt_checker=extras.prompt_checker,
        addons=extras.addons,
        engine=make_engine(engine, device=weight.device, dtype=weight.dtype),
        memory=MemorySavings(),
        preview=extras.preview_for(loaded, extras.loaded_preview(weight.dtype, weight.device)),
        image_prompter=extras.image_prompter(loaded),
    )


def to_diffusers(
    model: Model, postprocessors: Sequence[PostProcessor], *, sampler: str | None, spacing: str | None
) -> Any:
    """Return a ``diffusers.StableDiffusionPipeline`` that shares the memory of a model's weights.

    Raises:
        InputError: If diffusers has no such scheduler, or no such text encoder.
        MissingDependencyError: If diffusers is not installed.
    """
    from sdjp.weights.diffusers import checker as checkers
    from sdjp.weights.diffusers import modules

    model.engine.give_back(model.unet)
    tokenizer = modules.require_clip(model.text_encoder, model.reader.tokenizer)
    scheduler = modules.to_scheduler(model.config, sampler, spacing)
    networks = modules.to_modules(model.config, unet=model.unet, vae=model.vae, text=model.text_encoder)
    checks = (p for p in postprocessors if isinstance(p, SafetyCheck) and p.mode != "off")
    safety = next((p.checker for p in checks), None)
    return modules.to_pipeline(
        model.config,
        networks,
        tokenizer=tokenizer,
        tokens={name: ids[0] for name, ids in model.reader.names.tokens.items()},
        scheduler=scheduler,
        checker=None if safety is None else checkers.to_checker(safety),
    )


def reader_of(loaded: weights.Loaded, translator: Translator) -> Reader:
    """The reader of a model that is loaded."""
    return Reader(
        tokenizer=loaded.tokenizer,
        translator=translator,
        words=loaded.words,
        written=loaded.written,
        names=Names({}, by_name(loaded.tokens)),
    )
