"""An autoencoder of its own in the place of the one that a model has.

It is published as a file of the original (``vae-ft-mse-840000-ema-pruned.ckpt``: the names of a checkpoint,
with or without ``first_stage_model.`` before them), or as a folder of diffusers' ``AutoencoderKL``. A whole
model will do, too: its autoencoder is taken.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import torch

from sdjp.config import ModelConfig, VAEConfig
from sdjp.errors import WeightsError
from sdjp.models import VAE
from sdjp.weights.checkpoint import Stored, by_name, own_config
from sdjp.weights.configs import bounds, diffusers
from sdjp.weights.configs.infer import vae_from_shapes
from sdjp.weights.files.faults import FILE, Fault, Invalid, faults_of, texts_of
from sdjp.weights.files.json_file import read_json
from sdjp.weights.files.readers import open_file
from sdjp.weights.files.tensorfile import TensorFile
from sdjp.weights.match import Match
from sdjp.weights.names.compare import compare
from sdjp.weights.names.keymap import compile_map
from sdjp.weights.names.maps import MAPS, ldm
from sdjp.weights.networks import Unfilled
from sdjp.weights.source import from_hub, is_hub_id, locate, weight_file

FOLDER: Final = "vae"
"""Folder of the autoencoder in a diffusers folder."""
PREFIX: Final = {"ldm": ldm.VAE, "diffusers": f"{FOLDER}/"}
"""What its names begin with, by layout."""
NETWORK: Final = ("encoder.", "decoder.", "quant_conv.", "post_quant_conv.")
"""What they begin with after that."""
CLASSES: Final = (None, "AutoencoderKL")


class _Place(NamedTuple):
    """Its files."""

    weights: Path
    config: Path


def with_vae(matching: Match, source: str | Path) -> Match:
    """Put an autoencoder of its own in the place of the model's; its weights are not read yet.

    Args:
        matching: The model.
        source: Its file or folder; a file or folder of a whole model; or a hub id such as
            ``"stabilityai/sd-vae-ft-mse"``. Where no configuration comes with it, the scaling factor is the
            model's.

    Raises:
        WeightsError: If it cannot be read, or does not fit the model; all that is wrong is in one message.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    place = _find(source)
    with faults_of(place.weights):
        return _placed(matching, open_file(place.weights), place)


# Finding it.


def _find(source: str | Path) -> _Place:
    path = (from_hub(str(source), hub_files) if is_hub_id(source) else locate(source)).path
    if not path.is_dir():
        return _Place(path, path.parent / "config.json")
    for folder in (path / FOLDER, path):
        chosen = weight_file(os.listdir(folder)) if folder.is_dir() else None
        if chosen is not None and not chosen.endswith(".json"):  # none is large enough for shards
            return _Place(folder / chosen, folder / "config.json")
    raise WeightsError(
        "vae.folder",
        ja=f"フォルダー {path} に VAE の重みがありません。diffusion_pytorch_model.safetensors などのある"
        "フォルダーか、VAE のファイルを指定してください。",
        en=f"there are no weights of a VAE in the folder {path}. Give a folder that has a "
        "diffusion_pytorch_model.safetensors or the like, or a file of a VAE.",
    )


def hub_files(names: Iterable[str]) -> list[str]:
    """Choose the files of an autoencoder in a repository: of a whole model, or of an autoencoder alone."""
    paths = [PurePosixPath(name) for name in names]
    for folder in (PurePosixPath(FOLDER), PurePosixPath(".")):
        inside = [path.name for path in paths if path.parent == folder]
        chosen = weight_file(inside)
        if chosen is not None and not chosen.endswith(".json"):
            return [str(folder / name) for name in ("config.json", chosen) if name in inside]
    return []


# Fitting it in.


def _placed(matching: Match, file: TensorFile, place: _Place) -> Match:
    layout, tensors, others = _tensors(file)
    model = matching.checkpoint.config
    config = _config(layout, tensors, file, place, model)
    _check(config, model)
    try:
        with torch.device("meta"), Unfilled():
            network = VAE.from_config(config)
    except (TypeError, ValueError, ArithmeticError, RuntimeError) as error:
        raise _no_vae(str(error), str(error)) from error
    shapes = {f"vae.{name}": tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    names = compile_map(MAPS[layout].rows(dataclasses.replace(model, vae=config)), shapes)
    chosen = {ours: name.theirs for ours, name in names.items()}
    own = tuple(PREFIX[layout] + part for part in NETWORK)
    left = sorted(set(tensors) - set(chosen.values()))
    problems = compare(
        {name: stored.entry.shape for name, stored in tensors.items()},
        {name.theirs: name.their_shape for name in names.values()},
        unknown=[name for name in left if name.startswith(own)],
    )
    if problems is not None:
        raise _unfit(model, *problems)

    def others_of(found: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in found.items() if not name.startswith("vae.")}

    checkpoint = matching.checkpoint
    return dataclasses.replace(
        matching,
        checkpoint=dataclasses.replace(
            checkpoint,
            config=dataclasses.replace(model, vae=config),
            files=(*checkpoint.files, place.weights),
        ),
        networks=matching.networks._replace(vae=network),
        shapes={**others_of(dict(matching.shapes)), **shapes},
        tensors={
            **others_of(dict(matching.tensors)),
            **{ours: tensors[theirs] for ours, theirs in chosen.items()},
        },
        ignored=(*matching.ignored, *left, *others),
    )


def _tensors(file: TensorFile) -> tuple[str, dict[str, Stored], list[str]]:
    """The layout; the tensors of the autoencoder, as its map names them; other names in the file."""
    prefixed = [name for name in file.entries if name.startswith(ldm.VAE)]
    names = {name: name.removeprefix(ldm.VAE) for name in prefixed or file.entries}
    theirs = any(name.startswith(("encoder.down_blocks.", "decoder.up_blocks.")) for name in names.values())
    layout = "diffusers" if theirs else "ldm"
    tensors = by_name(layout, ((PREFIX[layout] + plain, Stored(file, name)) for name, plain in names.items()))
    return layout, tensors, sorted(set(file.entries) - set(names))


def _config(
    layout: str, tensors: dict[str, Stored], file: TensorFile, place: _Place, model: ModelConfig
) -> VAEConfig:
    """The configuration that comes with it; else what the shapes tell, the rest being as in the model."""
    own = own_config(file.metadata.get("sdjp.config"), [place.config], layout=layout, tensors=len(tensors))
    if own is not None:
        return own.vae
    try:
        settings = _settings(place.config) if layout == "diffusers" and place.config.is_file() else None
        if settings is not None:
            config = diffusers.vae_of(settings)
            bounds.check(config, tensors=len(tensors))
            return config
        block = {"block": "encoder.down_blocks.{}.resnets.{}.conv2.weight"} if layout == "diffusers" else {}
        shapes = {name: stored.entry.shape for name, stored in tensors.items()}
        config = vae_from_shapes(shapes, prefix=PREFIX[layout], **block)
    except KeyError as error:
        raise _no_vae(f"{error.args[0]} がありません", f"{error.args[0]} is missing") from error
    except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
        raise _no_vae(*texts_of(error)) from error
    return dataclasses.replace(
        config, norm_groups=model.vae.norm_groups, scaling_factor=model.vae.scaling_factor
    )


def _settings(path: Path) -> dict[str, Any] | None:
    """The settings of an autoencoder; None if the file holds those of something else."""
    settings = read_json(path)
    if not isinstance(settings, dict) or "block_out_channels" not in settings:
        return None
    wrong = diffusers.wrong_settings("vae", settings)
    kind = settings.get("_class_name")
    wrong += [] if kind in CLASSES else [f"_class_name = {kind!r}"]
    if wrong:
        raise Invalid(f"{path} の {', '.join(wrong)}", f"{', '.join(wrong)} in {path}")
    return settings


def _check(config: VAEConfig, model: ModelConfig) -> None:
    """Refuse latents and pictures of another kind than the model's."""
    numbers = (
        (
            "潜在表現のチャンネル",
            "channels of the latents",
            config.latent_channels,
            model.vae.latent_channels,
        ),
        ("縮小率", "downsampling factor", config.factor, model.vae.factor),
        ("絵のチャンネル", "channels of pictures", config.in_channels, model.vae.in_channels),
    )
    wrong = [(ja, en, own, needed) for ja, en, own, needed in numbers if own != needed]
    if wrong:
        raise _unfit(
            model,
            "\n".join(f"  {ja}: {own}（モデルは {needed}）" for ja, _, own, needed in wrong),
            "\n".join(f"  {en}: {own} (the model needs {needed})" for _, en, own, needed in wrong),
        )


def _unfit(model: ModelConfig, ja: str, en: str) -> Fault:
    channels, factor = model.vae.latent_channels, model.vae.factor
    return Fault(
        "vae.fit",
        ja=f"VAE {FILE} は、モデル {model.name} に使えません。\n{ja}\n"
        f"潜在表現が {channels} チャンネル、縮小率が {factor} の、欠けのない VAE を指定してください。",
        en=f"the VAE {FILE} cannot be used with the model {model.name}.\n{en}\n"
        f"Give a complete VAE whose latents have {channels} channels and whose factor is {factor}.",
    )


def _no_vae(ja: str, en: str) -> Fault:
    return Fault(
        "vae.kind",
        ja=f"{FILE} を VAE（AutoencoderKL）として読めません: {ja}。"
        "元の実装か diffusers の名前で書かれた VAE を指定してください。",
        en=f"cannot read {FILE} as a VAE (AutoencoderKL): {en}. "
        "Give a VAE with the names of the original or of diffusers.",
    )
