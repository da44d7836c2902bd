"""Where a picture comes from, as its file says it to machines: an XMP packet, and a signed C2PA manifest."""

from sdjp.provenance.manifest import Manifest, Signer, read_manifest, sign
from sdjp.provenance.settings import UNSIGNED, Provenance
from sdjp.provenance.xmp import Packet, SourceType, packet, read_packet

__all__ = [
    "UNSIGNED",
    "Manifest",
    "Packet",
    "Provenance",
    "Signer",
    "SourceType",
    "packet",
    "read_manifest",
    "read_packet",
    "sign",
]
