"""The networks as modules of diffusers and transformers, and back: the same memory under other names.

Nothing is copied: both sides hold views of one set of tensors, so that a change in one is seen in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from torch import Tensor, nn

from sdjp.config import ModelConfig
from sdjp.errors import InputError, MissingDependencyError, WeightsError
from sdjp.models import VAE, CLIPText, TextEncoder, UNet
from sdjp.options.names import own_names
from sdjp.samplers import get_sampler
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.added_tokens import usable
from sdjp.weights.configs import scheduler as scheduling
from sdjp.weights.configs.diffusers import COMPONENTS, from_files, to_files
from sdjp.weights.convert import to_layout
from sdjp.weights.files.faults import faults_of
from sdjp.weights.load import Loaded, LoadReport
from sdjp.weights.names.compare import compare
from sdjp.weights.names.keymap import compile_map, to_ours
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of

NAME: Final = "diffusers"
"""Stands for the folder in errors and names the model, where a pipeline comes from none."""

SCHEDULERS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": False}),
    "plms": ("PNDMScheduler", {"skip_prk_steps": True, "set_alpha_to_one": False}),
    # Its timesteps are whole where those of "time_uniform" are not; the rest is the same.
    "dpm_solver": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "final_sigmas_type": "sigma_min", "timestep_spacing": "linspace"},
    ),
    "dpm++_2m": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "dpmsolver++", "final_sigmas_type": "zero"},
    ),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "heun": ("HeunDiscreteScheduler", {}),
    "dpm++_2m_sde": (
        "DPMSolverMultistepScheduler",
        {"algorithm_type": "sde-dpmsolver++", "final_sigmas_type": "zero"},
    ),
    "dpm++_sde": ("DPMSolverSDEScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {"solver_type": "bh2", "final_sigmas_type": "zero"}),
    "lcm": ("LCMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
}
"""Sampler to the class of diffusers that takes the same steps, and what its settings need for that."""


def require_diffusers() -> None:
    """See that diffusers is installed.

    Raises:
        MissingDependencyError: If it is not.
    """
    missing = [name for name in ("diffusers", "accelerate") if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        raise MissingDependencyError(
            "diffusers.missing",
            ja=f"diffusers との変換には {names} が必要です。pip install 'sdjp[diffusers]' で入れてください。",
            en=f"going to and from diffusers needs {names}. Install it with: pip install 'sdjp[diffusers]'",
        )


# From ours to theirs.


def require_clip(text: TextEncoder, tokenizer: Tokenizer) -> ClipTokenizer:
    """See that a model reads text as a ``StableDiffusionPipeline`` does.

    Raises:
        InputError: If its text encoder or its tokenizer is not CLIP's.
    """
    if isinstance(text, CLIPText) and isinstance(tokenizer, ClipTokenizer):
        return tokenizer
    kind = type(tokenizer if isinstance(text, CLIPText) else text).__name__
    raise InputError(
        "diffusers.text_encoder",
        ja="StableDiffusionPipeline に渡せるのは、CLIP のテキストエンコーダーとトークナイザーを使う"
        f"モデルだけです（{kind}）。",
        en="a StableDiffusionPipeline takes only models with the text encoder and the tokenizer of CLIP, "
        f"not {kind}.",
    )


def to_modules(config: ModelConfig, *, unet: UNet, vae: VAE, text: TextEncoder) -> dict[str, nn.Module]:
    """Build the networks of diffusers around the tensors of ours, with CLIP's, by their names in a pipeline.

    Raises:
        MissingDependencyError: If diffusers is not installed.
    """
    require_diffusers()
    accelerate: Any = import_module("accelerate")
    diffusers: Any = import_module("diffusers")
    from transformers import CLIPTextConfig, CLIPTextModel

    settings = to_files(config)
    with accelerate.init_empty_weights(include_buffers=False):
        modules: dict[str, nn.Module] = {
            "unet": diffusers.UNet2DConditionModel.from_config(settings["unet"]),
            "vae": diffusers.AutoencoderKL.from_config(settings["vae"]),
            "text_encoder": CLIPTextModel(CLIPTextConfig(**settings["text_encoder"])),
        }
    tensors = to_layout("diffusers", config, unet=unet, vae=vae, text=text)
    for part, module in modules.items():
        canonical = {name: MAPS["diffusers"].canonical(f"{part}/{name}") for name in module.state_dict()}
        state = {name: tensors[theirs] for name, theirs in canonical.items() if theirs in tensors}
        module.load_state_dict(state, strict=True, assign=True)
        for buffer in module.buffers():  # position ids
            buffer.data = buffer.data.to(unet.conv_in.weight.device)
        module.eval().requires_grad_(False)
    return modules


def to_pipeline(
    config: ModelConfig,
    modules: Mapping[str, nn.Module],
    *,
    tokenizer: ClipTokenizer,
    tokens: Mapping[str, int],
    scheduler: Any,
    checker: tuple[Any, Any] | None,
) -> Any:
    """Put a ``StableDiffusionPipeline`` together (``StableDiffusionInpaintPipeline`` for such a model).

    Args:
        config: The model; its name goes along.
        modules: The modules that :func:`to_modules` built.
        tokenizer: The byte-pair table of the text encoder.
        tokens: Tokens that were added to it in training, and their ids.
        scheduler: The scheduler that :func:`to_scheduler` built.
        checker: The safety checker and the feature extractor before it; None for neither.
    """
    name = "StableDiffusionInpaintPipeline" if config.for_inpainting else "StableDiffusionPipeline"
    pipe = getattr(import_module("diffusers"), name)(
        **modules,
        tokenizer=to_tokenizer(tokenizer, tokens),
        scheduler=scheduler,
        safety_checker=None if checker is None else checker[0],
        feature_extractor=None if checker is None else checker[1],
        requires_safety_checker=checker is not None,
    )
    pipe.register_to_config(_name_or_path=config.name)
    return pipe


def to_scheduler(config: ModelConfig, sampler: str | None = None, spacing: str | None = None) -> Any:
    """Build the scheduler that takes the steps of a sampler.

    Args:
        config: The model.
        sampler: A name in ``sdjp.samplers.SAMPLERS``; the model's own, if None.
        spacing: A spacing that the scheduler has, by our name; ``"leading"`` and ``"linspace"`` are its own
            ones by these names. That of the sampler, if None.

    Raises:
        InputError: If diffusers has none like it.
        MissingDependencyError: If diffusers is not installed, or what it needs for this one.
    """
    require_diffusers()
    if sampler is None and spacing is None:
        spacing = config.defaults.spacing
    sampler, spacing = own_names(sampler, spacing)
    chosen = get_sampler(config.defaults.sampler if sampler is None else sampler)
    if chosen.name not in SCHEDULERS:
        raise InputError(
            "diffusers.scheduler",
            ja=f"サンプラー {chosen.name} に当たるものが diffusers にありません。"
            f"{', '.join(SCHEDULERS)} から選んでください。",
            en=f"diffusers has nothing like the sampler {chosen.name}. "
            f"Choose one of {', '.join(SCHEDULERS)}.",
        )
    name, own = SCHEDULERS[chosen.name]
    base = to_files(config)["scheduler"]
    shared = ("beta_start", "beta_end", "beta_schedule", "num_train_timesteps", "prediction_type")
    settings = {**{key: base[key] for key in shared}, "timestep_spacing": "leading", "steps_offset": 1, **own}
    if spacing not in (None, chosen.spacing):
        spacings = scheduling.settings_of_spacings(name)
        if spacing not in spacings:
            raise InputError(
                "diffusers.scheduler",
                ja=f"spacing={spacing!r} に当たるものが diffusers の {name} にありません。"
                f"指定しないか、次から選んでください: {', '.join(spacings) or chosen.spacing}",
                en=f"{name} of diffusers has nothing like spacing={spacing!r}. "
                f"Leave it out, or choose one of: {', '.join(spacings) or chosen.spacing}",
            )
        settings.update(spacings[spacing])
    needed = "torchsde" if chosen.name == "dpm++_sde" else "scipy" if "use_beta_sigmas" in settings else None
    if needed is not None and find_spec(needed) is None:
        raise MissingDependencyError(
            "diffusers.missing",
            ja=f"diffusers のこのスケジューラーには {needed} が必要です。"
            f"pip install {needed} で入れてください。",
            en=f"this scheduler of diffusers needs {needed}. Install it with: pip install {needed}",
        )
    return getattr(import_module("diffusers"), name)(**settings)


def to_tokenizer(tokenizer: ClipTokenizer, tokens: Mapping[str, int]) -> Any:
    """Build the tokenizer of transformers with the same table, and the same tokens behind it."""
    from tempfile import TemporaryDirectory

    from transformers import CLIPTokenizer

    with TemporaryDirectory() as folder:
        tokenizer.to_transformers_files(folder, added=tokens)
        return CLIPTokenizer.from_pretrained(folder)


# From theirs to ours.


def from_modules(pipe: Any) -> Loaded:
    """Build our networks around the tensors of a loaded ``StableDiffusionPipeline``; its tokenizer, too.

    Raises:
        InputError: If it is no pipeline of this kind.
        WeightsError: If it is of another family than Stable Diffusion v1, or has something loaded into it
            (LoRA) that our networks have no place for.
    """
    require_diffusers()
    lacking = [name for name in (*COMPONENTS, "tokenizer", "scheduler") if getattr(pipe, name, None) is None]
    if lacking:
        raise InputError(
            "diffusers.pipeline",
            ja="from_diffusers には、読み込み済みの diffusers.StableDiffusionPipeline を渡してください"
            f"（{type(pipe).__name__} には {', '.join(lacking)} がありません）。",
            en="from_diffusers takes a loaded diffusers.StableDiffusionPipeline "
            f"({type(pipe).__name__} has no {', '.join(lacking)}).",
        )
    if getattr(pipe, "controlnet", None) is not None:
        raise InputError(
            "diffusers.controlnet",
            ja=f"{type(pipe).__name__} の ControlNet は引き継げません。ControlNet を外した "
            "StableDiffusionPipeline を渡し、ControlNet は sdjp に読ませてください"
            "（controlnet_dir と controls）。",
            en=f"the ControlNet of a {type(pipe).__name__} cannot be taken over. Give a "
            "StableDiffusionPipeline without it, and let sdjp read the ControlNet "
            "(controlnet_dir and controls).",
        )
    name = Path(str(getattr(pipe.config, "_name_or_path", None) or NAME)).name or NAME
    settings = {
        "unet": dict(pipe.unet.config),
        "vae": dict(pipe.vae.config),
        "text_encoder": pipe.text_encoder.config.to_dict(),
        "scheduler": _scheduler_settings(pipe.scheduler),
    }
    with faults_of(Path(name)):
        config = from_files(name, settings)
    tensors = {
        MAPS["diffusers"].canonical(f"{part}/{key}"): tensor
        for part in COMPONENTS
        for key, tensor in getattr(pipe, part).state_dict().items()
    }
    _fill(config, tensors, networks := on_meta(config))
    report = LoadReport(
        source=name,
        layout="diffusers",
        ema_used=False,
        dtype=None,
        notes=scheduling.notes(settings["scheduler"], sampler=config.defaults.sampler),
    )
    tokenizer, tokens = from_tokenizer(pipe.tokenizer, rows=config.text.vocab_size)
    return Loaded(
        unet=networks.unet,
        vae=networks.vae,
        text=networks.text,
        config=config,
        report=report,
        tokenizer=tokenizer,
        tokens=tokens,
    )


def _scheduler_settings(theirs: Any) -> dict[str, Any]:
    """The settings of a scheduler, but for those of its steps that are only the defaults of its class."""
    config = dict(theirs.config)
    left = set(config.get("_use_default_values") or ()).intersection(scheduling.HOW)
    own = {key: value for key, value in config.items() if key not in left}
    return {**own, "_class_name": type(theirs).__name__}


def _fill(config: ModelConfig, tensors: Mapping[str, Tensor], networks: Any) -> None:
    names = compile_map(MAPS["diffusers"].rows(config), shapes_of(networks))
    own_shapes = {name.theirs: name.their_shape for name in names.values()}
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    unknown = [name for name in shapes if name not in own_shapes and not MAPS["diffusers"].ignores(name)]
    problems = compare(shapes, own_shapes, unknown=unknown)
    if problems is not None:
        ja, en = problems
        raise WeightsError(
            "diffusers.tensors",
            ja=f"このパイプラインの重みは、モデル {config.name} に合いません。\n{ja}\n"
            "LoRA を読み込んであるときは、先に unload_lora_weights() で外してください"
            "（sdjp では lora_dir で使えます）。",
            en=f"the weights of this pipeline do not fit the model {config.name}.\n{en}\n"
            "If LoRA is loaded into it, call unload_lora_weights() first (sdjp has lora_dir).",
        )
    for ours, tensor in to_ours(names, tensors).items():
        part, _, path = ours.partition(".")
        module, _, leaf = path.rpartition(".")
        # A parameter of our own over the same memory: whether theirs are trained is not changed.
        parameter = nn.Parameter(tensor.detach(), requires_grad=False)
        setattr(getattr(networks, part).get_submodule(module), leaf, parameter)
    for network in networks:
        network.eval()


def from_tokenizer(tokenizer: Any, *, rows: int) -> tuple[ClipTokenizer, dict[str, int]]:
    """Build our tokenizer with the table of one of transformers.

    Args:
        tokenizer: Theirs.
        rows: Of the table of the text encoder.

    Returns:
        Ours, and the tokens that were added to theirs, with their ids.

    Raises:
        WeightsError: If it is not CLIP's, or tokens were added to it that the text encoder has no rows for.
    """
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    for make in (ClipTokenizer.from_assets, lambda: ClipTokenizer.from_merges(_merges(tokenizer))):
        ours = _try(make)
        if ours is not None and ours.vocab_size <= len(vocabulary):
            entries = ours.tokens(range(ours.vocab_size))
            own = {token: i for i, token in enumerate(entries) if vocabulary.get(token) == i}
            added = usable(dict(vocabulary.items() - own.items()), range(ours.vocab_size, rows))
            if len(own) == len(entries) and len(own) + len(added) == len(vocabulary):
                return ours, added
    raise WeightsError(
        "diffusers.tokenizer",
        ja=f"このパイプラインの語彙（{len(vocabulary):,} 語）は CLIP の形ではないか、足された語が"
        f"テキストエンコーダーの表（{rows:,} 行）にありません。"
        "textual inversion を読み込んであるときは、先に unload_textual_inversion() で外してください。",
        en=f"the vocabulary of this pipeline ({len(vocabulary):,} entries) is not of CLIP's form, or entries "
        f"were added to it that the table of the text encoder ({rows:,} rows) does not have. "
        "If textual inversion is loaded, call unload_textual_inversion() first.",
    )


def _merges(tokenizer: Any) -> list[tuple[str, str]]:
    import json

    if hasattr(tokenizer, "bpe_ranks"):  # the slow one
        return sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.__getitem__)
    pairs = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    sides = (pair.split(" ") if isinstance(pair, str) else pair for pair in pairs)
    return [(left, right) for left, right in sides]


def _try(make: Callable[[], ClipTokenizer]) -> ClipTokenizer | None:
    try:
        return make()
    except (AttributeError, KeyError, TypeError, ValueError, WeightsError):
        return None
