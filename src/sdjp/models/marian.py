"""A Marian model written out in plain PyTorch: what transformers does with it, without its import.

The network is that of Vaswani et al. 2017 (arXiv 1706.03762) with the norms behind the sums; the search is
transformers' beam search with ``length_penalty`` 1. It takes folders with one ``model.safetensors``.

Axes: B sentences, K beams, L pieces of the source, M pieces written, H heads, D width, V pieces of English.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

Activation = Callable[[Tensor], Tensor]
_ACTIVATIONS: Final[Mapping[str, Activation]] = {
    "swish": F.silu,
    "silu": F.silu,
    "gelu": F.gelu,
    "relu": F.relu,
}
_NEVER: Final = -1e9


@dataclass(frozen=True)
class Settings:
    """What ``config.json`` tells of the network; the names are transformers'."""

    d_model: int
    encoder_layers: int
    decoder_layers: int
    encoder_attention_heads: int
    decoder_attention_heads: int
    activation_function: str
    scale_embedding: bool
    max_position_embeddings: int
    eos_token_id: int
    pad_token_id: int
    decoder_start_token_id: int

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read the file."""
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{name: data[name] for name in cls.__dataclass_fields__})


class PlainMarian:
    """The network of a folder; see :meth:`generate`.

    Args:
        folder: With ``config.json`` and ``model.safetensors``.
        device: Where to compute.
        dtype: Of the weights.
    """

    def __init__(self, folder: Path, *, device: torch.device | str, dtype: torch.dtype) -> None:
        self.config = Settings.read(folder / "config.json")
        weights = load_file(folder / "model.safetensors")
        self._w = {name: tensor.to(device, dtype) for name, tensor in weights.items()}
        shared = self._w.get("model.shared.weight")
        for side in ("encoder", "decoder"):
            name = f"model.{side}.embed_tokens.weight"
            if name not in self._w and shared is not None:
                self._w[name] = shared
        places = positions(self.config.max_position_embeddings, self.config.d_model)
        self._positions = places.to(device, dtype)

    # The network.

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _feed_forward(self, x: Tensor, name: str) -> Tensor:
        inner = _ACTIVATIONS[self.config.activation_function](self._linear(x, f"{name}.fc1"))
        return self._norm(x + self._linear(inner, f"{name}.fc2"), f"{name}.final_layer_norm")

    def _embed(self, ids: Tensor, side: str, first: int = 0) -> Tensor:
        x = F.embedding(ids, self._w[f"model.{side}.embed_tokens.weight"])
        if self.config.scale_embedding:
            x = x * math.sqrt(self.config.d_model)
        return x + self._positions[first : first + ids.shape[1]]

    def encode(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids (B, L) and mask (B, L) bool to states (B, L, D)."""
        heads = self.config.encoder_attention_heads
        x = self._embed(ids, "encoder")
        seen = mask[:, None, None]
        for n in range(self.config.encoder_layers):
            name = f"model.encoder.layers.{n}"
            q, k, v = (_split(self._linear(x, f"{name}.self_attn.{p}_proj"), heads) for p in "qkv")
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen).transpose(1, 2).flatten(2)
            x = x + self._linear(mixed, f"{name}.self_attn.out_proj")
            x = self._feed_forward(self._norm(x, f"{name}.self_attn_layer_norm"), name)
        return x

    def _read(self, memory: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values (B, H, L, D / H) of what was read, for each layer that writes."""
        heads = self.config.decoder_attention_heads
        names = [f"model.decoder.layers.{n}.encoder_attn" for n in range(self.config.decoder_layers)]
        return [
            (
                _split(self._linear(memory, f"{n}.k_proj"), heads),
                _split(self._linear(memory, f"{n}.v_proj"), heads),
            )
            for n in names
        ]

    def _write(
        self,
        ids: Tensor,
        place: int,
        written: list[tuple[Tensor, Tensor]],
        read: Sequence[tuple[Tensor, Tensor]],
        mask: Tensor,
    ) -> Tensor:
        """Log-probabilities (B K, V) of the next piece after ids (B K,) at ``place``.

        Args:
            ids: The last piece of each row.
            place: Where it stands.
            written: Keys and values (B K, H, M, D / H) of the pieces before; that of ``ids`` are added.
            read: Keys and values of the source.
            mask: Of the source, (B, L) bool.
        """
        heads, rows = self.config.decoder_attention_heads, len(mask)
        x = self._embed(ids[:, None], "decoder", place)  # (B K, 1, D)
        for n in range(self.config.decoder_layers):
            name = f"model.decoder.layers.{n}"
            q, k, v = (_split(self._linear(x, f"{name}.self_attn.{p}_proj"), heads) for p in "qkv")
            if place:
                k, v = (torch.cat([old, new], dim=2) for old, new in zip(written[n], (k, v), strict=True))
            written[n] = k, v
            mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
            x = self._norm(
                x + self._linear(mixed, f"{name}.self_attn.out_proj"), f"{name}.self_attn_layer_norm"
            )
            # The beams of a sentence are its queries: nothing of the source is copied for them.
            q = self._linear(x, f"{name}.encoder_attn.q_proj").reshape(rows, -1, x.shape[-1])  # (B, K, D)
            mixed = F.scaled_dot_product_attention(_split(q, heads), *read[n], attn_mask=mask[:, None, None])
            mixed = mixed.transpose(1, 2).flatten(2).flatten(0, 1)[:, None]  # (B K, 1, D)
            x = self._norm(
                x + self._linear(mixed, f"{name}.encoder_attn.out_proj"), f"{name}.encoder_attn_layer_norm"
            )
            x = self._feed_forward(x, name)
        logits = (
            F.linear(x[:, 0], self._w["model.decoder.embed_tokens.weight"]) + self._w["final_logits_bias"]
        )
        logits[:, self.config.pad_token_id] = -math.inf
        return logits.float().log_softmax(dim=-1)

    # The search.

    def generate(
        self,
        *,
        input_ids: Tensor,
        attention_mask: Tensor,
        max_new_tokens: int,
        num_beams: int,
        no_repeat_ngram_size: int = 0,
        min_new_tokens: int = 0,
        **_: object,
    ) -> Tensor:
        """Write English by beam search.

        Args:
            input_ids: Ids of the sources (B, L), padded.
            attention_mask: 1 where they are not padding.
            max_new_tokens: Pieces to write at most, the end included.
            num_beams: K; 1 is greedy.
            no_repeat_ngram_size: So many pieces in a row do not come twice; 0 for any.
            min_new_tokens: No end before so many.

        Returns:
            Ids (B, 1 + M): the start, what was written, its end and padding.
        """
        start, end = self.config.decoder_start_token_id, self.config.eos_token_id
        mask = attention_mask.bool()
        rows, beams = len(input_ids), num_beams
        read = self._read(self.encode(input_ids, mask))
        written: list[tuple[Tensor, Tensor]] = [(mask.new_empty(0), mask.new_empty(0))] * len(read)
        device = input_ids.device
        texts: list[list[int]] = [[] for _ in range(rows * beams)]
        scores = torch.full((rows, beams), _NEVER, device=device)
        scores[:, 0] = 0.0  # at first all beams of a sentence are the same
        found: list[list[tuple[float, list[int]]]] = [[] for _ in range(rows)]
        open_rows = set(range(rows))
        last = torch.full((rows * beams,), start, device=device)
        for place in range(max_new_tokens):
            log_probs = self._write(last, place, written, read, mask)  # (B K, V)
            if place == max_new_tokens - 1:  # the end, whatever comes
                log_probs = torch.full_like(log_probs, -math.inf)
                log_probs[:, end] = 0.0
            elif place < min_new_tokens:
                log_probs[:, end] = -math.inf
            if no_repeat_ngram_size:
                for i, text in enumerate(texts):
                    log_probs[i, _repeating([start, *text], no_repeat_ngram_size)] = -math.inf
            total = (log_probs.reshape(rows, beams, -1) + scores[:, :, None]).flatten(1)  # (B, K V)
            best = total.topk(2 * beams, dim=1)
            pieces = log_probs.shape[1]
            kept: list[tuple[int, int, float]] = []  # row of the beam, piece, score
            for row in range(rows):
                going: list[tuple[int, int, float]] = []
                told = zip(best.values[row].tolist(), best.indices[row].tolist(), strict=True)
                for rank, (score, index) in enumerate(told):
                    beam, piece = row * beams + index // pieces, index % pieces
                    if piece == end:
                        if rank < beams and row in open_rows:
                            found[row].append((score / (place + 1), texts[beam]))
                    elif len(going) < beams:
                        going.append((beam, piece, score))
                going += [(row * beams, end, _NEVER)] * (beams - len(going))
                kept += going
                found[row] = sorted(found[row], key=lambda one: -one[0])[:beams]
                if len(found[row]) == beams and found[row][-1][0] >= going[0][2] / (place + 1):
                    open_rows.discard(row)
            if not open_rows:
                break
            order = torch.tensor([beam for beam, _, _ in kept], device=device)
            texts = [[*texts[beam], piece] for beam, piece, _ in kept]
            last = torch.tensor([piece for _, piece, _ in kept], device=device)
            scores = torch.tensor([score for _, _, score in kept], device=device).reshape(rows, beams)
            if beams > 1:
                written = [(k[order], v[order]) for k, v in written]
        said = [
            max(found[row], key=lambda one: one[0])[1] if found[row] else texts[row * beams]
            for row in range(rows)
        ]
        longest = max(map(len, said))
        pad = self.config.pad_token_id
        return torch.tensor([[start, *ids, end, *[pad] * (longest - len(ids))] for ids in said])


class PlainTokenizer:
    """The two vocabularies of a folder, as ``MarianTokenizer`` uses them.

    Args:
        folder: With ``source.spm``, ``target.spm``, ``vocab.json``, and ``target_vocab.json`` if any.
        pad_token_id: Id of the padding.
    """

    def __init__(self, folder: Path, *, pad_token_id: int) -> None:
        import sentencepiece

        def processor(name: str) -> Any:
            return sentencepiece.SentencePieceProcessor(model_proto=(folder / name).read_bytes())

        def table(name: str) -> dict[str, int]:
            ids: dict[str, int] = json.loads((folder / name).read_text(encoding="utf-8"))
            return ids

        self._source, self._target = processor("source.spm"), processor("target.spm")
        self._ids = table("vocab.json")
        both = folder / "target_vocab.json"
        self._pieces = {i: piece for piece, i in (table(both.name) if both.is_file() else self._ids).items()}
        self._pad = pad_token_id
        self._end = self._ids["</s>"]
        self.unk_token_id = self._ids["<unk>"]

    def __call__(self, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        """Return ``input_ids`` of each text, its end included."""
        found = [[*self.convert_tokens_to_ids(self.tokenize(text)), self._end] for text in texts]
        return {"input_ids": found}

    def tokenize(self, text: str) -> list[str]:
        """Return the pieces of a source."""
        pieces: list[str] = self._source.encode(text, out_type=str)
        return pieces

    def convert_tokens_to_ids(self, pieces: Sequence[str]) -> list[int]:
        """Return the ids of pieces of a source."""
        return [self._ids.get(piece, self.unk_token_id) for piece in pieces]

    def pad(self, batch: Mapping[str, Sequence[Sequence[int]]], **_: object) -> Batch:
        """Make rectangles of rows."""
        rows = batch["input_ids"]
        longest = max(map(len, rows))
        ids = torch.tensor([[*row, *[self._pad] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        return Batch(input_ids=ids, attention_mask=mask)

    def batch_decode(self, rows: Sequence[Sequence[int]], **_: object) -> list[str]:
        """Return the English of ids; the start, the end and padding are left out."""
        special = (self._pad, self._end)
        return [
            self._target.decode_pieces(
                [self._pieces.get(i, "<unk>") for i in row if i not in special]
            ).strip()
            for row in rows
        ]


class Batch(dict[str, Tensor]):
    """Tensors of a batch by name."""

    def to(self, device: torch.device | str) -> Batch:
        """Move all."""
        return Batch({name: tensor.to(device) for name, tensor in self.items()})


def load_plain(
    folder: Path, *, device: torch.device | str, dtype: torch.dtype
) -> tuple[PlainMarian, PlainTokenizer]:
    """Load the network and the vocabularies of a folder."""
    network = PlainMarian(folder, device=device, dtype=dtype)
    return network, PlainTokenizer(folder, pad_token_id=network.config.pad_token_id)


def _split(x: Tensor, heads: int) -> Tensor:
    return x.reshape(*x.shape[:-1], heads, -1).transpose(1, 2)  # (B, H, L, D / H)


def positions(count: int, width: int) -> Tensor:
    """Sinusoids (count, width), the sines in the first half of the channels, the cosines in the second."""
    rates = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).float()


def _repeating(text: list[int], size: int) -> list[int]:
    """Pieces after which the last ``size`` pieces would stand in ``text`` twice."""
    if len(text) < size:
        return []
    before = text[len(text) - size + 1 :]
    return [text[i + size - 1] for i in range(len(text) - size + 1) if text[i : i + size - 1] == before]
