"""The pictures of a prompt: their tokens beside the text states, and the UNet that looks at them."""

from __future__ import annotations

import dataclasses

from sdjp.addons import ImagePrompter
from sdjp.errors import InputError
from sdjp.generation.encode import Encoded
from sdjp.generation.job import Job
from sdjp.generation.model import Model
from sdjp.models.ip_adapter import with_tokens


def check_image_prompt(job: Job, prompter: ImagePrompter | None) -> None:
    """Refuse pictures as prompts where no IP-Adapter is loaded.

    Raises:
        InputError: If there are such pictures.
    """
    if job.image_prompts and prompter is None:
        raise no_adapter()


def no_adapter() -> InputError:
    """Return the error for pictures as prompts without an IP-Adapter."""
    return InputError(
        "image_prompt.no_adapter",
        ja="image_prompt（--image-prompt）を使うには、IP-Adapter を読み込んでください。"
        "Pipeline.from_pretrained の ip_adapter と image_encoder（--ip-adapter と --image-encoder）に"
        "ファイルを指定します。",
        en="image_prompt (--image-prompt) needs an IP-Adapter: give its files as ip_adapter and "
        "image_encoder of Pipeline.from_pretrained (--ip-adapter and --image-encoder).",
    )


def with_image_prompt(
    job: Job, model: Model, encoded: Encoded, prompter: ImagePrompter | None
) -> tuple[Model, Encoded]:
    """Return the model and the conditioning of a run with the pictures of its prompt; the same without any.

    At scale 0 the pictures are told in the record, and do nothing.
    """
    scale = job.options.image_prompt_scale
    if not job.image_prompts or prompter is None:
        return model, encoded
    report = prompter.report(len(job.image_prompts), scale)
    model = dataclasses.replace(model, reports=(*model.reports, report))
    if scale == 0:
        return model, encoded
    tokens = prompter.tokens(job.image_prompts)
    model.engine.give_back(model.unet)  # the copy reads its weights, too
    unet = prompter.decoupled(model.unet, tokens.cond.shape[1])
    cond = with_tokens(encoded.cond, tokens.cond, scale)
    uncond = with_tokens(encoded.uncond, tokens.uncond, scale)
    rows = cond.shape[1] - encoded.cond.shape[1]
    return (
        dataclasses.replace(model, unet=unet, image_tokens=rows),
        dataclasses.replace(encoded, cond=cond, uncond=uncond),
    )
