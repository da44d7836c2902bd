"""The files that ship: weights in their folders, model cards, figures, the gallery."""
