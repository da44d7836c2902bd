"""Pack the trained translator into a folder for ``MarianMTModel`` and ``translator="marian:<folder>"``."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from sdjp_training.loop import checkpoint
from sdjp_training.release import card
from sdjp_training.translator.model import END, PAD, SPECIAL, marian_names, size_from


def export(folder: Path, target: Path, *, before: Path | None = None, share: float = 0.5) -> None:
    """Write the averaged weights of ``folder/translator.pt`` in half precision, the vocabularies, the
    settings and the model card to ``target``.

    A training that goes on from shipped weights with other texts forgets some of what they knew. The mean of
    both weights keeps most of both (Wortsman et al. 2022, arXiv 2203.05482).

    Args:
        folder: Where the translator was trained.
        target: The new folder.
        before: An exported folder that the training went on from, to be mixed in.
        share: The share of the new weights where there are older ones, 0 to 1.
    """
    import sentencepiece
    from safetensors.torch import load_file, save_file

    state = checkpoint.load(folder / "translator.pt")
    assert state is not None, "train the translator first"
    size = size_from(state["size"])
    target.mkdir(parents=True, exist_ok=True)
    new = marian_names(state["ema"])
    old = new if before is None else load_file(before / "model.safetensors")
    weights = {name: old[name].float().lerp(value, share).half().contiguous() for name, value in new.items()}
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
