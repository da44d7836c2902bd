"""The making of the embedded weights: ``python -m sdjp_training <command>``, in a clone of the repository.

In this order: ``data`` (fetch and render the artwork), ``autoencoder``, ``pool`` (draw scenes ahead),
``pool --latents`` (encode them), ``text`` (the text encoder, taught the layout of scenes), ``diffusion``
(the UNet), ``export`` (pack the weights). Every training resumes from its last checkpoint. See
docs/ja/training.md.
"""
