"""The switch: what the files of pictures say of where these come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.provenance.manifest import Signer


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a picture's file says of where it came from.

    Attributes:
        xmp: Whether an XMP packet says that a trained model made it (``DigitalSourceType``).
        signer: Who signs it with a C2PA manifest; None for nobody.
    """

    xmp: bool = True
    signer: Signer | None = None

    @classmethod
    def of(cls, value: bool | Provenance) -> Provenance:
        """What is meant by the argument of ``Pipeline.from_pretrained``: True is XMP, False nothing.

        Raises:
            InputError: If it is something else.
        """
        if isinstance(value, Provenance):
            return value
        if not isinstance(value, bool):
            raise InputError(
                "provenance.type",
                ja="provenance には True、False、または Provenance を指定してください"
                f"（{value!r} は使えません）。",
                en=f"provenance must be True, False or a Provenance, not {value!r}.",
            )
        return cls(xmp=value)


UNSIGNED: Final = Provenance()
"""The default: XMP, and no signature."""
