"""The text encoders beside CLIP's: numbers of the original, masks and positions, what a config builds."""

from __future__ import annotations

import pytest
import torch

from sdjp.config import (
    ALT_DIFFUSION,
    LAION_400M,
    SD_V1,
    BertConfig,
    ModelConfig,
    TextConfig,
    XLMRobertaConfig,
    from_json,
    to_json,
)
from sdjp.errors import InputError
from sdjp.models import Bert, XLMRoberta, make_text_encoder
from sdjp.weights.names.maps.ldm import BERT
from sdjp.weights.networks import on_meta
from tests.golden_models import Golden, fill

ATOL = 2e-5  # the original differs from its float64 run by 1e-5 (meta.fp32_vs_fp64_maxabs)
TINY_BERT = Golden("tiny_bert")
XLM_R = XLMRobertaConfig(
    vocab_size=40, width=32, layers=2, heads=2, mlp_width=64, positions=20, projection=16
)


@pytest.fixture(scope="module")
def bert() -> Bert:
    told = TINY_BERT.meta["config"]
    config = BertConfig(
        vocab_size=told["vocab_size"],
        width=told["n_embed"],
        layers=told["n_layer"],
        heads=TINY_BERT.meta["heads"],
        head_width=TINY_BERT.meta["dim_head"],
        mlp_width=4 * told["n_embed"],
        max_length=told["max_seq_len"],
    )
    model = Bert.from_config(config)
    stored = TINY_BERT.weights()
    unused = TINY_BERT.meta["unused_in_output"]
    weights = {name.removeprefix("transformer."): t for name, t in stored.items() if name not in unused}
    assert len(weights) == len(stored) - 2
    fill(model, "text", ModelConfig(text=config), BERT, weights)
    return model


@pytest.mark.parametrize(("ids", "out"), [("ids", "out"), ("short_ids", "short_out")])
@torch.inference_mode()
def test_bert(bert: Bert, ids: str, out: str) -> None:
    torch.testing.assert_close(bert(TINY_BERT[ids]), TINY_BERT[out], rtol=0, atol=ATOL)


def test_size_of_the_model_of_laion_400m() -> None:
    parts = [sum(p.numel() for p in network.parameters()) for network in on_meta(LAION_400M)]
    assert parts == [872_300_484, 83_653_863, 581_994_042 - 30522 * 1280 - 30522]  # without its head


@pytest.mark.parametrize("config", [SD_V1, LAION_400M, ALT_DIFFUSION], ids=lambda c: c.name)
def test_configs_survive_json(config: ModelConfig) -> None:
    assert from_json(ModelConfig, to_json(config)) == config


def test_json_of_an_older_sdjp_means_clip() -> None:
    data = to_json(SD_V1)
    del data["text"]["kind"]
    assert from_json(ModelConfig, data) == SD_V1


@pytest.mark.parametrize("kind", ["t5", None, 3])
def test_other_kinds_are_refused(kind: object) -> None:
    with pytest.raises(InputError) as caught:
        from_json(ModelConfig, {"text": {"kind": kind}})
    assert caught.value.code == "config.kind"
    assert "xlm_roberta" in caught.value.ja


def test_a_config_of_one_kind_takes_no_keys_of_another() -> None:
    with pytest.raises(InputError) as caught:
        from_json(ModelConfig, {"text": {"kind": "bert", "activation": "gelu"}})
    assert caught.value.code == "config.unknown_key"


@pytest.mark.parametrize("pre_projection", [False, True])
@torch.inference_mode()
def test_padding_changes_no_token_of_xlm_r(pre_projection: bool) -> None:
    torch.manual_seed(0)
    config: TextConfig = XLMRobertaConfig(**{**to_json(XLM_R), "pre_projection": pre_projection})
    model = make_text_encoder(config)
    assert isinstance(model, XLMRoberta)
    model.eval()
    ids = torch.tensor([[0, 7, 9, 2]])
    padded = torch.tensor([[0, 7, 9, 2, 1, 1, 1], [0, 5, 6, 7, 8, 9, 2]])
    out = model(padded)
    assert out.shape == (2, 7, 16)
    # float32, summed over rows of another length
    torch.testing.assert_close(out[:1, :4], model(ids), rtol=0, atol=1e-5)
    assert not torch.allclose(out[0, 1], out[1, 1])
