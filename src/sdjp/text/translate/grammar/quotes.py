"""Quoted text that is to be written in the picture, 「営業中」と書かれた看板, and stays as it is.

Other quotes (a title, a proverb, what somebody says) tell what the picture is of, and are translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_CARRIERS: Final = (
    "文字|もじ|字|テキスト|ロゴ|看板|立て札|札|値札|名札|表札|旗|のぼり|幟|幕|垂れ幕|横断幕|ラベル|シール|ステッカー|張り紙|貼り紙|メモ|付箋|帯|ランプ"
    "|表示|POP|ポップ|ネオン|ネオンサイン|吹き出し|ふきだし|プレート|ワッペン|缶バッジ|Tシャツ|シャツ|プラカード|落書き|標識|のれん|暖簾|提灯|マグカップ|マグ"
    "|刺繍|サイン|見出し|キャッチコピー|セリフ|台詞|メッセージ|はちまき|鉢巻|タスキ|たすき|ナンバープレート|電光掲示板|ボード|黒板|ホワイトボード|段ボール箱"
    "|封筒|表紙|背表紙|画面|sign|text|logo|label|neon sign"
)
_BEHIND: Final = re.compile(
    r"(?:と|って|とだけ|と大きく|と小さく)(?:[^、。]{0,6})?(?:書|描|刻|記|印刷|プリント|印字|刺繍|彫|表示|染め|光る|点灯|入った|入れ)"
    rf"|(?:の|という|って|が|と)(?:[^、。のはがを]{{0,6}}の?)?(?:{_CARRIERS})|(?:入り|と(?:書|か)いて)"
)
_BEFORE: Final = re.compile(rf"(?:{_CARRIERS})(?:に|は|を|で|には|が|の)?(?:[^、。]{{0,4}}で)?[ :]?$")
_QUOTE: Final = re.compile(r'"[^"]{1,60}"')


def written(text: str) -> Iterator[tuple[int, int]]:
    """Where text to be written stands in ``text``, marks included.

    Example:
        >>> text = '"営業中"と書かれた看板'
        >>> [text[start:end] for start, end in written(text)]
        ['"営業中"']
    """
    for quote in _QUOTE.finditer(text):
        before, behind = (
            text[max(0, quote.start() - 16) : quote.start()],
            text[quote.end() : quote.end() + 24],
        )
        alone = not before.strip(" ,、。") and not behind.strip(" ,、。!?")
        if alone or _BEHIND.match(behind) or _BEFORE.search(before):
            yield quote.span()
