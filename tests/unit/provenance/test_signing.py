"""Signing pictures with a key of one's own, and reading what was signed; nothing goes over a network."""

from __future__ import annotations

import copy
import io
import os
import pickle
import shutil
import socket
import subprocess
from pathlib import Path
from typing import NoReturn, get_args

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

pytest.importorskip("c2pa")

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sdjp import images
from sdjp.choices import OutputFormat
from sdjp.errors import InputError
from sdjp.options import GenerationOptions
from sdjp.provenance import Provenance, Signer, read_manifest, sign
from tests.certificates import Files, certificate, key_pem, make_files, pem
from tests.markdown import ROOT, blocks

FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
TEXTS = images.texts_of("a cat\nSteps: 8", {"options": {"prompt": "猫"}})


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return make_files(tmp_path_factory.mktemp("鍵"))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise AssertionError("nothing is to be asked over a network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(2).integers(0, 256, (32, 48, 3), dtype=np.uint8))


@pytest.mark.parametrize("format", FORMATS)
def test_a_signed_picture_keeps_all_and_tells_who_signed(files: Files, format: OutputFormat) -> None:
    plain = images.encode(picture(), format=format, texts=TEXTS, provenance=Provenance())
    signed = images.encode(
        picture(), format=format, texts=TEXTS, provenance=Provenance(signer=Signer(*files))
    )
    assert 2_000 < len(signed) - len(plain) < 20_000
    with Image.open(io.BytesIO(plain)) as one, Image.open(io.BytesIO(signed)) as other:
        assert one.tobytes() == other.tobytes()
    record = images.read_metadata(io.BytesIO(signed))
    assert record.options == GenerationOptions(prompt="猫", noise_multiplier=1)
    assert record.parameters == "a cat\nSteps: 8"
    assert record.generated
    found = read_manifest(signed, f"image/{format}")
    assert found is not None
    assert (found.state, found.intact, found.generated, found.changed) == ("valid", True, True, False)
    assert found.signer == "花子のアトリエ"
    assert found.tool is not None
    assert found.tool.startswith("sdjp ")
    assert found.problems == ()


@pytest.mark.parametrize("format", FORMATS)
def test_a_changed_picture_is_told(files: Files, format: OutputFormat) -> None:
    signed = images.encode(
        picture(), format=format, texts=TEXTS, provenance=Provenance(signer=Signer(*files))
    )
    at = signed.index("猫".encode())
    found = read_manifest(signed[:at] + "犬".encode() + signed[at + 3 :], f"image/{format}")
    assert found is not None
    assert (found.intact, found.changed) == (False, True)


@pytest.mark.parametrize("format", FORMATS)
def test_an_unsigned_picture_has_no_manifest(format: OutputFormat) -> None:
    assert read_manifest(images.encode(picture(), format=format), f"image/{format}") is None


def test_what_is_no_picture_has_no_manifest() -> None:
    assert read_manifest(b"no picture", "application/octet-stream") is None
    found = read_manifest(b"no picture", "image/png")
    assert found is None or not found.intact


@pytest.mark.parametrize("kind", ["P-384", "P-521", "RSA", "Ed25519"])
def test_keys_of_other_kinds(tmp_path: Path, kind: str) -> None:
    key = {
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "P-521": lambda: ec.generate_private_key(ec.SECP521R1()),
        "RSA": lambda: rsa.generate_private_key(65537, 2048),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
    }[kind]()
    signer = Signer(*make_files(tmp_path, key=key))
    found = read_manifest(sign(images.encode(picture()), "image/png", signer), "image/png")
    assert found is not None
    assert found.intact


def test_a_signer_shows_its_paths_and_nothing_of_the_key(files: Files) -> None:
    signer = Signer(*files)
    secret = files.key.read_bytes().splitlines()[1]
    assert repr(signer) == f"Signer({str(files.key)!r}, {str(files.certificates)!r})"
    assert secret not in pickle.dumps(signer)
    assert pickle.loads(pickle.dumps(signer)) == copy.copy(signer) == signer
    assert secret.decode() not in repr(vars(signer))


def test_files_that_cannot_be_used(tmp_path: Path, files: Files) -> None:
    own = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "no.pem").write_text("鍵ではない", encoding="utf-8")
    (tmp_path / "locked.pem").write_bytes(key_pem(own, b"secret"))
    (tmp_path / "dsa.pem").write_bytes(key_pem(dsa.generate_private_key(2048)))
    (tmp_path / "other.pem").write_bytes(key_pem(own))
    end = b"-----END CERTIFICATE-----\n"
    first, second, _ = files.certificates.read_bytes().split(end)
    (tmp_path / "turned.pem").write_bytes(second + end + first + end)
    (tmp_path / "own.pem").write_bytes(pem(certificate("me", own, own, "me", authority_of_others=True)))
    expired = make_files(tmp_path / "expired", days=(-10, -1))
    early = make_files(tmp_path / "early", days=(2, 10))
    purpose = make_files(tmp_path / "purpose", purposes=(ExtendedKeyUsageOID.SERVER_AUTH,))
    none = make_files(tmp_path / "none", purposes=())
    for code, key, certificates in (
        ("signing.file", tmp_path / "missing.pem", files.certificates),
        ("signing.file", files.key, tmp_path / "missing.pem"),
        ("signing.key", tmp_path / "no.pem", files.certificates),
        ("signing.key", files.certificates, files.certificates),
        ("signing.encrypted", tmp_path / "locked.pem", files.certificates),
        ("signing.algorithm", tmp_path / "dsa.pem", files.certificates),
        ("signing.certificate", files.key, tmp_path / "no.pem"),
        ("signing.pair", tmp_path / "other.pem", files.certificates),
        ("signing.order", files.key, tmp_path / "turned.pem"),
        ("signing.expired", *expired),
        ("signing.early", *early),
        ("signing.use", *purpose),
        ("signing.use", *none),
        ("signing.use", tmp_path / "other.pem", tmp_path / "own.pem"),
    ):
        with pytest.raises(InputError) as caught:
            Signer(key, certificates)
        assert caught.value.code == code
        assert "PRIVATE KEY" not in caught.value.ja or code == "signing.key"


@pytest.mark.parametrize("format", FORMATS)
def test_other_pixels_under_the_same_manifest_are_told(files: Files, format: OutputFormat) -> None:
    """A byte of the compressed pixels is another."""
    provenance = Provenance(signer=Signer(*files))
    whole = images.encode(picture(), format=format, provenance=provenance)
    pixels = {"png": b"IDAT", "jpeg": b"\xff\xda", "webp": b"VP8 "}[format]  # their chunk begins so
    at = whole.rindex(pixels) + 200
    found = read_manifest(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], f"image/{format}")
    assert found is not None
    assert (found.state, found.changed) == ("invalid", True)


def test_a_manifest_on_a_network_is_not_asked_for() -> None:
    xmp = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dcterms="http://purl.org/dc/terms/" '
        'dcterms:provenance="http://127.0.0.1:9/manifest.c2pa"/></rdf:RDF></x:xmpmeta>'
    )
    file = io.BytesIO()
    picture().save(file, "PNG", pnginfo=_with_xmp(xmp))
    found = read_manifest(file.getvalue(), "image/png")
    assert found is not None
    assert (found.state, found.intact, found.generated) == ("elsewhere", False, False)


def _with_xmp(xmp: str) -> PngInfo:
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", xmp)
    return info


@pytest.mark.skipif(shutil.which("openssl") is None or os.name == "nt", reason="needs openssl and a shell")
def test_files_made_by_the_recipe_of_the_page_sign(tmp_path: Path) -> None:
    texts = [block.text for block in blocks(ROOT / "docs" / "ja" / "provenance.md", ("text",))]
    [recipe] = [text for text in texts if "openssl" in text]
    subprocess.run(["sh", "-ec", recipe], cwd=tmp_path, check=True, capture_output=True)
    signer = Signer(tmp_path / "key.pem", tmp_path / "chain.pem")
    found = read_manifest(sign(images.encode(picture()), "image/png", signer), "image/png")
    assert found is not None
    assert (found.state, found.signer) == ("valid", "Hanako")
