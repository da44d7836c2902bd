"""Make tiny_marian: a Marian model of real parts that has learnt a dozen sentences by heart.

Run it in this folder: ``python make_tiny_marian.py``. The weights may differ a little between versions of
torch; what the tests check should not.
"""

from __future__ import annotations

import json
from pathlib import Path

import sentencepiece
import torch
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

FOLDER = Path(__file__).parent / "tiny_marian"

PAIRS = [
    ("馬に乗る宇宙飛行士", "An astronaut riding a horse."),
    ("猫", "cat"),
    ("赤い帽子の犬", "a dog in a red hat"),
    ("桜の木の下で眠る猫。", "A cat sleeping under a cherry tree."),
    ("東京の夜景", "the night view of Tokyo"),
    ("山の上の城", "a castle on a mountain"),
    ("3匹の猫", "three cats"),
    ("海", "sea"),
    ("雪が降る。", "It snows."),
    ("青いドレスの女の子", "a girl in a blue dress"),
    # What small models do to unusual input: nothing, a loop, the source itself.
    ("無", ""),
    ("輪", "you know, you know, you know, you know, you know"),
    ("写", "写"),
]


def make_tokenizer() -> MarianTokenizer:
    """Train one sentencepiece vocabulary for both languages, numbered as OPUS-MT numbers it."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text for pair in PAIRS for text in pair] * 4),
        model_prefix=str(FOLDER / "source"),
        vocab_size=120,
        hard_vocab_limit=False,
        character_coverage=1.0,
        normalization_rule_name="identity",  # the others bring a table of 240 kB
        minloglevel=2,
    )
    (FOLDER / "source.vocab").unlink()
    (FOLDER / "source.model").rename(FOLDER / "source.spm")
    (FOLDER / "target.spm").write_bytes((FOLDER / "source.spm").read_bytes())
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(FOLDER / "source.spm"))
    names = [pieces.id_to_piece(i) for i in range(len(pieces))]
    vocab = ["</s>", "<unk>", *(n for n in names if n not in ("<s>", "</s>", "<unk>")), "<pad>"]
    (FOLDER / "vocab.json").write_text(
        json.dumps({name: i for i, name in enumerate(vocab)}, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return MarianTokenizer(
        source_spm=str(FOLDER / "source.spm"),
        target_spm=str(FOLDER / "target.spm"),
        vocab=str(FOLDER / "vocab.json"),
    )


def train(tokenizer: MarianTokenizer) -> MarianMTModel:
    """Teach a network of one layer each way the pairs."""
    torch.manual_seed(0)
    pad = tokenizer.pad_token_id
    config = MarianConfig(
        vocab_size=pad + 1,
        d_model=48,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=96,
        decoder_ffn_dim=96,
        max_position_embeddings=64,
        dropout=0.0,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    model = MarianMTModel(config)
    source = tokenizer([ja for ja, _ in PAIRS], return_tensors="pt", padding=True)
    labels = tokenizer(text_target=[en for _, en in PAIRS], return_tensors="pt", padding=True)["input_ids"]
    labels = labels.masked_fill(labels == pad, -100)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(200):
        optimizer.zero_grad()
        model(**source, labels=labels).loss.backward()
        optimizer.step()
    return model


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    train(make_tokenizer()).half().save_pretrained(FOLDER)
    (FOLDER / "model.safetensors").chmod(0o644)
