"""Make samplers.npz from the full set of reference trajectories (3.5 MB), keeping every kind of run.

    python tests/golden/trim_samplers.py FULL.npz tests/golden/samplers.npz

Kept whole: inputs, noises, t of every model call, all runs of 5 steps, everything but the ``x`` of img2img at
50 steps. Of runs of 10 and 50 steps: the latents after the steps in ``kept/S10/x``, ``kept/S50/x`` (the first
ones, where multistep methods build up their order, the middle, and the last), and ``pred_x0`` at the steps in
``kept/S10/pred_x0``, ``kept/S50/pred_x0``.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np

# x: entry i is the latents after i steps (0 is x_T, stored once); pred_x0: entry i is step i, from 0.
KEPT = {
    5: {"x": [1, 2, 3, 4, 5], "pred_x0": [0, 1, 2, 3, 4]},
    10: {"x": [1, 2, 3, 4, 6, 10], "pred_x0": [0, 1, 5, 9]},
    50: {"x": [1, 2, 3, 4, 26, 50], "pred_x0": [0, 1, 25, 49]},
}


def main(source: str, target: str) -> None:
    full = np.load(source)
    out: dict[str, Any] = {
        f"kept/S{S}/{kind}": np.array(steps) for S, kinds in KEPT.items() for kind, steps in kinds.items()
    }
    for name in full.files:
        run = re.fullmatch(r"(?:ddim_eta0|ddim_eta0\.5|plms|dpm)/S(\d+)/scale[\d.]+/(x|pred_x0)", name)
        if run is not None:
            out[name] = full[name][KEPT[int(run[1])][run[2]]]
        elif re.fullmatch(r"img2img/S50/.*/x", name) is None:
            out[name] = full[name]
    np.savez_compressed(target, **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
