"""Which lines of a file of prompts are prompts."""

from __future__ import annotations


def is_prompt_line(line: str) -> bool:
    """Whether a line is a prompt: one that is blank, or a note (``# `` before it), is passed over."""
    words = line.split(maxsplit=1)
    return bool(words) and words[0] != "#"
