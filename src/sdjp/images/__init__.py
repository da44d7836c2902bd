"""Pictures outside the model: pixels and back, grids, PNG metadata, files."""

from sdjp.images.files import check_folder, check_names, save_new, save_png
from sdjp.images.grid import grid
from sdjp.images.metadata import Metadata, parameters, png_info, read_metadata
from sdjp.images.pixels import from_pil, to_pil, to_uint8

__all__ = [
    "Metadata",
    "check_folder",
    "check_names",
    "from_pil",
    "grid",
    "parameters",
    "png_info",
    "read_metadata",
    "save_new",
    "save_png",
    "to_pil",
    "to_uint8",
]
