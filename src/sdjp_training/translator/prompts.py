"""A grammar that makes up prompts in Japanese together with their English, from the product's own tables.

Words are drawn at random from ``assets/lexicon/own``; what a phrase means is put together once and said
in both languages, so that nothing has to be translated. Phrases may be odd (a fox repairing a waterfall):
what is learnt from them is how the parts stand to each other.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, TypeVar

from sdjp.text.normalize import normalize
from sdjp.text.translate import lexicon_table
from sdjp.text.translate.grammar.english import article, gerund, participle, past, plural
from sdjp.text.translate.lexicon_table import Entry
from sdjp_training.translator.pairs import clean_english
from sdjp_training.translator.verbs import forms

_T = TypeVar("_T")
LONGEST: Final = 60
"""Characters of a prompt."""
_NUMBERS: Final = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_KANJI: Final = "〇一二三四五六七八九十"
_TSU: Final = ("", "一つ", "二つ", "三つ", "四つ", "五つ", "六つ", "七つ", "八つ", "九つ")
_COLOURS_IN_I: Final = {
    "赤": "赤い",
    "青": "青い",
    "白": "白い",
    "黒": "黒い",
    "黄色": "黄色い",
    "茶色": "茶色い",
}
_ALREADY_ADNOMINAL: Final = re.compile(r"(?:[いなの]|[たるだむ])$")
_NA_IN_I: Final = frozenset(["きれい", "綺麗", "キレイ", "嫌い", "みたい"])
_PUT_ON: Final = {
    "hat cap helmet crown hood mask beret tiara": "をかぶった をかぶっている を被った",
    "shoes boots socks sandals trousers skirt jeans pants sneakers geta": "を履いた をはいた",
    "scarf muffler bandage belt obi": "を巻いた を巻いている",
    "glasses goggles monocle sunglasses": "をかけた をかけている",
    "ring earring necklace brooch ribbon ornament gloves bracelet watch": "をつけた を付けた をつけている",
    "tattoo perfume makeup": "をした",
}
_MANY: Final = (
    ("たくさんの", "many"),
    ("多くの", "many"),
    ("大勢の", "many"),
    ("数", "several"),
    ("無数の", "countless"),
)
# Never together.
_BARE: Final = re.compile(
    r"(?i)\b(?:nude|naked|topless|sexy|lingerie|underwear|bikini|swimsuit|bra|panties)\b"
)
_YOUNG: Final = re.compile(
    r"(?i)girl|boy|child|bab(?:y|ies)\b|\bkids?\b|student|toddler|infant|teen|daughter|\bsons?\b|young|pupil"
)
_REQUESTS: Final = (
    "を描いて", "を描いてください", "を生成して", "の画像", "の絵を描いて", "が見たい", "をお願いします",
    "を作って",
)  # fmt: skip
_LATIN: Final = (
    "retro", "cyberpunk", "SF", "cute", "neon", "SUV", "LED", "4K", "8K", "HDR", "DJ", "Tokyo", "vintage",
    "iPhone", "Blender", "Pixar", "VR", "USB", "Java", "Linux", "Halloween", "pop", "kawaii", "steampunk",
    "Art Deco", "lo-fi", "gothic", "minimal", "Y2K", "OL", "CG", "T", "3D", "2D", "CD", "TV", "R2-D2", "AI",
)  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """A noun phrase in both languages.

    Attributes:
        ja: The Japanese.
        english: The English up to its noun, without article.
        after: The words behind the noun, with a space in front, or ``""``.
        article: Whether it takes one.
        many: Whether it is a plural.
        kind: The category of the noun.
        the: Whether its article is definite.
    """

    ja: str
    english: str
    after: str = ""
    article: bool = True
    many: bool = False
    kind: str = "thing"
    the: bool = False

    @property
    def whole(self) -> str:
        """The English with its article."""
        core = self.english
        if self.the and not core.startswith("the "):
            core = f"the {core}"
        elif self.article and not self.many:
            core = f"{article(core)} {core}"
        return core + self.after

    @property
    def bare(self) -> str:
        """The English without an article."""
        return self.english + self.after

    def before(self, ja: str, english: str) -> Phrase:
        """Put an adjective in front."""
        return replace(self, ja=ja + self.ja, english=f"{english} {self.english}")

    def behind(self, ja: str, english: str) -> Phrase:
        """Put a modifier in front of the Japanese, whose English stands behind."""
        return replace(self, ja=ja + self.ja, after=f"{self.after} {english}")

    def plural(self) -> Phrase:
        """Several of it; the Japanese stays."""
        if self.many or not self.article:
            return self
        return replace(self, english=plural(self.english), many=True)


class Grammar:
    """Makes prompts.

    Args:
        seed: The same seed makes the same prompts.
    """

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    @cached_property
    def words(self) -> dict[str, list[list[Entry]]]:
        """Of each category its words, each with all its spellings."""
        table: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entries in lexicon_table.by_kind().values():
            table[entries[0].category][entries[0].english].append(entries[0])
        return {kind: list(words.values()) for kind, words in table.items()}

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield Japanese and English, normalized, without end."""
        while True:
            made = self.prompt()
            if made is None or len(made[0]) > LONGEST or (_BARE.search(made[1]) and _YOUNG.search(made[1])):
                continue
            if all(made):
                yield normalize(made[0]), clean_english(made[1])

    def prompt(self) -> tuple[str, str] | None:
        """Make one; None where the words that were drawn do not go together."""
        choices: tuple[tuple[float, Callable[[], tuple[str, str] | None]], ...] = (
            (30, self._picture),
            (12, self._sentence),
            (14, self._styled),
            (5, self._tag),
            (4, self._request),
            (6, self._mixed),
            (5, self._without),
            (6, self._place_name),
        )
        return self._one_of(*choices)()

    # Words

    def _chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def _one_of(self, *choices: tuple[float, Callable[[], _T]]) -> Callable[[], _T]:
        return self.rng.choices([make for _, make in choices], [weight for weight, _ in choices])[0]

    def _word(self, *kinds: str) -> Entry:
        """A word with a random spelling; words are as likely as each other, however many spellings."""
        while True:
            entry = self.rng.choice(self.rng.choice(self.words[self.rng.choice(kinds)]))
            if entry.english and "{" not in entry.english and "phrase" not in entry.features:
                return entry

    def _noun(self, *kinds: str) -> Phrase:
        entry = self._word(*kinds)
        features = entry.features
        return Phrase(
            ja=entry.ja,
            english=entry.english,
            article=not {"mass", "bare", "pl"} & features.keys() and entry.category not in {"name", "artist"},
            many="pl" in features,
            kind=entry.category,
            the="the" in features,
        )

    def _being(self) -> Phrase:
        return (
            self._noun("person", "person", "animal", "animal", "name")
            if self._chance(0.95)
            else self._noun("thing")
        )

    def _thing(self) -> Phrase:
        return self._noun("thing", "thing", "thing", "food", "animal", "clothes", "person")

    # Modifiers

    def _adjective(self) -> tuple[str, str]:
        entry = self._word("adj")
        if "post" in entry.features:
            return self._adjective()
        ja = entry.ja
        if ja in _NA_IN_I or not _ALREADY_ADNOMINAL.search(ja):
            ja += "な" if self._chance(0.8) else "の"
        return ja, entry.english

    def _colour(self) -> tuple[str, str]:
        entry = self._word("color")
        ja = _COLOURS_IN_I.get(entry.ja)
        return (ja if ja is not None else entry.ja + "の"), entry.english

    def _worn(self) -> tuple[str, str]:
        cloth = self._noun("clothes")
        verbs: tuple[str, ...] = ("を着た", "を着ている", "姿の", "を身に着けた")
        for names, others in _PUT_ON.items():
            if any(name in cloth.english for name in names.split()):
                verbs = tuple(others.split())
        if self._chance(0.5):
            cloth = cloth.before(*(self._colour() if self._chance(0.7) else self._adjective()))
        verb = self.rng.choice(verbs)
        return cloth.ja + verb, ("with " if verb == "をした" else "wearing ") + cloth.whole

    def _part(self) -> tuple[str, str]:
        body = self._noun("body")
        if "many" in self._features(body):
            body = body.plural()
        body = body.before(*(self._colour() if self._chance(0.6) else self._adjective()))
        ja = self.rng.choice(["の", "を持つ", "の", "を持った", "をした"])
        return body.ja + ja, "with " + body.whole

    def _features(self, phrase: Phrase) -> frozenset[str]:
        entries = lexicon_table.by_kind().get(phrase.ja)
        return frozenset(entries[0].features) if entries else frozenset()

    def _where(self) -> tuple[str, str]:
        """Japanese without particle, English with its preposition."""
        if self._chance(0.55):
            place = self._word("place")
            prep = place.features.get("prep", "in")
            prep, _, the = prep.partition(" ")
            core = place.english
            if self._chance(0.15):
                ja, adjective = self._adjective()
                core, place = f"{adjective} {core}", place._replace(ja=ja + place.ja)
            fixed = {"mass", "pl", "bare"} & place.features.keys()
            the = "the" if the or "the" in place.features else ""
            ja = place.ja + ("の中" if prep == "in" and self._chance(0.1) else "")
            return ja, f"{prep} " + (f"the {core}" if the else core if fixed else f"{article(core)} {core}")
        if self._chance(0.25):
            time = self._word("time", "weather")
            if "prep" in time.features:
                prep = time.features["prep"]
                the = "the " if "the" in time.features and not prep.endswith("the") else ""
                return time.ja + ("の中" if time.category == "weather" else ""), f"{prep} {the}{time.english}"
        position = self._word_with("position")
        thing = self._thing() if self._chance(0.7) else self._noun("place", "part")
        if self._chance(0.25):
            thing = thing.before(*self._adjective())
        return f"{thing.ja}の{position.ja}", position.english.replace("{}", thing.whole)

    def _word_with(self, kind: str) -> Entry:
        """A word whose English has one hole."""
        while True:
            entry = self.rng.choice(self.rng.choice(self.words[kind]))
            if entry.english.count("{}") == 1:
                return entry

    # Clauses

    def _clause(self, subject: Phrase) -> tuple[str, str, str, str] | None:
        """An action: Japanese before the verb, the verb, its English in dictionary form, and what
        comes behind that.
        """
        verb = self._word("verb") if self._chance(0.9) else self._word_with("verb")
        features, ja, rest, english = verb.features, "", "", verb.english
        if forms(verb.ja) is None or {"several", "as"} & features.keys():
            return None
        hole = "{}" in english
        if self._chance(0.35):
            where = self._where()
            ja, rest = where[0] + "で", " " + where[1]
        thing = self._thing()
        if self._chance(0.2):
            thing = thing.before(*(self._adjective() if self._chance(0.6) else self._colour()))
        if "worn" in features:
            thing = self._noun("clothes")
        if hole or "vt" in features:
            ja += thing.ja + "を"
            if hole:
                english = english.replace("{}", thing.whole)
            else:
                rest = f" {thing.whole}" + rest
        elif "を" in features and self._chance(0.6) and features["を"]:
            place = self._noun("place")
            prep = "through" if features["を"] == "path" else features["を"]
            ja, rest = place.ja + "を", f" {prep} {place.whole}"
        elif "に" in features and self._chance(0.7) and features["に"] not in {"", "loc"}:
            ja, rest = ja + thing.ja + "に", f" {features['に']} {thing.whole}" + rest
        elif "comit" in features and self._chance(0.5):
            other = self._being()
            ja, rest = ja + other.ja + "と", f" with {other.whole}" + rest
        elif self._chance(0.2):
            adverb = self._word("adv")
            if "degree" not in adverb.features:
                ja, rest = ja + adverb.ja, f" {adverb.english}" + rest
        return ja, verb.ja, english, rest

    def _relative(self, subject: Phrase) -> Phrase | None:
        """Someone who does something."""
        clause = self._clause(subject)
        verb = forms(clause[1]) if clause is not None else None
        if clause is None or verb is None:
            return None
        ja, _, english, rest = clause
        doing = gerund(english) + rest
        plain = subject.behind
        return self.rng.choices(
            [
                plain(ja + verb.te + "いる", doing),
                plain(ja + verb.te + "る", doing),
                plain(ja + verb.plain, doing),
                plain(ja + verb.masu + "ながら歩く", f"walking while {doing}"),
                plain(ja + verb.nai + "ない", f"not {doing}"),
                plain(ja + verb.te + "いない", f"not {doing}"),
                plain(ja + verb.masu + "たい", f"wanting to {english}{rest}"),
                plain(ja + verb.masu + "たがっている", f"wanting to {english}{rest}"),
                plain(ja + verb.masu + "そうな", f"about to {english}{rest}"),
                plain(ja + verb.masu + "続ける", f"continuing to {english}{rest}"),
                plain(ja + verb.masu + "始めた", f"starting to {english}{rest}"),
                plain(ja + verb.plain + "ことができる", f"that can {english}{rest}"),
                plain(ja + verb.ta, f"that {past(english)}{rest}"),
                plain(ja + verb.plain + "ための", f"for {doing}"),
            ],
            [30, 3, 25, 2, 3, 3, 2, 1, 2, 1, 1, 1, 2, 1],
        )[0]

    def _passive(self, subject: Phrase) -> Phrase | None:
        """Someone to whom something is done."""
        verb = self._word("verb")
        made = forms(verb.ja)
        if made is None or "vt" not in verb.features or "worn" in verb.features:
            return None
        done = participle(verb.english)
        ending = self.rng.choice(["た", "ている", "る"])
        if self._chance(0.6):
            other = self._being()
            return subject.behind(f"{other.ja}に{made.passive}{ending}", f"{done} by {other.whole}")
        return subject.behind(made.passive + ending, done)

    def _noun_phrase(self) -> Phrase | None:
        """Someone or something, with what belongs to it."""
        noun = self._one_of(
            (60, self._being), (28, self._thing), (12, lambda: self._noun("place", "food", "weather"))
        )
        phrase: Phrase | None = noun()
        assert phrase is not None
        alive = phrase.kind in {"person", "animal", "name"}
        if self._chance(0.3) and phrase.kind != "name":
            phrase = phrase.before(*(self._adjective() if self._chance(0.65) else self._colour()))
        if self._chance(0.2):
            phrase = self._counted(phrase)
        if alive:
            roll = self.rng.random()
            if roll < 0.15:
                phrase = phrase.behind(*self._worn())
            elif roll < 0.25:
                phrase = phrase.behind(*self._part())
            if self._chance(0.5):
                phrase = self._relative(phrase)
            elif self._chance(0.08):
                phrase = self._passive(phrase)
        elif self._chance(0.1):
            phrase = self._passive(phrase)
        if phrase is not None and " " not in phrase.after and self._chance(0.3):
            where = self._where()
            link = self.rng.choice(
                ["の", "の", "にいる", "にいる"] if alive else ["の", "の", "にある", "に置かれた"]
            )
            phrase = phrase.behind(where[0] + link, where[1])
        return phrase

    def _counted(self, phrase: Phrase) -> Phrase:
        """Several; kept as it is where it cannot be counted."""
        if not phrase.article or phrase.the or phrase.kind in {"weather", "place"}:
            return phrase
        if self._chance(0.2):
            ja, english = self.rng.choice(_MANY)
            if ja == "数":
                ja = f"数{self._counter(phrase)}の"
            return phrase.plural().before(ja, english)
        if self._chance(0.12) and phrase.kind in {"person", "animal"}:
            many = phrase.plural()
            ending, group = self.rng.choice(
                [("の群れ", "group"), ("たち", ""), ("の集団", "group"), ("の大群", "huge crowd")]
            )
            if not group:
                return replace(many, ja=many.ja + ending)
            return Phrase(many.ja + ending, f"{group} of {many.english}", kind=phrase.kind)
        n = self.rng.randint(2, 10)
        number = _KANJI[n] if self._chance(0.5) else str(n)
        counted = number + self._counter(phrase)
        if phrase.kind not in {"person", "animal"} and n < 10 and self._chance(0.5):
            counted = _TSU[n] if self._chance(0.6) else f"{n}つ"
        if phrase.kind == "person" and n == 2:
            counted = self.rng.choice(["二人", "2人", "ふたり"])
        return phrase.plural().before(counted + "の", _NUMBERS[n])

    def _counter(self, phrase: Phrase) -> str:
        if phrase.kind == "person":
            return "人"
        if phrase.kind == "animal":
            return self.rng.choice("匹匹匹頭羽")
        return self.rng.choice("個個本枚台")

    # Prompts

    def _picture(self) -> tuple[str, str] | None:
        phrase = self._noun_phrase()
        if phrase is None:
            return None
        if self._chance(0.12):
            other = self._noun_phrase()
            if other is None:
                return None
            return f"{phrase.ja}と{other.ja}", f"{phrase.whole} and {other.whole}"
        if self._chance(0.1):
            relator = self._word_with("relator")
            if "adnom" in relator.features:
                like = self._noun("thing", "animal", "person", "food", "place")
                phrase = phrase.behind(like.ja + relator.ja, relator.english.replace("{}", like.whole))
        return phrase.ja, phrase.whole

    def _sentence(self) -> tuple[str, str] | None:
        subject = self._being()
        if self._chance(0.25) and subject.kind != "name":
            subject = subject.before(*self._adjective())
        if self._chance(0.25):
            subject = self._counted(subject)
        clause = self._clause(subject)
        verb = forms(clause[1]) if clause is not None else None
        if clause is None or verb is None:
            return None
        ja, _, english, rest = clause
        be = "are" if subject.many else "is"
        endings = [
            (verb.te + "いる", f"{be} {gerund(english)}"),
            (verb.te + "います", f"{be} {gerund(english)}"),
            (verb.masu + "ました", past(english)),
            (verb.ta, past(english)),
            (verb.te + "いない", f"{be} not {gerund(english)}"),
            (verb.masu + "たい", f"{'want' if subject.many else 'wants'} to {english}"),
        ]
        ending, predicate = self.rng.choices(endings, [30, 10, 5, 5, 3, 2])[0]
        particle = "が" if self._chance(0.8) else "は"
        made_ja, made = f"{subject.ja}{particle}{ja}{ending}", f"{subject.whole} {predicate}{rest}"
        if self._chance(0.5):
            return made_ja + "。", made[0].upper() + made[1:] + "."
        return made_ja, made

    def _styled(self) -> tuple[str, str] | None:
        phrase = self._noun_phrase()
        if phrase is None:
            return None
        roll = self.rng.random()
        if roll < 0.4:
            medium = self._noun("medium")
            if self._chance(0.3):
                medium = medium.before(*self._adjective())
            return f"{phrase.ja}の{medium.ja}", f"{medium.whole} of {phrase.whole}"
        if roll < 0.6:
            artist = self._word("artist")
            ja = self.rng.choice(["風の", "の画風の", "のスタイルの", "のタッチで描かれた", "風に描いた"])
            return artist.ja + ja + phrase.ja, f"{phrase.whole} in the style of {artist.english}"
        style = self._word("style", "medium")
        ja = self.rng.choice(["風の", "風の", "調の", "スタイルの", "風に描かれた"])
        return style.ja + ja + phrase.ja, f"{phrase.whole} in {style.english} style"

    def _tag(self) -> tuple[str, str]:
        word = self._word(
            "tag", "style", "medium", "time", "weather", "proper", "name", "artist", "material", "body"
        )
        if self._chance(0.3):
            ja, english = self._worn() if self._chance(0.4) else self._part()
            return ja.removesuffix("の"), english
        return word.ja, word.english

    def _request(self) -> tuple[str, str] | None:
        made = self._picture()
        return (made[0] + self.rng.choice(_REQUESTS), made[1]) if made is not None else None

    def _mixed(self) -> tuple[str, str] | None:
        """With a Latin word, which stays."""
        phrase = self._noun_phrase()
        if phrase is None:
            return None
        latin = self.rng.choice(_LATIN) if self._chance(0.5) else self._word("adj", "thing").english
        if self._chance(0.5):
            phrase = phrase.before(latin + self.rng.choice(["な", "の", "風の", ""]), latin)
            return phrase.ja, phrase.whole
        return f"{latin}と{phrase.ja}", f"{latin} and {phrase.whole}"

    def _without(self) -> tuple[str, str]:
        thing = self._noun("thing", "part", "person", "clothes", "body", "weather")
        roll = self.rng.random()
        if roll < 0.4:
            return thing.ja + self.rng.choice(["なし", "無し", "抜き"]), f"no {thing.english}"
        whole = self._noun("place", "person", "animal", "thing")
        if roll < 0.7 or thing.kind == "person":
            ja = thing.ja + self.rng.choice(
                ["のない", "がない", "のいない" if thing.kind == "person" else "の無い"]
            )
            return ja + whole.ja, f"{whole.whole} without {thing.whole}"
        with_ja = self.rng.choice(["のある", "がある", "付きの", "を持つ"])
        return thing.ja + with_ja + whole.ja, f"{whole.whole} with {thing.whole}"

    def _place_name(self) -> tuple[str, str]:
        name = self._word("proper")
        place = self._noun("place", "food", "person", "thing")
        if self._chance(0.3):
            place = place.before(*self._adjective())
        if self._chance(0.5) and "adj" in name.features:
            return f"{name.ja}の{place.ja}", place.before("", name.features["adj"]).whole
        the = "the " if "the" in name.features else ""
        prep = "in" if place.kind in {"place", "person"} else "from"
        return f"{name.ja}の{place.ja}", f"{place.whole} {prep} {the}{name.english}"
