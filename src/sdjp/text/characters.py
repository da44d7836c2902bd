"""Classes of characters that the normalizer's rules speak of.

Names that do not end in RE are the inside of a regular expression's ``[...]``. The Unicode data behind them
(emoji properties of Unicode 17, decompositions) is checked in ``tests/unit/text/test_characters.py``.
"""

from __future__ import annotations

import re
from typing import Final

KANA: Final = "ぁ-ゖゝ-ゟァ-ヺー-ヿㇰ-ㇿ\U0001b000-\U0001b16f"
"""Hiragana, katakana, ー and the iteration marks; not ・."""
KATAKANA: Final = "ァ-ヺー-ヿㇰ-ㇿ"
KANJI: Final = "々-〇〻\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
LATIN: Final = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff"
DASHES: Final = "\u2010-\u2015\u2212\u2500\\-"
"""‐ ‑ ‒ – — ― − ─ and the ASCII hyphen."""
WAVES: Final = "〜～∼〰~"

INVISIBLE_RE: Final = re.compile(
    "["
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # C0 and C1, without TAB, LF, VT, FF, CR, NEL
    "\u00ad\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff"  # surrogates, private use
    "\U000e0001]"
)
"""Characters that show nothing wherever they stand. ZWJ and variation selectors are another matter."""

STRAY_RE: Final = re.compile("[\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]")
"""ZWJ, tag characters and variation selectors: part of an emoji or of no use."""

LINE_BREAK_RE: Final = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

# Letters, punctuation or signs unless VS16 makes emoji of them: © ® ‼ ⁉ ™ ℹ Ⓜ 〰 ㊗ ㊙
_TEXT_FIRST: Final = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u24c2\u3030\u3297\u3299"
# Emoji=Yes, and above U+1F300 the code points that are reserved for emoji to come.
_PICTOGRAPH: Final = (
    "\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe"
    "\u2600-\u2604\u260e\u2611\u2614\u2615\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640"
    "\u2642\u2648-\u2653\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u267f\u2692-\u2697\u2699\u269b\u269c\u26a0"
    "\u26a1\u26a7\u26aa\u26ab\u26b0\u26b1\u26bd\u26be\u26c4\u26c5\u26c8\u26ce\u26cf\u26d1\u26d3\u26d4\u26e9\u26ea"
    "\u26f0-\u26f5\u26f7-\u26fa\u26fd\u2702\u2705\u2708-\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2728\u2733\u2734"
    "\u2744\u2747\u274c\u274e\u2753-\u2755\u2757\u2763\u2764\u2795-\u2797\u27a1\u27b0\u27bf\u2934\u2935\u2b05-\u2b07"
    "\u2b1b\u2b1c\u2b50\u2b55\u303d"
    "\U0001f004\U0001f0cf\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f202"
    "\U0001f21a\U0001f22f\U0001f232-\U0001f23a\U0001f250\U0001f251\U0001f300-\U0001f53d\U0001f546-\U0001f64f"
    "\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7f0\U0001f90c-\U0001f93a\U0001f93c-\U0001f945\U0001f947-\U0001f9ff"
    "\U0001fa70-\U0001faff"
)
_MODIFIER: Final = "\U0001f3fb-\U0001f3ff"
_FLAG_LETTER: Final = "[\U0001f1e6-\U0001f1ff]"
_TAG_SEQUENCE: Final = "[\U000e0020-\U000e007e]+\U000e007f"
_ELEMENT: Final = f"(?:[{_TEXT_FIRST}]\ufe0f|[{_PICTOGRAPH}][\ufe0e\ufe0f{_MODIFIER}]*(?:{_TAG_SEQUENCE})?)"
EMOJI_RE: Final = re.compile(f"[0-9#*]\ufe0f\u20e3|{_FLAG_LETTER}{{1,2}}|{_ELEMENT}(?:\u200d{_ELEMENT})*")
"""One emoji as a reader sees it (UTS #51): keycap, flag, or a sequence of elements joined by ZWJ."""

# What NFKC makes into a space and a combining mark; and the full-width comma, which another rule needs.
_NOT_NFKC: Final = (
    "\u00a8\u00af\u00b4\u00b8\u02d8-\u02dd\u037a\u0384\u0385\u1fbd\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed\u1fee"
    "\u1ffd\u1ffe\u2017\u203e\ufc5e-\ufc63\ufe49-\ufe4c\ufe70\ufe72\ufe74\ufe76\ufe78\ufe7a\ufe7c\ufe7e\uffe3，"
)
NFKC_RE: Final = re.compile(f"[^{_NOT_NFKC}]+")
"""Stretches that NFKC may touch."""

VOICING: Final = str.maketrans("゛゜ﾞﾟ", "\u3099\u309a\u3099\u309a")
"""Spacing and half-width (han)dakuten to combining ones."""

VARIANTS: Final = str.maketrans(
    "髙﨑𠮷𠮟𣘺⺒⺝⺠⺩⻁⻄⻆⻑⻗⻘⻝⻤⻨⻩⻫⻭⻯⻲",
    "高崎吉叱橋巳月民王虎西角長雨青食鬼麦黄斉歯竜亀",
)
"""Glyph variants and radicals that NFKC leaves alone; old forms such as 國 are none of them."""

QUOTES: Final = str.maketrans("「」『』“”„﹁﹂‘’", '"""""""""\'\'')
