"""What hypothesis draws for the tests, in one place.

A strategy stands here if it has something to say: what a prompt looks like, which schedules there are. Plain
ranges, of which only one test knows why, stay at that test. What takes long to build is built when it is
first drawn from.
"""

from __future__ import annotations

import string

from hypothesis import strategies as st

from sdjp.options import GenerationOptions
from sdjp.postprocess.marking.payload import MAX_BYTES
from sdjp.samplers import SAMPLERS, SPACINGS, Plan, Sampler, Schedule
from sdjp.text.prompt import Break, Node, Separator, Tag, Text, Weighted
from sdjp.text.script import has_letters
from sdjp.text.translate import lexicon_table
from sdjp.text.word_list import Word, shipped

# Text, as people and programs write it.

anything = st.text(st.integers(0, 0x10FFFF).map(chr))
"""Any code points, lone surrogates too."""

_KANA = "あかはぱゔんっゃアカハバンヴッーｱｶﾊｰﾞﾟ゛゜\u3099\u309aゝゞヽヾ"
_WORDS = "々〆一二十森猫神髙﨑龍aAéZ1290１２Ａａ①Ⅳ²٣㍿㈱⑴🄁"
_MARKS = (
    " ,，、､。｡.・･…!！?？‼〜～〰~-－‐―−─¥￥＼\\()（）[]［］{}｛｝【】〔〕「」“’:：<>＜＞_＿|´¨￣\u0301\u0316"
)
_HIDDEN = "\n\r\t\v\x85\u2028　\xa0\u200b\u200d\ufe0f\u20e3\U000e0100\0\ud83d\ude00\ue000"
_EMOJI = ["🐱", "👨\u200d👩\u200d👧", "❤\ufe0f", "1\ufe0f\u20e3", "🇯🇵", "🈚", "👍🏽", "㊗\ufe0f"]
_SYNTAX = [
    "<lora:着物。、:1>",
    "＜lora：",
    ":1.2)",
    "：１．２）",
    ":0.5]",
    "BREAK",
    "AND",
    "__色__",
    "\\(",
    "¥（",
    "{a|b}",
]
japanese = st.lists(
    st.one_of(*(st.sampled_from(list(group)) for group in (_KANA, _WORDS, _MARKS, _HIDDEN, _EMOJI, _SYNTAX))),
    max_size=16,
).map("".join)
"""What a Japanese keyboard, an emoji picker and a copy from the web put together."""

texts = st.one_of(anything, japanese)

tokenizer_texts = st.one_of(
    st.text(max_size=60),
    st.text(st.sampled_from("馬に乗る宇宙飛行士、。赤いがぱaB é,.$[CLS]🚀 \u3000\n"), max_size=60),
)
any_word = st.text(string.ascii_lowercase + "éñ馬", min_size=1, max_size=24)
"""Letters whose UTF-8 bytes are printable Latin-1, so that the byte symbols are chr(byte)."""
assigned_characters = st.text(st.characters(exclude_categories=("Cn", "Cs")), max_size=40)
readable_again = st.text("abcXYZ ,.!?0987éß桜の木ガ🐱", max_size=40)
words_to_cut = st.text(string.ascii_letters + " '-é馬パ7", min_size=1, max_size=20)
"""What a table of word pieces cuts up."""
scripts = st.text() | st.text("猫カーの、。 ,.a1m!🐱")
"""Text that goes from one script to another."""

# Prompts.

_LEAVES = [
    "猫",
    "a cat",
    "12:30",
    "㈱",
    r"\(",
    "\\",
    "、",
    " ",
    "\n",
    "。",
    "<lora:x:1>",
    " BREAK ",
    "AND",
    "|",
    "{",
    "__x__",
]
prompts = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: (
        st.lists(inner, max_size=4)
        .map("".join)
        .flatmap(
            lambda s: st.sampled_from(
                [f"({s})", f"（{s}：１．２）", f"[{s}]", f"[{s}:0.5]", f"{{{s}}}", s + "猫"]
            )
        )
    ),
    max_leaves=12,
)
"""Balanced by construction, so that the parser gets past the brackets."""
bracket_soup = st.lists(
    st.sampled_from([*"()[]::11 .-9a猫\\^;,T_{|}笑/", "1.1)", "(a", ": ", "16:9", "年齢", "(^", "_^)", ":)"]),
    max_size=14,
).map("".join)
"""Brackets, colons and numbers: weights, ratios and faces, or nearly."""
composed_prompts = st.recursive(
    st.sampled_from(["a cat", "猫", "犬", "(b:1.2)", "", ", ", "、", "(犬)", r"\[", "c"]),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda parts: st.sampled_from(
            [
                "".join(parts),
                f"[{'|'.join(parts)}]",
                f"［{'：'.join(parts)}：０．５］",
                *(f"[{parts[0]}:{parts[-1]}:{when}]" for when in ("3", "0.25", "1.5", "-1")),
                f"[{parts[0]}::0.75]",
                " AND ".join(parts),
                f"{parts[0]} :0.7 AND {parts[-1]}",
            ]
        )
    ),
    max_leaves=10,
)
"""Prompts that change with the steps or are joined, or mean nothing."""
passes = st.lists(st.integers(0, 30), min_size=1, max_size=2)
"""Steps of a run, and of the run over the enlarged picture."""
english_tags = st.lists(
    st.sampled_from(["a cat", "It's", "8K", "semi-real", "(b:1.2)", "{a|b}", "f/1.8", "é"]), max_size=6
)
translations = st.text("ab ()[]{}|\\:.,12<>", max_size=8)
"""What a translator may write: letters, and whatever means something in a prompt."""
balanced_parts = st.lists(st.sampled_from(["猫", "（犬）", "[a]", "㈱", "、", "\n", "（犬：１．２）", r"\("]))
brackets = st.sampled_from(list("(（[［)）]］"))


def spaced(nodes: list[Node]) -> tuple[Node, ...]:
    """Nodes with separators between, as the parser makes them."""
    return tuple(n for node in nodes for n in (Separator(", "), node))[1:]


@st.composite
def trees(draw: st.DrawFn) -> tuple[Node, ...]:
    """Nodes as the parser makes them: content with separators between."""
    node: st.SearchStrategy[Node] = st.recursive(
        st.sampled_from([Text("猫"), Text("a cat"), Text("(x)"), Tag("<lora:a:1>"), Break()]),
        lambda inner: st.builds(
            lambda children, form, number: Weighted(
                spaced(children), {"round": 1.1, "square": 1 / 1.1, "number": number}[form], form
            ),
            st.lists(inner, max_size=3),
            st.sampled_from(["round", "square", "number"]),
            st.floats(0, 1.3),
        ),
        max_leaves=8,
    )
    return spaced(draw(st.lists(node, max_size=4)))


def runs(a_break: object) -> st.SearchStrategy[list[object]]:
    """Text with its weights, and breaks: for what cuts prompts into chunks."""
    return st.lists(
        st.just(a_break) | st.tuples(st.text("ab ,.é猫", max_size=60), st.floats(0, 2)), max_size=6
    )


prompts_to_encode = st.lists(
    st.lists(
        st.sampled_from(["cat", "a red car", "(moon:1.3)", "[rain]", "BREAK", "snow, " * 30, "8k"]),
        max_size=4,
    ).map(", ".join),
    min_size=1,
    max_size=9,
)

# LoRA and textual inversion by name.

_ALPHABET = "aB1猫着の物と赤いアー-_ 、,()<>:."
texts_with_names = st.text(_ALPHABET, max_size=40)
names = st.lists(st.text(_ALPHABET, min_size=1, max_size=6), max_size=4)
prompts_with_names = st.lists(
    st.sampled_from(["cat", "x", "花子", "dog ,", "(x:1.3)", "BREAK"]), min_size=1, max_size=90
)
insides_of_tags = st.text("aé:<>0.9-+einflor 猫", max_size=20)

# Words and their translations.

_PARTICLES = ["の", "と", "が", "を", "に", "で", "、", " ", ", ", "は", "な", "。"]
_OTHERS = [
    "ぺろぽん",
    "ヌルポガッ",
    "鑢鑷",
    "cat",
    "Claude Monet",
    "8k",
    "🐱",
    "👨‍👩‍👧",
    "2026",
    "〜",
    "々",
    "ー",
]
EMOJI = [
    *(
        "🐱",
        "🍣",
        "👍🏽",
        "👨\u200d👩\u200d👧",
        "🇯🇵",
        "🇫🇷",
        "1\ufe0f\u20e3",
        "#\ufe0f\u20e3",
        "❤\ufe0f",
        "❤\ufe0f\u200d🔥",
    ),
    *(
        "☕",
        "⭐",
        "㊗\ufe0f",
        "‼\ufe0f",
        "©\ufe0f",
        "🈚",
        "↔\ufe0f",
        "⌨\ufe0f",
        "🀄",
        "❗",
        "☺",
        "✌🏿",
        "Ⓜ\ufe0f",
        "♀\ufe0f",
        "🫠",
    ),
    "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
]
"""One of each kind: plain, with a skin tone, joined, flags, keycaps, letters that are emoji with VS16."""
texts_with_emoji = st.lists(
    st.sampled_from(EMOJI)
    | st.sampled_from([*"のにがをはとで、。 あいうアー猫犬山川食", "です", "3匹", "cat", "2026"]),
    min_size=1,
    max_size=10,
).map("".join)
"""Emoji in rows, among Japanese, Latin and digits."""
known_words: st.SearchStrategy[str] = st.deferred(lambda: st.sampled_from(sorted(lexicon_table.own())))
"""Words of the lexicon's own tables."""
word_salads = st.lists(known_words | st.sampled_from(_PARTICLES) | st.sampled_from(_OTHERS), max_size=8).map(
    "".join
)
japanese_letters = st.text(
    alphabet=st.sampled_from("あかさたなのとがをにでんッアキー一人山川食べ🐱a1、 "), max_size=20
)
foods: st.SearchStrategy[tuple[str, str]] = st.deferred(
    lambda: st.sampled_from(
        [
            (e.ja, e.english)
            for es in lexicon_table.own().values()
            for e in es[:1]
            if e.category == "food" and not e.features
        ]
    )
)
"""Words that mean one thing, with their English."""
SENTENCES = ["馬に乗る宇宙飛行士", "猫", "桜の木の下で眠る猫。", "3匹の猫", "海", "東京の夜景", "雪が降る。"]
"""What the small network of tests/golden/tiny_marian has learnt."""
batches_of_sentences = st.lists(
    st.lists(st.sampled_from([*SENTENCES, "best quality", "8k", "🌊"]), min_size=1, max_size=3).map(
        ", ".join
    ),
    max_size=3,
)
batches_of_words = st.lists(st.lists(known_words, min_size=1, max_size=4).map("の".join), max_size=6)
words_and_strangers = st.lists(
    st.sampled_from(["a", "red", "cat", "husky", "zebra", "falcon", "the"]), max_size=8
)

# Words that a prompt is checked for.

texts_to_screen = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.one_of(
            st.deferred(lambda: st.sampled_from([w.word for w in shipped().words])), st.text(max_size=6)
        ),
        max_size=8,
    ).map("".join),
)
screened_words: st.SearchStrategy[Word] = st.deferred(
    lambda: st.sampled_from([w for w in shipped().words if w.category != "-"])
)
neighbours = st.sampled_from(["猫", "a cat", "青い空", "", "12"])
lines_of_a_word_list = st.tuples(
    st.sampled_from(["ja", "en"]), st.text(max_size=8), st.text(min_size=1, max_size=3)
)

# Options of a run.

_prompts_given = st.text() | st.lists(st.text()).map(tuple)
_seeds_given = st.integers(0, 2**64 - 1)
options = st.builds(
    GenerationOptions,
    prompt=_prompts_given | st.none(),
    negative_prompt=_prompts_given | st.none(),
    height=st.integers(1, 256).map(lambda n: 8 * n) | st.none(),
    width=st.integers(1, 256).map(lambda n: 8 * n) | st.none(),
    num_inference_steps=st.integers(1, 1000) | st.none(),
    guidance_scale=st.floats(0, 1e30) | st.integers(0, 100) | st.none(),
    sampler=st.sampled_from(["plms", "ddim"]) | st.none(),
    spacing=st.sampled_from(["leading"]) | st.none(),
    eta=st.floats(0, 1) | st.none(),
    noise_multiplier=st.floats(0, 1.5) | st.none(),
    seed=_seeds_given | st.lists(_seeds_given).map(tuple) | st.none(),
    num_images_per_prompt=st.integers(1, 1000),
    strength=st.floats(0, 1),
    translate=st.sampled_from(["auto", "always", "never"]),
    fit=st.sampled_from(["crop", "pad", "stretch"]),
    mask_rule=st.sampled_from(["exact", "compvis"]),
    paste_back=st.booleans(),
    feather=st.integers(0, 512),
    tile=st.integers(1, 256).map(lambda n: 8 * n) | st.none(),
    overlap=st.integers(0, 256).map(lambda n: 8 * n) | st.none(),
    hires=st.floats(1, 8) | st.integers(1, 8) | st.none(),
    hires_strength=st.floats(0, 1),
    upscaler=st.sampled_from(["animevideo", "モデル/4x.pth"]) | st.none(),
    clip_skip=st.integers(1, 100),
)
"""Options that are allowed, for a model with a factor of 8."""

_scalars = (
    st.none()
    | st.booleans()
    | st.integers(-20, 9000)
    | st.sampled_from([2**64, 2**65, 10**30, 0.5, 1.0, 8.0, 64.0, -0.1, 0.76, 7.5, 1e300])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(
        ["猫", "auto", "crop", "exact", "compvis", "diffusers", "fast", "trailing", "ddim", "x"]
    )
)
json_values = (
    _scalars | st.lists(_scalars, max_size=2) | st.dictionaries(st.sampled_from(["a", " "]), _scalars)
)
"""What somebody may write for an option in JSON: often at its limits, often of another kind."""

# Rows of a batch.

_said = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    str.strip
)
batch_rows = st.fixed_dictionaries(
    {"prompt": _said | japanese.filter(lambda text: text.strip() and text.isprintable())},
    optional={
        "negative_prompt": _said,
        "width": st.integers(1, 8192),
        "guidance_scale": st.floats(0, 1e30),
        "sampler": st.sampled_from(["plms", "DPM++ 2M Karras"]),
        "seed": _seeds_given,
        "num_images_per_prompt": st.integers(1, 1000),
        "translate": st.sampled_from(["auto", "always", "never"]),
        "paste_back": st.booleans(),
        "overlap": st.integers(0, 8192),
        "guidance_interval": st.tuples(st.floats(0, 0.5), st.floats(0.51, 1)).map(list),
        "loras": st.dictionaries(_said, st.floats(-10, 10), min_size=1, max_size=3),
        "attention": st.just(False),
    },
)
"""Rows that can be used, as JSON has them."""
csv_texts = st.text(st.sampled_from('a猫 ,,"""\n\n\r'), max_size=30)
"""Cells, quotes and line endings in any order."""
line_soup = st.lists(
    st.binary(max_size=4)
    | st.sampled_from([b"\n", b"\r\n", b"\r", b"# a", b"\xe7\x8c\xab", b'{"prompt": "a"}', b"\xff", b"   "]),
    max_size=20,
).map(b"".join)
"""Files of prompts or of JSON, more or less."""
chunk_sizes = st.integers(1, 9)

# Samplers.

samplers = st.sampled_from(list(SAMPLERS.values()))
spacings = st.sampled_from(sorted(set(SPACINGS) - {"compvis"}))
schedules = st.builds(
    lambda start, growth: Schedule(beta_start=start, beta_end=start * growth),
    st.floats(1e-4, 2e-3),
    st.floats(1.0, 20.0),
)
seeds = st.integers(0, 2**32)
latent_shapes = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 5))


@st.composite
def plans(draw: st.DrawFn) -> tuple[Sampler, Schedule, Plan]:
    """Whole runs, and those that begin with a picture."""
    sampler, schedule = draw(samplers), draw(schedules)
    eta = draw(st.sampled_from([0.0, 0.3, 1.0])) if sampler.takes_eta else 0.0
    spacing = draw(st.none() | spacings)
    plan = sampler.plan(schedule, draw(st.integers(1, 40)), spacing=spacing, eta=eta)
    if draw(st.booleans()):
        plan = plan.from_strength(draw(st.floats(0, 1)))
    return sampler, schedule, plan


# Pictures and maps of tokens.

numpy_seeds = st.integers(0, 2**32 - 1)
sides = st.integers(1, 3000)
short_sides = st.integers(1, 60)
map_sizes = st.tuples(st.integers(1, 9), st.integers(1, 9))
merging_ratios = st.floats(0.01, 0.75)
png_texts = st.text(st.characters(exclude_categories=()), max_size=40)
marks = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1).filter(
    lambda text: len(text.encode()) <= MAX_BYTES
)
"""What a watermark can say."""


@st.composite
def _user_word(draw: st.DrawFn) -> tuple[str, str, str]:
    word = st.text(f"{_KANA}{_WORDS}。・～【】 !#,、", min_size=1, max_size=6).filter(
        lambda text: (
            any(map(has_letters, text))
            and not any(lexicon_table.spelling(s).startswith("#") for s in lexicon_table.spellings(text))
        )
    )
    english = st.text(string.ascii_letters + " '-é#(:", max_size=12).map(lambda text: f"a{text}")
    return draw(word), draw(english), draw(st.sampled_from(sorted(lexicon_table.CATEGORIES)))


user_words = st.lists(_user_word(), max_size=5)
"""Words as somebody may add them: Japanese, English, category."""
