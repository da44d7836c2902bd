"""Train an adapter: a reader of Japanese before a text encoder that reads English.

It is shown the tokens that the encoder would get for the English of the same prompt (cross-entropy). Where
all of them are right, the states are those of the English, to which AltCLIP (Chen et al. 2022, arXiv
2211.06679) draws an encoder of its own by their distance. That distance is logged; as a loss beside that of
the tokens it made both worse. Only the text encoder of a model is needed, no picture, and it stays as it is.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp import weights
from sdjp.config import AdapterConfig, CLIPTextConfig, to_json
from sdjp.models import Adapter, CLIPText
from sdjp.text.chunks import chunk
from sdjp.text.normalize import normalize
from sdjp.text.read import to_english
from sdjp.text.tokenizers.base import Tokenizer
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.text.translate.passthrough import PassthroughTranslator
from sdjp.weights.parts import adapter
from sdjp_training.loop import checkpoint, processes, run
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.optim import MuonAdamW, Worker
from sdjp_training.scenes import japanese, keywords
from sdjp_training.scenes.artwork import Artwork
from sdjp_training.translator.pairs import Hidden, table
from sdjp_training.translator.pieces import learn_japanese
from sdjp_training.translator.prompts import Grammar

log = logging.getLogger(__name__)

BATCH: Final = 128
PROMPTS: Final = 100_000
"""Prompts that are made ahead; batches are drawn from them."""
HELD_OUT: Final = 512
SCENES: Final = 0.85
"""Share of prompts about what the embedded model draws; the others come from the translator's grammar."""
ENGLISH: Final = 0.05
"""Share of prompts that are given as they are in English: mixed prompts are common."""
PIECES: Final = 6000
LEAST: Final = 0.03
"""The least that a state counts as differing, as a share of the mean: some never do."""

Pair = tuple[str, str]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Teacher:
    """The text encoder that the adapter stands before.

    Attributes:
        text: The network.
        config: Its sizes.
        tokenizer: Its tokenizer.
        scale: How much each state differs between prompts, (S, 1); errors are relative to it. The states of
            words differ little and tell what to draw, those of the padding differ much and tell where.
    """

    text: CLIPText
    config: CLIPTextConfig
    tokenizer: Tokenizer
    scale: Tensor

    @classmethod
    def of(cls, source: str, sample: list[str]) -> Teacher:
        """Load the text encoder of a model, and look at a sample of English prompts.

        Raises:
            WeightsError: If it is none of CLIP.
        """
        loaded = weights.load(source, dtype=torch.float32)
        text, config = adapter.clip_text(loaded.text, loaded.config.text)
        made = cls(
            text=text.to(torch.get_default_device()),
            config=config,
            tokenizer=loaded.tokenizer,
            scale=torch.ones(()),
        )
        states = made.states(made.ids(sample))
        spread = states.var(dim=0).mean(dim=-1, keepdim=True)
        return dataclasses.replace(made, scale=spread.clamp(min=LEAST * float(spread.mean())))

    def ids(self, english: list[str]) -> Tensor:
        """Tokens (B, S) of prompts; what is too long is cut."""
        return torch.tensor([_ids(text, self.tokenizer) for text in english])

    @torch.no_grad()
    def states(self, ids: Tensor) -> Tensor:
        """States (B, S, P) of tokens (B, S)."""
        states: Tensor = self.text(ids)
        return states.float()

    def unexplained(self, states: Tensor, targets: Tensor) -> Tensor:
        """The squared error of states (B, S, P), relative to how much each differs; 1 for their mean."""
        return ((states.float() - targets).square() / self.scale).mean()

    def to_write(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The targets among tokens (B, S): the tokens after the start (B, n), n up to the last end in
        the batch, and which of them are not behind an end.
        """
        after = ids[:, 1:-1]
        ended = (after == self.tokenizer.end_id).int().cumsum(dim=1)
        count = min(int((ended == 0).sum(dim=1).max()) + 1, after.shape[1])
        return after[:, :count], ended[:, :count] <= 1


def _ids(text: str, tokenizer: Tokenizer) -> list[int]:
    return chunk([(text, 1.0)], tokenizer, max_chunks=1).ids[0]


def scene_pairs(folder: Path, seed: int) -> Iterator[Pair]:
    """Prompts of the embedded model's scenes, and those of the translator's grammar between them."""
    rng = random.Random(seed)
    drawn = japanese.pairs(Artwork(folder / "artwork"), seed, words=_words(folder))
    made_up = Grammar(seed).pairs()
    while True:
        yield next(drawn if rng.random() < SCENES else made_up)


@functools.cache
def _words(folder: Path) -> dict[str, str]:
    """Words without English; both kinds of prompts, held out or not, have the same."""
    return keywords.untranslatable(Artwork(folder / "artwork"), folder / "packages")


def general_pairs(folder: Path, seed: int) -> Iterator[Pair]:
    """Prompts of the translator's grammar, and sentences and words of its tables, a third each."""
    rng = random.Random(seed)
    hidden = Hidden(folder / "pairs")
    tables = [
        table(path, hidden)
        for path in sorted((folder / "pairs").glob("*.tsv"))
        if not path.stem.startswith(("jmdict_words", "jmnedict"))
    ]
    tables = [pairs for pairs in tables if pairs]
    sentences = max(tables, key=len, default=None)
    made_up = Grammar(seed).pairs()
    while True:
        yield next(made_up)
        if sentences is not None:
            yield rng.choice(sentences)
            yield rng.choice(rng.choice(tables))


def normalized(japanese_text: str) -> str:
    """A prompt as the pipeline gives it to the adapter."""
    (read,) = to_english([japanese_text], translator=PassthroughTranslator(reads_japanese=True))
    return read


def _made(pairs: Iterator[Pair], count: int) -> list[Pair]:
    return [(normalized(ja), normalize(english)) for ja, english in itertools.islice(pairs, count)]


def vocabulary(folder: Path, pairs: list[Pair]) -> SentencePieceTokenizer:
    """Read ``folder/sentencepiece.model``; where there is none yet, learn it from ``pairs``."""
    path = folder / "sentencepiece.model"
    if not path.exists():
        both = [ja for ja, _ in pairs] + [english for _, english in pairs]
        path.write_bytes(learn_japanese(both, PIECES))
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
    workers: int = 1,
    threads: int = 1,
) -> None:
    """Train for ``minutes``, resuming from ``adapter.pt`` in ``folder/adapter-<model>``.

    Args:
        folder: Artwork (for the embedded model) or tables of pairs (for another), checkpoints, logs.
        minutes: How long.
        source: The model whose text encoder it is to stand before.
        final: Let the learning rate fall to zero.
        lr: Factor on the learning rates.
        prompts: How many prompts to make ahead.
        sizes: Sizes of :class:`AdapterConfig` other than the usual.
        workers: Processes.
        threads: Threads of each.
    """
    place = target(folder, source)
    place.mkdir(parents=True, exist_ok=True)
    before = checkpoint.load(place / "adapter.pt")
    new = 1 + (0 if before is None else before["step"])  # others than before the break
    pairs_of = _pairs_of(source)
    held_out = _made(pairs_of(folder, 0), HELD_OUT)
    hidden = set(held_out)
    pairs = [pair for pair in _made(pairs_of(folder, new), prompts) if pair not in hidden]
    log.info("%d prompts", len(pairs))
    vocabulary(place, pairs)
    arguments = place, pairs, held_out, minutes, source, final, lr, dict(sizes or {}), threads
    processes.run(_work, *arguments, workers=workers)


def _pairs_of(source: str) -> Callable[[Path, int], Iterator[Pair]]:
    return scene_pairs if source == weights.EMBEDDED_MODEL else general_pairs


def _work(
    place: Path,
    pairs: list[Pair],
    held_out: list[Pair],
    minutes: float,
    source: str,
    final: bool,
    lr: float,
    sizes: Mapping[str, Any],
    threads: int,
) -> None:
    rank, count = processes.rank_and_count()
    torch.set_num_threads(threads)
    pieces = vocabulary(place, pairs)
    teacher = Teacher.of(source, [english for _, english in held_out])
    config = dataclasses.replace(config_for(teacher, pieces), **sizes)
    if rank == 0:
        (place / "config.json").write_text(json.dumps(to_json(config)) + "\n", encoding="utf-8")
    model = begin(config, teacher)
    optimize = optimizer(model, lr)
    worker = Worker(model)

    def loss_of(rng: random.Random) -> Tensor:
        rows = [rng.choice(pairs) for _ in range(BATCH // count)]
        texts = [english if rng.random() < ENGLISH else ja for ja, english in rows]
        ids = teacher.ids([english for _, english in rows])
        targets, counts = teacher.to_write(ids)
        network = worker.network
        written = network.written(batch(texts, pieces), targets.shape[1])
        counts = counts.flatten()
        scores = network.token(written.flatten(0, 1)[counts])
        return F.cross_entropy(scores.float(), targets.flatten()[counts])

    averaged = begin(config, teacher)

    @torch.no_grad()
    def figures(means: Mapping[str, Tensor]) -> dict[str, float]:
        averaged.load_state_dict(means)
        errors, right, every, whole = 0.0, 0, 0, 0
        for i in range(0, len(held_out), BATCH):
            rows = held_out[i : i + BATCH]
            ids = teacher.ids([english for _, english in rows])
            targets, counts = teacher.to_write(ids)
            scores = averaged.token(averaged.written(batch([ja for ja, _ in rows], pieces), targets.shape[1]))
            states = averaged.own(averaged.shares(scores))
            errors += float(teacher.unexplained(states, teacher.states(ids))) * len(rows)
            hit = (scores.argmax(dim=-1) == targets) | ~counts
            right += int((hit & counts).sum())
            every += int(counts.sum())
            whole += int(hit.all(dim=1).sum())
        n = max(1, len(held_out))
        return {"unexplained": errors / n, "tokens": right / max(1, every), "prompts": whole / n}

    clock = Clock(minutes, warm=30, every=180, cooling=0.5 if final else 0)
    run.run(place / "adapter.pt", model, optimize, clock, loss_of, figures, worker=worker)


def batch(texts: list[str], pieces: SentencePieceTokenizer) -> Tensor:
    """Ids (B, L) with one end each, as long as the longest text; what is too long is cut."""
    rows = [_ids(text, pieces) for text in texts]
    longest = max(sum(i != pieces.pad_id for i in row) for row in rows)
    return torch.tensor(rows)[:, :longest]


def config_for(teacher: Teacher, pieces: SentencePieceTokenizer) -> AdapterConfig:
    """The configuration of an adapter of the usual size before the teacher."""
    return AdapterConfig(
        vocab_size=pieces.vocab_size,
        pad_id=pieces.pad_id,
        own=teacher.config,
        start_id=int(teacher.ids([""])[0, 0]),
        end_id=teacher.tokenizer.end_id,
    )


def optimizer(model: Adapter, lr: float = 1.0) -> MuonAdamW:
    """The optimizers of an adapter; ``lr`` is a factor."""
    return MuonAdamW(model, muon_lr=0.01 * lr, adam_lr=0.02 * lr, adam=("embedding", "token"))


def begin(config: AdapterConfig, teacher: Teacher) -> Adapter:
    """A new adapter before the teacher, for which all tokens are alike."""
    torch.manual_seed(0)
    model = Adapter.from_config(config)
    for embedding in (model.piece_embedding, model.position_embedding, model.token_position):
        nn.init.normal_(embedding.weight, std=0.3)
    nn.init.zeros_(model.token.weight)
    nn.init.zeros_(model.token.bias)
    model.own.load_state_dict(teacher.text.state_dict())
    model.own.requires_grad_(False)
    return model


def target(folder: Path, source: str) -> Path:
    """Where the adapter of a model is trained."""
    return folder / f"adapter-{Path(source).stem}"
