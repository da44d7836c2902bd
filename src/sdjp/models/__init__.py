"""The networks of Stable Diffusion v1 in plain PyTorch, sized by :mod:`sdjp.config`."""

from sdjp.models.clip import CLIPText
from sdjp.models.unet import UNet
from sdjp.models.vae import VAE, Gaussian

__all__ = ["VAE", "CLIPText", "Gaussian", "UNet"]
