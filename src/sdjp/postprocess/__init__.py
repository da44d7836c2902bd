"""Post-processors: what happens to finished pictures, in order, each with a report.

::

    processors = make_postprocessors(safety="off", watermark="© 花子")
    images, reports = run(processors, images)
    reports[0]           # of the first picture: one Report from each processor

How to add one:

1. Write ``<name>.py`` here: a frozen dataclass with ``name`` and ``__call__`` (see ``base.py``), and a
   function ``make_<name>(value)`` that turns the value of its switch into one, refuses any other value and
   looks whether what it needs is installed. Switched off, it gives a ``Note`` with the status "off" and loads
   nothing.
2. Add one line to :data:`POSTPROCESSORS` below; the order of the lines is the order of the work.
3. Give ``Pipeline.from_pretrained``, and ``Extras.checked`` in ``loading.py``, the switch, and pass it on to
   :func:`make_postprocessors`.
4. Describe it in docs/ja/postprocess.md and docs/en/postprocess.md.
5. Run ``pytest tests/contract/test_postprocessors.py``: it finds the new one by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sdjp.postprocess.base import Note, PostProcessor, Switch, run
from sdjp.postprocess.detection import Detection, detect
from sdjp.postprocess.safety import SafetyCheck, make_safety, with_checker
from sdjp.postprocess.watermark import Watermark, make_watermark

__all__ = [
    "POSTPROCESSORS",
    "Detection",
    "Note",
    "PostProcessor",
    "SafetyCheck",
    "Switch",
    "Watermark",
    "detect",
    "make_postprocessors",
    "make_safety",
    "make_watermark",
    "run",
    "with_checker",
]

POSTPROCESSORS: Final[Mapping[str, Switch]] = {
    "safety": Switch(make=make_safety, default="flag", off="off"),
    "watermark": Switch(make=make_watermark, default=True, off=False),
}


def make_postprocessors(**values: object) -> tuple[PostProcessor, ...]:
    """Make every registered post-processor, in order.

    Args:
        values: The value of each switch by its name in :data:`POSTPROCESSORS`; its default where none is
            given.

    Raises:
        InputError: If a value is not one of the switch's.
        MissingDependencyError: If a package is missing that a switched-on processor needs.
    """
    unknown = set(values) - set(POSTPROCESSORS)
    if unknown:
        raise TypeError(f"no such post-processor: {', '.join(sorted(unknown))}")
    return tuple(switch.make(values.get(name, switch.default)) for name, switch in POSTPROCESSORS.items())
