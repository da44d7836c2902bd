"""ControlNet as sd-webui-controlnet takes it, in ``alwayson_scripts``: its units, as our ``controls``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from sdjp.choices import Fit
from sdjp.errors import InputError
from sdjp.images.control_map import HIGH, LOW
from sdjp.server.a1111.fields import Fields, Lacking, lacks

SCRIPT: Final = "controlnet"
"""Its name among scripts, whose case makes no difference."""

MODULES: Final[Mapping[str, str | None]] = {
    "none": None,
    "canny": "canny",
    "tile": "tile",
    "tile_resample": "tile",
}
"""Its preprocessors, as ours."""

RESIZE_MODES: Final[Mapping[object, Fit]] = {
    # As numbers, and as the extension's texts of different times.
    0: "stretch",
    1: "crop",
    2: "pad",
    "just resize": "stretch",
    "crop and resize": "crop",
    "resize and fill": "pad",
    "scale to fit (inner fit)": "crop",
    "envelope (outer fit)": "pad",
}

_REFUSED: Final[Mapping[str, Lacking]] = {
    "mask": Lacking("ControlNet のマスク", "a mask of ControlNet"),
    "control_mode": Lacking("ControlNet のモード", "modes of ControlNet", (0, "Balanced")),
    "guessmode": Lacking("guess mode", "guess mode", (False,)),
    "hr_option": Lacking("ControlNet を使う回", "passes of ControlNet", ("Both", "HiResFixOption.BOTH", 0)),
}
_HASH: Final = re.compile(r"\s*\[[0-9a-fA-F]+\]$")


def units(scripts: Mapping[str, Any], fields: Fields) -> list[Fields]:
    """The units that are switched on; nothing else may be asked of ``alwayson_scripts``.

    Raises:
        InputError: If another script is asked for.
    """
    found: list[Fields] = []
    for name, script in scripts.items():
        arguments = Fields(script).items("args") if isinstance(script, Mapping) else [script]
        if name.casefold() == SCRIPT:
            each = [one for one in arguments if isinstance(one, Mapping)]
            found += [unit for unit in map(Fields, each) if unit.flag("enabled", default=True)]
        elif any(arguments):  # of a script that is switched off there is [] or [false]
            raise lacks(
                f"alwayson_scripts.{name}",
                ja="スクリプト。使えるのは ControlNet だけです",
                en="a script; only ControlNet is there",
            )
    return found


def control(unit: Fields, *, beside: Any, fields: Fields) -> tuple[dict[str, Any], Fit]:
    """A unit as one of our ``controls``, and how its picture comes to the size of the drawing.

    Args:
        unit: The unit.
        beside: The picture that is redrawn, which a unit without one reads; None if there is none.
        fields: Of the whole request, whose notes tell what of a unit was not used.

    Raises:
        InputError: If it asks for what we do not have.
    """
    unit.refuse(_REFUSED)
    image: Any = next((unit.body[name] for name in ("image", "input_image") if unit.given(name)), beside)
    if isinstance(image, Mapping):
        image, mask = image.get("image"), image.get("mask")
        Fields({"mask": mask}).refuse(_REFUSED)
    module = (unit.text("module") or "none").casefold()
    if module not in MODULES:
        names = ", ".join(MODULES)
        raise InputError(
            "control.module",
            ja=f"ControlNet の前処理 {module!r} は sdjp にありません。使えるもの: {names}。"
            "ほかの前処理は、済ませた画像を module なしで指定してください。",
            en=f"sdjp has no preprocessor {module!r} of ControlNet. Allowed: {names}. For others give "
            "a picture that is ready, without module.",
        )
    _tell(unit, module, fields)
    numbers = {"weight": "weight", "start": "guidance_start", "end": "guidance_end"}
    given = {ours: unit.real(theirs) for ours, theirs in numbers.items()}
    return {
        "name": _HASH.sub("", unit.text("model") or ""),
        "image": image,
        "preprocess": MODULES[module],
        **{name: value for name, value in given.items() if value is not None},
    }, _fit(unit)


def _fit(unit: Fields) -> Fit:
    value = unit.body.get("resize_mode", 1)
    key = value.casefold() if isinstance(value, str) else value
    if not isinstance(key, str | int) or key not in RESIZE_MODES:
        raise lacks("ControlNet.resize_mode", ja="画像の合わせ方", en="a way to bring a picture to size")
    return RESIZE_MODES[key]


def _tell(unit: Fields, module: str, fields: Fields) -> None:
    """Canny's thresholds are those of the original."""
    for name, ours in (("threshold_a", LOW), ("threshold_b", HIGH)):
        value = unit.real(name) if module == "canny" else None
        if value is not None and value >= 0 and value != ours:
            fields.note(
                f"ControlNet.{name}",
                ja=f"ControlNet の {name} は使えません。canny のしきい値は {LOW} と {HIGH} です。",
                en=f"{name} of ControlNet is not used: the thresholds of canny are {LOW} and {HIGH}.",
            )
