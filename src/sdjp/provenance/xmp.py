"""XMP (ISO 16684-1): a packet of RDF in a picture's file, which programs of all kinds read.

It says in the words of the IPTC (Photo Metadata Standard, "Digital Source Type") that a trained model made
the picture. JPEG and WebP, which have no texts as PNG has, carry the record of sdjp in it, too, under a
namespace of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from xml.parsers import expat
from xml.sax.saxutils import escape

TRAINED: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""Of pictures that a model made which was trained on others: what sdjp writes."""

_RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP: Final = "http://ns.adobe.com/xap/1.0/"
_IPTC: Final = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_NOTE: Final = "http://ns.adobe.com/xmp/note/"
_OWN: Final = "urn:sdjp:1.0#"
_PREFIXES: Final = {"xmp": _XMP, "Iptc4xmpExt": _IPTC, "xmpNote": _NOTE, "sdjp": _OWN}

_HEAD: Final = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""'
)
_TAIL: Final = '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
_NOT_IN_XML: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LARGEST: Final = 64 << 20  # bytes that are read, as Pillow reads of the texts of a PNG
_DEEPEST: Final = 64


@dataclass(frozen=True, kw_only=True)
class SourceType:
    """What a picture says of how it came to be, in the words of the IPTC.

    Attributes:
        uri: As it stands there.
    """

    uri: str

    @property
    def code(self) -> str:
        """The last part of it, such as ``"trainedAlgorithmicMedia"``."""
        return self.uri.rstrip("/").rpartition("/")[2]

    @property
    def generated(self) -> bool:
        """Whether it says that a trained model made the picture, or a part of it."""
        return self.code in ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


@dataclass(frozen=True, kw_only=True)
class Packet:
    """What was found in a packet.

    Attributes:
        source_type: How the picture came to be; None if it is not told.
        tool: The program that made it (``xmp:CreatorTool``), likewise.
        texts: What sdjp put in, by name.
        extension: The name of the packet that goes on with it (``xmpNote:HasExtendedXMP``).
    """

    source_type: SourceType | None = None
    tool: str | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    extension: str | None = None


def packet(
    *,
    source_type: str | None = TRAINED,
    tool: str | None = None,
    texts: Mapping[str, str] | None = None,
    extension: str | None = None,
) -> bytes:
    """Write a packet.

    Args:
        source_type: A code of the IPTC, whole; None leaves it out.
        tool: The program that made the picture.
        texts: Texts of sdjp's own, by name. Characters that XML cannot have are written as ``\\uXXXX``, which
            JSON reads as the same.
        extension: The name of the packet that goes on with it.

    Returns:
        UTF-8.
    """
    properties = {
        "xmp:CreatorTool": tool,
        "Iptc4xmpExt:DigitalSourceType": source_type,
        "xmpNote:HasExtendedXMP": extension,
        **{f"sdjp:{name}": text for name, text in (texts or {}).items()},
    }
    given = {name: text for name, text in properties.items() if text is not None}
    used = {name.partition(":")[0] for name in given}
    spaces = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in _PREFIXES.items() if prefix in used)
    elements = "".join(f"<{name}>{_escaped(text)}</{name}>" for name, text in given.items())
    return f"{_HEAD}{spaces}>{elements}{_TAIL}".encode()


def read_packet(data: bytes) -> Packet | None:
    """Read a packet of anybody's.

    Names that are declared in it (entities), and sizes and depths that no program writes, are refused.

    Args:
        data: UTF-8, as all file formats have it.

    Returns:
        What is in it; None if it is not XML, or not as it should be.
    """
    if len(data) > _LARGEST:
        return None
    reader = _Reader()
    try:
        reader.parse(data.strip(b"\0 \t\r\n"))
    except (expat.ExpatError, _Refused):
        return None
    found = reader.found
    uri = found.get(f"{_IPTC} DigitalSourceType")
    return Packet(
        source_type=SourceType(uri=uri) if uri else None,
        tool=found.get(f"{_XMP} CreatorTool"),
        texts={
            name.removeprefix(f"{_OWN} "): text for name, text in found.items() if name.startswith(f"{_OWN} ")
        },
        extension=found.get(f"{_NOTE} HasExtendedXMP"),
    )


def merged(first: Packet, rest: Packet) -> Packet:
    """A packet and the one that it goes on with; what the first says counts."""
    return replace(
        first,
        source_type=first.source_type or rest.source_type,
        tool=first.tool or rest.tool,
        texts={**rest.texts, **first.texts},
    )


class _Refused(Exception):
    """The XML has what a packet need not have."""


class _Reader:
    """Collects the properties of a packet that are one text: elements, attributes or addresses of them.

    Attributes:
        found: Their values, by namespace and name with a space between; the first of each counts.
    """

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._open: list[str] = []
        self._text: list[str] = []
        self._parser = expat.ParserCreate("utf-8", " ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text.append

    def parse(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    def _refuse(self, *_: Any) -> None:
        raise _Refused

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > _DEEPEST:
            raise _Refused
        self._text.clear()
        if name == f"{_RDF} Description":
            for key, value in attributes.items():
                self.found.setdefault(key, value.strip())
        elif self._is_property() and f"{_RDF} resource" in attributes:
            self.found.setdefault(name, attributes[f"{_RDF} resource"].strip())

    def _end(self, name: str) -> None:
        text = "".join(self._text)
        if self._is_property() and text.strip():
            own = name.startswith(f"{_OWN} ")
            self.found.setdefault(name, text if own else text.strip())
        self._open.pop()
        self._text.clear()

    def _is_property(self) -> bool:
        return len(self._open) > 1 and self._open[-2] == f"{_RDF} Description"


def _escaped(text: str) -> str:
    """As XML takes it: carriage returns, which it would read as line feeds, by their numbers."""
    plain = _NOT_IN_XML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return escape(plain, {"\r": "&#13;"})
