"""Names of an IP-Adapter's tensors: ours, and those of the published files.

``image_proj`` holds the projection, ``ip_adapter`` the layers of the cross-attentions, numbered among all
attentions of the UNet in the order down, up, middle: those to the text have the odd numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Kind = Literal["linear", "states", "resampler"]

PROJECTION: Final = "image_proj."
ATTENTION: Final = "ip_adapter."
LAYERS: Final = "layers."
MODULES: Final[Mapping[Kind, Mapping[str, str]]] = {
    "linear": {"linear": "proj", "norm": "norm"},
    "states": {"linear_in": "proj.0", "linear_out": "proj.2", "norm": "proj.3"},
    "resampler": {"latents": "latents", "proj_in": "proj_in", "proj_out": "proj_out", "norm_out": "norm_out"},
}
LAYER: Final[Mapping[str, str]] = {
    "norm_states": "0.norm1",
    "norm_latents": "0.norm2",
    "q": "0.to_q",
    "kv": "0.to_kv",
    "out": "0.to_out",
    "norm_mlp": "1.0",
    "mlp_in": "1.1",
    "mlp_out": "1.3",
}


def published(name: str, kind: Kind) -> str:
    """Return the name in a file of a tensor of :class:`sdjp.models.ip_adapter.IPAdapter`."""
    part, rest = name.split(".", 1)
    if part != "projection":  # to_k or to_v
        number, leaf = rest.split(".")
        return f"{ATTENTION}{2 * int(number) + 1}.{part}_ip.{leaf}"
    if rest.startswith(LAYERS):
        _, number, module, leaf = rest.split(".")
        return f"{PROJECTION}{LAYERS}{number}.{LAYER[module]}.{leaf}"
    module, dot, leaf = rest.partition(".")
    return f"{PROJECTION}{MODULES[kind][module]}{dot}{leaf}"
