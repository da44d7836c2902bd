"""The chain of auxiliaries behind a Japanese verb or adjective, read into a :class:`Form`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.words import Form

# Auxiliaries that change the form; by UniDic lemma.
_CHANGES: Final[dict[str, dict[str, bool]]] = {
    "れる": {"passive": True},
    "られる": {"passive": True},
    "せる": {"causative": True},
    "させる": {"causative": True},
    "ない": {"negative": True},
    "ず": {"negative": True},
    "ぬ": {"negative": True},
    "た": {"past": True},
    "てる": {"progressive": True},
    "たい": {"desire": True},
    "ます": {},
    "です": {},
    "り": {"progressive": True},
    "き": {"past": True},
}
# Verbs behind て, and what they add.
_AFTER_TE: Final[dict[str, dict[str, bool]]] = {
    "居る": {"progressive": True},
    "有る": {"resultative": True},
    "仕舞う": {},
    "置く": {},
    "来る": {},
    "行く": {},
    "見る": {},
    "呉れる": {},
    "貰う": {},
    "上げる": {},
    "下さる": {},
    "おる": {"progressive": True},
    "欲しい": {"desire": True},
}


def inflection(chain: Sequence[Morpheme], start: int) -> tuple[Form, int]:
    """Read what follows the predicate at ``start``.

    Returns:
        Its form, and the index after the last morpheme that belongs to it.
    """
    form = Form()
    if "連用形" in chain[start].inflection:
        form = replace(form, link="adverb" if chain[start].is_("形容詞") else "te")
    i = start + 1
    while i < len(chain):
        m = chain[i]
        behind_te = chain[i - 1].is_("助詞", "接続助詞") and chain[i - 1].surface in {"て", "で", "ちゃ"}
        if m.is_("助動詞") and m.lemma in _CHANGES:
            form = replace(form, **_CHANGES[m.lemma], link="te" if "連用形" in m.inflection else "plain")
            if m.lemma == "ず" and m.surface == "ず":
                form = replace(form, link="te")
        elif (
            m.is_("形容詞", "非自立可能")
            and m.lemma == "無い"
            and form.link in {"te", "adverb"}
            and i > start
        ):
            form = replace(form, negative=True, link="adverb" if "連用形" in m.inflection else "plain")
        elif (
            m.is_("助詞", "接続助詞") and m.surface in {"て", "で", "ちゃ"} and form.link in {"te", "adverb"}
        ):
            form = replace(form, link="te")
        elif form.negative and m.is_("助詞", "接続助詞") and m.surface == "で":
            form = replace(form, link="te")  # 持たないで
        elif m.lemma == "成る" and form.negative and "連用形" in chain[i - 1].inflection:
            form = replace(form, link="plain")  # 使われなくなった
        elif m.is_("助詞") and m.surface in {"ながら", "つつ"}:
            form = replace(form, link="while")
        elif (m.is_("助詞") and m.surface in {"たり", "だり"}) or (
            m.is_("助詞", "接続助詞") and m.surface == "ば"
        ):
            form = replace(form, link="te")
        elif behind_te and m.pos[-1:] != ("一般",) and m.lemma in _AFTER_TE:
            form = replace(form, **_AFTER_TE[m.lemma], link="te" if "連用形" in m.inflection else "plain")
            if "未然形" in m.inflection:
                form = replace(form, link="plain")
        elif m.surface in {"よう", "みたい"} and m.is_("形状詞", "助動詞語幹") and chain[start].is_("動詞"):
            form = replace(form, like=True, link="plain")
        elif (
            m.surface == "と"
            and "意志推量形" in chain[i - 1].inflection
            and i + 1 < len(chain)
            and chain[i + 1].lemma == "為る"
        ):  # 吐こうとする
            rest, i = inflection(chain, i + 1)
            form = replace(rest, seeming=True)
            continue
        elif m.surface == "そう" and m.is_("形状詞", "助動詞語幹"):
            form = replace(form, seeming=True, link="plain")
        elif (m.is_("接尾辞") and m.lemma in {"過ぎる", "易い", "難い", "始める", "続ける"}) or (
            m.is_("動詞", "非自立可能")
            and m.lemma in {"始める", "続ける", "出す", "切る", "掛ける"}
            and form.link == "te"
        ):
            form = replace(form, link="te" if "連用形" in m.inflection else "plain")
        else:
            break
        i += 1
    return form, i
