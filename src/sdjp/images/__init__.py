"""Pictures outside the model: pixels and back, grids, the record of how they were made, files."""

from sdjp.images.clip_input import clip_pixels
from sdjp.images.encoding import Texts, check_format, check_quality, check_size, checked_quality, encode
from sdjp.images.files import check_folder, check_names, save_as, save_new
from sdjp.images.fit import enlarge, fit_picture, natural_size
from sdjp.images.grid import grid
from sdjp.images.mask import fit_mask, paste_back, to_cells
from sdjp.images.metadata import Metadata, parameters, read_metadata, texts_of
from sdjp.images.pixels import from_pil, to_pil, to_uint8
from sdjp.images.read import Source, open_picture, origin, to_rgb, with_origin

__all__ = [
    "Metadata",
    "Source",
    "Texts",
    "check_folder",
    "check_format",
    "check_names",
    "check_quality",
    "check_size",
    "checked_quality",
    "clip_pixels",
    "encode",
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
    "read_metadata",
    "save_as",
    "save_new",
    "texts_of",
    "to_cells",
    "to_pil",
    "to_rgb",
    "to_uint8",
    "with_origin",
]
