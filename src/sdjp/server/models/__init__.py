"""The models that a server draws with: those of a folder, what each is, and the one that is loaded."""
