"""Go on from weights that were shipped, where the checkpoints of the training are gone.

The averaged weights come back; what the optimizers remembered begins anew. The head of the text encoder,
which does not ship, is fitted when its training begins.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from torch import nn

from sdjp.models import CLIPText
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate.combined import EMBEDDED
from sdjp.weights import load
from sdjp.weights.parts.adapter import VOCABULARY, adapter_folder, its_own, load_adapter
from sdjp.weights.parts.safety_checker import load_checker
from sdjp_training.loop import checkpoint
from sdjp_training.loop.optim import EMA, MuonAdamW
from sdjp_training.release.clip_export import in_own_scale
from sdjp_training.trainers import adapter, autoencoder, checker, diffusion, text_encoder
from sdjp_training.translator import train
from sdjp_training.translator.model import MarianSize, TrainableMarian, trainable_names

SIZES: Final = ("width", "heads", "mlp_width", "read_layers", "write_layers")
"""Those of an adapter that its next training has to keep."""

log = logging.getLogger(__name__)


def restore(folder: Path, source: str | Path = "mini") -> None:
    """Write checkpoints of autoencoder, text encoder, UNet and safety checker from the weights of ``source``.

    What is there below ``folder`` is kept. The byte-pair table comes with the text encoder, whose ids it
    gives.
    """
    loaded = load(source, dtype=torch.float32)
    assert isinstance(loaded.text, CLIPText)
    assert loaded.merges is not None
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "text.pt").exists():
        (folder / "merges.txt").write_bytes(loaded.merges.read_bytes())
        both = text_encoder.with_head(loaded.text)
        _save(folder / "text.pt", both, text_encoder.optimizer(both))
    if not (folder / "autoencoder.pt").exists():
        optimizer = autoencoder.optimizer(loaded.vae)
        _save(folder / "autoencoder.pt", loaded.vae, optimizer, decoder_only=False)
    scale = folder / "latent_scale.json"
    if not scale.exists():  # the one that the UNet has learnt with
        scale.write_text(json.dumps(loaded.config.vae.scaling_factor))
    if not (folder / "unet.pt").exists():
        _save(folder / "unet.pt", loaded.unet, diffusion.optimizer(loaded.unet), samples=0)
    shipped = load_checker(None, model=source)
    if shipped is not None and not (folder / "checker.pt").exists():
        watcher = checker.of_shipped(in_own_scale(shipped.vision), shipped)
        _save(folder / "checker.pt", watcher, checker.optimizer(watcher))


def restore_translator(folder: Path, source: Path = EMBEDDED) -> None:
    """Write vocabularies and ``translator.pt`` to ``folder`` from an exported folder; what is there is kept.

    Args:
        folder: Where the translator will be trained.
        source: A folder that ``export-translator`` wrote.
    """
    if (folder / "translator.pt").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes((source / name).read_bytes())
    settings = json.loads((source / "config.json").read_text(encoding="utf-8"))
    size = MarianSize(
        source_pieces=settings["vocab_size"],
        target_pieces=settings["decoder_vocab_size"],
        width=settings["d_model"],
        inner=settings["encoder_ffn_dim"],
        heads=settings["encoder_attention_heads"],
        encoder_layers=settings["encoder_layers"],
        decoder_layers=settings["decoder_layers"],
    )
    model = TrainableMarian(size)
    model.load_state_dict(trainable_names(load_file(source / "model.safetensors")))
    counts = dict.fromkeys(train.COUNTS, 0)
    _save(folder / "translator.pt", model, train.optimizer(model), size=dataclasses.asdict(size), **counts)


def restore_adapter(folder: Path, model: str, source: str = "mini") -> None:
    """Begin an adapter for ``model`` with that of the model ``source``; what is there is kept.

    Their tables of tokens may differ: a token that both have keeps its weights, one that is new has none yet.

    Args:
        folder: Where it will be trained.
        model: The model that it is for.
        source: The model whose adapter it begins with.
    """
    place = adapter.target(folder, model)
    if (place / "adapter.pt").exists():
        return
    place.mkdir(parents=True, exist_ok=True)
    shipped, new = load(source, dtype=torch.float32), adapter.Teacher.of(model, ["a cat", "a dog"])
    here = adapter_folder(None, model=source)
    before = load_adapter(here, own=shipped.text, encoder=shipped.config.text)
    (place / "sentencepiece.model").write_bytes((here / VOCABULARY).read_bytes())
    config = adapter.config_for(new, before.tokenizer)
    sizes = {name: getattr(before.config, name) for name in SIZES}
    made = adapter.begin(dataclasses.replace(config, **sizes), new)
    kept = {name: tensor for name, tensor in its_own(before.text).items() if not name.startswith("token.")}
    made.load_state_dict(kept, strict=False)
    assert isinstance(shipped.tokenizer, ClipTokenizer)
    assert isinstance(new.tokenizer, ClipTokenizer)
    old, now = (tokens.tokens(range(tokens.vocab_size)) for tokens in (shipped.tokenizer, new.tokenizer))
    known = {token: i for i, token in enumerate(old)}
    rows = [(i, known[token]) for i, token in enumerate(now) if token in known]
    to, of = (torch.tensor(numbers) for numbers in zip(*rows, strict=True))
    with torch.no_grad():
        made.token.bias.fill_(before.text.token.bias.min())  # what is new is not said yet
        made.token.weight[to], made.token.bias[to] = before.text.token.weight[of], before.text.token.bias[of]
    _save(place / "adapter.pt", made, adapter.optimizer(made))


def _save(path: Path, model: nn.Module, optimizer: MuonAdamW, **values: object) -> None:
    checkpoint.save_run(path, model, optimizer, EMA(model), step=0, **values)
    log.info("%s", path)
