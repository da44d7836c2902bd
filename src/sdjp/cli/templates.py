"""Dynamic prompts on the command line: a template, and the prompt of each picture by its seed."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sdjp.cli.speech import say
from sdjp.errors import InputError

if TYPE_CHECKING:
    from sdjp.result import GenerationResult
    from sdjp.text.wildcards import Wildcards

TEMPLATES: Final = ("prompt", "negative_prompt")
"""The options that may be templates."""


@dataclass(frozen=True, kw_only=True)
class Expanded:
    """The arguments of ``Pipeline.stream`` for the pictures of one prompt.

    Attributes:
        arguments: The arguments, prompt and seed included.
        templates: What was typed, by the names of its options; empty where nothing was chosen.
    """

    arguments: Mapping[str, Any]
    templates: Mapping[str, str]

    @property
    def prompts(self) -> list[str]:
        """The prompts, one for each picture of a template."""
        prompt = self.arguments["prompt"]
        return list(prompt) if isinstance(prompt, list) else [prompt]

    def noted(self, result: GenerationResult) -> GenerationResult:
        """A result with the templates in its record."""
        import dataclasses

        if not self.templates:
            return result
        return dataclasses.replace(result, templates=(self.templates,) * len(result))


def wildcards_of(args: argparse.Namespace) -> Wildcards:
    """The wildcards of ``--wildcards``, read once.

    Raises:
        InputError: If it is no folder.
    """
    from sdjp.text.wildcards import Wildcards

    if not isinstance(args.wildcards, Wildcards):
        args.wildcards = Wildcards(args.wildcards)
    found: Wildcards = args.wildcards
    return found


def check_templates(args: argparse.Namespace, **texts: str | None) -> None:
    """Look through all that templates may become; texts of other commands and of records are none.

    Args:
        args: The command line.
        **texts: Texts by the names of their options.

    Raises:
        InputError: If a wildcard is unknown, or nothing can be chosen.
    """
    from sdjp.text.dynamic import check_template

    for name, text in texts.items():
        if text is not None and _may_be(args, name):
            check_template(text, wildcards_of(args))


def is_template(args: argparse.Namespace, prompt: str) -> bool:
    """Whether a prompt of this command is a template."""
    from sdjp.text.dynamic import is_dynamic

    return _may_be(args, "prompt") and is_dynamic(prompt)


def expanded(
    args: argparse.Namespace, prompt: str, seed: int | None, arguments: Mapping[str, Any]
) -> Expanded:
    """Choose for each picture of a prompt by its seed; what is no template passes as it is.

    Args:
        args: The command line.
        prompt: What was typed, or a line of a file.
        seed: Of the first picture; from chance, if None.
        arguments: The others of ``Pipeline.stream``.

    Raises:
        InputError: If it cannot be expanded.
    """
    from sdjp.text.dynamic import expand, is_dynamic

    given = {**arguments, "prompt": prompt, "seed": seed}
    templates = {
        name: str(text)
        for name in TEMPLATES
        if isinstance(text := given.get(name), str) and _may_be(args, name) and is_dynamic(text)
    }
    if not templates:
        return Expanded(arguments=given, templates={})
    from sdjp.generation.seeds import seeds_of

    seeds = seeds_of(seed, given["num_images_per_prompt"])
    known = wildcards_of(args)
    given |= {
        name: [expand(templates[name], seed=one, wildcards=known) for one in seeds]
        if name in templates
        else [given[name]] * len(seeds)
        for name in TEMPLATES
        if given.get(name) is not None
    }
    empty = next((one for one, text in zip(seeds, given["prompt"], strict=True) if not text.strip()), None)
    if empty is not None:
        raise InputError(
            "dynamic.empty",
            ja=f"シード {empty} では、プロンプトが空になります（{prompt}）。"
            "どのシードでも何か残るように書いてください。",
            en=f"with the seed {empty} nothing is left of the prompt ({prompt}). "
            "Write one that is never empty.",
        )
    given |= {"seed": seeds[0], "num_images_per_prompt": 1}
    return Expanded(arguments=given, templates=templates)


def explained(args: argparse.Namespace, text: str) -> tuple[str, str | None]:
    """The prompt that ``--seed`` makes of a text, and the text itself where it is a template.

    Raises:
        InputError: If it cannot be expanded.
    """
    from sdjp.text.dynamic import expand, is_dynamic

    if not is_dynamic(text):
        return text, None
    return expand(text, seed=args.seed, wildcards=wildcards_of(args)), text


def announce_template(template: str, seed: int) -> None:
    """Say which seed has chosen."""
    say(ja=f"テンプレート: {template}（シード {seed}）", en=f"template:   {template} (seed {seed})")


def _may_be(args: argparse.Namespace, name: str) -> bool:
    """Whether an option of this command is a template: what a record tells was chosen already."""
    return hasattr(args, "wildcards") and name not in getattr(args, "recorded", ())
