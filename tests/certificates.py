"""Keys and certificates to sign pictures with, made for a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PURPOSE = ExtendedKeyUsageOID.EMAIL_PROTECTION


class Files(NamedTuple):
    """A private key and its certificates, PEM."""

    key: Path
    certificates: Path


def make_files(folder: Path, name: str = "花子のアトリエ", *, key: Any = None, **leaf: Any) -> Files:
    """A key, and a certificate for it that an authority of the test issued."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, own = ec.generate_private_key(ec.SECP256R1()), key or ec.generate_private_key(ec.SECP256R1())
    root = certificate("Test CA", authority, authority, "Test CA", authority_of_others=True)
    files = Files(folder / "key.pem", folder / "chain.pem")
    files.key.write_bytes(key_pem(own))
    files.certificates.write_bytes(pem(certificate(name, own, authority, "Test CA", **leaf)) + pem(root))
    return files


def key_pem(key: Any, password: bytes | None = None) -> bytes:
    lock = (
        serialization.NoEncryption() if password is None else serialization.BestAvailableEncryption(password)
    )
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock))


def pem(one: x509.Certificate) -> bytes:
    return one.public_bytes(serialization.Encoding.PEM)


def certificate(
    name: str,
    key: Any,
    issuer_key: Any,
    issuer: str,
    *,
    authority_of_others: bool = False,
    purposes: Sequence[x509.ObjectIdentifier] = (PURPOSE,),
    days: tuple[int, int] = (-1, 30),
) -> x509.Certificate:
    now = datetime.now(timezone.utc)
    usage = {
        **dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment"), False),
        **dict.fromkeys(("key_agreement", "encipher_only", "decipher_only"), False),
        "digital_signature": not authority_of_others,
        "key_cert_sign": authority_of_others,
        "crl_sign": authority_of_others,
    }
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=authority_of_others, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if purposes and not authority_of_others:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(purposes)), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


def _name(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
        ]
    )
