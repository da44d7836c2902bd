"""The licences of installed packages, by what their metadata say."""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from sdjp.licences.packages import family_of, installed_for, package_of

MIT = "MIT License\n\nPermission is hereby granted, free of charge"


def distribution(folder: Path, name: str, *lines: str, files: dict[str, str] | None = None) -> Path:
    """Write what is left of an installed package."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    head = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n"
    (info / "METADATA").write_text(head + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    for file, text in (files or {}).items():
        (info / file).write_text(text, encoding="utf-8")
    names = ["METADATA", *(files or {})]
    (info / "RECORD").write_text("".join(f"{info.name}/{file},,\n" for file in names), encoding="utf-8")
    return info


@pytest.mark.parametrize(
    ("lines", "files", "licence", "told"),
    [
        (
            ["License-Expression: MIT AND BSD-3-Clause", "License: x"],
            {},
            "MIT AND BSD-3-Clause",
            "expression",
        ),
        (
            ["License: MPL-2.0", "Classifier: License :: OSI Approved :: BSD License"],
            {},
            "MPL-2.0",
            "field",
        ),
        (
            ["License: UNKNOWN", "Classifier: License :: OSI Approved :: MIT License"],
            {},
            "MIT License",
            "classifiers",
        ),
        (
            [
                "License: Dual License",
                "Classifier: License :: OSI Approved :: BSD License",
                "Classifier: License :: OSI Approved :: Apache Software License",
            ],
            {},
            "BSD License / Apache Software License",
            "classifiers",
        ),
        (["License: MIT License", "        Copyright (c) 2020 x"], {}, "MIT", "field"),
        (["Classifier: License :: OSI Approved"], {"LICENSE": MIT}, "MIT", "file"),
        ([], {"LICENSE": MIT, "LICENSE.other": "Another one"}, None, None),  # which holds is not told
        ([], {"LICENSE": "Do what you like."}, None, None),
        (["License: LICENSE.txt"], {}, None, None),
        ([], {}, None, None),
    ],
)
def test_a_licence_is_what_the_metadata_say(
    tmp_path: Path, lines: list[str], files: dict[str, str], licence: str | None, told: str | None
) -> None:
    package = package_of(metadata.PathDistribution(distribution(tmp_path, "x", *lines, files=files)))
    assert (package.licence, package.told) == (licence, told)
    assert {Path(file).name for file in package.files} == set(files)


@pytest.mark.parametrize(
    ("licence", "family"),
    [
        ("MIT", "permissive"),
        ("MIT AND MPL-2.0", "weak copyleft"),
        ("LGPL-2.1-or-later", "weak copyleft"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "weak copyleft"),
        ("GPL-3.0-only", "copyleft"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", "weak copyleft"),
        ("MIT OR GPL-3.0-only", "permissive"),
        ("AGPL-3.0", "copyleft"),
        ("NVIDIA Proprietary Software", "proprietary"),
        ("House rules", "other"),
    ],
)
def test_families_of_licences(licence: str, family: str) -> None:
    assert family_of(licence) == family


def test_requirements_are_followed_with_their_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(
        tmp_path,
        "zz_root",
        "Requires-Dist: zz-a[fast]>=1,<2; python_version >= '3.8'",
        "Requires-Dist: zz.b ; extra == 'more'",
        "Requires-Dist: zz-absent",
    )
    distribution(
        tmp_path, "zz_a", "Requires-Dist: zz-c; extra == 'fast'", "Requires-Dist: zz-d; extra == 'slow'"
    )
    for name, back in (("zz_b", "zz_root"), ("zz_c", "zz_a"), ("zz_d", "zz_a")):
        distribution(tmp_path, name, f"Requires-Dist: {back}")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert [package.name for package in installed_for("zz_root")] == ["zz_a", "zz_b", "zz_c"]
    assert installed_for("zz-not-there") == ()


def test_those_of_sdjp_are_found() -> None:
    found = {package.name.lower(): package for package in installed_for()}
    assert {"torch", "transformers", "numpy", "pillow"} <= set(found)
    assert "sdjp" not in found
    assert found["numpy"].family == "permissive"
