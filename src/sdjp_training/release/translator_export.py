"""Pack the trained translator into a folder for ``MarianMTModel`` and ``translator="marian:<folder>"``."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from sdjp_training.loop import checkpoint
from sdjp_training.release import card
from sdjp_training.translator.model import END, PAD, SPECIAL, marian_names, size_from


def export(folder: Path, target: Path) -> None:
    """Write the averaged weights of ``folder/translator.pt`` in half precision, the vocabularies, the
    settings and the model card to ``target``.

    Args:
        folder: Where the translator was trained.
        target: The new folder.
    """
    import sentencepiece
    from safetensors.torch import save_file

    state = checkpoint.load(folder / "translator.pt")
    assert state is not None, "train the translator first"
    size = size_from(state["size"])
    target.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in marian_names(state["ema"]).items()}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    (target / "model.safetensors").chmod(0o644)
    for spm, vocab in (("source.spm", "vocab.json"), ("target.spm", "target_vocab.json")):
        model = (folder / spm).read_bytes()
        (target / spm).write_bytes(model)
        pieces: Any = sentencepiece.SentencePieceProcessor(model_proto=model)
        _write(target / vocab, {pieces.id_to_piece(i): i for i in range(len(pieces))})
    end, unknown, pad = SPECIAL
    _write(
        target / "tokenizer_config.json",
        {
            "tokenizer_class": "MarianTokenizer",
            "separate_vocabs": True,
            "source_lang": "ja",
            "target_lang": "en",
            "eos_token": end,
            "unk_token": unknown,
            "pad_token": pad,
            "model_max_length": size.config()["max_position_embeddings"],
        },
    )
    _write(target / "config.json", {**size.config(), "dtype": "float16"})
    _write(
        target / "generation_config.json",
        {
            "decoder_start_token_id": PAD,
            "pad_token_id": PAD,
            "eos_token_id": END,
            "bad_words_ids": [[PAD]],
            "max_length": size.config()["max_position_embeddings"],
            "num_beams": 4,
        },
    )
    figures = {name: f"{state[name]:,}" for name in ("step", "epoch", "pieces")}
    figures["parameters"] = f"{sum(v.numel() for v in weights.values()) / 1e6:.1f}"
    figures["hours"] = f"{state['seconds'] / 3600:.1f}"
    (target / "README.md").write_text(card.filled("translator_card.md", figures), encoding="utf-8")
    licence = (files("sdjp_training.release") / "translator_licence.txt").read_text(encoding="utf-8")
    (target / "LICENSE").write_text(licence, encoding="utf-8")


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
