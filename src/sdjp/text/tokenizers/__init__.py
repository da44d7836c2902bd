"""Tokenizers: from text to the ids that a text encoder reads, behind one protocol."""
