"""LoRA files beside diffusers: its own code reads the names; what they add is added to its own modules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sdjp import Pipeline
from sdjp.addons.lora import read_lora
from sdjp.addons.patch import patched
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import make_translator
from sdjp.weights.diffusers.modules import to_modules, to_pipeline, to_scheduler
from sdjp.weights.networks import Networks, shapes_of
from tests import addon_files as files
from tests.conftest import SMALL, random_models
from tests.narrow import latents

diffusers = pytest.importorskip("diffusers")

# diffusers on NumPy 2; nothing of ours.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

WEIGHT = 0.7
# Convolutions under the names of kohya-ss: diffusers reads those of LoCon, too.
FORMS: dict[str, Callable[[], dict[str, Tensor]]] = {
    "kohya": lambda: files.lora_tensors(files.kohya),
    "kohya, every layer": lambda: files.lora_tensors(files.kohya, which=files.EVERYTHING),
    "kohya, no alpha": lambda: files.lora_tensors(files.kohya, alpha=None),
    "diffusers": lambda: files.lora_tensors(files.diffusers_new, alpha=None),
    "diffusers, old": lambda: files.lora_tensors(files.diffusers_old, alpha=None),
    "peft": lambda: files.lora_tensors(files.peft, alpha=None),
}


def fused_by_hand(folder: Path, name: str) -> dict[str, torch.nn.Module]:
    """diffusers' modules with a LoRA: its functions turn the file's names into those of its modules.

    ``load_lora_weights`` does the same by means of peft; ``test_load_lora_weights`` runs it where peft is.
    """
    from diffusers.loaders import StableDiffusionLoraLoaderMixin
    from diffusers.utils import convert_state_dict_to_diffusers, convert_unet_state_dict_to_peft
    from diffusers.utils.state_dict_utils import convert_state_dict_to_peft

    state, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(str(folder), weight_name=name)
    alphas = alphas or {}
    model = random_models(SMALL)
    modules = to_modules(SMALL, unet=model.unet, vae=model.vae, text=model.text)
    for part, convert in (
        ("unet", convert_unet_state_dict_to_peft),
        ("text_encoder", lambda s: convert_state_dict_to_peft(convert_state_dict_to_diffusers(s))),
    ):
        mine = {k.removeprefix(f"{part}."): v for k, v in state.items() if k.startswith(f"{part}.")}
        converted = convert(mine)
        downs = [k for k in converted if ".lora_A." in k]
        assert downs, f"diffusers found nothing for the {part}: {list(mine)[:3]}"
        for down in downs:
            module = down.partition(".lora_A.")[0]
            A, B = converted[down], converted[down.replace("lora_A", "lora_B")]
            key = next(k for k, v in mine.items() if v is A)  # alphas go by the names before
            alpha = alphas.get(f"{part}.{key.partition('.lora.')[0]}.alpha", A.shape[0])
            names = dict(modules[part].named_modules())
            layer = names[module if module in names else module.removeprefix("text_model.")]
            delta = (B.flatten(1) @ A.flatten(1)).reshape(layer.weight.shape)
            layer.weight.data += WEIGHT * alpha / A.shape[0] * delta
    return modules


@torch.inference_mode()
@pytest.mark.parametrize(
    ("form", "suffix"),
    [*((form, "safetensors") for form in FORMS), ("kohya", "pt"), ("diffusers, old", "bin")],
)
def test_the_effect_is_that_of_diffusers(form: str, suffix: str, tmp_path: Path) -> None:
    path = files.write_lora(tmp_path / f"着物.{suffix}", FORMS[form]())
    model = random_models(SMALL)
    lora = read_lora(path, SMALL, shapes_of(Networks(model.unet, model.vae, model.text)))
    assert lora.unused == ()
    unet, text = patched(model.unet, "unet", [(lora, WEIGHT)]), patched(model.text, "text", [(lora, WEIGHT)])
    theirs = fused_by_hand(tmp_path, path.name)
    g = torch.Generator().manual_seed(0)
    x, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, SMALL.text.width, generator=g)
    t, ids = torch.tensor([3, 700]), torch.randint(0, SMALL.text.vocab_size, (2, 77), generator=g)
    for ours, plain, expected in (
        (unet(x, t, context), model.unet(x, t, context), theirs["unet"](x, t, context).sample),
        (text(ids), model.text(ids), theirs["text_encoder"](ids).last_hidden_state),
    ):
        assert not torch.allclose(plain, expected, atol=1e-2), "the LoRA does nothing"
        # float32, summed in another order through some thirty layers.
        torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def fused(path: Path, **scheduler: Any) -> Any:
    """diffusers' pipeline with a LoRA, the whole way: load, fuse."""
    model = random_models(SMALL)
    modules = to_modules(SMALL, unet=model.unet, vae=model.vae, text=model.text)
    theirs: Any = to_pipeline(
        SMALL,
        modules,
        tokenizer=ClipTokenizer.from_assets(),
        tokens={},
        scheduler=to_scheduler(SMALL, "ddim", **scheduler),
        checker=None,
    )
    theirs.load_lora_weights(path.parent, weight_name=path.name)
    theirs.fuse_lora(lora_scale=WEIGHT)
    theirs.set_progress_bar_config(disable=True)
    return theirs


def equipped(folder: Path) -> Pipeline:
    ours = Pipeline(
        random_models(SMALL), tokenizer=ClipTokenizer.from_assets(), translator=make_translator("lexicon")
    )
    ours.addons = type(ours.addons)(folder)
    return ours


# Each file is published for the whole UNet, and for nothing else.
FEW_STEPS: dict[str, Callable[[], dict[str, Tensor]]] = {
    "kohya": lambda: files.lora_tensors(files.kohya, which=files.FEW_STEPS, parts=["unet"], alpha=8.0),
    "kohya, no alpha": lambda: files.lora_tensors(
        files.kohya, which=files.FEW_STEPS, parts=["unet"], alpha=None
    ),
    "diffusers": lambda: files.lora_tensors(
        files.diffusers_new, which=files.FEW_STEPS, parts=["unet"], alpha=None
    ),
    "peft": lambda: files.lora_tensors(files.peft, which=files.FEW_STEPS, parts=["unet"], alpha=None),
}


@pytest.mark.parametrize("form", FEW_STEPS)
def test_loras_for_few_steps(form: str, tmp_path: Path) -> None:
    """Convolutions, feed-forward, time projections; drawn as Hyper-SD's card has it."""
    pytest.importorskip("peft")
    path = files.write_lora(tmp_path / "Hyper-SD15-2steps-lora.safetensors", FEW_STEPS[form]())
    theirs = fused(path, spacing="trailing")
    ours = equipped(tmp_path)
    settings: dict[str, Any] = {"preset": "hyper", "num_inference_steps": 2, "seed": 1}
    result = ours.generate("a red car", loras={path.stem: WEIGHT}, **settings)
    assert all(report.data.get("unused") == [] for report in result.reports[0] if report.name == "lora")
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
    # 0 is how diffusers is told of no guidance.
    expected = theirs(
        "a red car", num_inference_steps=2, guidance_scale=0, latents=start, output_type="latent"
    ).images
    torch.testing.assert_close(latents(result), expected, rtol=0, atol=1e-3 * float(expected.abs().max()))
    plain = ours.generate("a red car", **settings)
    assert not torch.allclose(latents(plain), expected, atol=1e-2)


def test_every_layer_of_a_lora_for_few_steps_is_changed(tmp_path: Path) -> None:
    model = random_models(SMALL)
    shapes = shapes_of(Networks(model.unet, model.vae, model.text))
    wanted = {"conv_in", "conv_out", "shortcut", "time_proj", "proj_in", "proj_out", "down.conv", "up.conv"}
    tensors = FEW_STEPS["kohya"]()
    flat = {
        name: t.flatten(1) if "proj_in" in name and t.ndim == 4 else t  # as where projections are linear
        for name, t in tensors.items()
    }
    alone = files.lora_tensors(files.peft_folder, which=files.FEW_STEPS, parts=["unet"], alpha=None, seed=0)
    changes = []
    for name, of_one in (("a", tensors), ("flat", flat), ("adapter_model", alone)):
        path = files.write_lora(tmp_path / name / f"{name}.safetensors", of_one)
        lora = read_lora(path, SMALL, shapes)
        assert lora.unused == ()
        leaves = {n.removesuffix(".weight") for n in lora.changes}
        assert all(any(leaf.endswith(end) for leaf in leaves) for end in wanted)
        changes.append({n: change.delta() / change.scale for n, change in lora.changes.items()})
    first, *others = changes
    for other in others:
        assert first.keys() == other.keys()
        assert all(torch.equal(first[n], other[n]) for n in first)


def test_load_lora_weights(tmp_path: Path) -> None:
    """The whole way in diffusers, where peft is installed: load, fuse, draw."""
    pytest.importorskip("peft")
    path = files.write_lora(tmp_path / "a.safetensors", files.lora_tensors(files.kohya))
    theirs = fused(path)
    ours = equipped(tmp_path)
    result = ours.generate("a red car", loras={"a": WEIGHT}, num_inference_steps=3, sampler="ddim", seed=1)
    start = torch.randn(latents(result).shape, generator=torch.Generator().manual_seed(1))
    expected = theirs(
        "a red car", num_inference_steps=3, guidance_scale=7.5, latents=start, output_type="latent"
    ).images
    torch.testing.assert_close(latents(result), expected, rtol=0, atol=1e-3 * float(expected.abs().max()))
