"""The translator: its pairs, its pieces, its training."""
