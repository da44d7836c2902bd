"""Japanese prompts for pipelines that read English."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sdjp.errors import InputError
from sdjp.interop import JapanesePipeline, _kept, japanese, translate
from sdjp.text.read import read
from sdjp.text.tokenizers.clip import ClipTokenizer
from sdjp.text.translate import Translation, make_translator
from sdjp.text.translate.words_file import words_path


class Told:
    """In the form of a pipeline of diffusers; gives back what it was called with."""

    scheduler = "of the pipeline"

    def __call__(
        self, prompt: Any = None, height: Any = None, negative_prompt: Any = None, **kwargs: Any
    ) -> Any:
        return {"prompt": prompt, "height": height, "negative_prompt": negative_prompt, **kwargs}


def test_english_is_what_the_text_encoder_would_read() -> None:
    prompts = ["馬に乗る宇宙飛行士", "（赤い車：１．２）、<lora:a:1>", "a dog", "雪 BREAK 夜"]
    expected = [
        r.info.english
        for r in read(prompts, translator=make_translator("lexicon"), tokenizer=ClipTokenizer.from_assets())
    ]
    assert translate(prompts) == expected
    assert [translate(p) for p in prompts] == expected
    assert translate(tuple(prompts)) == expected
    assert translate("赤い車", mode="never") == "赤い車"
    assert translate("赤い車", translator="passthrough") == "赤い車"


@pytest.mark.parametrize("bad", ["", "、。", None, 3, ["猫", None], "(猫"])
def test_what_is_no_prompt(bad: Any) -> None:
    with pytest.raises(InputError):
        translate(bad)
    assert translate("", empty=True) == ""


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("赤い車",), {}),
        ((), {"prompt": "赤い車"}),
        ((["赤い車", "猫"], 64, ["", "文字"]), {}),
        (("a dog", 64), {"negative_prompt": None, "prompt_2": "猫", "image": "赤い車"}),
        ((), {"prompt_embeds": "猫", "negative_prompt": ""}),
    ],
)
def test_prompts_alone_are_changed(args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    plain, wrapped = Told()(*args, **kwargs), japanese(Told())(*args, **kwargs)
    for name, value in plain.items():
        is_prompt = name in ("prompt", "negative_prompt", "prompt_2") and value is not None
        expected = translate(value, empty=True) if is_prompt else value
        assert wrapped[name] == expected


def test_the_rest_is_the_pipeline() -> None:
    pipe = Told()
    wrapped = japanese(pipe, translator="passthrough")
    assert isinstance(wrapped, JapanesePipeline)
    assert wrapped.pipe is pipe
    assert wrapped.scheduler == "of the pipeline"
    assert wrapped("猫")["prompt"] == "猫"
    with pytest.raises(AttributeError):
        _ = wrapped.nothing
    with pytest.raises(TypeError):
        japanese(len)("猫", "犬", height=3)
    with pytest.raises(InputError):
        japanese(pipe, translator="nobody")
    assert pickle.loads(pickle.dumps(wrapped))("猫")["prompt"] == "猫"


def test_what_a_name_stands_for_is_kept() -> None:
    assert _kept("lexicon") is _kept("lexicon")
    assert _kept("passthrough") is not _kept("lexicon")
    own = make_translator("lexicon")
    assert _kept(own) is own
    with pytest.raises(InputError):
        _kept("no such translator")
    with pytest.raises(InputError):
        _kept(3)  # type: ignore[arg-type]


def test_words_of_ones_own_are_read_with(tmp_path: Path) -> None:
    words, path = {"ぽちまる": "small dog"}, tmp_path / "words.tsv"
    path.write_text("ぽちまる\tlarge dog\tanimal\n", encoding="utf-8")
    assert translate("ぽちまると公園", user_lexicon=words) == "a small dog and a park"
    assert translate(["ぽちまる"], user_lexicon=path, translator="lexicon") == ["large dog"]
    assert "dog" not in translate("ぽちまる")
    assert japanese(Told(), user_lexicon=words)("ぽちまる")["prompt"] == "small dog"
    assert _kept("lexicon", words) is _kept("lexicon", dict(words)) is not _kept("lexicon")
    kept = _kept("lexicon", path)
    assert _kept("lexicon", path) is kept
    path.write_text("ぽちまる\tvery large dog\n", encoding="utf-8")
    assert translate("ぽちまる", user_lexicon=path, translator="lexicon") == "very large dog"
    with pytest.raises(InputError):
        translate("猫", user_lexicon=tmp_path / "none.tsv")
    with pytest.raises(InputError):
        translate("猫", user_lexicon={"猫": ["cat"]})  # type: ignore[dict-item]


def test_the_library_does_not_read_the_words_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "words.tsv"
    path.write_text("猫\tkitty\n", encoding="utf-8")
    monkeypatch.setenv("SDJP_WORDS", str(path))
    assert translate("猫") == "cat"
    assert translate("猫", user_lexicon=words_path()) == "kitty"


def test_a_model_is_loaded_once_until_its_files_change(tmp_path: Path) -> None:
    folder = tmp_path / "訳 モデル"
    shutil.copytree(Path(__file__).parents[1] / "golden" / "tiny_marian", folder)
    spec = f"marian:{folder}"
    assert translate(["猫", "海"], translator=spec) == ["cat", "sea"]
    first = _kept(spec)
    assert _kept(spec) is first
    assert len(first._known) == 2  # type: ignore[attr-defined]
    assert _kept(folder) is _kept(folder)
    (folder / "config.json").write_text((folder / "config.json").read_text("utf-8") + " ", "utf-8")
    assert _kept(spec) is not first


def test_many_prompts_are_one_batch_in_order() -> None:
    class Counting:
        """Gives the work to the lexicon, and writes down what it was given."""

        name = "counting"

        def __init__(self) -> None:
            self.inner = make_translator("lexicon")
            self.given: list[list[str]] = []

        def translate(self, texts: Sequence[str]) -> list[Translation]:
            self.given.append(list(texts))
            return self.inner.translate(texts)

    counting = Counting()
    prompts = [f"(赤い車:1.2)、{i % 50}匹の猫" for i in range(1_000)]
    english = translate(prompts, translator=counting)
    assert [len(texts) for texts in counting.given] == [51]  # different leaves
    assert english[:60] == [translate(prompt) for prompt in prompts[:60]]
    assert english[50:] == english[:-50]


def test_what_cannot_be_called_is_no_pipeline() -> None:
    with pytest.raises(InputError) as caught:
        japanese("CompVis/stable-diffusion-v1-4")  # type: ignore[arg-type]
    assert caught.value.code == "japanese.pipeline"
    assert "str" in caught.value.ja
