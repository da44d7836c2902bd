"""How good a model is: CLIP score against Fréchet distance over guidance scales, and what that needs.

Everything here needs torch; ``scores`` alone is NumPy.
"""
