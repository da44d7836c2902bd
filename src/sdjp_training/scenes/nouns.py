"""Names of concepts in English sentences: their articles and plurals.

The rules are the translator's. Beside them stand names that are said otherwise: the embedded model has learnt
its words so, and its table of words is made of them.
"""

from __future__ import annotations

import re
from typing import Final

from sdjp.text.translate.grammar import english

MASS: Final = {
    "rice", "sushi", "ramen", "noodles", "sake", "beer", "coffee", "tea", "green tea", "matcha", "oden",
    "curry rice", "curry", "cheese", "chocolate", "corn", "bread", "Mount Fuji", "Tokyo Tower",
    "Santa Claus", "lightning", "thunder", "bamboo", "tempura", "wine", "autumn leaves", "cherry blossoms",
    "French fries", "glasses", "hina dolls", "koinobori", "Japanese dolls", "fireworks", "cherries",
    "grapes", "shoes", "sneakers", "candy", "dango", "dango dumplings", "sakura", "nesting dolls", "Saturn",
    "fire", "TV", "milk", "honey", "butter", "meat", "popcorn", "pasta", "spaghetti", "garlic", "broccoli",
    "money", "DNA", "horse racing", "bowling", "fishing", "table tennis", "camping", "coral", "lavender",
    "wheat", "ice", "juice", "firewood", "taking a bath", "French bread", "fried chicken", "bubble tea",
    "tapioca tea", "medicine", "soda", "gyoza",
}  # fmt: skip
"""Names without an article, the same in the plural."""
UNIQUE: Final = {"sun", "full moon", "crescent moon", "moon", "Earth", "globe", "Statue of Liberty"}
"""Names with a definite article."""
PLURALS: Final = {
    "Tyrannosaurus": "Tyrannosaurus", "bow and arrow": "bow and arrows", "cactus": "cactuses",
    "jellyfish": "jellyfishes", "kimono": "kimonos", "kitchen knife": "kitchen knifes", "tanuki": "tanukis",
    "tomato": "tomatos", "volcano": "volcanos",
}  # fmt: skip
"""Plurals that are not the translator's."""
_MANY: Final = re.compile(r"^(?!.* of ).*[^uosi]s$|^(men|women|people) ")  # plural already: chopsticks
_TAIL: Final = re.compile(r"(?:(?:wo)?man|person)(?= \w+ing\b)|.+?(?=, | (?:with|wearing|in|of|at|on|for) )")
_PEOPLE: Final = re.compile(r"^(men|women|people) ")


def article(noun: str) -> str:
    """Put a, an, the or nothing before ``noun``."""
    if noun in MASS or _is_plural(noun):
        return noun
    return f"{'the' if noun in UNIQUE else english.article(noun)} {noun}"


def plural(noun: str) -> str:
    """Return ``noun`` in the plural."""
    if noun in PLURALS:
        return PLURALS[noun]
    if noun in MASS or _is_plural(noun):
        return noun
    head = _TAIL.match(noun)
    return english.plural(noun) if head is None else plural(head[0]) + noun[head.end() :]


def _is_plural(noun: str) -> bool:
    """Whether a name is in the plural by itself: chopsticks, men who swim, but not one with glasses."""
    head = _TAIL.match(noun)
    return _MANY.search(noun if head is None or _PEOPLE.match(noun) else head[0]) is not None
