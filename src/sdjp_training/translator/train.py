"""Train the translator: a small Marian model from Japanese to English.

Several processes share a step. An epoch is the same for any number of them, and a run that resumes
goes on with the very next batch.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sdjp.text.normalize import normalize
from sdjp.text.read import to_english
from sdjp.text.translate.base import Translation
from sdjp.text.translate.beam_search import beam_search
from sdjp.text.translate.marian_network import Marian
from sdjp_training.loop import processes
from sdjp_training.loop.clock import Clock
from sdjp_training.loop.device import here
from sdjp_training.loop.optim import Muon, MuonAdamW, Worker, orthogonalise
from sdjp_training.loop.run import Training
from sdjp_training.translator import pairs, scores
from sdjp_training.translator.model import END, PAD, MarianSize, TrainableMarian
from sdjp_training.translator.pieces import SOURCE_PIECES, TARGET_PIECES, Pieces, Tokens, vocabularies
from sdjp_training.translator.prompts import Grammar

log = logging.getLogger(__name__)

BATCH: Final = 2048
"""Pieces in one batch, both languages together."""
BATCHES: Final = 8
"""Batches of one step, over all workers; each of another range of lengths."""
SMOOTHING: Final = 0.1
MakeUp: TypeAlias = Callable[[int], Tokens]
"""Makes prompts for an epoch."""
MADE_UP: Final = 15_000
"""Prompts that each epoch gets from the grammar."""
JUDGED: Final = 300
"""Sentences of the test set that the log's figures are from."""
COUNTS: Final = ("epoch", "place", "pieces", "seconds")
"""What a checkpoint counts beside its steps."""
_JUDGE_EVERY: Final = 1800.0
_SEED: Final = 11


class SharedMuon(Muon):
    """Muon whose orthogonalisation, its greater part, is shared out among the workers."""

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]
        """Update every matrix; all workers have the same gradients and end with the same weights."""
        (group,) = self.param_groups
        rank, workers = processes.rank_and_count()
        updates = []
        for i, p in enumerate(group["params"]):
            state = self.state[p]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(p)
            momentum = state["momentum"].lerp_(p.grad, 1 - group["momentum"])
            mine = i % workers == rank
            update = p.grad.lerp(momentum, group["momentum"])
            updates.append(orthogonalise(update) if mine else torch.zeros_like(p))
        processes.add_up(updates)
        for p, update in zip(group["params"], updates, strict=True):
            p.mul_(1 - group["lr"] * group["decay"])
            p.add_(update, alpha=-group["lr"] * max(1.0, p.shape[0] / p.shape[1]) ** 0.5)


@dataclasses.dataclass(frozen=True)
class Epoch:
    """The pairs that one epoch shows, in the order it shows them.

    Attributes:
        tokens: All its pairs.
        steps: Of each step its batches, of each batch the numbers of its pairs.
    """

    tokens: Tokens
    steps: list[list[NDArray[np.int64]]]

    @staticmethod
    def make(tables: dict[str, Tokens], number: int, make_up: MakeUp | None = None) -> Epoch:
        """Mix the tables by their weights; the same number gives the same epoch.

        Args:
            tables: The pairs.
            number: The number of the epoch.
            make_up: Makes prompts for this epoch alone.
        """
        rng = np.random.default_rng((_SEED, number))
        if make_up is not None:
            tables = {**tables, "made up": make_up(number)}
        tokens = Tokens.join(list(tables.values()))
        rows, first = [], 0
        for name, table in tables.items():
            whole, part = divmod(pairs.WEIGHTS.get(name, 1.0), 1)
            some = rng.permutation(len(table))[: round(part * len(table))]
            rows += [np.arange(len(table)) + first] * int(whole) + [some + first]
            first += len(table)
        batches = _batches(np.concatenate(rows), tokens, rng)
        # A step takes one batch of each eighth, the shortest sentences to the longest: all steps are alike.
        parts = np.array_split(np.arange(len(batches)), min(BATCHES, len(batches)))
        groups = [part[rng.permutation(len(part))] for part in parts]
        steps = zip(*groups, strict=False)
        return Epoch(tokens, [[batches[i] for i in step] for step in steps])

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Ids of one batch, (B, L) and (B, M); the second is padded."""
        t = self.tokens
        source = _padded(t.source, t.source_start, rows)
        target = _padded(t.target, t.target_start, rows)
        return here(torch.from_numpy(source)), here(torch.from_numpy(target))

    def lengths(self, rows: NDArray[np.int64]) -> tuple[int, int]:
        """How many pieces of English there are in some pairs, and of both languages."""
        source, target = (
            np.diff(start)[rows].sum() for start in (self.tokens.source_start, self.tokens.target_start)
        )
        return int(target), int(source + target)


def _batches(rows: NDArray[np.int64], tokens: Tokens, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Put pairs of one source length, and about one target length, together; from short to long."""
    source = np.diff(tokens.source_start)[rows]
    target = np.diff(tokens.target_start)[rows]
    order = np.lexsort((rng.random(len(rows)), target, source))
    rows, source, target = rows[order], source[order], target[order]
    ends = np.searchsorted(source, source, side="right")
    batches, start = [], 0
    while start < len(rows):
        end = min(ends[start], start + max(1, BATCH // (source[start] + target[start])))
        end = min(end, start + max(1, BATCH // (source[start] + target[end - 1])))
        batches.append(rows[start:end])
        start = end
    return batches


def _padded(flat: NDArray[np.uint16], start: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Ids of some sentences, each as long as the longest."""
    lengths = start[rows + 1] - start[rows]
    places = np.arange(lengths.max())
    ids = flat[np.minimum(start[rows, None] + places, len(flat) - 1)].astype(np.int64)
    return np.where(places < lengths[:, None], ids, PAD)


def optimizer(model: TrainableMarian, lr: float = 1.0) -> MuonAdamW:
    """Muon for matrices, shared out among the workers, AdamW for the rest; ``lr`` multiplies their rates."""
    made = MuonAdamW(model, muon_lr=0.02 * lr, adam_lr=2e-3 * lr, adam=("embed_tokens",))
    made.optimizers[0] = SharedMuon(made.optimizers[0].param_groups[0]["params"], lr=0.02 * lr, decay=0.05)
    return made


class Run(Training):
    """A model in training, with all that a checkpoint keeps.

    Args:
        folder: Where checkpoints go; an older one is gone on with.
        size: The sizes of the model.
        tables: The pairs.
        make_up: Makes prompts for each epoch.
        lr: Factor on the learning rates.
    """

    def __init__(
        self,
        folder: Path,
        size: MarianSize,
        tables: dict[str, Tokens],
        *,
        make_up: MakeUp | None = None,
        lr: float = 1.0,
    ) -> None:
        torch.manual_seed(_SEED)
        self.model = TrainableMarian(size)
        self.worker = Worker(self.model)
        super().__init__(
            folder / "translator.pt",
            self.model,
            optimizer(self.model, lr),
            worker=self.worker,
            decay=0.998,
            counts=dict.fromkeys(COUNTS, 0),
            settings={"size": dataclasses.asdict(size)},
        )
        self.tables, self.make_up = tables, make_up
        self.epoch = Epoch.make(tables, self.counts["epoch"], make_up)
        self.counts["place"] %= len(self.epoch.steps)  # the tables may have changed meanwhile
        self.seen = 0

    def learn(self, _: float = 0.0) -> float:
        """Add the gradients of a step; return the loss per piece of English, in nats."""
        rank, workers = processes.rank_and_count()
        batches = self.epoch.steps[self.counts["place"]]
        english, pieces = self.epoch.lengths(np.concatenate(batches))
        total = torch.zeros(1)
        for i, rows in enumerate(batches):
            turn = i % (2 * workers)
            if rank != min(turn, 2 * workers - 1 - turn):  # dealt out there and back, so that all get as much
                continue
            loss = self.worker.network.loss(*self.epoch.batch(rows), SMOOTHING) / english
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        processes.add_up([total])
        self.counts["place"] += 1
        self.counts["pieces"] += pieces
        self.seen += pieces
        if self.counts["place"] == len(self.epoch.steps):
            self.counts["epoch"] += 1
            self.counts["place"] = 0
            self.epoch = Epoch.make(self.tables, self.counts["epoch"], self.make_up)
        return float(total)

    def averaged(self) -> TrainableMarian:
        """The model with its averaged weights."""
        model = TrainableMarian(self.model.size)
        model.load_state_dict(self.ema.weights)
        return model.eval()


class Draft:
    """A model as a translator, without what the product does around it; greedy."""

    name = "draft"

    def __init__(self, network: Marian, pieces: Pieces) -> None:
        self.network, self.pieces = network, pieces

    def translate(self, texts: Sequence[str]) -> list[Translation]:
        """Translate normalized texts."""
        tokens = self.pieces.encode([(text, "a") for text in texts], longest=None)
        lengths = np.diff(tokens.source_start)
        english = [""] * len(texts)
        for rows in np.array_split(np.argsort(lengths), -(-len(texts) // 64) or 1):
            ids = _padded(tokens.source, tokens.source_start, rows)
            written = beam_search(
                self.network,
                input_ids=ids,
                attention_mask=ids != PAD,
                max_new_tokens=min(17 + 2 * ids.shape[1], 121),
                num_beams=1,
            )
            said = self.pieces.target.decode([row[1 : row.index(END, 1)] for row in written.tolist()])
            for row, text in zip(rows, said, strict=True):
                english[row] = text or texts[row]
        return [
            Translation(source=text, english=said, translator=self.name)
            for text, said in zip(texts, english, strict=True)
        ]


def judge(draft: Draft, tests: list[tuple[str, str]], prompts: list[tuple[str, str]]) -> dict[str, float]:
    """BLEU and chrF on sentences and on prompts; each sentence is translated whole."""
    figures: dict[str, float] = {}
    sentences = [t.english for t in draft.translate([normalize(ja) for ja, _ in tests])]
    for name, examples, english in (
        ("test", tests, sentences),
        ("prompts", prompts, to_english([ja for ja, _ in prompts], translator=draft)),
    ):
        if examples:
            references = [reference for _, reference in examples]
            figures[f"{name}_bleu"] = scores.bleu(english, references)
            figures[f"{name}_chrf"] = scores.chrf(english, references)
    return figures


def prepare(folder: Path, tables: Path, hidden: pairs.Hidden, made_up: int) -> dict[str, Tokens]:
    """Read the tables, learn the vocabularies, and keep what was read as numbers in ``folder/tokens``.

    Args:
        folder: Where to keep it; a table is read again when it is newer than its numbers.
        tables: The tables of pairs.
        hidden: The pairs that are left out.
        made_up: Prompts from the grammar that the vocabularies are learnt from, too.
    """
    kept = folder / "tokens"
    kept.mkdir(parents=True, exist_ok=True)
    paths = {path.stem: path for path in sorted(tables.glob("*.tsv"))}
    read = {"lexicon": pairs.lexicon(hidden), "corpus": pairs.corpus(hidden)}
    for name, path in paths.items():
        tokens = kept / f"{name}.npz"
        if not tokens.exists() or tokens.stat().st_mtime < path.stat().st_mtime:
            read[name] = pairs.table(path, hidden)
            log.info("%s: %d pairs", name, len(read[name]))
    examples = [pair for rows in read.values() for pair in rows]
    if not (folder / "source.spm").exists():
        examples += _made_up(hidden, made_up, -1)
    pieces = vocabularies(folder, examples, source=SOURCE_PIECES, target=TARGET_PIECES)
    for name, rows in read.items():
        pieces.encode(rows).save(kept / f"{name}.npz")
    return {name: Tokens.load(kept / f"{name}.npz") for name in (*paths, "lexicon", "corpus")}


def _made_up(hidden: pairs.Hidden, count: int, number: int) -> list[tuple[str, str]]:
    """The prompts of one epoch."""
    new = (pair for pair in Grammar(number).pairs() if pair not in hidden)
    return list(itertools.islice(new, count))


def _work(folder: Path, options: dict[str, Any]) -> None:
    torch.set_num_threads(options["threads"])
    pieces = vocabularies(folder, [], source=SOURCE_PIECES, target=TARGET_PIECES)
    tables = {name: Tokens.load(folder / "tokens" / f"{name}.npz") for name in options["tables"]}
    size = MarianSize(source_pieces=len(pieces.source), target_pieces=len(pieces.target), **options["sizes"])

    def make_up(number: int) -> Tokens:
        return pieces.encode(_made_up(options["hidden"], options["made_up"], number))

    run = Run(folder, size, tables, make_up=make_up, lr=options["lr"])
    clock = Clock(options["minutes"], warm=120, every=300, cooling=0.5 if options["final"] else 0)
    judged = time.time()

    def figures(_: Mapping[str, Tensor]) -> dict[str, float]:
        nonlocal judged
        epochs = run.counts["epoch"] + run.counts["place"] / len(run.epoch.steps)
        values = {"epochs": epochs, "per_second": run.seen / run.seconds}
        run.seen = 0
        if clock.done >= 1 or time.time() - judged > _JUDGE_EVERY:
            judged = time.time()
            values |= judge(Draft(run.averaged().network(), pieces), options["tests"], options["prompts"])
        return values

    run.run(clock, run.learn, figures)


def train(
    folder: Path,
    tables: Path,
    *,
    minutes: float,
    final: bool = False,
    lr: float = 1.0,
    workers: int = 1,
    threads: int = 1,
    prompts: Path | None = None,
    made_up: int = MADE_UP,
    sizes: dict[str, int] | None = None,
) -> None:
    """Train for ``minutes``, resuming from ``folder/translator.pt``.

    Args:
        folder: Where vocabularies, tokens, checkpoints and the log go.
        tables: Tables of pairs.
        minutes: How long.
        final: Let the learning rate fall to zero in the second half.
        lr: Factor on the learning rates.
        workers: Processes.
        threads: Threads of each.
        prompts: A table of prompts and their English for the log's figures; they are kept out of training.
        made_up: Prompts that each epoch gets from the grammar.
        sizes: Sizes of :class:`MarianSize` other than the usual.
    """
    judged = pairs.rows(prompts) if prompts is not None else []
    tests = pairs.test_set(tables)
    tests = random.Random(0).sample(tests, min(JUDGED, len(tests)))
    hidden = pairs.Hidden(tables, [ja for ja, _ in judged])
    tokens = prepare(folder, tables, hidden, made_up)
    options = {
        "minutes": minutes,
        "final": final,
        "lr": lr,
        "threads": threads,
        "tables": list(tokens),
        "hidden": hidden,
        "made_up": made_up,
        "tests": tests,
        "prompts": judged,
        "sizes": sizes or {},
    }
    processes.run(_work, folder, options, workers=workers)
