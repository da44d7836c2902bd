"""Every engine gives the numbers of the plain networks."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import pytest
import torch

from sdjp import Pipeline, weights
from sdjp.config import TINY
from sdjp.engines import ENGINES, Engine, make_engine
from sdjp.engines.packed import PackedLinear, SplitGEGLU, problem
from sdjp.errors import InputError, MissingDependencyError
from sdjp.models import VAE, UNet
from sdjp.models.attention import GEGLU
from tests.narrow import latents

SLOW = {"compile"}  # a C++ compiler runs for a minute
# Sums of up to a thousand float32 products in another order; the networks' answers are of the order of 1.
CLOSE: dict[str, Any] = {"atol": 1e-4, "rtol": 1e-4}
packs_bfloat16 = pytest.mark.skipif(
    problem(torch.bfloat16) is not None, reason="this processor packs no bfloat16"
)

Network = TypeVar("Network", bound=torch.nn.Module)


def names() -> list[object]:
    return [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in ENGINES]


@pytest.fixture(params=names())
def engine(request: pytest.FixtureRequest) -> Engine:
    try:
        return make_engine(request.param)
    except MissingDependencyError as error:
        pytest.skip(error.en)


def filled(network: Network) -> Network:
    generator = torch.Generator().manual_seed(3)
    for p in network.parameters():
        p.data = torch.randn(p.shape, generator=generator) * p[0].numel() ** -0.5
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def unet() -> UNet:
    return filled(UNet.from_config(TINY.unet))


@pytest.fixture(scope="module")
def vae() -> VAE:
    return filled(VAE.from_config(TINY.vae))


def inputs(unet: UNet, batch: int, h: int, w: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * h * w)
    x = torch.randn(batch, 4, h, w, generator=generator)
    context = torch.randn(batch, 77, TINY.unet.context_dim, generator=generator)
    return x, torch.full((batch,), 500.0), context


@torch.inference_mode()
def test_the_unet_gives_the_plain_numbers(engine: Engine, unet: UNet) -> None:
    for batch, h, w in [(2, 16, 8), (3, 9, 11)][: 1 if engine.name in SLOW else None]:
        given = inputs(unet, batch, h, w)
        out = engine.unet(unet)(*given)
        torch.testing.assert_close(out, unet(*given), **CLOSE)
        torch.testing.assert_close(engine.unet(unet)(*given), out)  # and again, with what was kept


@torch.inference_mode()
def test_the_decoder_gives_the_plain_numbers(engine: Engine, vae: VAE) -> None:
    for sides in [(8, 8), (5, 12)][: 1 if engine.name in SLOW else None]:
        z = torch.randn(1, 4, *sides, generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(engine.decoder(vae)(z), vae.decode(z), **CLOSE)


@pytest.mark.parametrize("name", ["eager", "packed"])
def test_weights_written_to_are_seen(name: str) -> None:
    engine, network = make_engine(name), filled(UNet.from_config(TINY.unet))
    given = inputs(network, 2, 8, 8)
    with torch.inference_mode():
        before = engine.unet(network)(*given)
    with torch.no_grad():
        network.conv_out.weight.mul_(2)
    with torch.inference_mode():
        after = engine.unet(network)(*given)
        torch.testing.assert_close(after, network(*given), **CLOSE)
    assert not torch.allclose(before, after)


def test_the_networks_are_left_as_they_were(unet: UNet) -> None:
    before = {name: p.clone() for name, p in unet.state_dict().items()}
    make_engine("packed").unet(unet)(*inputs(unet, 2, 8, 8))
    assert list(before) == list(unet.state_dict())
    assert all(torch.equal(before[name], p) for name, p in unet.state_dict().items())


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_an_engine_owns_it_gives_back_bit_by_bit(name: str, dtype: torch.dtype) -> None:
    """Weights that a pipeline alone knows of may lie in the engine's order only."""
    if name == "packed" and problem(dtype) is not None:
        pytest.skip("this processor packs no bfloat16")
    try:
        engine = make_engine(name, dtype=dtype)
    except MissingDependencyError as error:
        pytest.skip(error.en)
    network = filled(UNet.from_config(TINY.unet)).to(dtype).requires_grad_(False)
    before = {key: p.clone() for key, p in network.state_dict().items()}
    x, t, context = inputs(network, 2, 8, 8)
    given = (x.to(dtype), t, context.to(dtype))
    with torch.inference_mode():
        plain = make_engine(name, dtype=dtype).unet(network)(*given)
        engine.own(network, lambda name: None)
        first, second = engine.unet(network)(*given), engine.unet(network)(*given)
        engine.give_back(network)
        third = engine.unet(network)(*given)
    assert all(torch.equal(out, plain) for out in (first, second, third))
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not any(p.is_inference() for p in network.parameters()), "they can be trained on"


@packs_bfloat16
@torch.inference_mode()
def test_owned_weights_are_in_memory_once() -> None:
    network = filled(UNet.from_config(TINY.unet)).bfloat16()
    whole = sum(p.nbytes for p in network.parameters())
    engine = make_engine("packed", dtype=torch.bfloat16)
    forgotten: list[str] = []
    engine.own(network, forgotten.append)
    x, t, context = inputs(network, 2, 8, 8)
    engine.unet(network)(x.bfloat16(), t, context.bfloat16())
    left = sum(p.untyped_storage().nbytes() for p in network.parameters())
    assert left < 0.6 * whole
    assert "conv_in.weight" in forgotten
    assert set(forgotten) < set(network.state_dict())


@packs_bfloat16
def test_a_pipeline_owns_its_unet_until_somebody_asks_for_it() -> None:
    pipe = Pipeline.from_pretrained(engine="packed", dtype="bfloat16", watermark=False, safety="off")
    weight = weights.load("mini", dtype="bfloat16").unet.state_dict()
    small: dict[str, Any] = {"seed": 2, "num_inference_steps": 2, "height": 64, "width": 64}
    before = pipe.generate("赤い車", **small)
    assert all(torch.equal(weight[name], p) for name, p in pipe.unet.state_dict().items())
    with torch.no_grad():
        pipe.unet.conv_out.weight.mul_(0.5)
    after = pipe.generate("赤い車", **small)
    assert not torch.equal(latents(before), latents(after)), "what was written to the weights counts"


def test_packing_asks_nothing_of_the_callers_random_numbers(unet: UNet) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    problem.cache_clear()
    make_engine("packed").unet(unet)(*inputs(unet, 1, 8, 8))
    assert torch.equal(torch.rand(3), expected)


def test_one_engine_serves_many_threads(unet: UNet) -> None:
    engine = make_engine("packed")
    given = [inputs(unet, 1 + i % 2, 8, 8) for i in range(8)]
    outs: dict[int, torch.Tensor] = {}

    def run(i: int) -> None:
        with torch.inference_mode():
            outs[i] = engine.unet(unet)(*given[i])

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with torch.inference_mode():
        for i in range(8):
            torch.testing.assert_close(outs[i], unet(*given[i]), **CLOSE)


def test_a_picture_is_the_plain_picture() -> None:
    import numpy as np

    drawn = {}
    for name in ("eager", "packed"):
        pipe = Pipeline.from_pretrained(engine=name, dtype="float32", watermark=False, safety="off")
        result = pipe.generate("赤い車", seed=2, num_inference_steps=4, height=128, width=128)
        assert result.runtime is not None
        assert result.runtime.engine == name
        drawn[name] = np.asarray(result.images[0]).astype(int)
    assert abs(drawn["eager"] - drawn["packed"]).max() <= 1  # a level of 256, where rounding falls otherwise


def test_an_engine_that_is_not_there() -> None:
    with pytest.raises(InputError, match="packed"):
        make_engine("warp")
    with pytest.raises(InputError) as caught:
        Pipeline.from_pretrained("no/such/file.ckpt", engine="warp")  # before anything is looked for
    assert caught.value.code == "engine.unknown"


def test_openvino_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError) as caught:
        make_engine("openvino")
    assert "pip install" in caught.value.ja


@pytest.mark.parametrize("name", ["packed", "openvino"])
def test_an_engine_of_the_processor_is_refused_elsewhere(name: str) -> None:
    with pytest.raises(InputError) as caught:
        make_engine(name, device="cuda")
    assert caught.value.code == "engine.device"


def test_auto_takes_what_can_run_here() -> None:
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        engine = make_engine("auto", dtype=dtype)
        if engine.name == "packed":
            network = filled(UNet.from_config(TINY.unet)).to(dtype)
            x, t, context = inputs(network, 1, 8, 8)
            with torch.inference_mode():
                assert engine.unet(network)(x.to(dtype), t, context.to(dtype)).dtype == dtype
        else:
            with pytest.raises(InputError, match="dtype"):
                make_engine("packed", dtype=dtype)
    assert make_engine("auto", device="cuda", dtype=torch.float16).name == "eager"


@packs_bfloat16
@torch.inference_mode()
def test_linear_layers_in_sixteen_bits_give_the_plain_numbers() -> None:
    generator = torch.Generator().manual_seed(4)
    block = filled(GEGLU(32)).bfloat16()
    linear = torch.nn.Linear(32, 48).bfloat16()
    x = torch.randn(2, 9, 32, generator=generator).bfloat16()
    # One rounding to 8 bits more or less, of numbers of the order of 1.
    close: dict[str, Any] = {"atol": 2e-2, "rtol": 2e-2}
    torch.testing.assert_close(SplitGEGLU(block)(x), block(x), **close)
    torch.testing.assert_close(PackedLinear(linear)(x), linear(x), **close)
    network = filled(UNet.from_config(TINY.unet)).bfloat16()
    x, t, context = (tensor.bfloat16() for tensor in inputs(network, 2, 16, 8))
    out = make_engine("packed", dtype=torch.bfloat16).unet(network)(x, t, context)
    assert (out - network(x, t, context)).float().norm() < 0.05 * out.float().norm()
