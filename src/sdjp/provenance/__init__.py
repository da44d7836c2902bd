"""Where a picture comes from, as its file says it to machines: an XMP packet."""

from sdjp.provenance.settings import UNSIGNED, Provenance
from sdjp.provenance.xmp import Packet, SourceType, packet, read_packet

__all__ = ["UNSIGNED", "Packet", "Provenance", "SourceType", "packet", "read_packet"]
