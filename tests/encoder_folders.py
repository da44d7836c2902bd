"""Small models with random weights and other text encoders than CLIP's, written as the published ones are."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from sdjp.config import (
    AdapterConfig,
    BertConfig,
    CLIPTextConfig,
    ModelConfig,
    UNetConfig,
    VAEConfig,
    XLMRobertaConfig,
)
from sdjp.models import Adapter
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.weights import to_layout
from sdjp.weights.configs import diffusers, diffusers_text
from sdjp.weights.parts.adapter import save_adapter
from tests.conftest import random_models

UNET = UNetConfig(
    model_channels=32, channel_mult=(1, 2), num_res_blocks=1, attention=(True, False), context_dim=64
)
VAE = VAEConfig(ch=32, ch_mult=(1, 1, 2, 2), num_res_blocks=1)
LAION = ModelConfig(
    name="laion", unet=UNET, vae=VAE, text=BertConfig(width=64, layers=2, heads=2, mlp_width=256)
)

ADAPTER = AdapterConfig(
    vocab_size=50,
    width=32,
    heads=2,
    mlp_width=64,
    read_layers=2,
    write_layers=1,
    own=CLIPTextConfig(vocab_size=40, width=24, layers=2, heads=2, mlp_width=48),
    start_id=38,
    end_id=39,
)
"""A small adapter."""

SENTENCES = (
    "馬に乗る宇宙飛行士",
    "赤い車、青い空、白い雲",
    "浮世絵の大きな波",
    "猫と犬が走る",
    "サラリーマンが電車に乗る",
    "夕焼けの海と富士山",
    "a red car, a blue sky",
    "an astronaut riding a horse",
    "ABC 123",
)
RINNA_SPECIAL = {
    "bos_token": "<s>",
    "cls_token": "[CLS]",
    "eos_token": "</s>",
    "mask_token": "[MASK]",
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "unk_token": "<unk>",
}


def train_sentencepiece(path: Path, *, lower_case: bool = False, **settings: Any) -> None:
    """Train a table of about 120 entries on the sentences above."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([s.lower() if lower_case else s for s in SENTENCES] * 4),
        model_writer=written,
        vocab_size=120,
        hard_vocab_limit=False,
        character_coverage=1.0,
        num_threads=1,
        minloglevel=2,
        **settings,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written.getvalue())


def save_laion(path: Path) -> dict[str, Tensor]:
    """Write a ``.ckpt`` with the names of the model of LAION-400M, with the head that nothing uses."""
    model = random_models(LAION)
    tensors = to_layout("ldm", LAION, unet=model.unet, vae=model.vae, text=model.text)
    head = "cond_stage_model.transformer.to_logits."
    tensors |= {head + "weight": torch.randn(30522, 64), head + "bias": torch.randn(30522)}
    torch.save({"state_dict": tensors | {"betas": torch.zeros(1000)}}, path)
    return tensors


def save_rinna(folder: Path) -> ModelConfig:
    """Write a folder like that of rinna/japanese-stable-diffusion."""
    own = folder / "tokenizer"
    special = [RINNA_SPECIAL[f"{name}_token"] for name in ("pad", "cls", "sep", "mask")]
    train_sentencepiece(own / "spiece.model", lower_case=True, control_symbols=special)
    (own / "special_tokens_map.json").write_text(json.dumps(RINNA_SPECIAL), encoding="utf-8")
    text = CLIPTextConfig(vocab_size=200, width=64, layers=2, heads=2, mlp_width=128)
    return _save(folder, text, "t5")


def save_small_adapter(folder: Path, **encoder: Any) -> Path:
    """Write a small adapter with random weights; ``encoder`` tells what it stands before."""
    learnt = folder / "learnt.model"
    train_sentencepiece(learnt, unk_id=1, bos_id=-1, eos_id=0, pad_id=2)
    pieces = SentencePieceTokenizer.plain(learnt).vocab_size
    config = dataclasses.replace(ADAPTER, vocab_size=pieces, read_layers=1, **encoder)
    torch.manual_seed(0)
    save_adapter(folder / "adapter", Adapter.from_config(config), config, learnt.read_bytes())
    return folder / "adapter"


def save_alt(folder: Path, *, pre_projection: bool = False) -> ModelConfig:
    """Write a folder like that of BAAI/AltDiffusion-m9."""
    train_sentencepiece(folder / "tokenizer" / "sentencepiece.bpe.model")
    text = XLMRobertaConfig(
        vocab_size=200,
        width=32,
        layers=2,
        heads=2,
        mlp_width=64,
        positions=90,
        projection=64,
        pre_projection=pre_projection,
    )
    return _save(folder, text, "xlm_roberta")


def _save(folder: Path, text: CLIPTextConfig | XLMRobertaConfig, vocabulary: str) -> ModelConfig:
    config = ModelConfig(name=folder.name, unet=UNET, vae=VAE, text=text)
    model = random_models(config)
    tensors = to_layout("diffusers", config, unet=model.unet, vae=model.vae, text=model.text)
    for part, settings in diffusers.to_files(config).items():
        path = folder / diffusers.FILES[part]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings), encoding="utf-8")
    if vocabulary == "xlm_roberta":  # in the published files, and of no use
        tensors["text_encoder/roberta.pooler.dense.bias"] = torch.zeros(32)
        tensors["text_encoder/roberta.embeddings.position_ids"] = torch.arange(90)[None]
    for part, name in (("unet", "diffusion_pytorch_model"), ("vae", "diffusion_pytorch_model"),
                       ("text_encoder", "model")):  # fmt: skip
        mine = {n.removeprefix(f"{part}/"): t for n, t in tensors.items() if n.startswith(f"{part}/")}
        save_file(mine, folder / part / f"{name}.safetensors")
    index = {**diffusers.MODEL_INDEX, **diffusers_text.CLASSES[vocabulary]}
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return config
