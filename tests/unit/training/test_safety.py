"""A checker made of a tiny image encoder: it is written, loads again, and finds what it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from sdjp.config import VIT_TINY, Concept
from sdjp.models.clip_vision import CLIPVision
from sdjp.pipeline import Pipeline
from sdjp.postprocess import SafetyCheck
from sdjp.weights.parts.safety_checker import load_checker
from sdjp_training.trainers.safety import Shown, make_checker
from tests.stand_in import save_stand_in

RED, BLUE = Concept(ja="赤", en="red"), Concept(ja="青", en="blue")


def vision() -> CLIPVision:
    """Random weights: even these tell colours apart."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return CLIPVision.from_config(VIT_TINY).eval().requires_grad_(False)


def pictures(colour: tuple[int, int, int], count: int = 6, seed: int = 0) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    noise = rng.integers(-20, 20, (count, 40, 40, 3))
    return [Image.fromarray((np.array(colour) + n).clip(0, 255).astype(np.uint8)) for n in noise]


REDS, BLUES, GREENS = pictures((220, 30, 30)), pictures((30, 30, 220)), pictures((30, 200, 30), 40)


def test_it_finds_what_it_was_shown_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    shown = [
        Shown(concept=BLUE, pictures=BLUES, special=True),
        Shown(concept=RED, pictures=REDS),
    ]
    made = make_checker(tmp_path, vision(), VIT_TINY, shown, GREENS)
    assert made.found == (1.0,)
    assert made.false_positives == 0.0
    checker = load_checker(tmp_path, model="mini")
    assert checker is not None
    assert (checker.concept_names, checker.special_names) == ((RED,), (BLUE,))
    check = SafetyCheck(checker=checker)
    new_reds, new_greens = pictures((220, 30, 30), seed=1), pictures((30, 200, 30), seed=1)
    assert all(check.look(p).flagged for p in new_reds)
    assert sum(check.look(p).flagged for p in new_greens) <= 1  # they were not among the harmless ones
    assert check([REDS[0]])[1][0].data["concepts"][0]["ja"] == "赤"
    assert all(check.look(p).special[0] > 0 for p in BLUES)


def test_the_share_of_false_positives_is_kept_to(tmp_path: Path) -> None:
    shown = [Shown(concept=RED, pictures=REDS), Shown(concept=BLUE, pictures=BLUES)]
    shares = [
        make_checker(tmp_path, vision(), VIT_TINY, shown, GREENS, false_positives=share).false_positives
        for share in (0.0, 0.2, 1.0)
    ]
    assert shares[0] == 0.0
    assert 0 < shares[1] <= 0.2
    assert shares[1] < shares[2]


def test_texts_of_the_same_space(tmp_path: Path) -> None:
    encoder = vision()

    def encode(texts: Sequence[str]) -> torch.Tensor:
        """Stands where a text encoder would: the point of a picture of the colour that is named."""
        from sdjp.images import clip_pixels

        images = [Image.new("RGB", (32, 32), text) for text in texts]
        x = torch.stack([torch.from_numpy(clip_pixels(i, 32)) for i in images])
        out: torch.Tensor = encoder(x)
        return out

    shown = [Shown(concept=RED, texts=["#dc1e1e", "red"])]
    made = make_checker(tmp_path, encoder, VIT_TINY, shown, GREENS, encode_texts=encode)
    assert made.found == (None,)
    checker = load_checker(tmp_path, model="mini")
    assert all(SafetyCheck(checker=checker).look(p).flagged for p in REDS)
    with pytest.raises(ValueError, match="encode_texts"):
        make_checker(tmp_path, encoder, VIT_TINY, shown, GREENS)


def test_a_model_takes_it_as_its_own(tmp_path: Path) -> None:
    """The folder of a model in sdjp's own form, as the embedded one is."""
    from sdjp.weights import convert

    save_stand_in(tmp_path / "model.ckpt")
    convert(tmp_path / "model.ckpt", tmp_path / "model.safetensors")
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "model.safetensors").rename(own / "model.safetensors")
    make_checker(own / "safety_checker", vision(), VIT_TINY, [Shown(concept=RED, pictures=REDS)], GREENS)
    result = Pipeline.from_pretrained(own, watermark=False).generate("猫", seed=1)
    assert result.safety_checked == (True,)


@pytest.mark.parametrize(
    ("shown", "harmless"),
    [
        ([], GREENS),
        ([Shown(concept=RED)], GREENS),
        ([Shown(concept=RED, pictures=REDS)], []),
        ([Shown(concept=RED, pictures=REDS, special=True)], GREENS),
    ],
)
def test_what_is_too_little(tmp_path: Path, shown: list[Shown], harmless: list[Image.Image]) -> None:
    with pytest.raises(ValueError, match="needs"):
        make_checker(tmp_path, vision(), VIT_TINY, shown, harmless)
    assert list(tmp_path.iterdir()) == []
