"""LoRAs that make few steps do, known by their names, and the preset that each of them needs.

Such a LoRA draws well with the sampler and the guidance that it was distilled for, and badly with others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from sdjp.errors import InputError
from sdjp.weights.files.readers import open_file

TITLES: Final = ("modelspec.title", "ss_output_name")
"""Where a safetensors file may tell its name, whatever it is called now: of the ModelSpec, of kohya-ss."""
KINDS: Final = (
    # A whole word of the name, and the preset; of two in one name the first.
    (r"hyper(?:[-_ ]?sd\w*)?", "hyper"),  # Hyper-SD15-8steps-lora
    (r"tcd", "tcd"),  # TCD-SD15-LoRA
    (r"lcm", "lcm"),  # lcm-lora-sdv1-5
)
_STEPS: Final = r"(\d{1,3})[-_ ]?steps?"


class Turbo(NamedTuple):
    """What a LoRA needs.

    Attributes:
        lora: Its name.
        preset: A name in ``sdjp.options.PRESETS``.
        steps: For how many steps it is made, where its name says so; None leaves it to the preset.
    """

    lora: str
    preset: str
    steps: int | None


def choose(loras: Mapping[str, Path]) -> Turbo:
    """Choose the preset for the LoRAs of a prompt.

    Args:
        loras: Those that act, by name.

    Raises:
        InputError: If none of them is known to need one, or they need different ones.
        WeightsError: If a file cannot be read.
    """
    found = [turbo for name, path in loras.items() if (turbo := _of(name, path)) is not None]
    if not found:
        listed = ", ".join(loras)
        ja, en = (
            (
                f"指定された LoRA（{listed}）の名前からは",
                f"the names of the LoRAs given ({listed}) do not tell",
            )
            if loras
            else ("LoRA が指定されていないので", "no LoRA is given to tell")
        )
        raise InputError(
            "turbo.none",
            ja=f"--turbo: {ja}、設定を選べません。LCM-LoRA、Hyper-SD、TCD のどれかのファイルを --lora-dir の"
            "フォルダーに置き、--lora lcm-lora-sdv1-5 のように指定してください"
            "（ファイル名には lcm、hyper、tcd のどれかを入れます）。"
            "ほかの名前のままなら、--turbo の代わりに --preset lcm などを使ってください。",
            en=f"--turbo: {en} which settings to take. Put a file of LCM-LoRA, Hyper-SD or TCD into the "
            "folder of --lora-dir and name it, as in --lora lcm-lora-sdv1-5 (there must be lcm, hyper or tcd "
            "in its name). To keep another name, give --preset lcm or the like in place of --turbo.",
        )
    if len({turbo[1:] for turbo in found}) > 1:
        listed = ", ".join(f"{turbo.lora} → {turbo.preset}" for turbo in found)
        raise InputError(
            "turbo.several",
            ja=f"--turbo: LoRA ごとに合う設定が違います（{listed}）。"
            "少ないステップのための LoRA は 1 つにするか、--preset で選んでください。",
            en=f"--turbo: the LoRAs need different settings ({listed}). Use one such LoRA, or choose with "
            "--preset.",
        )
    return found[0]


def _of(name: str, path: Path) -> Turbo | None:
    """What a LoRA needs by its name, else by the one in its file; None if neither tells."""
    known = _named(name, name)
    if known is not None:
        return known
    metadata = open_file(path).metadata
    titles = (_named(name, metadata[key]) for key in TITLES if key in metadata)
    return next((turbo for turbo in titles if turbo is not None), None)


def _named(lora: str, title: str) -> Turbo | None:
    text = title.casefold()
    kinds = (preset for word, preset in KINDS if re.search(rf"(?<![a-z]){word}(?![a-z])", text))
    kind = next(kinds, None)
    if kind is None:
        return None
    match = re.search(_STEPS, text)
    steps = None if match is None else int(match[1]) or None
    if kind == "hyper" and re.search(r"(?<![a-z])cfg(?![a-z])", text):
        kind = "hyper_cfg"
    elif kind == "hyper" and steps == 1:
        kind = "hyper_1step"
    return Turbo(lora, kind, steps)
