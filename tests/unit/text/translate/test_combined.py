"""The lexicon and a model together: who is asked, and what is taken of it."""

from __future__ import annotations

import time
from itertools import product
from pathlib import Path

import pytest

from sdjp.conditioning.reader import Reader
from sdjp.records import PromptInfo
from sdjp.text.prompt import MAX_PROMPT_LENGTH, parse
from sdjp.text.translate import make_translator
from sdjp.text.translate.combined import EMBEDDED, MOST_ASKED, CombinedTranslator, is_sentence
from sdjp.text.translate.lexicon import LexiconTranslator

FOLDER = Path(__file__).parents[3] / "golden" / "tiny_marian"
CASES = Path(__file__).parents[3] / "cases"


@pytest.fixture(scope="module")
def combined() -> CombinedTranslator:
    """With a tiny model that has learnt a dozen sentences."""
    return CombinedTranslator(FOLDER)


@pytest.mark.parametrize(
    "text",
    [
        "私は猫が好きです。",
        "彼女は昨日東京へ行った",
        "彼の犬",
        "もっと明るくしたい",
        "これは何ですか?",
        "今日は雨が降る",
        "静かにしなさい",
        "もし空を飛べたら",
        "きれいな花ですね",
    ],
)
def test_sentences(text: str) -> None:
    assert is_sentence(text)


@pytest.mark.parametrize(
    "text",
    [
        "馬に乗る宇宙飛行士",
        "赤い帽子をかぶった猫",
        "猫が寝ている",
        "雪が降っている。",
        "電車が鉄橋を渡っている。",
        "庭と川",
        "にわ",
        "古い時計台のある広場の絵を描いてください",
        "ゆきのなかをはしるきつね",
        "うみをおよぐいるか",
        "窓の外には雪が降っている",
    ],
)
def test_what_prompts_say_of_scenes_is_the_lexicons(text: str) -> None:
    assert not is_sentence(text)


def test_hardly_a_prompt_is_a_sentence() -> None:
    prompts = [line.split("\t")[0] for line in (CASES / "prompts.tsv").read_text("utf-8").splitlines()]
    assert sum(map(is_sentence, prompts)) <= len(prompts) // 20


def test_what_the_lexicon_knows_is_said_as_the_lexicon_says_it(combined: CombinedTranslator) -> None:
    texts = ["馬に乗る宇宙飛行士", "3匹の猫, 夕焼け", "masterpiece, best quality", ""]
    known = LexiconTranslator().translate(texts)
    records = combined.translate(texts)
    assert [r.english for r in records] == [r.english for r in known]
    assert [r.pieces for r in records] == [r.pieces for r in known]
    assert {r.translator for r in records} == {"combined"}
    assert combined._model._loaded is None  # nobody asked it


def test_sentences_are_the_models_and_what_is_beside_them_the_lexicons(combined: CombinedTranslator) -> None:
    (record,) = combined.translate(["3匹の猫, 桜の木の下で眠る猫だ, best quality"])
    assert record.english.startswith("three cats, ")
    assert record.english.endswith(", best quality")
    assert record.source == "3匹の猫, 桜の木の下で眠る猫だ, best quality"


def test_the_model_is_not_believed_where_it_leaves_out_what_is_known(
    combined: CombinedTranslator, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "宇宙飛行士は馬に乗る"
    assert is_sentence(text)
    known = LexiconTranslator().translate([text])[0]
    for said, taken in (
        ("The astronauts ride a horse.", True),
        ("You know, it is nice.", False),
        ("An astronaut rides.", False),  # no horse
        (None, False),
    ):
        answer = None if said is None else known.__class__(source=text, english=said, translator="marian")
        monkeypatch.setattr(combined, "_said", lambda texts, answer=answer: [answer] * len(texts))
        assert combined.translate([text])[0].english == (said if taken else known.english)


def test_a_text_that_breaks_the_model_is_the_lexicons_and_the_others_are_not_lost(
    combined: CombinedTranslator,
) -> None:
    texts = ["写だ", "猫だ"]  # the tiny model goes round in circles on the first
    records = combined.translate(texts)
    assert [r.source for r in records] == texts
    assert all(r.english for r in records)


def test_the_users_words_win(tmp_path: Path) -> None:
    combined = CombinedTranslator(FOLDER, user_lexicon={"猫だ": "my very own cat"})
    assert combined.translate(["猫だ"])[0].english == "my very own cat"


def test_it_is_called_by_its_name_or_by_a_folder() -> None:
    for spec, folder in ((f"combined:{FOLDER}", FOLDER), ("combined", EMBEDDED), ("auto", EMBEDDED)):
        made = make_translator(spec)
        assert isinstance(made, CombinedTranslator)
        assert Path(made._model.model) == folder


def test_the_model_that_ships_translates_sentences_but_does_not_guess_at_unknown_words() -> None:
    combined = CombinedTranslator()
    (record,) = combined.translate(["彼女は昨日東京へ行った。"])
    assert record.english.startswith("She went to Tokyo")
    assert combined._model._loaded is not None
    texts = ["ヌルポガッの絵", "ヌルポガッは昨日東京へ行った。"]
    for told, known in zip(combined.translate(texts), LexiconTranslator().translate(texts), strict=True):
        assert told.english == known.english
        assert told.unknown == known.unknown != ()


def test_what_the_model_may_have_guessed_at_is_told() -> None:
    text = "彼はヲヲ敵のもとへ走った。"
    (known,) = LexiconTranslator().translate([text])
    (told,) = CombinedTranslator().translate([text])
    assert told.english != known.english
    assert told.unknown == known.unknown != ()


def prose(characters: int) -> str:
    """Sentences, none like another."""
    rows = product(
        ("私", "彼女", "祖母", "先生", "兵士", "王様", "旅人", "医者", "少年", "船長", "妹", "画家"),
        ("森", "海辺", "図書館", "古い城", "駅", "台所", "学校", "夜の街", "公園", "神社", "屋根の上", "港"),
        (
            *("本を読みました", "歌を歌っていました", "花を植えました", "昔のことを思い出していた"),
            *("静かに泣いていた", "遠くを見つめていた", "誰かを待っていた", "夢を見たのです", "眠りたい"),
        ),
    )
    text = "".join(f"{who}は{where}で{what}。" for who, where, what in rows)
    return text[: text.rindex("。", 0, characters) + 1]


def models(record: PromptInfo) -> list[str]:
    """What the model has translated."""
    return [part.source for part in record.parts if part.how == "marian"]


def test_the_model_is_asked_for_so_many_characters_of_a_prompt_and_the_rest_is_the_lexicons() -> None:
    reader = Reader.of_embedded(CombinedTranslator())
    long, short = prose(MOST_ASKED + 2_000), prose(200)
    infos = [read.info for read in reader.read([parse(text) for text in (long, short)])]
    for info in infos[:1]:
        assert MOST_ASKED * 0.5 < sum(map(len, set(models(info)))) <= MOST_ASKED
    behind = [part for part in infos[0].parts if part.source in long[-1_000:]]
    assert behind
    assert "marian" not in {part.how for part in behind}
    # A prompt does not use up what is left for another.
    assert models(infos[1]) == models(reader.read([parse(short)])[0].info)
    assert len(models(infos[1])) > 5


@pytest.mark.slow
@pytest.mark.parametrize("changed", [("", ""), ("は", "は、"), ("で", "で見知らぬ鷲鼻の男たちと")])
def test_the_longest_prose_is_read_in_time(changed: tuple[str, str]) -> None:
    reader = Reader.of_embedded(CombinedTranslator())
    text = prose(MAX_PROMPT_LENGTH)
    text = (text.replace(*changed) if changed[0] else text)[:MAX_PROMPT_LENGTH]
    start = time.process_time()
    (read,) = reader.read([parse(text)])
    assert time.process_time() - start < 10
    assert bool(models(read.info)) is ("は、" not in text)  # a text of many commas is no telling
