"""The likeliest of the tokens that an adapter writes for a prompt, in words."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from sdjp.models import Adapter, TextEncoder
from sdjp.text.chunks import Chunks
from sdjp.text.tokenizers.base import Tokenizer


@torch.inference_mode()
def likeliest_words(text: TextEncoder, prompts: Sequence[Chunks], written: Tokenizer) -> list[str]:
    """Say in English how each prompt is read.

    Args:
        text: The text encoder; one that is no adapter reads what it is given, and ``""`` is returned.
        prompts: The prompts.
        written: The tokens that the adapter writes.
    """
    if not isinstance(text, Adapter):
        return [""] * len(prompts)
    words = []
    for prompt in prompts:
        ids = torch.tensor(prompt.ids if prompt.tokens else [], device=text.token.weight.device)
        rows = text.likeliest(ids).tolist() if prompt.tokens else []
        words.append(" ".join(written.decode(row) for row in rows))
    return words
