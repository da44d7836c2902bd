"""Train an adapter: a text encoder that reads Japanese in the place of one that reads English.

Its states are drawn near to those that the other gives for the English of the same prompt, by their squared
distance, all 77 of them alike: a UNet attends to all (AltCLIP: Chen et al. 2022, arXiv 2211.06679, stage
one). Only the text encoder of a model is needed, no picture.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import random
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from sdjp import weights
from sdjp.config import AdapterConfig, from_json, to_json
from sdjp.models import Adapter, TextEncoder
from sdjp.text import frontend
from sdjp.text.chunks import chunk
from sdjp.text.normalize import normalize
from sdjp.text.sentencepiece import SentencePieceTokenizer
from sdjp.text.tokens import Tokenizer
from sdjp.text.translate.passthrough import PassthroughTranslator
from sdjp.training import checkpoint, japanese, loop, translation_pairs, translation_pieces
from sdjp.training.artwork import Artwork
from sdjp.training.clock import Clock
from sdjp.training.device import mixed_precision
from sdjp.training.optim import MuonAdamW
from sdjp.training.translation_prompts import Grammar
from sdjp.weights.adapter_file import save_adapter

log = logging.getLogger(__name__)

BATCH: Final = 64
PROMPTS: Final = 100_000
"""Prompts that are made ahead; batches are drawn from them."""
HELD_OUT: Final = 512
SCENES: Final = 0.85
"""Share of prompts about what the embedded model draws; the others come from the translator's grammar."""
ENGLISH: Final = 0.05
"""Share of prompts that are given as they are in English: mixed prompts are common."""
PIECES: Final = 6000
LEAST: Final = 0.03
"""What a state differs by at least, as a share of the mean: some never do."""

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teacher:
    """The text encoder whose place is taken.

    Attributes:
        text: The network.
        tokenizer: Its tokenizer.
        empty: Its states for an empty prompt, (S, P).
        scale: How much each state differs between prompts, (S, 1); the loss is relative to it. The states of
            words differ little and tell what to draw, those of the padding differ much and tell where.
    """

    text: TextEncoder
    tokenizer: Tokenizer
    empty: Tensor
    scale: Tensor

    @classmethod
    def of(cls, text: TextEncoder, tokenizer: Tokenizer, sample: list[str]) -> Teacher:
        """Look at a sample of English prompts first."""
        made = cls(text=text, tokenizer=tokenizer, empty=torch.zeros(()), scale=torch.zeros(()))
        states = made.states(sample)
        spread = states.var(dim=0).mean(dim=-1, keepdim=True)
        scale = spread.clamp(min=LEAST * float(spread.mean()))
        return dataclasses.replace(made, empty=made.states([""])[0], scale=scale)

    def unexplained(self, states: Tensor, wanted: Tensor) -> Tensor:
        """The squared error of states (B, S, P), relative to how much each differs; 1 for their mean."""
        return ((states.float() - wanted).square() / self.scale).mean()

    @torch.no_grad()
    def states(self, english: list[str]) -> Tensor:
        """States (B, S, P) of prompts; what is too long is cut."""
        states: Tensor = self.text(torch.tensor([_ids(text, self.tokenizer) for text in english]))
        return states.float()


def _ids(text: str, tokenizer: Tokenizer) -> list[int]:
    return chunk([(text, 1.0)], tokenizer, max_chunks=1).ids[0]


def scene_pairs(folder: Path, seed: int) -> Iterator[Pair]:
    """Prompts of the embedded model's scenes, and those of the translator's grammar between them."""
    rng = random.Random(seed)
    drawn = japanese.pairs(Artwork(folder / "artwork"), seed)
    made_up = Grammar(seed).pairs()
    while True:
        yield next(drawn if rng.random() < SCENES else made_up)


def general_pairs(folder: Path, seed: int) -> Iterator[Pair]:
    """Prompts of the translator's grammar, and sentences and words of its tables, a third each."""
    rng = random.Random(seed)
    hidden = translation_pairs.Hidden(folder / "pairs")
    tables = [
        translation_pairs.table(path, hidden)
        for path in sorted((folder / "pairs").glob("*.tsv"))
        if not path.stem.startswith(("jmdict_words", "jmnedict"))
    ]
    tables = [table for table in tables if table]
    sentences = max(tables, key=len, default=None)
    made_up = Grammar(seed).pairs()
    while True:
        yield next(made_up)
        if sentences is not None:
            yield rng.choice(sentences)
            yield rng.choice(rng.choice(tables))


def normalized(japanese_text: str) -> str:
    """A prompt as the pipeline gives it to the adapter."""
    (read,) = frontend.to_english([japanese_text], translator=PassthroughTranslator(reads_japanese=True))
    return read


def vocabulary(folder: Path, pairs: list[Pair]) -> SentencePieceTokenizer:
    """Read ``folder/sentencepiece.model``; where there is none yet, learn it from ``pairs``."""
    path = folder / "sentencepiece.model"
    if not path.exists():
        both = [ja for ja, _ in pairs] + [english for _, english in pairs]
        path.write_bytes(translation_pieces.learn_japanese(both, PIECES))
    return SentencePieceTokenizer.plain(path)


def train(
    folder: Path,
    *,
    minutes: float,
    source: str = "mini",
    final: bool = False,
    lr: float = 1.0,
    prompts: int = PROMPTS,
    sizes: Mapping[str, Any] | None = None,
) -> None:
    """Train for ``minutes``, resuming from ``adapter.pt`` in ``folder/adapter-<model>``.

    Args:
        folder: Artwork (for the embedded model) or tables of pairs (for another), checkpoints, logs.
        minutes: How long.
        source: The model whose text encoder is taken the place of.
        final: Let the learning rate fall to zero.
        lr: Factor on the learning rates.
        prompts: How many prompts to make ahead.
        sizes: Sizes of :class:`AdapterConfig` other than the usual.
    """
    place = target(folder, source)
    place.mkdir(parents=True, exist_ok=True)
    made = scene_pairs if source in weights.EMBEDDED else general_pairs
    pairs = list(itertools.islice(made(folder, 1), prompts))
    pairs = [(normalized(ja), normalize(english)) for ja, english in pairs]
    log.info("%d prompts", len(pairs))
    held_out, pairs = pairs[:HELD_OUT], [p for p in pairs[HELD_OUT:] if p not in set(pairs[:HELD_OUT])]
    pieces = vocabulary(place, pairs)
    loaded = weights.load(source, dtype=torch.float32)
    text = loaded.text.to(torch.get_default_device())
    teacher = Teacher.of(text, loaded.tokenizer, [english for _, english in held_out])
    config = AdapterConfig(
        vocab_size=pieces.vocab_size,
        projection=teacher.empty.shape[1],
        pad_id=pieces.pad_id,
    )
    config = dataclasses.replace(config, **(sizes or {}))
    (place / "config.json").write_text(json.dumps(to_json(config)) + "\n", encoding="utf-8")
    model = begin(config, teacher)
    optimize = MuonAdamW(model, muon_lr=0.02 * lr, adam_lr=2e-3 * lr, adam=("embedding", "projection"))

    def loss_of(rng: random.Random) -> Tensor:
        rows = [rng.choice(pairs) for _ in range(BATCH)]
        said = [english if rng.random() < ENGLISH else ja for ja, english in rows]
        with mixed_precision():
            wanted = teacher.states([english for _, english in rows])
            states = model(batch(said, pieces))
        return teacher.unexplained(states, wanted)

    averaged = begin(config, teacher)

    @torch.no_grad()
    def figures(means: Mapping[str, Tensor]) -> dict[str, float]:
        averaged.load_state_dict(means)
        errors = []
        for i in range(0, len(held_out), BATCH):
            rows = held_out[i : i + BATCH]
            wanted = teacher.states([english for _, english in rows])
            states = averaged(batch([ja for ja, _ in rows], pieces))
            errors.append(float(teacher.unexplained(states, wanted)) * len(rows))
        return {"unexplained": sum(errors) / max(1, len(held_out))}

    clock = Clock(minutes, warm=30, every=180, cooling=0.5 if final else 0)
    loop.run(place / "adapter.pt", model, optimize, clock, loss_of, figures)


def export(folder: Path, to: Path, *, source: str = "mini") -> None:
    """Write the averaged weights to ``to``, as ``translator="adapter:<to>"`` reads them.

    Raises:
        FileNotFoundError: If there are none.
    """
    place = target(folder, source)
    state = checkpoint.load(place / "adapter.pt")
    if state is None:
        raise FileNotFoundError(f"{place / 'adapter.pt'} is not there: python -m sdjp.training adapter")
    config = from_json(AdapterConfig, json.loads((place / "config.json").read_text(encoding="utf-8")))
    model = Adapter.from_config(config)
    model.load_state_dict(state["ema"])
    save_adapter(to, model, config, (place / "sentencepiece.model").read_bytes())
    last = json.loads((place / "adapter.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    figures = {
        "model": Path(source).name,
        "parameters": f"{sum(p.numel() for p in model.parameters()) / 1e6:.1f}",
        "step": f"{state['step']:,}",
        "unexplained": f"{last['unexplained']:.3f}",
    }
    card = (files("sdjp.training") / "adapter_card.md").read_text(encoding="utf-8")
    for name, value in figures.items():
        card = card.replace(f"{{{name}}}", value)
    (to / "README.md").write_text(card, encoding="utf-8")


def batch(texts: list[str], pieces: SentencePieceTokenizer) -> Tensor:
    """Ids (B, L) with one end each, as long as the longest text; what is too long is cut."""
    rows = [_ids(text, pieces) for text in texts]
    longest = max(sum(i != pieces.pad_id for i in row) for row in rows)
    return torch.tensor(rows)[:, :longest]


def begin(config: AdapterConfig, teacher: Teacher) -> Adapter:
    """A new adapter, which gives the states of the empty prompt for every text."""
    torch.manual_seed(0)
    model = Adapter.from_config(config)
    for embedding in (model.piece_embedding, model.position_embedding, model.state_embedding):
        nn.init.normal_(embedding.weight, std=0.3)
    nn.init.zeros_(model.projection.weight)
    nn.init.zeros_(model.projection.bias)
    model.empty.copy_(teacher.empty)
    return model


def target(folder: Path, source: str) -> Path:
    """Where the adapter of a model is trained."""
    return folder / f"adapter-{Path(source).stem}"
