"""The key and the certificates that pictures are signed with: two files of the user's, checked at once.

What a certificate must be to sign with stands in the C2PA specification, "X.509 Certificates": one of an end
entity, for digital signatures, for one of the purposes below, with the key identifiers of RFC 5280.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sdjp.errors import InputError, MissingDependencyError, reason

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

PURPOSES: Final[Mapping[str, str]] = {
    "1.3.6.1.5.5.7.3.4": "emailProtection",
    "1.3.6.1.5.5.7.3.36": "documentSigning",
    "1.3.6.1.4.1.62558.2.1": "c2pa-kp-claimSigning",
}
"""Extended key usages that a certificate for signing pictures has one of."""

_CURVES: Final = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
_RSA_BITS: Final = 2048  # at least


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a signature is made with, as PEM.

    Attributes:
        key: The private key, PKCS #8. It is only ever here and in its file.
        certificates: That of the key first, then those above it.
        algorithm: As C2PA calls it, such as ``"es256"``.
    """

    key: bytes = field(repr=False)
    certificates: bytes = field(repr=False)
    algorithm: str


def load(key: Path, certificates: Path) -> Credentials:
    """Read and check the two files.

    Raises:
        InputError: If one cannot be read, is of another kind, or they do not belong together.
        MissingDependencyError: If the extra ``provenance`` is not installed.
    """
    require()
    from cryptography.hazmat.primitives import serialization

    private = _private_key(key)
    algorithm = _algorithm(private, key)
    chain = _chain(certificates)
    _check_pair(private, chain, key, certificates)
    _check_dates(chain[0], certificates)
    _check_use(chain[0], certificates)
    pem = serialization.Encoding.PEM
    return Credentials(
        key=private.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
        certificates=b"".join(certificate.public_bytes(pem) for certificate in chain),
        algorithm=algorithm,
    )


def require() -> Any:
    """Load c2pa, which signs and checks.

    Raises:
        MissingDependencyError: If the extra ``provenance`` is not installed.
    """
    try:
        import c2pa
        import cryptography  # noqa: F401  # c2pa needs it, too
    except (ImportError, OSError) as error:  # OSError: its library is none for this system
        raise MissingDependencyError(
            "provenance.missing",
            ja=f"C2PA の署名には c2pa-python が必要です（{error}）。"
            "pip install 'sdjp[provenance]' で入ります。",
            en=f"C2PA manifests need c2pa-python ({error}). Run: pip install 'sdjp[provenance]'.",
        ) from error
    return c2pa


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        ja, en = reason(error)
        raise InputError(
            "signing.file",
            ja=f"署名に使うファイル {path} を読めません（{ja}）。",
            en=f"cannot read {path} to sign with it ({en}).",
        ) from error


def _private_key(path: Path) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    data = _read(path)
    try:
        return load_pem_private_key(data, password=None)
    except TypeError:
        raise InputError(
            "signing.encrypted",
            ja=f"秘密鍵 {path} はパスワードで暗号化されています。"
            f"openssl pkey -in {path} -out plain.key で解いたものを、"
            "ほかの人が読めない場所に置いて指定してください。",
            en=f"the private key {path} is encrypted with a password. Decrypt it with "
            f"openssl pkey -in {path} -out plain.key, keep that where nobody else can read it, and name it.",
        ) from None
    except (ValueError, UnsupportedAlgorithm):  # their texts may quote the file: they are not handed on
        raise InputError(
            "signing.key",
            ja=f"{path} は PEM 形式の秘密鍵ではありません。"
            "「-----BEGIN PRIVATE KEY-----」で始まるファイルを指定してください。",
            en=f"{path} is no private key in PEM form. Name a file that begins with "
            "-----BEGIN PRIVATE KEY-----.",
        ) from None


def _algorithm(private: Any, path: Path) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in _CURVES:
        return _CURVES[private.curve.name]
    if isinstance(private, rsa.RSAPrivateKey) and private.key_size >= _RSA_BITS:
        return "ps256"
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise InputError(
        "signing.algorithm",
        ja=f"秘密鍵 {path} の種類では、C2PA の署名ができません。"
        f"EC（P-256、P-384、P-521）、RSA（{_RSA_BITS} ビット以上）、Ed25519 のどれかを使ってください。",
        en=f"C2PA knows no signatures with a key such as {path}. Use EC (P-256, P-384, P-521), RSA (at least "
        f"{_RSA_BITS} bits) or Ed25519.",
    )


def _chain(path: Path) -> list[Certificate]:
    from cryptography.x509 import load_pem_x509_certificates

    data = _read(path)
    try:
        return load_pem_x509_certificates(data)
    except ValueError:
        raise InputError(
            "signing.certificate",
            ja=f"{path} は PEM 形式の証明書ではありません。"
            "「-----BEGIN CERTIFICATE-----」で始まる、鍵の証明書を先頭にしたファイルを指定してください。",
            en=f"{path} holds no certificates in PEM form. Name a file that begins with "
            "-----BEGIN CERTIFICATE-----, that of the key first.",
        ) from None


def _check_pair(private: Any, chain: list[Certificate], key: Path, certificates: Path) -> None:
    public = private.public_key()
    fits = [_public_key(certificate) == public for certificate in chain]
    if fits[0]:
        return
    if any(fits):
        raise InputError(
            "signing.order",
            ja=f"証明書 {certificates} の順番が違います。秘密鍵の証明書を先頭に、"
            "それを発行した認証局の証明書をその後に並べてください。",
            en=f"the certificates in {certificates} are in the wrong order. That of the key comes first, "
            "then those of the authorities that issued it.",
        )
    raise InputError(
        "signing.pair",
        ja=f"秘密鍵 {key} と証明書 {certificates}（{_subject(chain[0])}）は、組になっていません。"
        "同じ鍵から作った証明書を指定してください。",
        en=f"the private key {key} does not belong to the certificate {certificates} "
        f"({_subject(chain[0])}). Name the one that was made for this key.",
    )


def _public_key(certificate: Certificate) -> Any:
    try:
        return certificate.public_key()
    except Exception:  # a kind that cryptography does not know: it is not that of the key
        return None


def _subject(certificate: Certificate) -> str:
    try:
        return certificate.subject.rfc4514_string()
    except ValueError:
        return "?"


def _check_dates(certificate: Certificate, path: Path) -> None:
    now = datetime.now(timezone.utc)
    start, end = _dates(certificate)
    if now > end:
        raise InputError(
            "signing.expired",
            ja=f"証明書 {path} の期限は {end:%Y-%m-%d} に切れています。新しい証明書を指定してください。",
            en=f"the certificate {path} expired on {end:%Y-%m-%d}. Name a new one.",
        )
    if now < start:
        raise InputError(
            "signing.early",
            ja=f"証明書 {path} は {start:%Y-%m-%d %H:%M} UTC から有効です。それまで待つか、"
            "コンピューターの時計を確かめてください。",
            en=f"the certificate {path} is not valid before {start:%Y-%m-%d %H:%M} UTC. Wait, or look at the "
            "clock of this computer.",
        )


def _dates(certificate: Certificate) -> tuple[datetime, datetime]:
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _check_use(certificate: Certificate, path: Path) -> None:
    """What stands in the certificate of what it is for."""
    from cryptography import x509

    try:
        extensions = certificate.extensions
    except ValueError as error:
        raise _unusable(
            path, ja=f"拡張領域が壊れています（{error}）", en=f"its extensions are damaged: {error}"
        ) from error

    def find(kind: Any) -> Any:
        try:
            return extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None

    constraints, usage, purposes = map(find, (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage))
    if constraints is not None and constraints.ca:
        raise _unusable(
            path,
            ja="認証局（CA）の証明書です。自己署名のルート証明書のままでは署名できないので、"
            "その認証局から、署名用の証明書を別に発行してください",
            en="it is that of an authority (CA), such as a self-signed root, which cannot sign pictures; let "
            "it issue another one for that",
        )
    named = [] if purposes is None else [purpose.dotted_string for purpose in purposes]
    if not PURPOSES.keys() & set(named):
        allowed = "、".join(PURPOSES.values())
        raise _unusable(
            path,
            ja=f"用途（extendedKeyUsage）に、画像の署名が含まれていません。{allowed} のどれかが必要です",
            en="its purposes (extendedKeyUsage) do not include signing pictures; one of "
            f"{', '.join(PURPOSES.values())} is needed",
        )
    if usage is None or not usage.digital_signature:
        raise _unusable(
            path,
            ja="keyUsage に digitalSignature がありません",
            en="its keyUsage lacks digitalSignature",
        )
    if find(x509.AuthorityKeyIdentifier) is None:
        raise _unusable(
            path,
            ja="authorityKeyIdentifier がありません",
            en="it lacks the authorityKeyIdentifier",
        )


def _unusable(path: Path, *, ja: str, en: str) -> InputError:
    return InputError(
        "signing.use",
        ja=f"証明書 {path} では署名できません。{ja}。証明書の作り方は docs/ja/provenance.md にあります。",
        en=f"the certificate {path} cannot sign pictures: {en}. docs/en/provenance.md tells how to make one.",
    )
