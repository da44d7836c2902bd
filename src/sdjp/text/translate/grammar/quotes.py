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
_SURFACES: Final = (
    "うちわ|団扇|扇子|半紙|短冊|絵馬|色紙|カード|名刺|選択肢|ボタン|効果音|擬音|書き文字|フォント|書体"
    "|筆文字|ゼッケン|腕章|バッジ|紙袋|レシート|チケット|切符|表示板|案内板|道標|石碑|墓石|背番号|字幕|テロップ|タイトル文字|書"
)
"""What text may be on, too, if it is said to be there: うちわに「目線」, but タロットカードの「塔」."""
_BEHIND: Final = re.compile(
    r"(?:と|って|とだけ|と大きく|と小さく)(?:[^、。]{0,6})?(?:書|描|刻|記|印刷|プリント|印字|刺繍|彫|表示|染め|光る|点灯|入った|入れ)"
    r"|(?:が|を)(?:[^、。]{0,6})?(?:書か|書い|書く|刻|印刷|プリント|印字|刺繍|彫|表示|添え|入れ|載せ|配置)"
    rf"|(?:の|という|って|が|と)(?:[^、。のはがを]{{0,6}}の?)?(?:{_CARRIERS}|{_SURFACES})|(?:入り|と(?:書|か)いて)"
)
_BEFORE: Final = re.compile(
    rf"(?:(?:{_CARRIERS})(?:に|は|を|で|には|が|の)?|(?:{_SURFACES})(?:に|には|で))"
    r"(?:[^、。]{0,4}で)?[ :]?$"
)
_QUOTE: Final = re.compile(r'"[^"]{1,60}"')
_MORE: Final = re.compile(r'(?:[、,・やと]? ?"[^"]{1,60}")+')
"""Other quotes that stand beside one: 「はい」「いいえ」の選択肢."""
_SAID: Final = re.compile("(?:と|って)(?:言|いう|いっ|叫|つぶや|呟|ささや|囁|話|答)")
_CRY: Final = re.compile('"[ぁ-ゖァ-ヺー!?~]{1,4}"')
"""What is too short to be anything but a sound."""


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
            text[quote.end() : quote.end() + 48],
        )
        if (more := _MORE.match(behind)) is not None:
            behind = behind[more.end() :]
        before = re.sub(_MORE.pattern + "$", "", before)
        alone = not before.strip(" ,、。") and not behind.strip(" ,、。!?")
        cry = _CRY.fullmatch(quote[0]) and not _SAID.match(behind)
        if alone or cry or _BEHIND.match(behind) or _BEFORE.search(before):
            yield quote.span()
