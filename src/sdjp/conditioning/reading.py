"""What an adapter makes of a prompt, in words: the likeliest of the tokens that it writes."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sdjp.models import Adapter, TextEncoder
from sdjp.text.chunks import Chunks
from sdjp.text.tokenizers.base import Tokenizer


@torch.inference_mode()
def read_as(text: TextEncoder, prompts: Sequence[Chunks], written: Tokenizer) -> list[str]:
    """Say in English how each prompt is read.

    Args:
        text: The text encoder; what is none of an adapter reads what it is given, and ``""`` is told.
        prompts: The prompts.
        written: The tokens that the adapter writes.
    """
    if not isinstance(text, Adapter):
        return [""] * len(prompts)
    told = []
    for prompt in prompts:
        ids = torch.tensor(prompt.ids if prompt.tokens else [], device=text.token.weight.device)
        rows = text.likeliest(ids).tolist() if prompt.tokens else []
        told.append(" ".join(written.decode(row) for row in rows))
    return told
