"""What is asked for all in all: by the package and a model together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdjp.licences.duties import DUTIES, NO_ADVICE, OTHER_MODEL, UNKNOWN_MODEL, USES, Said, Use
from sdjp.licences.model import ModelLicence
from sdjp.licences.packages import installed_for
from sdjp.licences.shipped import ASSETS, CODE, SHIPPED


def asked(use: Use, model: ModelLicence) -> list[tuple[str, Said]]:
    """What is asked for in one use: by which licences (none, if that of the model is not known), and what."""
    by: dict[Said, dict[str, None]] = {}
    for item in (CODE, *ASSETS):
        for kind in item.kinds:
            if use in DUTIES[kind]:
                name = item.terms.name if kind == item.terms.kind else kind.upper()
                by.setdefault(DUTIES[kind][use], {})[name] = None
    said = _of_model(model).get(use)
    if model.how != "embedded" and said is not None:  # the embedded one is among the assets
        by.setdefault(said, {})[model.name or ""] = None
    return [(", ".join(names), said) for said, names in by.items()]


def overview(source: str, model: ModelLicence) -> dict[str, Any]:
    """All that is known, as plain JSON data: what is installed, the model ``source``, and what is asked."""
    from sdjp._version import __version__

    return {
        "version": __version__,
        "shipped": [
            {
                "files": list(item.files),
                "ja": item.ja,
                "en": item.en,
                "license": item.licence,
                "url": item.terms.url,
                "from": [dict(vars(work)) for work in item.parts_of],
                "learnt_from": [dict(vars(work)) for work in item.learnt_from],
            }
            for item in SHIPPED
        ],
        "packages": [
            {
                "name": package.name,
                "version": package.version,
                "license": package.licence,
                "told_by": package.told,
                "family": package.family,
                "files": list(package.files),
            }
            for package in installed_for()
        ],
        "model": {"source": source, **model.to_json()},
        "duties": {
            use: [{"of": names, "ja": said.ja, "en": said.en} for names, said in asked(use, model)]
            for use in USES
        },
        "note": {"ja": NO_ADVICE.ja, "en": NO_ADVICE.en},
    }


def _of_model(model: ModelLicence) -> Mapping[Use, Said]:
    if model.licence is not None:
        return DUTIES[model.licence.kind]
    return UNKNOWN_MODEL if model.name is None else OTHER_MODEL
