"""Options that several commands share, and what of ``Pipeline``'s arguments they give.

Those of a generation are rows of :data:`sdjp.options.OPTIONS`: their type, choices, default and help stand
there, and here only the flags. They are parsed under the name of the option.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from sdjp.choices import OutputFormat
from sdjp.cli.parser import Parser
from sdjp.cli.report import announce_load
from sdjp.errors import InputError
from sdjp.options import OPTIONS, PromptCheck, SafetyMode, WatermarkMethod
from sdjp.samplers import STRENGTH_RULES

if TYPE_CHECKING:
    from sdjp.addons.turbo import Turbo
    from sdjp.pipeline import Pipeline
    from sdjp.postprocess import Watermark
    from sdjp.provenance import Provenance

EMA: Final[dict[str, Any]] = {"auto": "auto", "true": True, "false": False}

# What to draw.


def text_options(parser: Parser) -> None:
    """Where prompts come from and how they are translated."""
    parser.option("--from-file", metavar="F", ja="1 行に 1 つのプロンプトを書いたファイル（- は標準入力）",
                  en="a file with one prompt on each line (- is standard input)")  # fmt: skip
    parser.option("--strict", action="store_true",
                  ja="--from-file に読めない行があれば中止する（ふつうはその行だけ飛ばす）",
                  en="stop if a line of --from-file is no prompt (else it is left out)")  # fmt: skip
    translation_options(parser)


def wildcards_option(parser: Parser) -> None:
    """Where the wildcards of a dynamic prompt are."""
    parser.option("--wildcards", metavar="D",
                  ja="プロンプトの __名前__ の候補を書いた 名前.txt があるフォルダー",
                  en="folder of the files NAME.txt that __NAME__ in a prompt chooses from")  # fmt: skip


def translation_options(parser: Parser) -> None:
    """How prompts are translated."""
    translator_option(parser)
    words_option(parser)
    parser.generation("translate", "--translate")


def translator_option(parser: Parser) -> None:
    """What translates prompts."""
    parser.option("--translator", default="auto",
                  metavar="T",
                  ja="翻訳の方法: auto（combined。日本語を読むモデルでは訳さない）、combined（辞書と付属の"
                     "翻訳モデル）、combined:F、lexicon（辞書だけ）、marian:F、passthrough（訳さない）、"
                     "adapter（訳さず、モデルのアダプターが日本語を読む）、adapter:F",
                  en="auto (combined; none if the model reads Japanese), combined (the lexicon and the "
                     "translation model that ships), combined:F, lexicon, marian:F, passthrough, "
                     "adapter (none: the model's adapter reads Japanese), adapter:F")  # fmt: skip


def words_option(parser: Parser) -> None:
    """Whether the user's own words are used."""
    parser.option("--no-words", dest="words", action="store_false",
                  ja="自分の語（sdjp words）を使わない",
                  en="without your own words (sdjp words)")  # fmt: skip


def user_words(args: argparse.Namespace) -> Path | None:
    """The file of the user's own words, if there is one, and the translator looks words up."""
    from sdjp.text.translate import takes_words
    from sdjp.text.translate.words_file import words_path

    path = words_path()
    return path if args.words and takes_words(args.translator) and os.path.exists(path) else None


def sampling_options(parser: Parser) -> None:
    """How a picture is sampled, and its seed."""
    parser.generation("num_inference_steps", "--steps", "--ddim_steps", metavar="S")
    parser.generation("guidance_scale", "--scale")
    parser.generation("sampler", "--sampler", metavar="NAME")
    parser.generation("seed", "--seed")
    clip_skip_option(parser)


def clip_skip_option(parser: Parser) -> None:
    """Which layer of the text encoder is taken."""
    parser.generation("clip_skip", "--clip-skip", "--clip_skip")


def preset_options(parser: Parser, *, turbo: bool = True) -> None:
    """A preset, and the shortcuts it is made of.

    Args:
        parser: Where they go.
        turbo: Whether the LoRA of a prompt may choose one.
    """
    parser.option("--fast", dest="preset", action="store_const", const="fast",
                  ja="速く描く（絵は少し変わる。--preset fast と同じ）",
                  en="draw fast, with a picture a little different (the same as --preset fast)")  # fmt: skip
    parser.generation("preset", "--preset", metavar="NAME")
    if turbo:
        parser.option("--turbo", action="store_true",
                      ja="少ないステップで描くための LoRA（LCM、Hyper-SD、TCD）に合わせて設定を選ぶ",
                      en="settings for the LoRA that lets few steps do (LCM, Hyper-SD, TCD)")  # fmt: skip
    shortcut_options(parser)


def shortcut_options(parser: Parser) -> None:
    """Each shortcut by itself."""
    parser.generation("guidance_interval", "--guidance-interval", "--guidance_interval", metavar=("A", "B"))
    parser.generation("token_merging", "--token-merging", "--token_merging", metavar="R")
    parser.generation("feature_reuse", "--feature-reuse", "--feature_reuse", metavar="N")


def picture_options(parser: Parser) -> None:
    """A picture to start from, its mask, and how large pictures are drawn."""
    parser.option("--init-img", "--init_img", dest="init_img", metavar="F", ja="元にする絵",
                  en="a picture to start from")  # fmt: skip
    parser.generation("strength", "--strength")
    parser.generation("strength_rule", "--strength-rule", choices=STRENGTH_RULES)
    parser.generation("fit", "--fit")
    parser.option("--mask", metavar="F", ja="描き直すところを白く塗った絵（--init-img と一緒に）",
                  en="a picture, white where --init-img is to be redrawn")  # fmt: skip
    parser.generation("mask_rule", "--mask-rule")
    parser.generation("feather", "--feather", metavar="PX")
    parser.option("--no-paste-back", dest="paste_back", action="store_false",
                  ja="マスクの外を元の画素に戻さない",
                  en="do not put the pixels outside the mask back")  # fmt: skip
    large_options(parser)


def large_options(parser: Parser) -> None:
    """Enlarging what is drawn, and drawing in tiles."""
    parser.generation("hires", "--hires", metavar="X")
    parser.generation("hires_strength", "--hires-strength")
    upscaler_option(parser)
    tile_options(parser)


def upscaler_option(parser: Parser) -> None:
    """What enlarges pictures."""
    parser.generation("upscaler", "--upscaler", metavar="U")


def tile_options(parser: Parser) -> None:
    """How large pictures are divided."""
    parser.generation("tile", "--tile", metavar="PX")
    parser.generation("overlap", "--overlap", metavar="PX")


def generation_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The arguments of ``Pipeline.generate`` that a command line gives, but for prompt, pictures and seed.

    Raises:
        InputError: If what ``--lora`` asks for cannot be read.
    """
    given = {name: getattr(args, name) for name in OPTIONS if hasattr(args, name)}
    for name in ("prompt", "seed"):
        given.pop(name, None)
    if "loras" in given:
        given["loras"] = _loras(args.loras)
    if given.get("guidance_interval") is not None:
        given["guidance_interval"] = tuple(given["guidance_interval"])
    return given


def open_pictures(args: argparse.Namespace) -> dict[str, Any]:
    """Read ``--init-img`` and ``--mask`` once, before a model is loaded.

    Raises:
        InputError: If one cannot be read, or nothing in the mask is white.
    """
    from sdjp.images import fit_mask, open_picture

    given = {"image": args.init_img, "mask": args.mask}
    found = {name: open_picture(path, name=name) for name, path in given.items() if path is not None}
    if "mask" in found:
        width, height = found["mask"].size
        fit_mask(found["mask"], like=(width, height), height=height, width=width, fit="stretch")
    return found


def lora_option(parser: Parser) -> None:
    """LoRAs beside those in the prompt."""
    parser.option("--lora", dest="loras", action="append", default=[], metavar="NAME[:W]",
                  ja="どのプロンプトにも使う LoRA とその重み（何度でも指定できる）",
                  en="a LoRA for every prompt, and its weight (may be given several times)")  # fmt: skip


def _loras(texts: list[str]) -> dict[str, float] | None:
    """The LoRAs of ``--lora``; what is asked for twice adds up."""
    found: dict[str, float] = {}
    for text in texts:
        name, colon, weight = text.rpartition(":")
        try:
            number = float(weight) if colon else 1.0
        except ValueError:
            number = None
        if number is None or not (name or not colon) or not text:
            raise InputError(
                "lora.option",
                ja=f"--lora {text} は読めません。名前だけか、名前:0.8 の形で指定してください。",
                en=f"cannot read --lora {text}. Give NAME or NAME:0.8.",
            )
        name = name if colon else text
        found[name] = found.get(name, 0.0) + number
    return found or None


# Which model, and what happens to finished pictures.


def model_options(parser: Parser, *, safety: SafetyMode = "flag", engine: str = "--engine") -> None:
    """The model, how it is loaded, and what happens to finished pictures.

    Args:
        parser: Where they go.
        safety: The default of ``--safety``.
        engine: The flag of what computes.
    """
    parser.option("--model", "--ckpt", dest="model", default="mini", metavar="M",
                  ja="モデル: 付属の mini、.ckpt、.safetensors、diffusers のフォルダー、Hub の名前",
                  en="the embedded mini, a .ckpt, .safetensors, diffusers folder or hub id")  # fmt: skip
    parser.option("--config", metavar="F", ja="モデルの構成を書いた元の実装の YAML（省略時は重みから調べる）",
                  en="YAML of the original (told from the weights, if left out)")  # fmt: skip
    parser.option("--vae", metavar="F",
                  ja="モデルのものの代わりに使う VAE: ファイル、diffusers のフォルダー、Hub の名前",
                  en="a VAE in place of the model's: a file, a diffusers folder or a hub id")  # fmt: skip
    parser.option("--ema", choices=tuple(EMA), default="auto", ja="EMA の重みを使うか",
                  en="whether to use EMA weights")  # fmt: skip
    parser.option("--device", default="auto", metavar="D",
                  ja="計算するデバイス: auto、cpu、cuda、mps", en="auto, cpu, cuda, mps")  # fmt: skip
    parser.option(
        "--dtype",
        default="auto",
        metavar="T",
        ja="計算する型: auto、float32、float16、bfloat16",
        en="dtype: auto, float32, float16, bfloat16",
    )
    parser.option("--precision", dest="dtype", type=_precision, metavar="{full,autocast}",
                  ja="full は --dtype float32、autocast は auto と同じ",
                  en="full is --dtype float32, autocast is auto")  # fmt: skip
    parser.option(engine, dest="engine", default="auto", metavar="E",
                  ja="計算の方法: auto、eager、packed、compile（g++ などが必要）、openvino",
                  en="how to compute: auto, eager, packed, compile (needs g++), openvino")  # fmt: skip
    parser.option("--memory", default="normal", metavar="M",
                  ja="メモリーの節約: normal、low（全部）、または sequential、slices、tiles をコンマで並べる",
                  en="normal, low (all savings), or some of sequential, slices, tiles: a,b")  # fmt: skip
    parser.option("--low-memory", dest="memory", action="store_const", const="low",
                  ja="--memory low と同じ", en="the same as --memory low")  # fmt: skip
    addon_folders(parser)
    parser.option("--safety", choices=get_args(SafetyMode), default=safety,
                  ja="安全性チェックの結果の扱い（flag は知らせるだけ、off は調べない）",
                  en="what to do with flagged pictures (flag: only say so, off: do not look)")  # fmt: skip
    safety_options(parser)
    parser.option("--prompt-check", choices=get_args(PromptCheck), default="flag",
                  ja="プロンプトに注意する語があるとき（flag は知らせるだけ、refuse は描かない）",
                  en="words of a list in the prompt (flag: only say so, refuse: do not draw)")  # fmt: skip
    parser.option("--prompt-words", metavar="F", ja="注意する語の一覧に足すファイル（タブ区切り）",
                  en="a file of more such words (language, word, category with tabs)")  # fmt: skip
    watermark_options(parser)
    parser.option("-v", "--verbose", action="store_true",
                  ja="うまくいったこと（透かしの方式など）も知らせる",
                  en="tell what went well, too (such as the method of the watermark)")  # fmt: skip


def safety_options(parser: Parser) -> None:
    """The safety checker, and how strict it is."""
    parser.option("--safety-checker", metavar="F",
                  ja="安全性チェッカー: ファイル、フォルダー、Hub の名前（省略時はモデル付属のもの）",
                  en="safety checker: a file, folder or hub id (the model's own, if left out)")  # fmt: skip
    parser.option("--safety-adjustment", "--safety-threshold", dest="safety_adjustment", type=float,
                  default=0.0, metavar="X", ja="安全性チェックの調整（-1〜1、大きいほど厳しい）",
                  en="added to the scores of the safety checker, -1 to 1; larger is stricter")  # fmt: skip


def addon_folders(parser: Parser) -> None:
    """Where files that are called by name are."""
    parser.option("--lora-dir", "--lora_dir", dest="lora_dir", metavar="D",
                  ja="LoRA のファイルがあるフォルダー（プロンプトに <lora:名前:0.8> と書いて使う）",
                  en="folder of LoRA files (write <lora:NAME:0.8> into the prompt)")  # fmt: skip
    parser.option("--embeddings-dir", "--embeddings_dir", dest="embeddings_dir", metavar="D",
                  ja="textual inversion のファイルがあるフォルダー（プロンプトに名前を書いて使う）",
                  en="folder of textual inversion files (write their names into the prompt)")  # fmt: skip


def check_names(args: argparse.Namespace, text: str) -> None:
    """See that the folders and the LoRAs of a prompt are there, before a model is loaded.

    Raises:
        InputError: If one is not, or there is none where ``--turbo`` needs one.
    """
    wanted = _wanted(args, text)
    if wanted or args.lora_dir is not None or args.embeddings_dir is not None:
        from sdjp.addons.equip import Addons

        Addons(args.lora_dir, args.embeddings_dir).paths(wanted)
    turbo_of(args, text)


def _wanted(args: argparse.Namespace, text: str) -> dict[str, float]:
    """The LoRAs of a prompt, with those of ``--lora``."""
    from sdjp.text.prompt import parse, tags
    from sdjp.text.tags import lora_weights

    return lora_weights(tags(parse(text)), _loras(getattr(args, "loras", [])))


def turbo_of(args: argparse.Namespace, text: str) -> Turbo | None:
    """What ``--turbo`` stands for beside a prompt; None without it.

    Raises:
        InputError: If no LoRA of the prompt tells.
    """
    if not getattr(args, "turbo", False):
        return None
    from sdjp.addons.equip import Addons
    from sdjp.addons.turbo import choose

    if args.preset is not None:
        raise InputError(
            "turbo.preset",
            ja=f"--turbo は、--fast や --preset {args.preset} と一緒には使えません。どちらかにしてください。",
            en=f"--turbo cannot go with --fast or --preset {args.preset}. Choose one.",
        )
    acting = [name for name, weight in _wanted(args, text).items() if weight != 0]
    paths = Addons(args.lora_dir).paths(dict.fromkeys(acting, 1.0))
    return choose(dict(zip(acting, paths, strict=True)))


def with_turbo(arguments: dict[str, Any], turbo: Turbo | None) -> dict[str, Any]:
    """The arguments of a generation with the settings of ``--turbo``; what was given stays."""
    if turbo is None:
        return arguments
    steps = arguments["num_inference_steps"]
    return {
        **arguments,
        "preset": turbo.preset,
        "num_inference_steps": turbo.steps if steps is None else steps,
    }


def watermark_options(parser: Parser) -> None:
    """The watermark, or none."""
    parser.option("--watermark", metavar="TEXT",
                  ja="不可視の透かしに入れる文字列（省略時は StableDiffusionV1）",
                  en="text of the invisible watermark (StableDiffusionV1, if left out)")  # fmt: skip
    parser.option("--watermark-method", choices=("auto", *get_args(WatermarkMethod)),
                  ja="透かしの方式（読み戻せない絵柄では、次の方式に切り替わる）",
                  en="its method (where it cannot be read back, the next one is used)")  # fmt: skip
    parser.option("--no-watermark", action="store_true", ja="透かしを入れない", en="no watermark")
    parser.option("--no-provenance", action="store_true",
                  ja="生成 AI の絵だという印（XMP）をファイルに書かない",
                  en="do not write into the files that a model made them (XMP)")  # fmt: skip
    parser.option("--sign-key", metavar="FILE",
                  ja="この秘密鍵で、絵に C2PA の署名を付ける（--sign-cert と一緒に）",
                  en="sign the pictures (C2PA) with this private key; with --sign-cert")  # fmt: skip
    parser.option("--sign-cert", metavar="FILE",
                  ja="その鍵の証明書。発行した認証局の証明書を後に続ける",
                  en="the certificate of the key, followed by those of who issued it")  # fmt: skip


def provenance_argument(args: argparse.Namespace) -> bool | Provenance:
    """The ``provenance`` of ``Pipeline.from_pretrained``.

    Raises:
        InputError: If only one of the two files is given, or they cannot be used.
        MissingDependencyError: If the extra ``provenance`` is not installed.
    """
    if args.sign_key is None and args.sign_cert is None:
        return not args.no_provenance
    if args.sign_key is None or args.sign_cert is None:
        raise InputError(
            "signing.both",
            ja="署名するには、--sign-key（秘密鍵）と --sign-cert（証明書）の両方を指定してください。",
            en="to sign pictures give both --sign-key (the private key) and --sign-cert (the certificate).",
        )
    from sdjp.provenance import Provenance, Signer

    return Provenance(xmp=not args.no_provenance, signer=Signer(args.sign_key, args.sign_cert))


def watermark_argument(args: argparse.Namespace) -> bool | str | Watermark:
    """The ``watermark`` of ``Pipeline.from_pretrained``.

    Raises:
        InputError: If there is to be one and none at once, or the text cannot be used.
    """
    asked = args.watermark is not None or args.watermark_method is not None
    if args.no_watermark:
        if asked:
            raise InputError(
                "watermark.both",
                ja="--no-watermark は、--watermark や --watermark-method と一緒には使えません。"
                "どちらかにしてください。",
                en="--no-watermark cannot go with --watermark or --watermark-method. Choose one.",
            )
        return False
    if not asked:
        return True
    from sdjp.postprocess import Watermark
    from sdjp.postprocess.marking.payload import TEXT

    text = TEXT if args.watermark is None else args.watermark
    return Watermark(text=text, method=args.watermark_method or "auto")


def model_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """What :func:`text_options` and :func:`model_options` give ``Pipeline.from_pretrained``."""
    return {
        "source": args.model,
        "device": args.device,
        "dtype": args.dtype,
        "engine": args.engine,
        "memory": args.memory,
        "ema": EMA[args.ema],
        "config": args.config,
        "vae": args.vae,
        "translator": args.translator,
        "user_lexicon": user_words(args),
        "safety": args.safety,
        "safety_checker": args.safety_checker,
        "safety_adjustment": args.safety_adjustment,
        "prompt_check": args.prompt_check,
        "prompt_words": args.prompt_words,
        "watermark": watermark_argument(args),
        "provenance": provenance_argument(args),
        "lora_dir": args.lora_dir,
        "embeddings_dir": args.embeddings_dir,
        "ip_adapter": getattr(args, "ip_adapter", None),
        "image_encoder": getattr(args, "image_encoder", None),
        "controlnet_dir": vars(args).get("controlnet_dir"),
    }


def make_pipeline(args: argparse.Namespace) -> Pipeline:
    """Load what :func:`text_options` and :func:`model_options` name."""
    from sdjp.pipeline import Pipeline

    pipe = Pipeline.from_pretrained(**model_arguments(args))
    announce_load(pipe.load_report)
    return pipe


def _precision(value: str) -> str:
    names = {"full": "float32", "autocast": "auto"}
    if value not in names:
        raise argparse.ArgumentTypeError(f"invalid choice: {value!r} (choose from full, autocast)")
    return names[value]


def output_folder(parser: Parser, default: str = "out") -> None:
    """Where pictures are written."""
    parser.option(
        "--outdir", "-o", default=default, metavar="D", ja="保存先のフォルダー", en="where to write"
    )
    form_options(parser)


def form_options(parser: Parser, *, flag: str = "--format") -> None:
    """What pictures are written as.

    Args:
        parser: Where they go.
        flag: That of the format.
    """
    parser.option(flag, dest="picture_format", choices=get_args(OutputFormat), default="png",
                  ja="画像の形式（どの形式にも、描き方の記録が残る）",
                  en="the format of the files (each has the record of how it was made)")  # fmt: skip
    parser.option("--quality", type=int, metavar="N",
                  ja="JPEG と WebP の画質（1〜100、省略時は 95。WebP の 100 は劣化なし）",
                  en="of JPEG and WebP, 1 to 100 (95 if left out; WebP of 100 is lossless)")  # fmt: skip


def file_form(args: argparse.Namespace) -> dict[str, Any]:
    """``format`` and ``quality`` of :meth:`GenerationResult.save`, as :func:`form_options` has them.

    Raises:
        InputError: If the quality is none, or is given for PNG, which has none.
    """
    if args.quality is None:
        return {"format": args.picture_format}
    from sdjp.images import checked_quality

    return {"format": args.picture_format, "quality": checked_quality(args.picture_format, args.quality)}
