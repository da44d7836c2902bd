"""The trained adapter as it ships: a folder, with a card."""

from __future__ import annotations

import json
from pathlib import Path

from sdjp.config import AdapterConfig, from_json
from sdjp.models import Adapter
from sdjp.weights.parts import adapter
from sdjp_training.loop import checkpoint
from sdjp_training.release import card
from sdjp_training.trainers.adapter import target


def export(folder: Path, to: Path, *, source: str = "mini") -> None:
    """Write the averaged weights to ``to``, as ``translator="adapter:<to>"`` reads them.

    Raises:
        FileNotFoundError: If there are none.
    """
    place = target(folder, source)
    state = checkpoint.load(place / "adapter.pt")
    if state is None:
        raise FileNotFoundError(f"{place / 'adapter.pt'} is not there: python -m sdjp_training adapter")
    config = from_json(AdapterConfig, json.loads((place / "config.json").read_text(encoding="utf-8")))
    model = Adapter.from_config(config)
    model.load_state_dict(state["ema"])
    adapter.save_adapter(to, model, config, (place / "sentencepiece.model").read_bytes())
    last = json.loads((place / "adapter.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    figures = {
        "model": Path(source).name,
        "parameters": f"{sum(tensor.numel() for tensor in adapter.its_own(model).values()) / 1e6:.1f}",
        "step": f"{state['step']:,}",
        "unexplained": f"{last['unexplained']:.3f}",
        "tokens": f"{last['tokens']:.1%}",
        "prompts": f"{last['prompts']:.1%}",
    }
    (to / "README.md").write_text(card.filled("adapter_card.md", figures), encoding="utf-8")
