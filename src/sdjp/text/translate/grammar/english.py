"""The inflection of English: plurals, articles, participles.

All functions take dictionary forms, which may be phrases: the noun of ``"suit of armor"`` is its first word,
the noun of ``"paper lantern"`` its last, the verb of ``"look up at"`` its first.
"""

from __future__ import annotations

import re
from typing import Final

_PLURALS: Final = dict(
    pair.split("/")
    for pair in """
        person/people child/children man/men woman/women foot/feet tooth/teeth goose/geese mouse/mice ox/oxen
        dwarf/dwarves hero/heroes potato/potatoes tomato/tomatoes volcano/volcanoes die/dice cactus/cacti
        octopus/octopuses roof/roofs chef/chefs reef/reefs cliff/cliffs thief/thieves passerby/passersby
        """.split()
)
_UNCHANGED: Final = frozenset(
    """
    fish goldfish jellyfish starfish shellfish sheep deer shrimp squid salmon carp tuna bison moose
    samurai ninja geisha maiko oni kappa tengu ronin onmyoji kimono yukata katana torii aircraft
    spacecraft series species yokai koi daruma ema mochi dango onigiri sushi miko omikuji tanuki medaka
    """.split()
)
_TO_VES: Final = frozenset("leaf knife life wife wolf shelf elf half loaf calf scarf".split())
_BEFORE_TAIL: Final = re.compile(r" (?:of|in|on|with|at|from|to|for|under|over|that|who|without|wearing) ")

# A verb, its past tense and its past participle.
_PAST: Final = {
    verb: (past, participle)
    for verb, past, participle in (
        row.split("/")
        for row in """
        be/was/been become/became/become begin/began/begun bend/bent/bent bite/bit/bitten bind/bound/bound
        beat/beat/beaten blow/blew/blown break/broke/broken bring/brought/brought build/built/built
        burn/burned/burnt burst/burst/burst buy/bought/bought catch/caught/caught choose/chose/chosen
        come/came/come thrust/thrust/thrust
        cut/cut/cut deal/dealt/dealt dig/dug/dug do/did/done draw/drew/drawn drink/drank/drunk
        drive/drove/driven eat/ate/eaten fall/fell/fallen feed/fed/fed feel/felt/felt fight/fought/fought
        find/found/found fly/flew/flown forget/forgot/forgotten freeze/froze/frozen get/got/gotten
        give/gave/given go/went/gone grow/grew/grown hang/hung/hung have/had/had hear/heard/heard
        hide/hid/hidden hit/hit/hit hold/held/held hurt/hurt/hurt keep/kept/kept know/knew/known
        lay/laid/laid lead/led/led leave/left/left let/let/let lie/lay/lain light/lit/lit lose/lost/lost
        make/made/made meet/met/met mow/mowed/mown put/put/put read/read/read ride/rode/ridden
        ring/rang/rung rise/rose/risen run/ran/run say/said/said see/saw/seen sell/sold/sold
        send/sent/sent set/set/set sew/sewed/sewn shake/shook/shaken shine/shone/shone shoot/shot/shot
        show/showed/shown shut/shut/shut sing/sang/sung sink/sank/sunk sit/sat/sat sleep/slept/slept
        slide/slid/slid speak/spoke/spoken spend/spent/spent spin/spun/spun split/split/split
        spread/spread/spread stand/stood/stood steal/stole/stolen stick/stuck/stuck sweep/swept/swept
        swim/swam/swum swing/swung/swung take/took/taken teach/taught/taught tear/tore/torn tell/told/told
        think/thought/thought throw/threw/thrown understand/understood/understood wake/woke/woken
        wear/wore/worn weave/wove/woven win/won/won write/wrote/written kneel/knelt/knelt
        lean/leaned/leaned strike/struck/struck overlook/overlooked/overlooked grind/ground/ground
        spit/spat/spat overtake/overtook/overtaken overcome/overcame/overcome lend/lent/lent
        seek/sought/sought
        swear/swore/sworn bet/bet/bet overhang/overhung/overhung withdraw/withdrew/withdrawn
        overlay/overlaid/overlaid undo/undid/undone cling/clung/clung sting/stung/stung stride/strode/stridden
        weep/wept/wept creep/crept/crept bleed/bled/bled breed/bred/bred rid/rid/rid unwind/unwound/unwound
        wind/wound/wound rewrite/rewrote/rewritten redo/redid/redone remake/remade/remade
        flee/fled/fled forgive/forgave/forgiven forbid/forbade/forbidden pay/paid/paid cast/cast/cast
        broadcast/broadcast/broadcast shrink/shrank/shrunk shed/shed/shed sow/sowed/sown slay/slew/slain
        tread/trod/trodden bear/bore/borne swell/swelled/swollen shear/sheared/shorn strew/strewed/strewn
        string/strung/strung wring/wrung/wrung fling/flung/flung sling/slung/slung slit/slit/slit
        spring/sprang/sprung quit/quit/quit bid/bid/bid cost/cost/cost arise/arose/arisen
        mistake/mistook/mistaken retake/retook/retaken foresee/foresaw/foreseen
        oversleep/overslept/overslept overeat/overate/overeaten misunderstand/misunderstood/misunderstood
        rebuild/rebuilt/rebuilt rewind/rewound/rewound undergo/underwent/undergone
        overthrow/overthrew/overthrown shoe/shod/shod
        """.split()
    )
}
# The final consonant is doubled behind one short vowel in verbs of one syllable (run, running), and in these.
_ONE_SYLLABLE: Final = re.compile(r"[^aeiou]*(?:qu)?[aeiou][bdgklmnprt]")
_DOUBLED: Final = frozenset(
    """
    begin emit forget regret permit commit occur upset propel admit overlap unwrap rewrap zigzag input format
    program kidnap refer prefer submit unplug unzip
    """.split()
)
_VERBS_IN_LY: Final = frozenset("fly apply rely supply reply multiply comply imply ally bully rally".split())
# Adjectives that are their own adverbs.
_ALSO_ADVERBS: Final = frozenset("high low fast far hard straight early late".split())


def plural(noun: str) -> str:
    """Return the plural of a noun phrase: ``"paper lantern"`` -> ``"paper lanterns"``."""
    tail = _BEFORE_TAIL.search(noun)
    if tail is not None:
        return plural(noun[: tail.start()]) + noun[tail.start() :]
    if " and " in noun:
        return " and ".join(plural(part) for part in noun.split(" and "))
    start, _, last = noun.rpartition(" ")
    return f"{start} {_plural_word(last)}" if start else _plural_word(last)


def _plural_word(word: str) -> str:
    lower = word.lower()
    if lower in _UNCHANGED:
        return word
    for singular, many in _PLURALS.items():
        if lower == singular or (
            singular in {"man", "woman", "child", "person"} and lower.endswith(singular)
        ):
            if lower.endswith(("human", "talisman", "shaman", "german", "ottoman", "caiman", "roman")):
                break
            return word[: len(word) - len(singular)] + many
    if lower in _TO_VES or lower.endswith(("leaf", "shelf", "wife")):
        return word.removesuffix("fe").removesuffix("f") + "ves" if lower != "scarf" else "scarves"
    if re.search(r"(s|x|z|ch|sh)$", lower):
        return word + "es"
    if re.search(r"[^aeiou]y$", lower):
        return word[:-1] + "ies"
    return word + "s"


def article(phrase: str) -> str:
    """Return ``"a"`` or ``"an"``, by the sound that ``phrase`` begins with."""
    first = phrase.lstrip("\"'(").split(" ")[0]
    if re.match(r"(?i)(one\b|once|uni[^mn]|union|use|usu|uti|euro|ukiyo|ufo|ukr|yu)", first):
        return "a"
    if re.match(
        r"[FHLMNRSX](?:[0-9]|[A-Z]\b)"
        r"|(?i:hour|honest|honor|heir|8|11\b|18\b|x-ray|fbi\b|led\b|rpg\b|hdr\b|mri\b|nsfw\b|ai\b)",
        first,
    ):
        return "an"
    return "an" if first[:1].lower() in set("aeiou") else "a"


def gerund(verb: str) -> str:
    """Return the present participle: ``"lie down"`` -> ``"lying down"``; ``"be lost"`` -> ``"lost"``."""
    if " and " in verb:
        return " and ".join(gerund(part) for part in verb.split(" and "))
    first, space, rest = verb.partition(" ")
    if first == "be" and rest:
        return rest
    if first.endswith("ly") and rest and first not in _VERBS_IN_LY:
        return f"{first} {gerund(rest)}"
    if first.endswith("ie"):
        first = first[:-2] + "ying"
    elif first.endswith("e") and not first.endswith(("ee", "oe", "ye")) and first != "be":
        first = first[:-1] + "ing"
    elif first.endswith("ic"):
        first += "king"
    elif _is_doubled(first):
        first += first[-1] + "ing"
    else:
        first += "ing"
    return first + space + rest


def _is_doubled(verb: str) -> bool:
    return verb in _DOUBLED or _ONE_SYLLABLE.fullmatch(verb) is not None


def participle(verb: str) -> str:
    """Return the past participle: ``"draw"`` -> ``"drawn"``; ``"be surprised"`` -> ``"surprised"``."""
    first, space, rest = verb.partition(" ")
    if first == "be" and rest:
        return rest
    return (_PAST[first][1] if first in _PAST else _regular_past(first)) + space + rest


def past(verb: str) -> str:
    """Return the past tense: ``"run away"`` -> ``"ran away"``."""
    first, space, rest = verb.partition(" ")
    return (_PAST[first][0] if first in _PAST else _regular_past(first)) + space + rest


def present(verb: str) -> str:
    """The present tense of one who acts: ``"clear up"`` -> ``"clears up"``."""
    first, _, rest = verb.partition(" ")
    if first in {"be", "have"}:
        said = {"be": "is", "have": "has"}[first]
    elif re.search("(?:s|sh|ch|x|z|o)$", first):
        said = first + "es"
    else:
        said = re.sub("(?<=[^aeiou])y$", "ie", first) + "s"
    return f"{said} {rest}".strip()


def _regular_past(verb: str) -> str:
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    if verb.endswith("ic"):
        return verb + "ked"
    if _is_doubled(verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def adverb(adjective: str) -> str:
    """Return the adverb of an adjective: ``"happy"`` -> ``"happily"``."""
    if " " in adjective or "-" in adjective:
        return f"in a {adjective} way"
    if adjective in _ALSO_ADVERBS or adjective.endswith("ly"):
        return adjective
    if adjective.endswith("ic"):
        return adjective + "ally"
    if re.search(r"[^aeiou]y$", adjective):
        return adjective[:-1] + "ily"
    if re.search(r"[^aeiou]le$", adjective):
        return adjective[:-1] + "y"
    return adjective + "ly"


def comparative(adjective: str) -> str:
    """Return ``"bigger"`` for ``"big"`` and ``"more beautiful"`` for ``"beautiful"``."""
    if " " in adjective or len(re.findall(r"[aeiouy]+", adjective)) > 2 or len(adjective) > 7:
        return f"more {adjective}"
    if re.search(r"[^aeiou]y$", adjective):
        return adjective[:-1] + "ier"
    if adjective.endswith("e"):
        return adjective + "r"
    if re.search(r"[^aeiou][aeiou][bdgmnpt]$", adjective):
        return adjective + adjective[-1] + "er"
    return adjective + "er"


def superlative(adjective: str) -> str:
    """Return ``"biggest"`` for ``"big"`` and ``"most beautiful"`` for ``"beautiful"``."""
    more = comparative(adjective)
    return f"most {adjective}" if more.startswith("more ") else more[:-1] + "st"
