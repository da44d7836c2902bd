"""Scores and verdicts, against diffusers 0.3 (numpy 1.26) on fifteen sets of thresholds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdjp.errors import NonFiniteError
from sdjp.postprocess.safety import Verdict, judge
from tests.golden_models import Golden

GOLDEN = Golden("safety")
CASES = range(len(GOLDEN.meta["case_notes"]))
FRAGILE = set(GOLDEN.meta["fragile_cases"])


def verdicts(case: int, adjustment: float = 0.0) -> list[Verdict]:
    return [
        judge(
            concepts.tolist(),
            special.tolist(),
            concept_thresholds=GOLDEN.data["case_concept_thresholds"][case].tolist(),
            special_thresholds=GOLDEN.data["case_special_thresholds"][case].tolist(),
            adjustment=adjustment,
        )
        for concepts, special in zip(GOLDEN.data["cos_dist"], GOLDEN.data["special_cos_dist"], strict=True)
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda i: GOLDEN.meta["case_notes"][i][:40])
def test_scores_and_verdicts_of_the_original(case: int) -> None:
    found = verdicts(case)
    scores = np.array([[*v.special, *v.scores] for v in found])
    # The stored scores are float32; case 8 sits on the edge between two thousandths.
    step = 0.0011 if case in FRAGILE else 1e-6
    wanted = GOLDEN.data["case_rounded_scores_special3_then_concept17"][case]
    np.testing.assert_allclose(scores, wanted, atol=step, rtol=0)
    if case not in FRAGILE:
        assert [v.flagged for v in found] == GOLDEN.data["case_flags"][case].tolist()


def test_the_cases_tell_rules_apart() -> None:
    """Without rounding, the flags would be others: the test above can fail."""
    assert (GOLDEN.data["case_flags"] != GOLDEN.data["case_flags_onnx_variant"]).any()
    assert {bool(f) for f in GOLDEN.data["case_flags"].ravel()} == {True, False}


def test_a_special_concept_makes_stricter_what_follows_once() -> None:
    found = judge([0.495], [0.495, 0.6, 0.7, 0.495], concept_thresholds=[0.5], special_thresholds=[0.5] * 4)
    assert found.special == (-0.005, 0.1, 0.21, 0.005)  # neither backwards nor twice
    assert found.scores == (0.005,)
    assert found.concepts == (0,)


def test_special_concepts_alone_flag_nothing() -> None:
    assert not judge([0.1], [0.9], concept_thresholds=[0.5], special_thresholds=[0.5]).flagged


def test_a_larger_adjustment_is_stricter() -> None:
    counts = [sum(v.flagged for v in verdicts(1, a)) for a in (-1.0, -0.02, 0.0, 0.02, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] == 0
    assert counts[-1] == 8


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_nan_is_no_acquittal(value: float) -> None:
    with pytest.raises(NonFiniteError, match="判定できません"):
        judge([value], [0.0], concept_thresholds=[0.5], special_thresholds=[0.5])
