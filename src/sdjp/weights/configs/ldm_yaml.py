"""Configurations of the original (``v1-inference.yaml``, ``txt2img-1p4B-eval.yaml`` …), read as data.

In the original a ``target`` is imported and called with its ``params``. Here it is looked up in
:data:`TARGETS`, and nothing is imported: what is not in the table, or would make another network than ours,
is refused, all of it in one message.

To add a target: a table of its params (what each may be: see ``whole`` and the like), and a line in
:data:`TARGETS`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from sdjp.config import ModelConfig, ScheduleConfig, UNetConfig, VAEConfig
from sdjp.errors import InputError, reason
from sdjp.weights.configs.ldm_targets import TARGETS, TOP, Of, Section
from sdjp.weights.configs.values import show
from sdjp.weights.files.faults import Invalid

MAX_BYTES: Final = 64_000
"""Those of the original have 2,000."""
TEXT_SIZES: Final = {"n_embed": "width", "n_layer": "layers"}
"""Sizes of a text encoder, in the original and in ours."""

TextKind = Literal["clip", "bert"]


@dataclass(frozen=True, kw_only=True)
class LdmConfig:
    """A configuration of the original.

    Attributes:
        path: The file.
        unet: The denoiser.
        vae: The autoencoder.
        schedule: The noise schedule.
        image_size: Side of the latents it was trained on, in cells; None if it is not given.
        text: The kind of text encoder.
        text_sizes: Its sizes as far as they are given; the others are those of the weights.
        use_ema: Whether the original would switch to the averaged weights; None if it is not given.
    """

    path: Path
    unet: UNetConfig
    vae: VAEConfig
    schedule: ScheduleConfig
    image_size: int | None
    text: TextKind
    text_sizes: Mapping[str, int]
    use_ema: bool | None

    def applied_to(self, config: ModelConfig) -> ModelConfig:
        """Return ``config``, which is from a file of weights, with all that this one tells.

        Whether the weights fit is for the loader to check.

        Raises:
            InputError: If the weights have another text encoder.
        """
        kind = config.text.kind
        others = {
            name: (size, getattr(config.text, name))
            for name, size in self.text_sizes.items()
            if getattr(config.text, name) != size
        }
        if kind != self.text or others:
            here = ", ".join([self.text, *(f"{name} {size}" for name, (size, _) in others.items())])
            there = ", ".join([kind, *(f"{name} {size}" for name, (_, size) in others.items())])
            raise InputError(
                "config.text",
                ja=f"設定 {self.path} のテキストエンコーダー（{here}）と、重み {config.name} のもの"
                f"（{there}）が違います。その重みに付いてきた設定を指定してください。",
                en=f"the text encoder of {self.path} ({here}) is not that of the weights {config.name} "
                f"({there}). Give the configuration that belongs to the weights.",
            )
        defaults = config.defaults
        if self.image_size is not None:
            side = self.image_size * self.vae.factor
            defaults = dataclasses.replace(defaults, height=side, width=side)
        return dataclasses.replace(
            config, unet=self.unet, vae=self.vae, schedule=self.schedule, defaults=defaults
        )


def read_ldm_yaml(path: str | Path) -> LdmConfig:
    """Read a configuration of the original.

    Raises:
        InputError: If it cannot be read, or asks for anything that is not in the table; all such
            things are in one message.
    """
    path = Path(path)
    reader = _Reader()
    top = reader.params(_load(path), "", TOP)
    node = top.get("model")
    model = node.params if isinstance(node, _Node) else {}
    unet, vae = _params(model, "unet_config"), _params(model, "first_stage_config")
    dd, text = vae.get("ddconfig", {}), model.get("cond_stage_config")
    if not reader.problems:
        reader.agree("embed_dim", vae["embed_dim"], "z_channels", dd["z_channels"])
        reader.agree("out_ch", dd["out_ch"], "ddconfig.in_channels", dd["in_channels"])
        reader.agree("channels", model["channels"], "z_channels", dd["z_channels"])
    if reader.problems:
        listed_ja = "\n".join(f"  {ja}" for ja, _ in reader.problems)
        listed_en = "\n".join(f"  {en}" for _, en in reader.problems)
        raise InputError(
            "config.ldm",
            ja=f"設定 {path} のうち、次のものは sdjp では使えません。\n{listed_ja}\n"
            "Stable Diffusion v1 か LAION-400M の設定（v1-inference.yaml、txt2img-1p4B-eval.yaml）と"
            "見比べてください。",
            en=f"sdjp cannot use these parts of the configuration {path}.\n{listed_en}\n"
            "Compare it with v1-inference.yaml or txt2img-1p4B-eval.yaml.",
        )
    assert isinstance(text, _Node)
    return LdmConfig(
        path=path,
        unet=_unet(unet),
        vae=VAEConfig(
            in_channels=dd["in_channels"],
            latent_channels=dd["z_channels"],
            ch=dd["ch"],
            ch_mult=dd["ch_mult"],
            num_res_blocks=dd["num_res_blocks"],
            scaling_factor=model.get("scale_factor", 1.0),
        ),
        schedule=ScheduleConfig(
            num_train_timesteps=model.get("timesteps", 1000),
            beta_start=model.get("linear_start", 1e-4),
            beta_end=model.get("linear_end", 2e-2),
            prediction="v" if model.get("parameterization") == "v" else "epsilon",
        ),
        image_size=model.get("image_size"),
        text="bert" if text.role == "bert" else "clip",
        text_sizes={TEXT_SIZES[name]: size for name, size in text.params.items() if name in TEXT_SIZES},
        use_ema=model.get("use_ema"),
    )


def _unet(params: Mapping[str, Any]) -> UNetConfig:
    mult = params.get("channel_mult", (1, 2, 4, 8))
    return UNetConfig(
        in_channels=params["in_channels"],
        out_channels=params["out_channels"],
        model_channels=params["model_channels"],
        channel_mult=mult,
        num_res_blocks=params["num_res_blocks"],
        # The original counts in factors of downsampling: 1, 2, 4 … for the levels from the top.
        attention=tuple(2**level in params["attention_resolutions"] for level in range(len(mult))),
        num_heads=params["num_heads"],
        context_dim=params["context_dim"],
    )


def _load(path: Path) -> Any:
    import yaml

    try:
        if not path.is_file() and not path.is_dir() and path.exists():
            raise _unreadable(path, "ふつうのファイルではありません", "it is no regular file")
        if path.stat().st_size > MAX_BYTES:
            raise _unreadable(path, f"{MAX_BYTES:,} バイトを超えています", f"more than {MAX_BYTES:,} bytes")
        return yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _unreadable(path, *reason(error)) from error
    except InputError:
        raise
    # Values such as 2023-13-45 or !!int "" make its constructors raise many kinds of errors.
    except (
        yaml.YAMLError, ValueError, TypeError, RecursionError, LookupError, AttributeError, ArithmeticError,
    ) as error:  # fmt: skip
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"{mark.line + 1} 行目"
        where = type(error).__name__ if mark is None else f"line {mark.line + 1}"
        raise _unreadable(path, line or "YAML ではありません", f"no YAML: {where}") from error


def _unreadable(path: Path, ja: str, en: str) -> InputError:
    return InputError(
        "config.unreadable",
        ja=f"設定 {path} を読めません（{ja}）。--config には、元の実装の YAML ファイル"
        "（configs/stable-diffusion/v1-inference.yaml など）を指定してください。",
        en=f"cannot read the configuration {path} ({en}). Give a YAML file of the original, "
        "such as configs/stable-diffusion/v1-inference.yaml.",
    )


class _Node(NamedTuple):
    """A target that was found."""

    role: str
    params: Mapping[str, Any]


class _Reader:
    """Goes through the whole file and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []

    def params(self, data: Any, where: str, section: Section) -> dict[str, Any]:
        """The values of one section."""
        if not isinstance(data, dict):
            self._wrong(where or "（全体）", where or "(all)", data, "項目: 値 の並び", "a mapping")
            return {}
        values: dict[str, Any] = {}
        for key, value in data.items():
            name = f"{where}.{key}" if where else str(key)
            rule = section.params.get(key) if isinstance(key, str) else None
            if rule is None:
                self.problems.append((f"{name}: 知らない項目です", f"{name}: unknown"))
            elif isinstance(rule, Of):
                values[key] = self.node(value, name, rule.roles)
            elif isinstance(rule, Section):
                values[key] = self.params(value, name, rule)
            else:
                try:
                    values[key] = rule(value)
                except Invalid as error:
                    self._wrong(name, name, value, error.ja, error.en)
        for key in section.needed:
            if key not in data:
                name = f"{where}.{key}" if where else key
                self.problems.append((f"{name}: 必要な項目がありません", f"{name}: missing"))
        return values

    def node(self, data: Any, where: str, roles: tuple[str, ...]) -> _Node | None:
        """A section with ``target`` and ``params``."""
        if not isinstance(data, dict):
            self._wrong(where, where, data, "target と params", "target and params")
            return None
        allowed = [name for name, target in TARGETS.items() if target.role in roles]
        name = data.get("target")
        if name not in allowed:
            listed = ", ".join(allowed)
            self._wrong(
                f"{where}.target", f"{where}.target", name, f"使える値: {listed}", f"allowed: {listed}"
            )
            return None
        training = ("target", "params", "base_learning_rate", "learning_rate", "scale_lr", "weight_decay")
        for key in data:
            if key not in training:
                self.problems.append((f"{where}.{key}: 知らない項目です", f"{where}.{key}: unknown"))
        target = TARGETS[name]
        params = data.get("params")
        return _Node(
            target.role, self.params({} if params is None else params, f"{where}.params", target.section)
        )

    def agree(self, first: str, a: Any, second: str, b: Any) -> None:
        """Two values that must be equal."""
        if a != b:
            self.problems.append(
                (f"{first} {a} と {second} {b}: 同じ値でなければなりません",
                 f"{first} {a} and {second} {b}: must be equal")
            )  # fmt: skip

    def _wrong(self, name_ja: str, name_en: str, value: Any, ja: str, en: str) -> None:
        self.problems.append((f"{name_ja}: {show(value)}（{ja}）", f"{name_en}: {show(value)} ({en})"))


def _params(model: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    node = model.get(key)
    return node.params if isinstance(node, _Node) else {}
