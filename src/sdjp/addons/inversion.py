"""Files of textual inversion (Gal et al. 2022, arXiv 2208.01618): the vectors of one name.

==========================================  =================================================
``string_to_param: {"*": (n, D)}``          the original's and AUTOMATIC1111's ``.pt``, ``.bin``
``emb_params: (n, D)``                      AUTOMATIC1111's ``.safetensors``
``{"<token>": (D) or (n, D)}``              ``learned_embeds`` of diffusers
==========================================  =================================================
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from sdjp.errors import WeightsError
from sdjp.weights.files.readers import open_file
from sdjp.weights.names.compare import show_shape

OTHER_WIDTHS = {768: "Stable Diffusion v1", 1024: "Stable Diffusion v2", 1280: "Stable Diffusion XL"}


def read_inversion(path: Path, *, width: int) -> Tensor:
    """Read the vectors of a file.

    Args:
        path: The file.
        width: D of the text encoder that they are for.

    Returns:
        (n, D) float32, n at least 1.

    Raises:
        WeightsError: If it cannot be read, holds no such vectors, or vectors of another width.
    """
    file = open_file(path)
    shapes = {name: entry.shape for name, entry in file.entries.items()}
    fitting = [n for n, e in file.entries.items() if len(e.shape) in (1, 2) and e.dtype.is_floating_point]
    names = sorted(fitting, key=_place) if fitting and len(fitting) == len(shapes) else []
    if not names or any(_token(name) != _token(names[0]) for name in names) or 0 in shapes[names[0]]:
        contents = ", ".join(f"{name} {show_shape(shape)}" for name, shape in list(shapes.items())[:5])
        raise WeightsError(
            "embeddings.kind",
            ja=f"{path} は textual inversion のファイルとして読めません（中身: {contents or 'なし'}）。"
            "AUTOMATIC1111 か diffusers の形式で、1 つの名前のベクトルが入ったファイルを置いてください。",
            en=f"cannot read {path} as textual inversion (it has: {contents or 'nothing'}). Give a file "
            "of the form of AUTOMATIC1111 or diffusers, with the vectors of one name.",
        )
    rows = [file.read(name).float().reshape(-1, shapes[name][-1]) for name in names]
    other = next((len(row[0]) for row in rows if row.shape[-1] != width), None)
    if other is not None:
        made_for = OTHER_WIDTHS.get(other)
        raise WeightsError(
            "embeddings.width",
            ja=f"{path} のベクトルは幅 {other} で、このモデル（幅 {width}）には使えません。"
            + (f"{made_for} 用のファイルです。" if made_for else ""),
            en=f"the vectors in {path} have the width {other} and do not fit this model, which has {width}."
            + (f" The file was made for {made_for}." if made_for else ""),
        )
    return torch.cat(rows)


def _token(name: str) -> str:
    """The token in a name: diffusers calls its vectors ``<cat>``, ``<cat>_1``, ``<cat>_2`` …"""
    return re.sub(r"_\d+$", "", name)


def _place(name: str) -> int:
    """The number of a vector among those of its token."""
    match = re.search(r"_(\d+)$", name)
    return 0 if match is None else int(match[1])
