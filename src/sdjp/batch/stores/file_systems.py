"""Opens what fsspec opens, so that several processes see the same."""

from __future__ import annotations

import re
from typing import Any, Final

from sdjp.batch.stores.base import unusable
from sdjp.batch.stores.object_errors import why, without_secrets
from sdjp.errors import InputError, MissingDependencyError

S3: Final = frozenset({"s3", "s3a"})
BUCKETS: Final = S3 | {"gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "tos"}
WHOLE: Final = BUCKETS | {"memory"}
"""Where a file that is written appears when all of it is there; elsewhere it is renamed then."""

_PACKAGES: Final = {
    **dict.fromkeys(S3, '"sdjp[s3]"'),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "abfss", "az", "adl"), "adlfs"),
    **dict.fromkeys(("sftp", "ssh"), "paramiko"),
    "smb": "smbprotocol",
    "oss": "ossfs",
    "oci": "ocifs",
}


def check_url(url: str) -> None:
    """Refuse addresses that tell secrets, or that lead through a cache or into a file."""
    kind, _, place = url.partition("://")
    host = place.partition("/")[0]
    if "?" in place or ":" in host.rpartition("@")[0]:
        shown = without_secrets(url)
        raise InputError(
            "batch.store_secret",
            ja=f"保管場所の URL {shown} には、パスワードや ? 以降の文字を書けません（URL は記録に残り、"
            "ほかの人にも見えます）。認証情報は、環境変数 AWS_ACCESS_KEY_ID、FSSPEC_SFTP_PASSWORD などで"
            "与えてください。",
            en=f"the address of a store, {shown}, must have no password, and no ? in it: it is recorded, and "
            "others can see it. Give credentials in the environment (AWS_ACCESS_KEY_ID, "
            "FSSPEC_SFTP_PASSWORD).",
        )
    if not place.strip("/") and kind != "memory":
        raise InputError(
            "batch.store_url",
            ja=f"保管場所 {url} に、バケットやフォルダーの名前がありません。s3://バケット/フォルダー の形で"
            "指定してください。",
            en=f"the address of a store, {url}, names no bucket and no folder. Give it as s3://bucket/folder.",
        )
    if not re.fullmatch(r"[a-z][a-z0-9_+.-]*", kind) or "::" in place:
        raise _unknown(url)


def _unknown(url: str) -> InputError:
    return InputError(
        "batch.store_kind",
        ja=f"{url} は、使える保管場所ではありません。フォルダーのパスか、s3:// gs:// abfs:// sftp:// などで"
        "始まる URL を指定してください。",
        en=f"{url} is no store that can be used. Give the path of a folder, or an address that begins with "
        "s3://, gs://, abfs:// or sftp://, for example.",
    )


def open_file_system(url: str, kind: str) -> tuple[Any, str]:
    """Open the file system of an address; return it with the path there."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise MissingDependencyError(
            "batch.fsspec",
            ja=f'{url} を使うには fsspec が必要です。「pip install "sdjp[batch]"」を実行してください。',
            en=f'{url} needs fsspec: pip install "sdjp[batch]".',
        ) from error
    try:
        # An instance of its own: others in this process may keep listings, or were made for another server.
        fs, path = url_to_fs(url, skip_instance_cache=True)
    except ImportError as error:
        package = _PACKAGES.get(kind, "")
        raise MissingDependencyError(
            "batch.store_package",
            ja=f"{url} を使うためのパッケージがありません（{error}）。"
            f"「pip install {package or '(そのパッケージ)'}」を実行してください。",
            en=f"the package for {url} is not installed ({error}): "
            f"pip install {package or '(that package)'}.",
        ) from error
    except ValueError as error:
        raise _unknown(url) from error
    except Exception as error:  # SFTP connects here
        raise unusable(url, error, why(error)) from error
    fs.dircache.use_listings_cache = False  # what another process writes is to be seen
    fs.dircache.clear()
    if kind in S3:
        # One who tries again is enough; a file is read with one request, and written with one up to 100 MB.
        fs.retries = 1
        fs.max_concurrency = 1
        once = {"retries": {"mode": "standard", "total_max_attempts": 1}, "read_timeout": 60}
        fs.config_kwargs = {**once, **fs.config_kwargs}
    return fs, path.rstrip("/")
