"""Load a model: find its weights, check them completely, put them in place.

The networks are built on the meta device, and each tensor is read from the mapped file, converted and
assigned: the peak of memory stays near the size of the weights in the dtype that was asked for. Where nothing
has to be converted, the weights stay in the map and share its memory. On demand, only the table of contents
is read here, and each network when its turn comes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from sdjp.config import ModelConfig
from sdjp.device import resolve_dtype
from sdjp.models import VAE, TextEncoder, UNet
from sdjp.text.neighbours import FILE as WORDS
from sdjp.text.neighbours import Words
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.weights.checkpoint import Ema, open_checkpoint
from sdjp.weights.configs.ldm_yaml import read_ldm_yaml
from sdjp.weights.known import sha256
from sdjp.weights.licence import licence_of
from sdjp.weights.match import Match, match
from sdjp.weights.on_demand import OnDemand
from sdjp.weights.own_vae import with_vae
from sdjp.weights.source import Source, locate
from sdjp.weights.vocabulary import unused_tokens


@dataclass(frozen=True, kw_only=True)
class LoadReport:
    """A report of a load.

    Attributes:
        source: The name or path that was asked for.
        layout: ``"ldm"`` or ``"diffusers"``.
        ema_used: Whether the averaged weights were taken.
        dtype: The dtype of the weights now; None if each has that of the file.
        ignored: Names in the file that were not used.
        files: The files that were read.
        notes: What of a model's settings or tokens is not used, in Japanese and in English.
        vae: The name or path of the autoencoder in place of the model's; None: it has its own.
        licence: The licence of the model, if it tells it itself or was asked for by a published name.
    """

    source: str
    layout: str
    ema_used: bool
    dtype: torch.dtype | None
    ignored: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    vae: str | None = None
    licence: str | None = None

    def sha256(self) -> dict[str, str]:
        """Return the SHA-256 of each file, by its path; reads all of them."""
        return {str(path): sha256(path) for path in self.files}


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A model, ready to run: in eval mode, without gradients.

    Attributes:
        unet: The denoiser.
        vae: The autoencoder.
        text: The text encoder.
        config: What they are made of.
        report: How they were read.
        tokenizer: What gives the text encoder its ids.
        tokens: Tokens that were added in training, and their rows in the table of the text encoder.
        merges: The byte-pair table of the tokenizer, where the model has one of its own.
        words: The words that the model knows, where its folder tells.
        written: What an adapter writes to the text encoder behind it; None without one.
        on_demand: Has the weights of ``"unet"``, ``"vae"`` and ``"text"`` in memory while in use, where
            that was asked for.
        give_back: To be called with the name of a weight (``"unet.conv_in.weight"``) that nobody reads any
            more: its pages of the mapped file go back to the system.
    """

    unet: UNet
    vae: VAE
    text: TextEncoder
    config: ModelConfig
    report: LoadReport
    tokenizer: Tokenizer = field(default_factory=ClipTokenizer.from_assets)
    tokens: Mapping[str, int] = field(default_factory=dict)
    merges: Path | None = None
    words: Words | None = None
    written: Tokenizer | None = None
    on_demand: OnDemand = field(default_factory=OnDemand)
    give_back: Callable[[str], None] = lambda name: None


def load(
    source: str | Path | Source,
    *,
    dtype: torch.dtype | str | None = None,
    device: torch.device | str = "cpu",
    ema: Ema = "auto",
    config: str | Path | None = None,
    vae: str | Path | None = None,
    on_demand: OnDemand | None = None,
) -> Loaded:
    """Load a model.

    Args:
        source: ``"mini"`` (the embedded model); a ``.safetensors``, ``.ckpt``, ``.pt`` or ``.bin`` file with
            the original names; a folder with such a ``model.safetensors``; a diffusers folder; or a hub id. A
                :class:`~sdjp.weights.source.Source` is not searched for again.
        dtype: Dtype of all weights; None keeps those of the file.
        device: Where to put the weights.
        ema: Which weights of a full checkpoint: the averaged ones where there are any, or always, or never.
        config: A configuration of the original (YAML) in place of what the weights tell of themselves; its
            ``use_ema`` decides where ``ema`` is ``"auto"``.
        vae: An autoencoder in place of the model's: a file, a folder or a hub id; see
            :func:`sdjp.weights.own_vae.with_vae`.
        on_demand: Read no weights now; this will, each network when it is used.

    Raises:
        InputError: If the dtype or the configuration is not usable.
        WeightsError: If the weights are missing, of another kind, damaged or unsafe.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    device = torch.device(device)
    chosen = None if dtype is None else resolve_dtype(dtype, device)
    ldm_config = None if config is None else read_ldm_yaml(config)
    if ldm_config is not None and ldm_config.use_ema is not None and ema == "auto":
        ema = ldm_config.use_ema
    opened = open_checkpoint(locate(source).path, ema=ema)
    if ldm_config is not None:
        opened = dataclasses.replace(opened, config=ldm_config.applied_to(opened.config))
    tokenizer = opened.vocabulary.tokenizer(opened.config.text)
    matching = match(opened, ema=ema)
    if vae is not None:
        matching = with_vae(matching, vae)
    for part in matching.networks._asdict():
        _fill(matching, part, chosen, device, on_demand)
    checkpoint, networks = matching.checkpoint, matching.networks
    report = LoadReport(
        source=str(source),
        layout=checkpoint.layout,
        ema_used=matching.ema_used,
        dtype=chosen,
        ignored=matching.ignored,
        files=checkpoint.files,
        notes=checkpoint.notes + unused_tokens(opened.vocabulary, tokenizer, opened.config.text),
        vae=None if vae is None else str(vae),
        licence=licence_of(source, checksums=False).name,
    )
    return Loaded(
        unet=networks.unet,
        vae=networks.vae,
        text=networks.text,
        config=checkpoint.config,
        report=report,
        tokenizer=tokenizer,
        tokens=opened.vocabulary.tokens(tokenizer, opened.config.text),
        merges=checkpoint.vocabulary.merges,
        words=_words(checkpoint.vocabulary.merges),
        on_demand=OnDemand() if on_demand is None else on_demand,
        give_back=matching.give_back,
    )


def _words(merges: Path | None) -> Words | None:
    """The table of words beside a tokenizer of the model's own."""
    path = None if merges is None else merges.parent / WORDS
    return Words.read(path) if path is not None and path.is_file() else None


def _fill(
    matching: Match, part: str, dtype: torch.dtype | None, device: torch.device, later: OnDemand | None
) -> None:
    """Put the weights of one network in place, now or later."""
    network: nn.Module = getattr(matching.networks, part)

    def read(name: str) -> Tensor:
        return matching.read(f"{part}.{name}", dtype=dtype, device=device)

    if later is not None:
        later.add(
            part,
            network,
            read,
            give_back=lambda name: matching.give_back(f"{part}.{name}"),
            dtype=lambda name: matching.tensors[f"{part}.{name}"].entry.dtype if dtype is None else dtype,
            device=device,
        )
        return

    def place(name: str) -> tuple[Path, int]:
        stored = matching.tensors[f"{part}.{name}"]
        return stored.file.path, stored.entry.start

    names = sorted(network.state_dict(), key=place)  # as they lie on the disk
    tensors: dict[str, Tensor] = {}
    for i, name in enumerate(names):
        tensors[name] = read(name)
        # A page that is read brings its neighbours, which may be those of a tensor that is done.
        for done in names[max(0, i - 1) : i + 1]:
            matching.give_back(f"{part}.{done}")
    network.load_state_dict(tensors, strict=True, assign=True)
    network.eval().requires_grad_(False)
