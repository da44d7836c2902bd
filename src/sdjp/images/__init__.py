"""Pictures outside the model: pixels and back, grids, PNG metadata, files."""

from sdjp.images.clip_input import clip_pixels
from sdjp.images.files import check_folder, check_names, save_new, save_png, to_png
from sdjp.images.fit import enlarge, fit_picture, natural_size
from sdjp.images.grid import grid
from sdjp.images.mask import fit_mask, paste_back, to_cells
from sdjp.images.metadata import Metadata, parameters, png_info, read_metadata
from sdjp.images.pixels import from_pil, to_pil, to_uint8
from sdjp.images.read import Source, open_picture, origin, to_rgb, with_origin

__all__ = [
    "Metadata",
    "Source",
    "check_folder",
    "check_names",
    "clip_pixels",
    "enlarge",
    "fit_mask",
    "fit_picture",
    "from_pil",
    "grid",
    "natural_size",
    "open_picture",
    "origin",
    "parameters",
    "paste_back",
    "png_info",
    "read_metadata",
    "save_new",
    "save_png",
    "to_cells",
    "to_pil",
    "to_png",
    "to_rgb",
    "to_uint8",
    "with_origin",
]
