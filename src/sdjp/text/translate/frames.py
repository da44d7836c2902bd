"""Words that ask for a picture, rather than say what is in it: 猫の絵を描いていただけますか.

They are cut in every sentence of a prompt before it is decided who translates, so that neither the grammar
nor a model sees a wish where there is a cat. What is cut stays in the record of what became of the prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from sdjp.text.translate import lexicon_table

_SENTENCE: Final = re.compile(r"[^。.!?]*(?:[。!?]+ ?|\.(?![0-9A-Za-z])[。.!? ]*|\.|\Z)")

# What stands before the picture itself, at the head of a sentence.
_GREETING: Final = (
    "はじめまして|こんにちは|こんばんは|おはようございます|すみませんが|すみません|お疲れ様です|さっそくですが|早速ですが"
    "|難しいかもしれませんが|できれば|可能であれば|もしよければ|よかったら|試しに|もう一枚|じゃあ次は|では次は|じゃあ|次は|今度は"
    "|お手数ですが|恐れ入りますが|お忙しいところ恐縮ですが|お世話になっております|よろしければ|どうか|できたら|すまんけど"
    "|ちょっと聞いて|とりま|ねえ|えっとね|えっと|あのね|ほら|いやまじで|まじで|なんかこう"
    "|さっきのとは別に|おまかせで|お任せで|AIさん|イラストでお願い"
)
_LABELS: Final = (
    "被写体|主題|テーマ|お題は?|題材|場所|時間帯|時間|季節|光源|構図|画風|絵柄|条件|ルール|内容|依頼内容|リクエスト|指示|要件|仕様|詳細"
    "|プロンプト|メインモチーフ|モチーフ|アングル|ポーズ|服装|人物|キャラクター|絵|画像|イラスト内容|スタイル|シーン|描いてほしいもの"
)
_OPENING: Final = re.compile(
    rf"(?:(?:{_GREETING})[、,。!]* ?"
    rf"|[■・]? ?(?:{_LABELS}) ?(?::|→|=) ?"
    r"|(?:お題|題材|テーマ|内容|主題)は(?=\")"
    r"|(?:以下|次|下記|上記)の[^、。:]{1,10}?(?:で|に従って|に沿って|通りに|を(?:すべて|全て|全部)?(?:満たす|満たした|含む|含めて|使って|もとに|元に|イメージして))"
    r"[^。:]*?(?:ください|下さい|お願いします|お願い|描いて|作って|作成|生成|一枚の絵に)?(?:。|:|\Z) ?"
    r"|(?:以下|次|下記)の[^、。:]{1,8}[:。] ?"
    r"|あなたは[^。、]{1,30}?(?:です|だ)[。、] ?"
    r"|(?:画像|イラスト|絵)を?(?:1枚|一枚)?(?:生成|作成)(?:して(?:ください)?)?[:。] ?内?容?は? ?"
    r"|(?:プロの|一流の|有名な)?[^、。のを]{1,8}(?:になりきって|になったつもりで)[、,]? ?"
    r"|絵を描いて(?:ほしい|欲しい)(?:んです|の?です)(?:けど|が)[、,] ?)"
)
_LABEL_INSIDE: Final = re.compile(rf"(?<=[、 ])■? ?(?:{_LABELS}) ?(?::|→|=) ?")


_TITLE: Final = re.compile('"([^"]+)"')
_LONGEST: Final = 80
"""Characters that a request takes at most; no more are looked at."""


class Asked(NamedTuple):
    """A text, and what of it asks.

    Attributes:
        content: What is asked for.
        frame: The words that ask, in order.
    """

    content: str
    frame: tuple[str, ...] = ()


def unframed(texts: Sequence[str]) -> list[Asked]:
    """Cut what asks off the texts of one prompt.

    If they do nothing but ask, they are left as they are: a word may be meant (希望), and something is drawn.

    Example:
        >>> unframed(["猫の絵を描いてください", "お願いします"])
        [Asked(content='猫', frame=('の絵を描いてください',)), Asked(content='', frame=('お願いします',))]
    """
    found = [_asked(text) for text in texts]
    return found if any(asked.content for asked in found) else [Asked(text) for text in texts]


def _asked(text: str) -> Asked:
    content, frame = "", []
    for sentence in _sentences(text):
        for stretch, asks in _cut(sentence):
            if asks:
                frame.append(stretch)
            else:
                content += stretch
    content = content.rstrip("。") if frame and not text.endswith("。") else content
    return Asked(content if any(map(str.isalnum, content)) else "", tuple(frame))


def _sentences(text: str) -> Iterator[str]:
    return (match[0] for match in _SENTENCE.finditer(text) if match[0])


def _cut(sentence: str) -> Iterator[tuple[str, bool]]:
    """The stretches of a sentence, each with whether it asks."""
    start = 0
    while (opening := _OPENING.match(sentence, start)) and opening.end() > start:
        start = opening.end()
    title = _TITLE.match(sentence, start) if sentence[:start].endswith("は") else None
    if title is not None:  # お題は「夏の終わり」: what the picture is of, not what is written in it
        yield from ((sentence[:start] + '"', True), (title[1], False), ('"', True))
        start = title.end()
    elif start:
        yield sentence[:start], True
    tail = _tail().search(sentence, max(start, len(sentence) - _LONGEST))
    end = tail.start() if tail is not None else len(sentence)
    for label in _LABEL_INSIDE.finditer(sentence, start, end):
        yield sentence[start : label.start()], False
        yield label[0], True
        start = label.end()
    yield sentence[start:end], False
    if tail is not None:
        yield tail[0] + sentence[tail.end() :].rstrip("。 "), True  # nothing is asked of the picture
        yield "。", False


@lru_cache(maxsize=1)
def _tail() -> re.Pattern[str]:
    """Everything that ends a request, from the table: (の絵)(を)(描いて)(ください)(ね)."""
    kinds: dict[str, list[str]] = {}
    for form, kind in lexicon_table.frames():
        kinds.setdefault(kind, []).append(form)
    draw, please, wish, picture, soft = (
        "(?:" + "|".join(map(re.escape, sorted(kinds[kind], key=len, reverse=True))) + ")"
        for kind in ("draw", "please", "wish", "picture", "soft")
    )
    shown = (
        rf"(?:(?:の|(?<=[うくぐすつぬぶむるいたな])){picture})?"
        "[をがではも]?(?:一枚|1枚|ひとつ|一つ|1つ)?[、,]? ?(?:ぜひ)?"
    )
    return re.compile(rf"{shown}(?:{draw}{please}{{0,8}}|{wish}{please}{{0,8}}){soft}{{0,4}}(?=[\s。.!?]*\Z)")
