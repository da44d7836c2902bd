"""Arguments that have no meaning beside or without one another, or with a model: each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from sdjp.config import ModelConfig
from sdjp.errors import InputError
from sdjp.generation.job import Inputs
from sdjp.options import GenerationOptions


def check_together(options: GenerationOptions, inputs: Inputs) -> None:
    """Refuse arguments that have no meaning beside or without one another."""
    if inputs.mask is not None and inputs.image is None:
        raise InputError(
            "mask.without_image",
            ja="mask（--mask）は、もとの絵 image（--init-img）と一緒に指定してください。",
            en="give mask (--mask) together with image (--init-img), the picture to be redrawn.",
        )
    enlarges_only = options.upscaler is not None and options.hires_strength == 0
    if options.hires is not None and inputs.image is not None and not enlarges_only:
        raise InputError(
            "hires.with_image",
            ja="hires は、文章だけから描くときに使えます（upscaler を指定して hires_strength=0 にすれば、"
            "描いた絵を拡大するだけなので使えます）。手元の絵を拡大するには、"
            "Pipeline.upscale か sdjp upscale をお使いください。",
            en="hires is for drawing from text alone (or with an upscaler and hires_strength 0, where what "
            "is drawn is only enlarged). To enlarge a picture use Pipeline.upscale or sdjp upscale.",
        )
    if options.upscaler is not None and options.hires is None:
        raise InputError(
            "upscaler.without_hires",
            ja="upscaler は、拡大の倍率 hires と一緒に指定してください（拡大するだけなら hires_strength=0）。"
            "手元の絵を拡大するには、Pipeline.upscale か sdjp upscale をお使いください。",
            en="give upscaler together with hires, how many times to enlarge (with hires_strength 0, if that "
            "is all). To enlarge a picture use Pipeline.upscale or sdjp upscale.",
        )
    if options.attention and inputs.prompt_embeds is not None:
        raise InputError(
            "attention.without_words",
            ja="どの語がどこを描いたか（attention）は、prompt_embeds からは分かりません。"
            "prompt に言葉で書くか、attention=False にしてください。",
            en="which word drew what (attention) cannot be told of prompt_embeds: give the words as prompt, "
            "or attention=False.",
        )
    if options.overlap is not None and options.tile is None and options.hires is None:
        raise InputError(
            "overlap.without_tile",
            ja="overlap は tile（タイルの一辺）と一緒に指定してください。",
            en="give overlap together with tile, the side of the tiles.",
        )
    if options.overlap is not None and options.tile is not None:
        check_overlap(options.overlap, options.tile)


def check_guidance(options: GenerationOptions) -> None:
    """Refuse a part of the run to be guided where there is no guidance."""
    if options.guidance_interval is not None and options.guidance_scale == 1:
        raise InputError(
            "guidance_interval.without_guidance",
            ja="ガイダンスの強さ（guidance_scale）が 1 のときはガイダンスがかからないので、"
            "guidance_interval は指定できません。どちらかを外してください。",
            en="with guidance_scale 1 there is no guidance, and guidance_interval has no meaning: "
            "leave one of them out.",
        )


def check_overlap(overlap: int, tile: int) -> None:
    """Refuse tiles that share more than they are; both in pixels."""
    if overlap >= tile:
        raise InputError(
            "overlap.range",
            ja=f"タイルの重なり（overlap）{overlap} は、タイルの一辺（tile）{tile} より小さくしてください。",
            en=f"overlap {overlap} must be smaller than tile, {tile}.",
        )


def check_model(config: ModelConfig, inputs: Inputs) -> None:
    """Refuse what the model cannot do with what is given."""
    own = config.unet.in_channels == config.vae.latent_channels
    if not own and not config.for_inpainting:
        channels = config.unet.in_channels
        raise InputError(
            "model.channels",
            ja=f"モデル {config.name} は sdjp では描けない種類です（UNet の入力が {channels} チャンネル。"
            "instruct-pix2pix や画像の拡大のモデルがそうです）。入力が "
            f"{config.vae.latent_channels} チャンネルのモデルを指定してください。",
            en=f"the model {config.name} is of a kind that sdjp cannot draw with: its UNet takes {channels} "
            "channels, as those of instruct-pix2pix and of upscalers do. "
            f"Give a model that takes {config.vae.latent_channels}.",
        )
    if not own and inputs.mask is None:
        raise InputError(
            "model.inpainting",
            ja=f"モデル {config.name} は、画像の一部を描き直すためのもの（UNet の入力 "
            f"{config.unet.in_channels} チャンネル）で、文章だけからは描けません。"
            "image と mask を指定してください。",
            en=f"the model {config.name} is made for inpainting (its UNet takes {config.unet.in_channels} "
            "channels) and cannot draw from text alone: give image and mask.",
        )


def undrawn(strength: float) -> InputError:
    """What is raised where attention is asked of a run without a step."""
    return InputError(
        "attention.without_steps",
        ja=f"元の絵を変える強さ（strength）が {strength} では 1 ステップも描かないので、どの語がどこを"
        "描いたか（attention）は分かりません。strength を大きくしてください。",
        en=f"with strength {strength} no step is drawn, and which word drew what (attention) cannot be told: "
        "choose a larger strength.",
    )


def check_enlarged_only(given: Sequence[str]) -> None:
    """Refuse what would change nothing where a picture is only enlarged: what of it is ``given``."""
    if given:
        names = ", ".join(given)
        raise InputError(
            "upscale.enlarged_only",
            ja=f"描き直さずに拡大するだけなので、{names} は働きません。外すか、描き直す強さ"
            "（strength、--strength）を 0 より大きく（たとえば 0.3 に）してください。",
            en=f"the picture is only enlarged, not redrawn, and {names} would do nothing. Leave it out, or "
            "give a strength (--strength) above 0, such as 0.3.",
        )
