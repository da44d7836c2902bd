"""Parts that a model may have besides its networks: an adapter, a safety checker."""
