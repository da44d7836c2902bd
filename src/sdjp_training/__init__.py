"""How the embedded weights are made: ``python -m sdjp_training <command>``.

In this order: ``data`` (fetch and render the artwork), ``autoencoder``, ``latents`` (scenes encoded ahead),
``text`` (the text encoder, taught the layout of scenes), ``diffusion`` (the UNet), ``export`` (pack the
weights). Every command resumes from its last checkpoint. See docs/ja/training.md.
"""
