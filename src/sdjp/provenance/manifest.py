"""C2PA manifests: a statement of where a picture comes from, in its file, signed with the user's key.

Everything is done offline: no time stamps, no lists of trusted authorities, no manifests that are elsewhere.
https://spec.c2pa.org; the package c2pa-python makes and checks the bytes.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from sdjp._version import __version__
from sdjp.errors import InputError, OutputError
from sdjp.provenance.credentials import PURPOSES, Credentials, load, require
from sdjp.provenance.xmp import SourceType

State = Literal["trusted", "valid", "invalid", "unreadable", "elsewhere"]

_SETTINGS: Final[Mapping[str, Any]] = {
    "builder": {"thumbnail": {"enabled": False}},  # the picture is there: 100 KB and 150 ms for nothing
    "trust": {"trust_config": "\n".join(PURPOSES)},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},  # nothing is asked over a network
}
_STATES: Final[Mapping[str, State]] = {"Trusted": "trusted", "Valid": "valid"}
_UNTRUSTED: Final = "signingCredential.untrusted"
_REMOTE: Final = "Remote"  # how c2pa's message begins where it would have to ask; it has no class of its own


class Signer:
    """Signs the files of pictures with a key of the user's; see :class:`sdjp.provenance.Provenance`.

    The key is read at once and stays in memory. It is in no copy, no pickle, no record and no message: those
    have the paths, and a copy reads the files again. May be used by many threads.

    Attributes:
        key: The file of the private key: PEM, not encrypted; EC (P-256, P-384, P-521), RSA (at least 2048
            bits) or Ed25519.
        certificates: The file of its certificate, PEM, with those of the authorities above it after it.
    """

    def __init__(self, key: str | Path, certificates: str | Path) -> None:
        """Read and check the files, and sign a tiny picture.

        Raises:
            InputError: If they cannot be used.
            MissingDependencyError: If the extra ``provenance`` is not installed.
        """
        self.key = Path(key)
        self.certificates = Path(certificates)
        self._credentials = load(self.key, self.certificates)
        c2pa = require()
        try:
            _signed(c2pa, _TINY, "image/png", self._credentials)
        except c2pa.C2paError as error:
            raise InputError(
                "signing.refused",
                ja=f"秘密鍵 {self.key} と証明書 {self.certificates} では、署名ができません（{error}）。"
                "証明書の作り方は docs/ja/provenance.md にあります。",
                en=f"C2PA does not sign with the key {self.key} and the certificate {self.certificates} "
                f"({error}). docs/en/provenance.md tells how to make one.",
            ) from error

    def __repr__(self) -> str:
        """Return the paths; nothing of what is in the files."""
        return f"Signer({str(self.key)!r}, {str(self.certificates)!r})"

    def __eq__(self, other: object) -> bool:
        """Whether the files are the same."""
        return isinstance(other, Signer) and self._paths() == other._paths()

    def __hash__(self) -> int:
        return hash(self._paths())

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy is made of: the paths."""
        return Signer, self._paths()

    def _paths(self) -> tuple[Path, Path]:
        return self.key, self.certificates


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a manifest says, and whether it may be believed.

    Attributes:
        state: ``"valid"``: nothing was changed since it was signed, by whom stands in it, but nobody that is
            known here vouches for him; ``"trusted"``: somebody does; ``"invalid"``: it does not belong to
            these bytes, or the signature is none; ``"unreadable"``: it is there, but not to be made out;
            ``"elsewhere"``: the file only names an address on a network, which is not asked.
        signer: Name on the certificate of who signed it: an organization or a person, as it stands there.
        tool: The program that made it, with its version.
        source_type: How the picture came to be.
        time: When it was signed, if a time stamp authority says so.
        problems: Codes of C2PA for what is wrong, such as ``"assertion.dataHash.mismatch"``; the message of
            the reader if it is unreadable or elsewhere.
    """

    state: State
    signer: str | None = None
    tool: str | None = None
    source_type: SourceType | None = None
    time: str | None = None
    problems: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """Whether the picture is as it was when it was signed."""
        return self.state in ("trusted", "valid")

    @property
    def changed(self) -> bool:
        """Whether the file is another than the one that was signed."""
        return any("Hash.mismatch" in problem for problem in self.problems)

    @property
    def generated(self) -> bool:
        """Whether it says that a trained model made the picture, or a part of it."""
        return self.source_type is not None and self.source_type.generated

    def to_json(self) -> dict[str, Any]:
        """As JSON data."""
        source = None if self.source_type is None else self.source_type.uri
        return {**asdict(self), "source_type": source, "problems": list(self.problems)}


def sign(data: bytes, media_type: str, signer: Signer) -> bytes:
    """Put a manifest into the file of a picture: sdjp made it, with a trained model.

    All else in the file stays: the pixels, the records, the XMP packet, which are signed with it.

    Args:
        data: The file.
        media_type: ``"image/png"``, ``"image/jpeg"`` or ``"image/webp"``.
        signer: Whose key.

    Returns:
        The file with the manifest, 3 to 15 KB more.

    Raises:
        OutputError: If it cannot be signed, such as with a certificate that expired by now.
    """
    c2pa = require()
    try:
        return _signed(c2pa, data, media_type, signer._credentials)
    except c2pa.C2paError as error:
        raise OutputError(
            "signing.failed",
            ja=f"画像に署名できません（{error}）。証明書 {signer.certificates} の期限などを確かめてください。"
            "画像は結果（images）に残っています。",
            en=f"the picture cannot be signed ({error}). Look at the certificate {signer.certificates}, such "
            "as whether it expired. The pictures are still in the result (images).",
        ) from error


def _signed(c2pa: Any, data: bytes, media_type: str, credentials: Credentials) -> bytes:
    definition = {
        "claim_generator_info": [{"name": "sdjp", "version": __version__}],
        "format": media_type,
    }
    out = io.BytesIO()
    info = c2pa.C2paSignerInfo(credentials.algorithm, credentials.certificates, credentials.key, None)
    with (
        c2pa.Context.from_dict(dict(_SETTINGS)) as context,
        c2pa.Signer.from_info(info) as signer,
        c2pa.Builder(definition, context=context) as builder,
    ):
        builder.set_intent(
            c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA
        )
        builder.sign(signer, media_type, io.BytesIO(data), out)
    return out.getvalue()


def read_manifest(data: bytes, media_type: str) -> Manifest | None:
    """Read and check the manifest of a picture's file; nothing is asked over a network.

    Args:
        data: The file; anybody's.
        media_type: Its type, such as ``"image/png"``.

    Returns:
        None if there is none, or files of this type have none.

    Raises:
        MissingDependencyError: If the extra ``provenance`` is not installed.
    """
    c2pa = require()
    try:
        with c2pa.Context.from_dict(dict(_SETTINGS)) as context:
            reader = c2pa.Reader.try_create(media_type, io.BytesIO(data), context=context)
            if reader is None:
                return None
            with reader:
                found = json.loads(reader.json())
    except c2pa.C2paError.NotSupported:
        return None
    except (c2pa.C2paError, ValueError) as error:
        elsewhere = str(error).startswith(_REMOTE)
        return Manifest(state="elsewhere" if elsewhere else "unreadable", problems=(str(error),))
    return _manifest(found)


def _manifest(found: Mapping[str, Any]) -> Manifest:
    """From the report of the reader. What was signed may be of any form."""
    active = _object(_object(found.get("manifests")).get(found.get("active_manifest", "")))
    info = _object(active.get("signature_info"))
    problems = [_text(_object(status).get("code")) for status in _list(found.get("validation_status"))]
    state = _STATES.get(str(found.get("validation_state")), "invalid")
    uri = next(_source_types(active), None)
    return Manifest(
        state=state,
        signer=_text(info.get("common_name")) or _text(info.get("issuer")),
        tool=_tool(active),
        source_type=None if uri is None else SourceType(uri=uri),
        time=_text(info.get("time")),
        problems=tuple(problem for problem in problems if problem and problem != _UNTRUSTED),
    )


def _tool(manifest: Mapping[str, Any]) -> str | None:
    for info in map(_object, _list(manifest.get("claim_generator_info"))):
        if name := _text(info.get("name")):
            return " ".join(filter(None, (name, _text(info.get("version")))))
    return _text(manifest.get("claim_generator"))


def _source_types(manifest: Mapping[str, Any]) -> Iterator[str]:
    for assertion in map(_object, _list(manifest.get("assertions"))):
        if str(assertion.get("label", "")).startswith("c2pa.actions"):
            for action in map(_object, _list(_object(assertion.get("data")).get("actions"))):
                if uri := _text(action.get("digitalSourceType")):
                    yield uri


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


_TINY: Final = (
    b"\x89PNG\r\n\x1a\n"
    + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _png_chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _png_chunk(b"IEND", b"")
)
"""One black pixel: whether a key can sign is tried with it."""
