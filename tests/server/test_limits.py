"""Caps of a server, and how errors are told over HTTP."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjp.errors import (
    InputError,
    MissingDependencyError,
    NonFiniteError,
    OutputError,
    SdjpError,
    WeightsError,
)
from sdjp.options import GenerationOptions
from sdjp.server.errors import NotReady, body_of, headers_of, language_of, status_of
from sdjp.server.limits import FLAGS, LimitError, Limits

LIMITS = Limits(max_pixels=256 * 256, max_steps=20, max_prompt=10, max_pictures=4, max_body=3 * 2**20)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"prompt": "馬" * 11}, "limit.prompt"),
        ({"prompt": ("馬", "犬" * 11)}, "limit.prompt"),
        ({"prompt": "馬", "negative_prompt": "x" * 11}, "limit.prompt"),
        ({"prompt": "馬", "num_images_per_prompt": 5}, "limit.pictures"),
        ({"prompt": ("馬", "犬", "猫"), "num_images_per_prompt": 2}, "limit.pictures"),
        ({"prompt": "馬", "num_inference_steps": 21}, "limit.steps"),
        ({"prompt": "馬", "width": 256, "height": 272}, "limit.pixels"),
        ({"prompt": "馬", "width": 256, "height": 256, "hires": 1.01}, "limit.pixels"),
        ({"prompt": "馬", "width": 256, "height": 256, "hires": math.nan}, "limit.pixels"),
        ({"prompt": "馬", "width": 10**5000, "height": 1, "hires": 1e300}, "limit.pixels"),
        ({"prompt": "馬", "num_inference_steps": 10**5000}, "limit.steps"),
    ],
)
def test_more_than_a_cap_is_refused_with_the_flag_that_changes_it(
    options: dict[str, object], code: str
) -> None:
    with pytest.raises(LimitError) as caught:
        LIMITS.check(GenerationOptions(**options))  # type: ignore[arg-type]
    error = caught.value
    flag = FLAGS[f"max_{code.removeprefix('limit.')}"]
    assert error.code == code
    assert status_of(error) == 422
    assert flag in error.ja
    assert flag in error.en


@pytest.mark.parametrize(
    "options",
    [
        {"prompt": "馬" * 10, "num_images_per_prompt": 4, "num_inference_steps": 20},
        {"prompt": "馬", "width": 256, "height": 256},
        {"prompt": "馬", "width": 128, "height": 128, "hires": 2.0},
        {"prompt": "馬", "width": 4096},  # the other side is the model's, and not known here
        {"prompt": "馬", "width": "wide", "height": 3.5, "num_inference_steps": "many"},  # for check_options
        {"prompt": None},
    ],
)
def test_what_is_within_the_caps_passes(options: dict[str, object]) -> None:
    LIMITS.check(GenerationOptions(**options))  # type: ignore[arg-type]


def test_pictures_of_clients_have_a_cap_of_their_own() -> None:
    LIMITS.check_picture(5000, 5000)
    with pytest.raises(LimitError) as caught:
        LIMITS.check_picture(5000, 5001, name="mask")
    assert caught.value.code == "limit.picture_pixels"
    assert "mask" in caught.value.ja


def test_a_body_that_is_too_large_is_413() -> None:
    error = LIMITS.body_error()
    assert status_of(error) == 413
    assert "3 MiB" in error.ja


@pytest.mark.parametrize("name", sorted(FLAGS))
@pytest.mark.parametrize("value", [0, -1, 1.5, True])
def test_a_cap_is_a_whole_number_of_at_least_one(name: str, value: object) -> None:
    with pytest.raises(InputError) as caught:
        Limits(**{name: value})  # type: ignore[arg-type]
    assert FLAGS[name] in caught.value.ja


def test_every_cap_has_a_flag_and_is_told_to_clients() -> None:
    assert set(FLAGS) == set(Limits().to_json())
    assert Limits().to_json()["max_pixels"] == 1_048_576


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("size.multiple", ja="", en=""), 422),
        (LimitError("limit.steps", ja="", en=""), 422),
        (WeightsError("weights.missing", ja="", en=""), 422),
        (SdjpError("job.unknown", ja="", en=""), 404),
        (SdjpError("job.expired", ja="", en=""), 410),
        (SdjpError("queue.full", ja="", en=""), 429),
        (InputError("body.json", ja="", en=""), 400),
        (NotReady("server.loading", ja="", en=""), 503),
        (OutputError("disk.full", ja="", en=""), 507),
        (MissingDependencyError("x", ja="", en=""), 501),
        (NonFiniteError("nan", ja="", en=""), 500),
        (SdjpError("whatever", ja="", en=""), 500),
    ],
)
def test_each_error_has_its_status(error: SdjpError, status: int) -> None:
    assert status_of(error) == status
    assert ("Retry-After" in headers_of(error)) == (status in (429, 503))


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "1"), (3.2, "4"), (119.5, "120"), (4000.0, "120")])
def test_no_client_is_told_to_wait_longer_than_two_minutes(seconds: float, told: str) -> None:
    error = SdjpError("queue.full", ja="", en="")
    error.retry_after = seconds  # type: ignore[attr-defined]
    assert headers_of(error) == {"Retry-After": told}


def test_the_body_of_an_error_has_both_languages() -> None:
    error = InputError("size.multiple", ja="だめ", en="no")
    assert body_of(error, "ja") == {
        "error": {"code": "size.multiple", "message": "だめ", "ja": "だめ", "en": "no"}
    }
    assert body_of(error, "en")["error"]["message"] == "no"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "ja"),
        ("", "ja"),
        ("*", "ja"),
        ("de", "ja"),
        ("en-US,en;q=0.9", "en"),
        ("EN", "en"),
        ("ja,en-US;q=0.9,en;q=0.8", "ja"),
        ("en;q=0.3, ja;q=0.8", "ja"),
        ("de,en;q=0.8", "en"),
        ("en;q=0", "ja"),
        ("en;q=nonsense", "ja"),
        ("en;q=nan", "ja"),
        ("english", "ja"),
    ],
)
def test_the_language_is_the_one_that_a_client_asks_for(accepted: str | None, language: str) -> None:
    assert language_of(accepted, "ja") == language


@given(st.text(max_size=60))
def test_any_accept_language_gives_a_language(accepted: str) -> None:
    assert language_of(accepted, "en") in ("ja", "en")
