from __future__ import annotations

import subprocess
import sys

import pytest

from sdjp.errors import InputError
from sdjp.samplers import ALIASES, SAMPLERS, Schedule, get_sampler


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("ddim", "ddim"),
        ("DDIM", "ddim"),
        ("DDIMScheduler", "ddim"),
        ("PLMS", "plms"),
        ("PNDM", "plms"),
        ("PNDMScheduler", "plms"),
        ("dpm_solver", "dpm_solver"),
        ("DPM++ 2M", "dpm++_2m"),
        ("dpm++2m", "dpm++_2m"),
        ("dpmpp_2m", "dpm++_2m"),
        ("k_dpmpp_2m", "dpm++_2m"),
        ("DPMSolverMultistepScheduler", "dpm++_2m"),
        ("Euler", "euler"),
        ("k_euler", "euler"),
        ("EulerDiscreteScheduler", "euler"),
        ("Euler a", "euler_a"),
        ("k_euler_a", "euler_a"),
        ("euler-ancestral", "euler_a"),
        ("EulerAncestralDiscreteScheduler", "euler_a"),
        ("Heun", "heun"),
        ("HeunDiscreteScheduler", "heun"),
        ("DPM++ SDE", "dpm++_sde"),
        ("dpmpp_sde", "dpm++_sde"),
        ("DPM++ 2M SDE", "dpm++_2m_sde"),
        ("dpmpp_2m_sde", "dpm++_2m_sde"),
        ("UniPC", "unipc"),
        ("uni_pc", "unipc"),
        ("uni_pc_bh2", "unipc"),
        ("LCM", "lcm"),
        ("TCDScheduler", "tcd"),
    ],
)
def test_names_used_elsewhere(spelling: str, name: str) -> None:
    assert get_sampler(spelling) is SAMPLERS[name]


@pytest.mark.parametrize("name", ["", "lms", "DPM++ 2M Karras", "eulerr", None, 3])
def test_unknown_name_lists_all(name: object) -> None:
    with pytest.raises(InputError) as caught:
        get_sampler(name)  # type: ignore[arg-type]
    for text in (caught.value.ja, caught.value.en):
        assert repr(name) in text
        assert all(known in text for known in SAMPLERS)


def test_aliases_lead_somewhere_and_hide_nothing() -> None:
    assert set(ALIASES.values()) <= set(SAMPLERS)
    assert all(get_sampler(name).name == name for name in SAMPLERS)


def test_eta_is_refused_where_it_means_nothing() -> None:
    for sampler in SAMPLERS.values():
        assert sampler.plan(Schedule(), 5).eta == (0.3 if sampler.name == "tcd" else 0)
        if sampler.takes_eta:
            assert sampler.plan(Schedule(), 5, eta=0.5).eta == 0.5
        else:
            with pytest.raises(InputError) as caught:
                sampler.plan(Schedule(), 5, eta=0.5)
            assert caught.value.code == "eta.unused"


def test_listing_samplers_does_not_load_torch() -> None:
    code = "import sys, sdjp.samplers as s; s.get_sampler('euler'); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "meant"), [("DPM++ 2M Karras", "dpm++_2m"), ("eular a", "euler_a"), ("restart", None)]
)
def test_an_unknown_sampler_is_answered_with_the_nearest(name: str, meant: str | None) -> None:
    with pytest.raises(InputError) as caught:
        get_sampler(name)
    assert (f"もしかして: {meant}。" in caught.value.ja) == (meant is not None)
    assert (f"Did you mean {meant}?" in caught.value.en) == (meant is not None)
