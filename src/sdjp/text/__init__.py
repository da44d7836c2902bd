"""Text: prompts are checked, read, translated and cut into chunks of tokens."""
