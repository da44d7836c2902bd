"""Values to choose among, as types: of options, and of the arguments of ``Pipeline.from_pretrained``."""

from __future__ import annotations

from typing import Literal

TranslateMode = Literal["auto", "always", "never"]
Fit = Literal["crop", "pad", "stretch"]
MaskRule = Literal["exact", "compvis"]
Preprocess = Literal["canny", "tile"]
SafetyMode = Literal["flag", "blur", "black", "off"]
PromptCheck = Literal["flag", "refuse", "off"]
WatermarkMethod = Literal["dwtDct", "dwtDctSvd", "spread"]
Among = Literal["all", "words", "rollout"]
OutputFormat = Literal["png", "jpeg", "webp"]
