"""Text encoders and tokenizers against transformers, and folders that diffusers itself wrote.

Weights are random; the published models were not at hand.
"""

from __future__ import annotations

import gzip
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sdjp import Pipeline
from sdjp.conditioning.reader import Reader
from sdjp.config import ModelConfig, XLMRobertaConfig
from sdjp.models import XLMRoberta
from sdjp.text.prompt import parse
from sdjp.text.tokenizers.pieces import SentencePieceTokenizer
from sdjp.text.tokenizers.wordpiece import WordPieceTokenizer
from sdjp.text.translate.lexicon import LexiconTranslator
from sdjp.text.translate.passthrough import PassthroughTranslator
from sdjp.weights import convert, load
from sdjp.weights.names.keymap import compile_map, to_ours
from sdjp.weights.names.maps import MAPS
from sdjp.weights.networks import on_meta, shapes_of
from tests.encoder_folders import (
    SENTENCES,
    UNET,
    VAE,
    save_alt,
    save_rinna,
    train_sentencepiece,
)

transformers = pytest.importorskip("transformers")

TEXTS = [
    "An astronaut, riding a HORSE (photorealistic)!",
    "naïve café Ångström ÉCOLE Ġ ı İstanbul ß ẞ ŒUVRE ﬁancé ½ x²",
    "日本語 馬に乗る宇宙飛行士 がぎぐパピプ カタカナ ｶﾀｶﾅ 、。「」〜",
    "汉字漢字 𠀋 豈 한국어 조선 ภาษาไทย ελληνικά ΟΔΥΣΣΕΥΣ русский עברית العربية हिन्दी",
    "🚀 👩‍👩‍👧 ☀️ 🇯🇵 1️⃣ ™ © ① Ⅷ",
    "don't it's $5.00 + 3 = 8% a_b a-b a/b <b>&amp;</b> `x` ^~|\\ \"q\" ‘q’ “q” — … ¿qué?",
    "tabs\tand\nlines\r\nnbsp\u00a0wide\u3000zwsp\u200bbom\ufeffsoft\u00adnul\x00bell\x07rep\ufffd",
    "[CLS] typed [SEP] [PAD] [MASK] [UNK] [cls] [ CLS ]",
    "x" * 100 + " " + "y" * 101,
    "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "",
    "   ",
]


# Word pieces.


def test_word_pieces_of_bert(tmp_path: Path) -> None:
    packed = files("sdjp") / "assets" / "bert" / "vocab.txt.gz"
    (tmp_path / "vocab.txt").write_bytes(gzip.decompress(packed.read_bytes()))
    theirs = transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"), do_lower_case=True)
    ours = WordPieceTokenizer.from_assets()
    for text in [*TEXTS, *SENTENCES]:
        assert [ours.start_id, *ours.encode(text), ours.end_id] == theirs(text).input_ids, text


def test_word_pieces_of_every_character_up_to_the_emoji(tmp_path: Path) -> None:
    """One by one: what BERT drops, parts, strips. Younger characters depend on its tables."""
    packed = files("sdjp") / "assets" / "bert" / "vocab.txt.gz"
    (tmp_path / "vocab.txt").write_bytes(gzip.decompress(packed.read_bytes()))
    theirs = transformers.BertTokenizerFast(str(tmp_path / "vocab.txt"), do_lower_case=True)
    ours = WordPieceTokenizer.from_assets()
    ranges = (range(0x600), range(0x2000, 0x2B00), range(0x3000, 0x3100), range(0xFE00, 0xFFF0))
    texts = [f"a{chr(c)}b" for numbers in (*ranges, range(0x1F300, 0x1F650)) for c in numbers]
    encoded = theirs(texts, add_special_tokens=False).input_ids
    wrong = [text for text, ids in zip(texts, encoded, strict=True) if ours.encode(text) != ids]
    assert wrong == []


# Sentencepiece: the same table in transformers, built from its entries.


def table(path: Path) -> list[tuple[str, float]]:
    import sentencepiece

    found = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [(found.id_to_piece(i), found.get_score(i)) for i in range(found.get_piece_size())]


def test_tokens_of_xlm_r(tmp_path: Path) -> None:
    path = tmp_path / "sentencepiece.bpe.model"
    train_sentencepiece(path)
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab = [*special, *table(path)[3:], ("<mask>", 0.0)]
    theirs = make(transformers.XLMRobertaTokenizer, vocab)
    ours = SentencePieceTokenizer.xlm_roberta(path)
    assert len(theirs) == ours.vocab_size
    assert (theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id) == (0, ours.end_id, ours.pad_id)
    for text in (*SENTENCES, "馬 鬱 車", "Z"):
        assert [ours.start_id, *ours.encode(text), ours.end_id] == theirs(text).input_ids, text


def test_tokens_of_t5(tmp_path: Path) -> None:
    path = tmp_path / "spiece.model"
    train_sentencepiece(path, lower_case=True, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    theirs = make(transformers.T5Tokenizer, table(path), extra_ids=0)
    ours = SentencePieceTokenizer.t5(path, {})
    assert ours.start_id is None
    for text in (*SENTENCES, "馬 鬱 車"):
        assert [*ours.encode(text), ours.end_id] == theirs(text.lower()).input_ids, text


def test_prompts_reach_the_tokens_of_japanese_models_as_typed(tmp_path: Path) -> None:
    path = tmp_path / "sentencepiece.bpe.model"
    train_sentencepiece(path)
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    theirs = make(transformers.XLMRobertaTokenizer, [*special, *table(path)[3:], ("<mask>", 0.0)])
    tokenizer = SentencePieceTokenizer.xlm_roberta(path)
    own = Reader(tokenizer=tokenizer, translator=PassthroughTranslator(reads_japanese=True, as_typed=True))
    other = Reader(tokenizer=tokenizer, translator=LexiconTranslator())
    for text in (*SENTENCES, "赤い車、青い空", "猫。「犬」、", "赤い車,青い空", "㈱の馬〜"):
        (read,) = own.read([parse(text)])
        assert other.read([parse(text)], translate="never")[0].chunks.ids == read.chunks.ids
        (ids,) = read.chunks.ids
        assert ids[: read.chunks.tokens + 2] == theirs(text).input_ids, text
        assert read.info.english == text


def make(tokenizer: Any, vocab: list[tuple[str, float]], **settings: Any) -> Any:
    try:
        return tokenizer(vocab=vocab, **settings)
    except TypeError:
        pytest.skip("transformers before 5 reads only files")


# XLM-R with the transformation.


def series(pre_projection: bool) -> Any:
    """diffusers' own module, with random weights."""
    alt = pytest.importorskip("diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series")
    config = alt.RobertaSeriesConfig(
        vocab_size=200,
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=90,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        project_dim=64,
        has_pre_transformation=pre_projection,
        architectures=["RobertaSeriesModelWithTransformation"],
    )
    torch.manual_seed(0)
    model = alt.RobertaSeriesModelWithTransformation(config).eval()
    for parameter in model.parameters():  # biases and norms, too: every branch matters
        torch.nn.init.normal_(parameter, std=0.2)
    return model.requires_grad_(False)


def ids_with_padding() -> Tensor:
    ids = torch.randint(4, 200, (3, 77), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = 0
    for row, length in enumerate((5, 77, 30)):
        ids[row, length - 1] = 2
        ids[row, length:] = 1
    return ids


@pytest.mark.parametrize("pre_projection", [False, True])
@torch.inference_mode()
def test_xlm_r_with_transformation(pre_projection: bool) -> None:
    theirs = series(pre_projection).double()
    text = XLMRobertaConfig(
        vocab_size=200,
        width=32,
        layers=3,
        heads=4,
        mlp_width=48,
        positions=90,
        projection=64,
        pre_projection=pre_projection,
    )
    config = ModelConfig(unet=UNET, vae=VAE, text=text)
    shapes = {n: s for n, s in shapes_of(on_meta(config)).items() if n.startswith("text.")}
    names = compile_map(MAPS["diffusers"].rows(config), shapes)
    stored = {f"text_encoder/{name}": t for name, t in theirs.state_dict().items()}
    used = {name.theirs for name in names.values()}
    assert all(MAPS["diffusers"].ignores(name) for name in stored.keys() - used)
    ours = XLMRoberta.from_config(text).double()
    ours.load_state_dict({n.removeprefix("text."): t for n, t in to_ours(names, stored).items()})
    ids = ids_with_padding()
    expected = theirs(ids, attention_mask=(ids != 1).long()).projection_state
    # The same formulas in float64; padding is compared, too: the UNet sees it.
    torch.testing.assert_close(ours(ids), expected, rtol=0, atol=1e-10)


@torch.inference_mode()
def test_a_folder_of_altdiffusion_that_diffusers_wrote(tmp_path: Path) -> None:
    diffusers = pytest.importorskip("diffusers")
    ours = save_alt(tmp_path / "ours")
    theirs = tmp_path / "theirs"
    encoder = series(False)
    encoder.save_pretrained(theirs / "text_encoder")
    diffusers.UNet2DConditionModel.from_pretrained(tmp_path / "ours" / "unet").save_pretrained(
        theirs / "unet"
    )
    diffusers.AutoencoderKL.from_pretrained(tmp_path / "ours" / "vae").save_pretrained(theirs / "vae")
    diffusers.DDIMScheduler.from_pretrained(tmp_path / "ours" / "scheduler").save_pretrained(
        theirs / "scheduler"
    )
    for name in ("tokenizer/sentencepiece.bpe.model", "model_index.json"):
        (theirs / name).parent.mkdir(exist_ok=True)
        (theirs / name).write_bytes((tmp_path / "ours" / name).read_bytes())
    pipe = Pipeline.from_pretrained(theirs, dtype="float32", safety="off", watermark=False)
    assert pipe.config.text.kind == ours.text.kind == "xlm_roberta"
    ids = ids_with_padding()
    expected = encoder(ids, attention_mask=(ids != 1).long()).projection_state
    # float32, summed in another order
    torch.testing.assert_close(pipe.text_encoder(ids), expected, rtol=0, atol=1e-4)
    tokens = pipe.tokenizer.encode("馬に乗る宇宙飛行士")
    own = torch.tensor([[0, *tokens, 2, *[1] * (75 - len(tokens))]])
    expected = encoder(own, attention_mask=(own != 1).long()).projection_state
    torch.testing.assert_close(pipe.encode_prompt("馬に乗る宇宙飛行士"), expected, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_a_folder_of_rinna_goes_through_transformers(tmp_path: Path) -> None:
    config = save_rinna(tmp_path / "rinna")
    theirs = transformers.CLIPTextModel.from_pretrained(tmp_path / "rinna" / "text_encoder").eval()
    shutil.copytree(tmp_path / "rinna", again := tmp_path / "again")
    shutil.rmtree(again / "text_encoder")
    theirs.save_pretrained(again / "text_encoder")
    loaded = load(again)
    assert loaded.config.text == config.text
    ids = torch.tensor([[*loaded.tokenizer.encode("猫と犬"), 2, *[3] * 60]])
    expected = theirs(ids).last_hidden_state
    # float32, summed in another order
    torch.testing.assert_close(loaded.text(ids), expected, rtol=0, atol=2e-5)


def test_what_convert_writes_of_altdiffusion_loads_in_diffusers(tmp_path: Path) -> None:
    alt = pytest.importorskip("diffusers.pipelines.deprecated.alt_diffusion.modeling_roberta_series")
    save_alt(tmp_path / "alt", pre_projection=True)
    convert(tmp_path / "alt", tmp_path / "変換後", dtype="float16")
    model = alt.RobertaSeriesModelWithTransformation.from_pretrained(tmp_path / "変換後" / "text_encoder")
    loaded = load(tmp_path / "変換後", dtype="float32")
    ids = torch.tensor([[0, 7, 9, 30, 2, 1, 1]])
    with torch.inference_mode():
        expected = model.float().eval()(ids, attention_mask=(ids != 1).long()).projection_state
        # float32, summed in another order
        torch.testing.assert_close(loaded.text(ids), expected, rtol=0, atol=1e-4)
