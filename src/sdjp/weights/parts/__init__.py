"""Parts of a model: its networks, its vocabulary, its adapter, its safety checker."""
