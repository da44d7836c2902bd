"""The chain of auxiliaries behind a Japanese verb or adjective, read into a :class:`Form`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sdjp.text.translate.grammar.morphemes import Morpheme
from sdjp.text.translate.grammar.words import Form

# Auxiliaries, by UniDic lemma, and the feature of the form that each adds.
_AUXILIARIES: Final = {
    "れる": "passive", "られる": "passive", "せる": "causative", "させる": "causative",
    "ない": "negative", "ず": "negative", "ぬ": "negative", "た": "past", "き": "past",
    "てる": "progressive", "り": "progressive", "たい": "desire", "ます": "", "です": "",
}  # fmt: skip
# Verbs behind て, and the feature that each adds.
_BEHIND_TE: Final = {
    "居る": "progressive", "おる": "progressive", "有る": "resultative", "欲しい": "desire",
    "遣る": "", "頂く": "",
    "仕舞う": "", "置く": "", "来る": "", "行く": "", "見る": "", "呉れる": "", "貰う": "benefit",
    "上げる": "", "下さる": "",
}  # fmt: skip
_ASKING: Final = frozenset(["下さる", "呉れる", "欲しい", "頂く"])
# What goes on from the stem of a verb (食べ始める) and changes nothing that English says.
_PHASE_SUFFIXES: Final = frozenset("易い 難い 始める 続ける".split())
_PHASE_VERBS: Final = frozenset("始める 続ける 出す 切る 掛ける".split())


def inflection(chain: Sequence[Morpheme], start: int) -> tuple[Form, int]:
    """Read what follows the predicate at ``start``.

    Returns:
        Its form, and the index after the last morpheme that belongs to it.
    """
    form = Form()
    if "意志推量形" in chain[start].inflection:
        form = replace(form, volitional=True)
    if "連用形" in chain[start].inflection:
        form = replace(form, link="adverb" if chain[start].is_("形容詞") else "te")
    i = start + 1
    while i < len(chain):
        m = chain[i]
        behind_te = chain[i - 1].is_("助詞", "接続助詞") and chain[i - 1].surface in {"て", "で", "ちゃ"}
        if m.is_("助動詞") and m.surface in {"たら", "だら"}:
            form = replace(form, link="te", condition=True)
        elif m.is_("助動詞") and m.lemma in _AUXILIARIES:
            form = _extended(form, _AUXILIARIES[m.lemma], m)
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
        elif m.surface == "つつ" and i + 1 < len(chain) and chain[i + 1].lemma == "有る":
            form, i = replace(form, link="plain"), i + 1  # 満ちつつある
        elif m.is_("助詞") and m.surface in {"ながら", "つつ"}:
            form = replace(form, link="while")
        elif (m.is_("助詞") and m.surface in {"たり", "だり"}) or (
            m.is_("助詞", "接続助詞") and m.surface == "し"
        ):
            form = replace(form, link="te")
        elif m.is_("助詞", "接続助詞") and m.surface == "ば":
            form = replace(form, link="te", condition=True)
        elif behind_te and m.pos[-1:] != ("一般",) and m.lemma in _BEHIND_TE:
            form = _extended(form, _BEHIND_TE[m.lemma], m)
            if m.lemma in _ASKING:
                form = replace(form, request=True)
            if "未然形" in m.inflection:
                form = replace(form, link="plain")
        elif m.surface == "まま" and form.past:  # 着たまま: still wearing
            form = replace(form, past=False, link="te")
        elif m.surface == "ばかり" and form.past:
            form = replace(form, link="plain", recent=True)
            i += i + 1 < len(chain) and chain[i + 1].surface == "の"
        elif m.lemma == "過ぎる" and m.kana.startswith("スギ"):
            form = replace(form, excess=True, link="te" if "連用形" in m.inflection else "plain")
        elif m.surface in {"よう", "みたい"} and m.is_("形状詞", "助動詞語幹") and chain[start].is_("動詞"):
            form = replace(form, like=True, link="plain")
        elif (
            m.surface == "と"
            and "意志推量形" in chain[i - 1].inflection
            and i + 1 < len(chain)
            and chain[i + 1].lemma == "為る"
        ):  # 吐こうとする
            rest, i = inflection(chain, i + 1)
            form = replace(rest, seeming=True, volitional=True)
            continue
        elif form.seeming and m.surface == "に" and i + 1 < len(chain) and chain[i + 1].lemma == "成る":
            rest, i = inflection(chain, i + 1)  # 捕まりそうになる
            form = replace(rest, seeming=True, passive=form.passive, past=False, progressive=False)
            continue
        elif m.surface == "そう" and (
            m.is_("形状詞", "助動詞語幹") or "連用形" in chain[i - 1].inflection or behind_te
        ):
            form = replace(form, seeming=True, link="plain")
        elif m.is_("動詞", "非自立可能") and m.lemma == "合う" and form.link == "te" and not behind_te:
            form = replace(form, mutual=True, link="te" if "連用形" in m.inflection else "plain")
        elif (m.is_("接尾辞") and m.lemma in _PHASE_SUFFIXES) or (
            m.is_("動詞", "非自立可能") and m.lemma in _PHASE_VERBS and form.link == "te"
        ):
            form = replace(form, link="te" if "連用形" in m.inflection else "plain")
        else:
            break
        i += 1
    return form, i


def _extended(form: Form, feature: str, m: Morpheme) -> Form:
    """``form`` with the feature that ``m`` adds, going on as ``m`` does."""
    added = {feature: True} if feature else {}
    return replace(form, **added, link="te" if "連用形" in m.inflection else "plain")
