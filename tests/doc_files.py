"""The files that the pages of the documentation name, as small stand-ins, in the folder where they run."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from PIL import Image

from sdjp import Pipeline
from sdjp.weights import convert
from tests import ip_adapter_files
from tests.addon_files import FEW_STEPS, kohya, lora_tensors, vectors, write_inversion, write_lora
from tests.conftest import SMALL
from tests.controlnet_files import map_picture, write_original
from tests.encoder_folders import save_small_adapter
from tests.golden.make_upscalers import weights
from tests.original import save_yaml, tiny_tensors, tiny_yaml
from tests.safety_files import save_checker
from tests.stand_in import save_stand_in

MARIAN = Path(__file__).parent / "golden" / "tiny_marian"


def save_all(folder: Path) -> None:
    """Write every file that a page names and does not make by itself."""
    for name in ("sketch.png", "sketch.jpg", "photo.jpg"):
        Image.new("RGB", (320, 200), "skyblue").save(folder / name)
    mask = Image.new("L", (320, 200), "black")
    mask.paste(255, (100, 50, 200, 150))
    mask.save(folder / "mask.png")
    (folder / "prompts.txt").write_text("馬に乗る宇宙飛行士\n夕焼けのお城\n", encoding="utf-8")
    (folder / "words.tsv").write_text("ja\tことば\t暴力\n", encoding="utf-8")
    _save_weights(folder)
    Pipeline.from_pretrained(folder / "sd-v1-4.ckpt").generate("赤いりんご").save(folder / "out")
    save_checker(folder / "safety_checker")
    torch.save({"params_ema": weights("basicsr_x4")}, folder / "RealESRGAN_x4plus.pth")
    for name in ("fugumt-ja-en", "translator"):
        shutil.copytree(MARIAN, folder / name)
    (folder / "LoRA").mkdir()
    for number, name in enumerate(("水墨", "花柄")):
        write_lora(folder / "LoRA" / f"{name}.safetensors", lora_tensors(kohya, seed=number))
    for name in ("lcm-lora-sdv1-5", "TCD-SD15-LoRA"):
        write_lora(
            folder / "LoRA" / f"{name}.safetensors", lora_tensors(kohya, which=FEW_STEPS, parts=["unet"])
        )
    (folder / "embeddings").mkdir()
    write_inversion(folder / "embeddings" / "EasyNegative.safetensors", vectors())
    ip_adapter_files.write_adapter(folder / "ip-adapter_sd15.safetensors")
    ip_adapter_files.save_encoder(folder / "image_encoder")
    for number, name in enumerate(("openpose", "canny")):
        write_original(folder / "ControlNet" / f"control_v11p_sd15_{name}.pth", number)
    map_picture().save(folder / "pose.png")
    (folder / "made").mkdir()
    adapter = save_small_adapter(folder / "made", own=SMALL.text, start_id=49406, end_id=49407)
    adapter.rename(folder / "sd-v1-4-adapter")


def _save_weights(folder: Path) -> None:
    """Checkpoints, their configuration, and the folder that stands for a name on the hub."""
    first = folder / "sd-v1-4.ckpt"
    save_stand_in(first)
    places = ("model.ckpt", "models/ldm/stable-diffusion-v1/model.ckpt")
    for name in ("sd-v1-4-full-ema.ckpt", *places):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(first, folder / name)
        shutil.copy(first.with_suffix(".json"), (folder / name).with_suffix(".json"))
    torch.save({"state_dict": tiny_tensors(SMALL, ema=1.5)}, folder / "sd-v1-4-full-ema.ckpt")
    save_yaml(folder / "v1-inference.yaml", tiny_yaml(SMALL))
    (folder / "モデル").mkdir()
    convert(first, folder / "モデル" / "my-model.safetensors")
    (folder / "CompVis").mkdir()
    convert(first, folder / "CompVis" / "stable-diffusion-v1-4")
    (folder / "stabilityai").mkdir()
    shutil.copytree(
        folder / "CompVis" / "stable-diffusion-v1-4" / "vae", folder / "stabilityai" / "sd-vae-ft-mse"
    )
    own = {
        name.removeprefix("first_stage_model."): tensor
        for name, tensor in tiny_tensors(SMALL).items()
        if name.startswith("first_stage_model.")
    }
    torch.save({"state_dict": own}, folder / "vae-ft-mse-840000-ema-pruned.ckpt")
