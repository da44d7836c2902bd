"""What ships: weights in their folders, model cards, figures, the gallery."""
