"""Rules for the values of configurations."""

from __future__ import annotations

from typing import Any

import pytest

from sdjp.weights.configs.values import Rule, flag, only, real, setting, share, whole, wholes
from sdjp.weights.files.faults import Invalid


@pytest.mark.parametrize(
    ("rule", "value", "meaning"),
    [
        (whole(8), 8, 8),
        (whole(8, least=0), 0, 0),
        (wholes(8), [], ()),
        (wholes(8), (1, 8), (1, 8)),
        (real, "1e-4", 1e-4),
        (share, 0.5, 0.5),
        (flag, False, False),
        (only("eps", "v"), "v", "v"),
    ],
)
def test_usable_values(rule: Rule, value: Any, meaning: Any) -> None:
    assert rule(value) == meaning


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        (whole(8), 9),
        (whole(8), 0),
        (whole(8), True),
        (whole(8), 2.0),
        (whole(8), "2"),
        (wholes(8), 3),
        (wholes(8), [9]),
        (wholes(8), [1] * 17),
        (wholes(8, fewest=1), []),
        (real, True),
        (real, "x"),
        (real, 0),
        (real, "inf"),
        (share, 1),
        (flag, 1),
        (flag, "true"),
        (only(1), True),
        (only(None), 0),
    ],
)
def test_other_values_are_refused_in_both_languages(rule: Rule, value: Any) -> None:
    with pytest.raises(Invalid) as caught:
        rule(value)
    assert caught.value.ja
    assert str(caught.value) == caught.value.en


def test_a_setting_is_named_where_it_is_refused() -> None:
    assert setting({"a": 3}, "a", whole(8), 4) == 3
    assert setting({}, "a", whole(8), 4) == 4
    with pytest.raises(KeyError, match="a"):
        setting({}, "a", whole(8))
    with pytest.raises(Invalid, match=r"^a = 'x' \(a whole number from 1 to 8\)$"):
        setting({"a": "x"}, "a", whole(8), 4)
