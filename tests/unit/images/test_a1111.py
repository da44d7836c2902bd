"""Texts of AUTOMATIC1111's web UI, taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from sdjp.images.a1111 import read_parameters

SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x768"
WANTED = {
    "num_inference_steps": 20, "sampler": "euler_a", "guidance_scale": 7.0, "seed": 1,
    "width": 512, "height": 768,
}  # fmt: skip

CASES: dict[str, tuple[str, str, str]] = {
    "all": (f"a cat\nNegative prompt: text, blurry\n{SETTINGS}", "a cat", "text, blurry"),
    "no negative": (f"a cat\n{SETTINGS}", "a cat", ""),
    "no prompt": (f"Negative prompt: text\n{SETTINGS}", "", "text"),
    "lines": (
        f"a cat,\n\n(red: 1.2), b: c\nNegative prompt: text,\nblurry\n{SETTINGS}",
        "a cat,\n\n(red: 1.2), b: c",
        "text,\nblurry",
    ),
    "windows": (f"a cat\r\nNegative prompt: text\r\n{SETTINGS}\r\n", "a cat", "text"),
    "said within": (f"the words Negative prompt: none\n{SETTINGS}", "the words Negative prompt: none", ""),
    "a prompt of pairs": (
        f"Time: 8, Place: Paris, Mood: calm\n{SETTINGS}",
        "Time: 8, Place: Paris, Mood: calm",
        "",
    ),
    "Japanese": (f"猫、桜\nNegative prompt: 文字\n{SETTINGS}", "猫、桜", "文字"),
    "a line behind": (f"a cat\n{SETTINGS}\nTemplate: a {{cat|dog}}", "a cat", ""),
}


@pytest.mark.parametrize("name", CASES)
def test_the_three_parts(name: str) -> None:
    text, prompt, negative = CASES[name]
    found = read_parameters(text)
    assert (found.prompt, found.negative_prompt) == (prompt, negative)
    options, left = found.options()
    assert {key: options[key] for key in WANTED} == WANTED
    assert options["prompt"] == prompt
    assert left == []


def test_quoted_values_have_commas_and_quotes() -> None:
    text = f'a cat\n{SETTINGS}, Model: "a, b: \\"c\\"", Lora hashes: "x: 12, y: 34", Version: v1.9.4'
    found = read_parameters(text)
    assert found.settings["Model"] == 'a, b: "c"'
    assert found.settings["Lora hashes"] == "x: 12, y: 34"
    assert found.options()[1] == ["Lora hashes: x: 12, y: 34"]


@pytest.mark.parametrize(
    ("settings", "left"),
    [
        (
            "Steps: 20, Sampler: DPM++ 3M SDE, Schedule type: KL Optimal, ENSD: 31337",
            ["Sampler: DPM++ 3M SDE", "Schedule type: KL Optimal", "ENSD: 31337"],
        ),
        ("Steps: many, Sampler: DDIM, Seed: -", ["Steps: many", "Seed: -"]),
        ("Steps: 20, Size: large, Model hash: abc", ["Size: large"]),
    ],
)
def test_what_has_no_option_is_told(settings: str, left: list[str]) -> None:
    assert read_parameters(f"a cat\n{settings}").options()[1] == left


@pytest.mark.parametrize(
    "text", ["", "\n", "a cat", "a: b", "Steps: ", 'Steps: 1, Model: "', "Negative prompt:", "\x00"]
)
def test_any_text_will_do(text: str) -> None:
    options: dict[str, Any] = read_parameters(text).options()[0]
    assert isinstance(options["prompt"], str)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ("Sampler: DPM++ 2M Karras", {"sampler": "dpm++_2m", "spacing": "karras"}),
        ("Sampler: DPM++ 2M, Schedule type: Karras", {"sampler": "dpm++_2m", "spacing": "karras"}),
        ("Sampler: Euler a, Schedule type: Automatic", {"sampler": "euler_a"}),
        (
            "Sampler: DPM++ 2M SDE, Schedule type: SGM Uniform",
            {"sampler": "dpm++_2m_sde", "spacing": "time_uniform"},
        ),
        ("Sampler: DDIM, Schedule type: DDIM", {"sampler": "ddim", "spacing": "compvis"}),
        ("Sampler: DPM++ SDE, Schedule type: Uniform", {"sampler": "dpm++_sde", "spacing": "normal"}),
        ("Sampler: Euler, Schedule type: Beta", {"sampler": "euler", "spacing": "beta_sigmas"}),
        ("Sampler: Euler, Schedule type: beta", {"sampler": "euler", "spacing": "beta"}),
        ("Sampler: dpm_solver, Schedule type: trailing", {"sampler": "dpm_solver", "spacing": "trailing"}),
    ],
)
def test_samplers_and_their_schedules(settings: str, wanted: dict[str, str]) -> None:
    found, left = read_parameters(f"a cat\nSteps: 20, {settings}").options()
    assert found == {"prompt": "a cat", "num_inference_steps": 20, **wanted}
    assert left == []
