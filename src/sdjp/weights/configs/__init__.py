"""Configurations of models: from files of the original or of diffusers, or from the tensors themselves."""
