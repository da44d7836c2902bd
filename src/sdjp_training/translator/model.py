"""The translator as it is trained: the network of the product, written for speed of training.

That one (:mod:`sdjp.text.translate.marian_network`), of which drafts are written and which ships, computes
in NumPy, takes one piece after the other and remembers keys and values. Here all pieces of a sentence are
known and go through at once, with gradients: hence modules of its own, with the same positions and the same
names of tensors. A batch holds sentences of one source length: no mask is needed but the causal one, and no
arithmetic goes into padding on the source side. The loss is computed together with its gradient, in slices,
so that the logits are never kept.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sdjp.text.translate.marian_network import Marian, MarianConfig, positions

END: Final = 0
UNKNOWN: Final = 1
PAD: Final = 2
SPECIAL: Final = ("</s>", "<unk>", "<pad>")
"""The first pieces of both vocabularies; the decoder starts from ``<pad>``."""
LONGEST: Final = 256
_SLICE: Final = 512


@dataclass(frozen=True, kw_only=True)
class MarianSize:
    """The sizes of a model.

    Attributes:
        source_pieces: Pieces of the Japanese vocabulary.
        target_pieces: Pieces of the English one.
        width: Channels.
        inner: Channels inside the feed-forward layers.
        heads: Heads of each attention.
        encoder_layers: Layers that read.
        decoder_layers: Layers that write; they run once for each piece, so they are few.
    """

    source_pieces: int
    target_pieces: int
    width: int = 256
    inner: int = 1024
    heads: int = 4
    encoder_layers: int = 6
    decoder_layers: int = 2

    def config(self) -> dict[str, Any]:
        """The ``config.json`` of the exported folder."""
        return {
            "architectures": ["MarianMTModel"],
            "model_type": "marian",
            "activation_function": "swish",
            "d_model": self.width,
            "encoder_layers": self.encoder_layers,
            "decoder_layers": self.decoder_layers,
            "encoder_ffn_dim": self.inner,
            "decoder_ffn_dim": self.inner,
            "encoder_attention_heads": self.heads,
            "decoder_attention_heads": self.heads,
            "vocab_size": self.source_pieces,
            "decoder_vocab_size": self.target_pieces,
            "share_encoder_decoder_embeddings": False,
            "tie_word_embeddings": True,
            "scale_embedding": True,
            "max_position_embeddings": LONGEST,
            "dropout": 0.0,
            "pad_token_id": PAD,
            "eos_token_id": END,
            "bos_token_id": None,
            "forced_eos_token_id": END,
            "decoder_start_token_id": PAD,
            "is_encoder_decoder": True,
        }


class Attention(nn.Module):
    """Attention of ``x`` to itself or to ``memory``."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        nn.init.zeros_(self.out_proj.weight)  # at first a layer passes on what comes in

    def forward(self, x: Tensor, memory: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map (B, L, D) and (B, M, D) to (B, L, D); ``mask`` (L, M) is added to the scores."""
        q, k, v = (
            projected.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, K, L, D / K)
            for projected in (self.q_proj(x), self.k_proj(memory), self.v_proj(memory))
        )
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores + mask.to(scores.dtype)
        mixed = scores.softmax(dim=-1) @ v
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out


class Layer(nn.Module):
    """A layer of the encoder, or, with ``cross``, of the decoder."""

    def __init__(self, size: MarianSize, *, cross: bool) -> None:
        super().__init__()
        self.self_attn = Attention(size.width, size.heads)
        self.self_attn_layer_norm = nn.LayerNorm(size.width)
        if cross:
            self.encoder_attn = Attention(size.width, size.heads)
            self.encoder_attn_layer_norm = nn.LayerNorm(size.width)
        self.fc1 = nn.Linear(size.width, size.inner)
        self.fc2 = nn.Linear(size.inner, size.width)
        nn.init.zeros_(self.fc2.weight)
        self.final_layer_norm = nn.LayerNorm(size.width)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map (B, L, D) to (B, L, D)."""
        x = self.self_attn_layer_norm(x + self.self_attn(x, x, mask))
        if memory is not None:
            x = self.encoder_attn_layer_norm(x + self.encoder_attn(x, memory))
        out: Tensor = self.final_layer_norm(x + self.fc2(F.silu(self.fc1(x))))
        return out


class Stack(nn.Module):
    """The encoder or the decoder: embeddings and layers."""

    def __init__(self, size: MarianSize, *, pieces: int, layers: int, cross: bool) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(pieces, size.width)
        nn.init.normal_(self.embed_tokens.weight, std=size.width**-0.5)
        self.layers = nn.ModuleList(Layer(size, cross=cross) for _ in range(layers))
        self.positions: Tensor
        self.register_buffer("positions", torch.tensor(positions(LONGEST, size.width)), persistent=False)

    def forward(self, ids: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        """Map ids (B, L) to states (B, L, D)."""
        x: Tensor = self.embed_tokens(ids) * math.sqrt(self.embed_tokens.embedding_dim)
        x = x + self.positions[: ids.shape[1]]
        for layer in self.layers:
            x = layer(x, memory, mask)
        return x


class TrainableMarian(nn.Module):
    """The whole network; the embeddings of the decoder also tell the next piece."""

    def __init__(self, size: MarianSize) -> None:
        super().__init__()
        self.size = size
        self.encoder = Stack(size, pieces=size.source_pieces, layers=size.encoder_layers, cross=False)
        self.decoder = Stack(size, pieces=size.target_pieces, layers=size.decoder_layers, cross=True)
        self.final_logits_bias = nn.Parameter(torch.zeros(size.target_pieces))

    def loss(self, source: Tensor, target: Tensor, smoothing: float) -> Tensor:
        """Return the cross-entropy in nats, summed over the pieces of ``target``.

        Args:
            source: Ids (B, L), ends included, no padding.
            target: Ids (B, M), ends included, padded.
            smoothing: Share of the label spread over all pieces (Szegedy et al. 2015, arXiv 1512.00567).
        """
        before = torch.cat([torch.full_like(target[:, :1], PAD), target[:, :-1]], dim=1)
        states = self.decoder(before, self.encoder(source), causal(target.shape[1]))
        said = (target != PAD).flatten()
        loss: Tensor = LinearCrossEntropy.apply(  # type: ignore[no-untyped-call]
            states.flatten(0, 1)[said],
            self.decoder.embed_tokens.weight,
            self.final_logits_bias,
            target.flatten()[said],
            smoothing,
        )
        return loss

    def network(self) -> Marian:
        """The network of the product, with these weights."""
        settings = self.size.config()
        config = MarianConfig(
            **{field.name: settings[field.name] for field in dataclasses.fields(MarianConfig)}
        )
        weights = marian_names(self.state_dict())
        return Marian(config, {name: value.float().numpy(force=True) for name, value in weights.items()})


def causal(length: int) -> Tensor:
    """A mask (length, length) that lets every place see itself and what is before it."""
    return torch.full((length, length), -math.inf).triu(1)


def marian_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the weights of :class:`TrainableMarian`; padding is made impossible to say."""
    renamed = {f"model.{name}": value for name, value in weights.items() if name != "final_logits_bias"}
    bias = weights["final_logits_bias"].clone()
    bias[PAD] = -1e4  # half precision holds it
    return {**renamed, "final_logits_bias": bias[None]}


def trainable_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Undo :func:`marian_names`, in float32; padding gets the bias of the piece said least."""
    renamed = {name.removeprefix("model."): value.float() for name, value in weights.items()}
    bias = renamed["final_logits_bias"][0].clone()
    bias[PAD] = bias[torch.arange(len(bias)) != PAD].min()
    return {**renamed, "final_logits_bias": bias}


class LinearCrossEntropy(torch.autograd.Function):
    """Cross-entropy over ``states @ weight.T + bias``, summed; the gradient is made on the way forward.

    What the labels and the smoothing add to the gradient is sparse, or the same for all pieces: the
    probabilities, most of the arithmetic, are gone through as seldom as can be.
    """

    @staticmethod
    def forward(
        ctx: Any, states: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, smoothing: float
    ) -> Tensor:
        """States (N, D), weight (V, D), bias (V,), labels (N,)."""
        count, spread, sure = len(states), smoothing / len(weight), 1 - smoothing
        d_states = torch.empty_like(states)
        d_weight, d_bias = (torch.zeros(t.shape) for t in (weight, bias))
        total = torch.zeros(())
        for start in range(0, count, _SLICE):
            part = slice(start, start + _SLICE)
            x = states[part]
            logits = torch.addmm(bias, x, weight.T)
            most = logits.amax(dim=1, keepdim=True)
            total += (most.float() - sure * logits.gather(1, labels[part, None]).float()).sum()
            shares = logits.sub_(most).exp_()  # not yet divided by their sum
            whole = shares.sum(dim=1, keepdim=True, dtype=torch.float32)
            total += whole.log().sum()
            whole = whole.reciprocal().to(x.dtype)
            d_states[part] = torch.mm(shares, weight).mul_(whole)
            d_weight += torch.mm(shares.T, x * whole)
            d_bias += torch.mv(shares.T, whole[:, 0])
        all_weight, all_states = (t.sum(dim=0, dtype=torch.float32) for t in (weight, states))
        total -= spread * (all_states @ all_weight + count * bias.float().sum())
        d_states.sub_((spread * all_weight).to(states.dtype)).sub_(weight[labels], alpha=sure)
        d_weight.sub_(spread * all_states).index_add_(0, labels, states.float(), alpha=-sure)
        d_bias.sub_(spread * count).index_add_(0, labels, torch.ones(count), alpha=-sure)
        ctx.save_for_backward(d_states, d_weight.to(weight.dtype), d_bias.to(bias.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        """Scale what :meth:`forward` has made."""
        d_states, d_weight, d_bias = ctx.saved_tensors
        return d_states * scale, d_weight * scale, d_bias * scale, None, None


def size_from(values: dict[str, int]) -> MarianSize:
    """Read sizes from what :func:`dataclasses.asdict` wrote."""
    return MarianSize(**{field.name: values[field.name] for field in dataclasses.fields(MarianSize)})
