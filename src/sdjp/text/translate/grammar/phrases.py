"""The parser: from a chain of words to noun phrases and clauses.

Japanese puts every modifier before what it modifies, so one pass from left to right with a stack is enough:
what modifies a noun (赤い, 三匹の, 馬に乗る, 机の上の) waits on the stack for the next noun, what a predicate
takes (机に, 本を, ゆっくり) waits for the next predicate. What is still waiting at the end stands by itself;
nothing is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar.genitive import attach
from sdjp.text.translate.grammar.parts import (
    POINTING,
    Adjective,
    Clause,
    Equation,
    Genitive,
    Item,
    Noun,
    Related,
    Single,
    is_object,
)
from sdjp.text.translate.grammar.words import NOUNS, Word

CASES: Final = frozenset(["が", "は", "も", "を", "に", "で", "から", "へ", "まで", "より", "しか"])
_JOINING: Final = {"と": "and", "や": "and", "とか": "and", "か": "or"}
# What describes a person or a thing rather than standing beside it: 犬と [帽子の少女].
_ATTRIBUTES: Final = frozenset(["body", "clothes", "part", "color", "material", "style"])
_EACH: Final = {"どの": "every", "どんな": "any"}
_COMING: Final = frozenset("来る くる 行く いく 帰る 戻る 向かう 出かける やってくる".split())
_PART_OF: Final = re.compile(r"(?:at|in|on) the (\w+) of \{\}$")
_JOINTS: Final = {
    noun: joint
    for joint, nouns in {
        "after": "後 あと のち", "right after": "直後", "before": "前 まえ", "just before": "直前 寸前",
        "while": "間 あいだ うち 内 最中 途中 隙 すき", "when": "時 とき 頃 ころ 際",
        "every time": "たび 度", "to": "ため 為",
    }.items()
    for noun in nouns.split()
}  # fmt: skip
"""Nouns that join the clause before them to what happens besides."""
_ON_BODY: Final = frozenset(
    """
    forehead nape hand hands shoulder shoulders back head neck chest face cheek cheeks waist arm arms leg legs
    foot feet ear ears lap finger fingers wrist ankle mouth eye eyes belly body hips palm knee knees tail
    """.split()
)
"""Parts of a body that something is on."""
_SHOWN: Final = frozenset(["animal", "person", "thing", "food", "place"])


def parse(words: Sequence[Word]) -> list[Item]:
    """Return what ``words`` say as top-level phrases, clauses and punctuation, in order."""
    return _Parser([w for w in words if w.source.strip()]).run()


class _Parser:
    def __init__(self, words: list[Word]) -> None:
        self.words = words
        self.stack: list[Item] = []
        self.position = 0
        self.too: list[Word] = []

    def run(self) -> list[Item]:
        for position, word in enumerate(self.words):
            self.position = position
            _RULES[word.kind](self, word)
        self._close()
        return self.stack

    # -- looking around --------------------------------------------------------------------------------------

    @property
    def _top(self) -> Item | None:
        return self.stack[-1] if self.stack else None

    @property
    def _next(self) -> Word | None:
        return self.words[self.position + 1] if self.position + 1 < len(self.words) else None

    def _next_is(self, *kinds: str) -> bool:
        return self._next is not None and self._next.kind in kinds

    @property
    def _spaced(self) -> bool:
        """Whether a space stands before this word, between Japanese words: it separates tags."""
        if not self.position:
            return False
        before, word = self.words[self.position - 1], self.words[self.position]
        return before.source[-1:].isspace() and not {before.category, word.category} & {"latin", "emoji"}

    @property
    def _modifies(self) -> bool:
        """Whether a noun phrase begins after this word."""
        return self._next_is("noun", "adj", "number", "prefix", "adv", "verb") and not self._ends

    def _comes(self, *kinds: str) -> bool:
        """Whether a word of ``kinds`` comes before the next punctuation."""
        rest = self.words[self.position + 1 :]
        end = next((i for i, word in enumerate(rest) if word.kind == "punct"), len(rest))
        return any(word.kind in kinds for word in rest[:end])

    def _is_aim(self, clause: Clause) -> bool:
        """Whether a clause tells what somebody comes or goes for."""
        stem = clause.verb.form.link == "te" and clause.verb.source[-1:] not in "てで"
        return stem and self._next is not None and self._next.base in _COMING

    def _is_event(self, clause: Clause) -> bool:
        """Whether の makes a noun of what happens: 飴が固まるのを待つ."""
        return clause.verb.form.link == "plain" and any(map(self._says, ("を", "に", "が")))

    def _passes_on(self, verb: Word) -> bool:
        """Whether a joined verb leaves the place with を to the next one, as it takes no object itself."""
        takes = {"vt", "を"} & set(verb.features) or verb.how != "lexicon"
        return not takes and verb.form.link in {"te", "while"} and self._comes("verb")

    @property
    def _ends(self) -> bool:
        return self._next is None or self._next.kind in {"punct", "request"}

    # -- nouns and what modifies them ------------------------------------------------------------------------

    def _noun(self, word: Word) -> None:
        if self._joins_clauses(word):
            return
        top = self._top
        if isinstance(top, Noun) and top.marker == "の" and _JOINTS.get(word.source.strip()) == "after":
            word.english, word.kind = "after {}", "relator"  # 雨の後
            self._relate(word, {"の"})
            return
        if isinstance(top, Noun) and not top.marker:
            if word.category == "emoji" and not self._next_is("particle", "relator"):
                top.tail.append(word)
                return
            if self._spaced:
                self._separate()
            elif not top.tail and top.head.category != "emoji":
                top.words.append(word)
                return
        noun = Noun([word])
        self._push_noun(noun)

    def _joins_clauses(self, word: Word) -> bool:
        """Let a noun of time or purpose join the clause before it: 風呂に入った後, 逃がすために."""
        top, joint = self._top, _JOINTS.get(word.source.strip(), "")
        if word.source.strip() in {"はず", "筈"} and isinstance(top, Clause | Adjective):
            word.use("")
            return True
        if isinstance(top, Clause) and top.verb.form.link == "plain" and self._says("を"):
            if word.source.strip() in {"ところ", "とこ"}:  # 寝ているところを撮る
                word.use("")
                self.stack[-1] = Noun([Word(source="", kind="noun", category="event")], event=top)
                return True
            if word.source.strip() in {"ふり", "フリ", "振り"} and self._does(2):
                self._pretend(word, top)
                return True
        if not joint or not isinstance(top, Clause) or top.verb.form.link != "plain" or top.joint:
            return False
        if top.verb.form.past != (joint in {"after", "right after"}) and joint not in {
            "while",
            "when",
            "every time",
        }:
            return False
        if any(map(self._says, ("が", "を", "は", "も", "だけ"))):
            return False
        if joint == "while" and top.verb.form.negative:  # 火が消えないうちに
            joint, top.verb.form = "before", replace(top.verb.form, negative=False)
        adnominal = self._says("の")
        top.joint = "for" if joint == "to" and adnominal else joint
        top.final = False
        top.verb.form = replace(top.verb.form, link="plain" if adnominal else "while")
        word.use("")
        return True

    def _does(self, ahead: int) -> bool:
        """Whether a word ahead is する."""
        words = self.words[self.position + ahead :][:1]
        return bool(words) and words[0].base in {"為る", "する"}

    def _pretend(self, word: Word, clause: Clause) -> None:
        """釜を割るふりをする: pretending to break a pot; を and する are taken, too."""
        particle, doing = self.words[self.position + 1 : self.position + 3]
        word.use("")
        clause.verb.english = f"pretend to {clause.verb.english}"
        clause.verb.form = doing.form
        for part in (particle, doing):
            part.kind = "auxiliary"
            part.use("")
        behind = self.words[self.position + 3 :][:1]
        clause.final = doing.form.link == "plain" and not (behind and behind[0].kind == "noun")

    def _push_noun(self, noun: Noun) -> None:
        self.stack.append(self._collect(noun))

    def _collect(self, noun: Noun) -> Noun:
        """Take what waits for a noun off the stack."""
        while self.stack:
            item = self.stack[-1]
            if isinstance(item, Noun):
                if item.adnominal:
                    noun.modifiers.insert(0, item)
                elif item.marker == "の":
                    noun = attach(item, noun)
                elif item.marker in _JOINING and self._joins(item, noun):
                    noun.also.insert(0, (_JOINING[item.marker], item))
                else:
                    break
            elif isinstance(item, Single):
                if item.word.kind not in {"number", "prefix"}:
                    break
                if item.word.kind == "number" and noun.amount is None:
                    noun.amount = item.word
                else:
                    noun.modifiers.insert(0, item)
            elif isinstance(item, Adjective) or (isinstance(item, Related) and item.adnominal):
                if isinstance(item, Adjective) and (item.final or not _modifies_nouns(item, noun)):
                    break
                noun.modifiers.insert(0, item)
            elif isinstance(item, Clause) and not item.final and item.verb.form.link == "plain":
                noun.modifiers.insert(0, item)
            else:
                break
            self.stack.pop()
        return noun

    def _joins(self, left: Noun, right: Noun) -> bool:
        """Whether と joins these two here and now, or waits for a verb or for the noun that is to come."""
        after = self._next
        if self._says("の") and any("between" in w.features for w in self.words[self.position + 2 :][:1]):
            return True  # ロボットと少年の友情
        if right.simple and any(isinstance(m, Clause) for m in left.modifiers) and self._says_case:
            return False  # 日を浴びる山と水面に映る月: the moon is what the mountain stands beside
        alike = left.kind == right.kind or not left.kind or not right.kind
        if after is None or after.kind in {"punct", "request"}:
            return True
        particle = after.source.strip() if after.kind == "particle" else ""
        shown = [w for w in self.words[self.position + 2 :][:1] if w.category == "medium" or w.base == "ロゴ"]
        if particle == "の" and shown:
            return True  # 猫と木のロゴ
        if particle in {"の", "な"}:
            return alike and (right.head.category not in _ATTRIBUTES or left.head.category in _ATTRIBUTES)
        return alike or particle in {"が", "は", "と"}

    def _suffix(self, word: Word) -> None:
        top = self._top
        if "plural" in word.features or "honorific" in word.features:
            word.use("")
        if not isinstance(top, Noun):
            return
        if "plural" in word.features:
            top.many = True
        elif "honorific" not in word.features and word.english:
            top.words.append(word)

    def _prefix(self, word: Word) -> None:
        if word.english:
            self.stack.append(Single(word))

    def _number(self, word: Word) -> None:
        top = self._top
        behind = isinstance(top, Noun) and top.amount is None and not self._spaced
        if behind and isinstance(top, Noun) and word.category != "unit":
            # 猫三匹, 猫が三匹; but 猫と三匹の犬
            counts = not self._next_is("noun") and not (self._next_is("particle") and self._says("の"))
            if not top.marker or (top.marker in {"が", "を", "は", "も"} and counts):
                top.amount = word
                return
        shown = isinstance(top, Noun) and top.marker == "の" and word.source.strip()[-1:] == "枚"
        if shown and word.number == 1 and self._ends:  # 家族の一枚
            self._push_noun(Noun([Word(source=word.source, kind="noun", english="photo", category="medium")]))
            word.use("")
        elif self._counts_people(word):
            person = Word(source="", kind="noun", english="person", category="person")
            self._push_noun(Noun([person], amount=word))
        elif word.features.get("measure") == "o'clock":
            if isinstance(top, Noun) and top.head.category == "time" and not top.marker:
                self.stack.pop()
                word.english += f" in the {top.head.use(top.head.english)}"
            word.category, word.features = "time", {"prep": "at", "bare": ""}
            self._push_noun(Noun([word]))
        elif word.category == "unit" and "adj" in word.features:
            self.stack.append(Adjective(word))
        elif word.category == "unit":
            self._push_noun(Noun([word]))
        else:
            self.stack.append(Single(word))

    def _counts_people(self, word: Word) -> bool:
        """Whether the number itself is the noun: 花火を見る二人."""
        people = word.features.get("of") == "person" or word.source.strip().endswith("人")
        alone = self._ends or (self._next_is("particle") and not self._says("の")) or self._next_is("relator")
        return people and alone and self._top is not None

    def _says(self, particle: str) -> bool:
        return self._next is not None and self._next.source.strip() == particle

    @property
    def _says_case(self) -> bool:
        """Whether a verb takes what stands before this word, other than as its subject."""
        return self._next_is("particle") and any(map(self._says, CASES - {"が", "は", "も"}))

    # -- particles -------------------------------------------------------------------------------------------

    def _particle(self, word: Word) -> None:
        particle, top = word.base or word.source.strip(), self._top
        if isinstance(top, Adjective):
            self._after_adjective(particle, top)
        elif isinstance(top, Single) and top.word.kind == "adv" and particle in {"の", "な"}:
            self.stack[-1] = Adjective(top.word)
        elif isinstance(top, Clause) and particle == "に" and self._is_aim(top):
            top.joint, top.verb.form = "to", replace(top.verb.form, link="while")  # 水を飲みに来る
        elif isinstance(top, Clause) and particle == "と" and top.verb.form.link == "plain":
            top.joint = "to" if top.verb.form.volitional else "when"  # 鳴らそうと; 霧が晴れると
            top.verb.form, top.final = replace(top.verb.form, link="while"), False
        elif isinstance(top, Clause) and particle == "の" and self._is_event(top):
            self.stack[-1] = Noun([Word(source="", kind="noun", category="event")], event=top)
        elif isinstance(top, Clause) and particle == "ほど" and self._next_is("adj"):
            top.verb.form, top.final = replace(top.verb.form, link="extent"), False
        elif isinstance(top, Clause):
            if top.verb.form.like or top.verb.form.seeming:  # 待っているような顔, 飛ぶように走る
                link = "te" if particle == "に" else "plain"
                top.verb.form, top.final = replace(top.verb.form, link=link), False
        elif isinstance(top, Related):
            if (
                particle in {"が", "は"}
                and top.noun is not None
                and (part := _PART_OF.match(top.word.english))
            ):
                top.word.english, top.word.category, top.word.kind = part[1], "part", "noun"
                head = Noun(
                    [top.word], modifiers=[Genitive(top.noun, "of {}")], definite=True, marker=particle
                )
                self.stack[-1] = head  # 耳の先が欠けた
            elif particle in {"の", "な"}:
                top.adnominal = True
            elif not top.marker:
                top.marker = particle
        elif isinstance(top, Single) and top.word.kind == "number" and particle in CASES | set(_JOINING):
            self.stack[-1] = Noun([top.word], marker=particle)
        elif isinstance(top, Noun):
            if particle == "な":
                self.stack.pop()
                alone = top.simple and len(top.words) == 1
                top.marker = "" if alone else "の"  # 英雄的な: all of a compound stays
                self.stack.append(Adjective(top.head) if alone else top)
            elif particle == "の" and top.marker:
                top.adnominal = True
            elif particle in CASES | {"の"} | set(_JOINING) and (
                not top.marker or particle not in {"は", "も"}
            ):
                top.marker = particle

    def _after_adjective(self, particle: str, adjective: Adjective) -> None:
        """な and の lead on to a noun, に makes an adverb, a case makes a noun (赤が)."""
        if particle == "に" and self._next_is("verb", "adj", "adv", "noun", "relator"):
            self.stack[-1] = Single(adjective.word)
            adjective.word.kind = "adv"
        elif particle in CASES | set(_JOINING) and particle != "で" and not adjective.subject:
            self.stack[-1] = Noun([adjective.word], marker=particle)

    def _conjunction(self, word: Word) -> None:
        top = self._top
        if isinstance(top, Noun) and not top.marker:
            top.marker = "か" if word.english == "or" else "と"
        else:
            self.stack.append(Single(word))

    def _silent(self, word: Word) -> None:
        """An auxiliary or a request (…を描いて) says nothing in English."""

    # -- relations -------------------------------------------------------------------------------------------

    def _position(self, word: Word) -> None:
        if self._joins_clauses(word):
            return
        top = self._top
        if isinstance(top, Clause) and top.verb.form.link == "plain" and word.english == "in {}":
            top.final = False
            # 花びらが舞う中: with petals fluttering; 走っている最中: while running
            link = "te" if top.subject is not None else "while"
            top.verb.form = replace(top.verb.form, link=link)
            word.use("")
            return
        noun = next((sense for sense in word.senses if sense.category in NOUNS), None)
        if noun is not None and isinstance(top, Related | Adjective):
            word.kind, word.english, word.category = "noun", noun.english, "thing"
            self._noun(word)  # ジブリ風の背景
            return
        self._relate(word, {"の"} if isinstance(self._top, Noun) and self._top.marker else {""})

    def _relator(self, word: Word) -> None:
        self._relate(word, {""})

    def _relate(self, word: Word, markers: set[str]) -> None:
        top = self._top
        if isinstance(top, Adjective) and (top.word.base in POINTING or "style" in word.features):
            # その後ろに: behind it; 1990年代風
            if top.word.base in POINTING:
                top.word.english, top.word.category = "it", "proper"
            top = self.stack[-1] = Noun([top.word])
            markers = {""}
        noun = (
            self.stack.pop()
            if isinstance(top, Noun) and top.marker in markers and not top.adnominal
            else None
        )
        assert noun is None or isinstance(noun, Noun)
        if "only" in word.features and self._limits_number(word):
            return
        if noun is not None:
            noun.marker = ""
            while (
                isinstance(self._top, Noun) and self._top.marker in _JOINING and self._top.kind == noun.kind
            ):
                other = self.stack.pop()
                assert isinstance(other, Noun)
                noun.also.insert(0, (_JOINING[other.marker], other))
            if "only" in word.features:
                noun.limit = "only"
                self.stack.append(noun)
                return
            if word.english == "{n}-like" and self._ends:
                word.english = "like {}"  # 証明写真っぽい
            if "style" in word.features and self._pictures_follow:
                self._give_back(noun)
        adnominal = bool({"adnom", "style", "neg"} & set(word.features)) and not self._ends
        self.stack.append(Related(word, noun, adnominal=adnominal))

    def _limits_number(self, word: Word) -> bool:
        """Let だけ limit the number before it: 四角がひとつだけ, 一つだけ残った卵."""
        top = self._top
        counted = isinstance(top, Noun) and self.position and top.amount is self.words[self.position - 1]
        if isinstance(top, Noun) and counted:
            top.limit = word.use("only")
            return True
        if isinstance(top, Single) and top.word.kind == "number":
            top.word.features = {**top.word.features, "only": ""}
            word.use("")
            return True
        return False

    @property
    def _pictures_follow(self) -> bool:
        """Whether a medium comes next: イラスト, のポスター."""
        rest = [w for w in self.words[self.position + 1 :][:2] if w.source.strip() not in {"の", "な"}]
        return bool(rest) and rest[0].category == "medium"

    def _give_back(self, noun: Noun) -> None:
        """Put the thing before の back: the cat of 猫のスタンプ風イラスト is in the picture."""
        at = next(
            (
                i
                for i, m in enumerate(noun.modifiers)
                if isinstance(m, Genitive) and m.noun.head.category in _SHOWN
            ),
            None,
        )
        if at is None:
            return
        shown = noun.modifiers[at]
        assert isinstance(shown, Genitive)
        shown.noun.modifiers = [*noun.modifiers[:at], *shown.noun.modifiers]
        shown.noun.marker = "の"
        noun.modifiers = noun.modifiers[at + 1 :]
        self.stack.append(shown.noun)

    # -- predicates ------------------------------------------------------------------------------------------

    def _adv(self, word: Word) -> None:
        self.stack.append(Single(word))

    def _adj(self, word: Word) -> None:
        ahead = [w.source.strip() for w in self.words[self.position + 2 : self.position + 4]]
        if word.base in _EACH and "も" in ahead:
            word.english = _EACH[word.base]  # どの窓にも
        adjective = Adjective(word)
        while (
            isinstance(self._top, Single) and self._top.word.kind == "adv" and not _is_where(self._top.word)
        ):
            adjective.adverbs.insert(0, self.stack.pop().word)  # type: ignore[union-attr]
        if isinstance(self._top, Noun) and self._top.marker == "より":
            adjective.standard = self._pop_noun()
        if isinstance(self._top, Clause) and self._top.verb.form.link == "extent":
            adjective.extent = self._top
            self.stack.pop()
        top = self._top
        if isinstance(top, Noun) and (
            top.marker in {"が", "は", "も"}
            or (top.marker == "の" and top.head.category in {"body", "part", "color"} and top.simple)
        ):
            predicate = self._ends or self._next_is("copula", "auxiliary")
            if top.marker in {"は", "が"} and top.kind == "animate" and not predicate and self._comes("verb"):
                self.stack.append(adjective)  # 彼女が赤い着物を着て: the kimono is red
                return
            if predicate and top.marker != "の":
                self.stack[-1] = Equation(top, adjective)
                return
            if word.form.link in {"plain", "te"}:
                adjective.subject = self._pop_noun()
        if word.form.link == "adverb" and not word.form.negative and self._next_is("verb", "adv", "noun"):
            word.kind = "adv"
            self.stack.append(Single(word))
            return
        self.stack.append(adjective)

    def _pop_noun(self) -> Noun:
        noun = self.stack.pop()
        assert isinstance(noun, Noun)
        return noun

    def _verb(self, word: Word) -> None:
        clause = Clause(word, joint="when" if word.form.condition else "")
        if clause.joint:
            word.form = replace(word.form, link="while")
        modifies = word.form.link == "plain" and self._modifies
        while self.stack and self._takes(clause, self.stack[-1], modifies=modifies):
            self.stack.pop()
        if clause.subject is not None and clause.subject.marker == "の":
            # What stands before 雪の降る街 belongs to the town, not to the snow.
            outer = [m for m in clause.subject.modifiers if isinstance(m, Clause)]
            clause.subject.modifiers = [m for m in clause.subject.modifiers if m not in outer]
            self.stack += outer
        clause.final = word.form.link == "plain" and not modifies
        before = self._top
        if (
            isinstance(before, Clause)
            and not modifies
            and before.subject is not None
            and clause.subject is not None
        ):
            before.final = True
            self.stack.append(Single(Word(source="", kind="punct", english=",")))
        self.stack.append(clause)

    def _takes(self, clause: Clause, item: Item, *, modifies: bool) -> bool:
        """Let ``clause`` take ``item`` if a verb can."""
        first = not (clause.arguments or clause.adverbs or clause.subject or clause.before)
        if isinstance(item, Single) and item.word.kind == "adv":
            clause.adverbs.insert(0, item.word)
        elif isinstance(item, Related) and (not item.adnominal or item.marker):
            clause.arguments.insert(0, item)
        elif isinstance(item, Clause) and not item.final and item.verb.form.link in {"te", "while"}:
            both = item.subject is not None and clause.subject is not None
            if not modifies and both and not item.joint:
                return False  # 猫が眠り、犬が走る: two things happen, one beside the other
            clause.before.insert(0, item)
            if clause.subject is None and not item.joint and item.subject and _goes_on(item.subject):
                clause.subject, item.subject = item.subject, None  # who sits and who reads is one
        elif isinstance(item, Noun) and not item.adnominal:
            return self._takes_noun(clause, item, first=first, modifies=modifies)
        else:
            return False
        return True

    def _also(self, clause: Clause) -> Noun | None:
        """The noun that a clause has taken with も, to which another may be joined."""
        taken = [clause.subject, *(a for a in clause.arguments if isinstance(a, Noun))]
        return next((n for n in taken if n is not None and n.head in self.too), None)

    def _takes_noun(self, clause: Clause, noun: Noun, *, first: bool, modifies: bool) -> bool:
        verb = clause.verb
        if verb.form.negative and noun.head.english == "someone":
            noun.head.english = "anyone"  # 誰にも似ていない
        if noun.marker == "も" and (other := self._also(clause)) is not None:
            other.also.insert(0, ("or" if verb.form.negative else "and", noun))
            noun.marker = ""
            return True  # 家具も照明もない
        if noun.marker == "しか":  # 屋根しか見えない: only the roof is seen
            noun.limit, noun.marker = "only", "を" if "vt" in verb.features else "が"
            verb.form = replace(verb.form, negative=False)
        negated = verb.form.negative and "vt" in verb.features and not any(map(is_object, clause.arguments))
        if noun.marker == "は" and negated and noun.kind == "thing":
            noun.marker = "を"  # 帽子は被らない
        if noun.marker == "も":
            self.too.append(noun.head)
        if noun.marker == "も" and "vt" in verb.features and noun.kind != "animate":
            noun.marker = "を"  # 傘も差さずに
        if noun.marker in {"が", "は", "も"} or (
            noun.marker == "の"
            and first
            and modifies
            and noun.kind != "place"
            and noun.head.category not in {"time", "artist"}
        ):
            if (
                modifies
                and noun.head.category == "person"
                and "things" in verb.features
                and self._comes("verb")
            ):
                return False  # 博士が光る試験管を持つ: the tube glows, not the doctor
            if clause.subject is None:
                clause.subject = noun
            elif noun.marker == "は":
                clause.arguments.insert(0, noun)
            else:
                return False
            return True
        if noun.marker == "と" and noun.head.category == "quoted":
            noun.marker = ""  # 「はい」と言う
        elif noun.marker == "と":
            if noun.kind == "place":
                return False
            if "comit" not in verb.features and not any("together" in a.english for a in clause.adverbs):
                return False
        elif noun.marker == "":
            if not first or self._spaced:
                return False
            if _lasts(noun) and not verb.english.endswith(" for"):
                noun.marker = "間"  # 二時間歩く
            elif "vt" in verb.features and noun.head.category != "time":
                noun.marker = "を"
            elif noun.head.category == "time":
                noun.marker = "に"
            else:
                clause.subject = noun
                return True
        elif noun.marker not in CASES or (noun.marker == "を" and any(map(is_object, clause.arguments))):
            return False
        elif noun.marker == "を" and noun.kind == "place" and self._passes_on(verb):
            return False  # 海辺を手をつないで歩く: walking is along the sea, holding hands is not
        clause.arguments.insert(0, noun)
        return True

    def _copula(self, word: Word) -> None:
        """AはBだ; after an adjective or alone it says nothing."""
        if word.base == "で":
            if isinstance(self._top, Noun) and not self._top.marker and self._top.kind == "place":
                self._top.marker = "で"  # 男子が屋上でぼっち飯
            return
        if len(self.stack) < 2:
            return
        subject, complement = self.stack[-2:]
        if (
            isinstance(subject, Noun)
            and subject.marker in {"は", "が", "も"}
            and isinstance(complement, Noun)
        ):
            self.stack[-2:] = [Equation(subject, complement)]

    # -- ends ------------------------------------------------------------------------------------------------

    def _punct(self, word: Word) -> None:
        mark = word.source.strip()
        if mark in {"、", ","} and self._waits(self._top) and self._next is not None:
            return
        self._close()
        self.stack.append(Single(word))

    def _waits(self, item: Item | None) -> bool:
        """Whether ``item`` goes on after a comma."""
        if isinstance(item, Noun):
            if (
                item.amount is not None
                and item.marker in {"が", "は", "も"}
                and not self._comes("verb", "adj")
            ):
                return False  # 体が二つ、腕が三本
            return item.marker != "" and item.marker != "の"
        if isinstance(item, Clause):
            # 振り返り、制服、夕日 are tags
            stem = (
                not (item.arguments or item.subject or item.adverbs) and item.verb.source[-1:] not in "てで"
            )
            return item.verb.form.link in {"te", "while"} and not (stem and self._next_is("noun"))
        return isinstance(item, Related) and (item.marker not in {"", "の"} or "adv" in item.word.features)

    def _separate(self) -> None:
        self._close()
        self.stack.append(Single(Word(source="", kind="punct", english=",")))

    def _close(self) -> None:
        """End a stretch: what waits for a predicate in vain belongs to the noun that it stands before."""
        top = self._top
        if not isinstance(top, Noun) or top.marker not in {"", "が", "は", "も"}:
            return
        top.marker = ""
        self.stack.pop()
        while self.stack:
            item = self.stack[-1]
            if isinstance(item, Noun) and item.marker in _JOINING:
                top.also.insert(0, (_JOINING[item.marker], item))
            elif isinstance(item, Noun) and item.marker == "に" and _is_look(item) and _is_look(top):
                item.marker = ""
                top.also.insert(0, ("and", item))  # 白いシャツに青いネクタイ
            elif isinstance(item, Noun) and item.marker in CASES - {"が", "は", "も"}:
                item.adnominal = True
                top.modifiers.insert(0, item)
            elif isinstance(item, Noun) and item.marker in {"は", "が", "も"}:
                self.stack[-1] = Equation(item, top)
                return
            elif (
                isinstance(item, Related)
                or (isinstance(item, Clause) and item.verb.form.link in {"te", "while"} and not item.final)
                or (isinstance(item, Single) and item.word.kind == "adv")
            ):
                top.modifiers.insert(0, item)
            else:
                break
            self.stack.pop()
        self.stack.append(top)


_RULES: Final[Mapping[str, Callable[[_Parser, Word], None]]] = {
    "noun": _Parser._noun,
    "suffix": _Parser._suffix,
    "prefix": _Parser._prefix,
    "number": _Parser._number,
    "particle": _Parser._particle,
    "conjunction": _Parser._conjunction,
    "position": _Parser._position,
    "relator": _Parser._relator,
    "adv": _Parser._adv,
    "adj": _Parser._adj,
    "verb": _Parser._verb,
    "copula": _Parser._copula,
    "punct": _Parser._punct,
    "auxiliary": _Parser._silent,
    "request": _Parser._silent,
}
"""The rule for each kind of word."""


def _lasts(noun: Noun) -> bool:
    """Whether a noun is a span of time: 二時間."""
    return noun.head.features.get("measure") in {"second", "minute", "hour", "day", "week", "month", "year"}


def _is_where(adverb: Word) -> bool:
    """Whether an adverb says where: 中央に大きな時計塔 is big, and in the center."""
    return adverb.english.startswith(("in the ", "on the ", "at the "))


def _goes_on(subject: Noun) -> bool:
    """Whether the subject of a clause is that of the next, too: who or what acts is, the weather is not."""
    return subject.kind == "animate" or subject.head.category == "thing"


def _is_look(noun: Noun) -> bool:
    """Whether a noun is something to wear, or what somebody looks like: not a place on a body."""
    last = noun.head.english.split(" ")[-1]
    return noun.head.category == "clothes" or (noun.head.category == "body" and last not in _ON_BODY)


def _modifies_nouns(adjective: Adjective, noun: Noun) -> bool:
    """A て form goes on to another adjective (赤くて丸い果物), not to a noun (背が高くて髪の長い男)."""
    return adjective.word.form.link != "te" or bool(noun.modifiers)
