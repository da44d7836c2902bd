"""What a licence asks of whom, in short sentences: a summary to find one's way, no legal advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, get_args

from sdjp.licences.catalogue import Kind

Use = Literal["pictures", "code", "service", "weights"]
"""What somebody does with sdjp; what licences ask depends on it."""


class Said(NamedTuple):
    """A sentence in both languages."""

    ja: str
    en: str


USES: Final[Mapping[Use, Said]] = {
    "pictures": Said("絵を描いて使うだけなら", "to draw pictures and use them"),
    "code": Said(
        "sdjp や、sdjp を入れたアプリを配るなら", "to ship sdjp, or an application that has it inside"
    ),
    "service": Said("サービスとして動かすなら", "to run it as a service for others"),
    "weights": Said("重みや辞書を人に渡すなら", "to pass weights or dictionaries on"),
}
"""All uses, each as the beginning of what is asked."""

_NOTICES: Final = Said(
    "著作権表示とライセンスの文を添えてください。sdjp のものは、NOTICE と、各フォルダーの LICENSE "
    "を一緒に配れば足ります。",
    "Keep the copyright notices and the texts of the licences. Of what is sdjp's, NOTICE and the file "
    "LICENSE "
    "of each folder are enough.",
)
_APACHE: Final = Said(
    "ライセンスの写しと NOTICE を添え、書き換えたファイルには、書き換えたことを記してください（第 4 条）。",
    "Add a copy of the licence and NOTICE, and let files that you changed say so (section 4).",
)
_CREDIT: Final = Said(
    "作者、ライセンス、変更したことを、説明書や「このアプリについて」に書いてください（--attribution "
    "の行を貼れます）。",
    "Name the author, the licence and your changes in the manual or on an about page; --attribution has "
    "the lines.",
)
_SHARE: Final = Said(
    "出典、ライセンス、変更したことを、説明書や「このアプリについて」に書いてください（--attribution "
    "の行を貼れます）。"
    "辞書や翻訳モデルを書き換えて配るときは、その部分を同じライセンスで配ってください。"
    "コードや描いた絵には及びません。",
    "Name the source, the licence and your changes in the manual or on an about page; --attribution has the "
    "lines. If you change dictionaries or the translation model and pass them on, do so under the same "
    "licence. "
    "It reaches neither code nor pictures.",
)
_EDRDG: Final = Said(
    "JMdict の出典は、サービスでも「このサービスについて」などに書いてください。EDRDG は、"
    "辞書を新しくしていく手順も"
    "求めています。sdjp を新しい版に上げるのが、その手順です。",
    "Name JMdict as a source, on the about page of a service, too. EDRDG also asks for a procedure that "
    "keeps "
    "the data up to date: here, to update sdjp.",
)
_OPENRAIL_SERVICE: Final = Said(
    "付属書 A の使用制限を、強制できる条項として利用規約に入れ、モデルが第 5 "
    "条の対象であることを利用者に知らせ、"
    "ライセンスの写しを渡し、利用者にも守らせてください（第 4 条・第 5 条）。規約の文は --terms、写しは "
    "--text で出せます。",
    "Put the use restrictions of Attachment A into your terms as an enforceable provision, tell users that "
    "the "
    "model is subject to paragraph 5, give them a copy of the licence, and require them to comply "
    "(paragraphs 4 "
    "and 5). --terms has the provision, --text the copy.",
)
_OPENRAIL_CODE: Final = Said(
    "アプリの利用者がこのモデルを使うなら、利用規約で付属書 A の使用制限を守らせてください（第 5 条。"
    "文は --terms）。モデルも一緒に配るなら、下の「重みを渡すなら」もお読みください。",
    "If the users of your application use this model, require them to keep to Attachment A (paragraph 5; "
    "--terms has the words). If you ship the model, too, see what is asked for weights below.",
)
_OPENRAIL_WEIGHTS: Final = Said(
    "渡すときの契約やライセンスに、付属書 A の使用制限を強制できる条項として入れ、第 5 "
    "条の対象であることを知らせ、"
    "ライセンスの写しを添え、変更したファイルにはその旨を目立つように記し、"
    "著作権などの表示を残してください（第 4 条）。"
    "追加学習や統合をしたモデル、LoRA も同じです。",
    "Put the use restrictions of Attachment A into the agreement or licence as an enforceable provision, "
    "give "
    "notice that paragraph 5 applies, add a copy of the licence, let changed files say so prominently, and "
    "keep "
    "the notices of copyright and others (paragraph 4). Fine-tuned and merged models and LoRAs are no "
    "exception.",
)
_OPENRAIL_PICTURES: Final = Said(
    "付属書 A の用途には使えません。許諾者は絵に権利を主張しませんが、絵とその使い方の責任は、"
    "描いた人にあります"
    "（第 5 条・第 6 条）。",
    "Do not use it for what Attachment A forbids. The licensor claims no rights in the pictures; whoever "
    "makes "
    "them answers for them and their use (paragraphs 5 and 6).",
)

DUTIES: Final[Mapping[Kind, Mapping[Use, Said]]] = {
    "free": {},
    "notice": {"code": _NOTICES, "weights": _NOTICES},
    "apache": {"code": _APACHE, "weights": _APACHE},
    "attribution": {"code": _CREDIT, "weights": _CREDIT},
    "share-alike": {"code": _SHARE, "weights": _SHARE},
    "edrdg": {"code": _EDRDG, "service": _EDRDG, "weights": _EDRDG},
    "copyleft-of-files": {
        "code": Said(
            "そのファイルを書き換えて配るときは、書き換えたファイルを同じライセンスで公開してください。",
            "If you change its files and pass them on, publish those files under the same licence.",
        ),
    },
    "openrail": {
        "pictures": _OPENRAIL_PICTURES,
        "code": _OPENRAIL_CODE,
        "service": _OPENRAIL_SERVICE,
        "weights": _OPENRAIL_WEIGHTS,
    },
}
"""What each kind of licence asks in each use; where there is nothing, it asks for nothing."""

UNKNOWN_MODEL: Final[Mapping[Use, Said]] = dict.fromkeys(
    get_args(Use),
    Said(
        "モデルのライセンスがわかりません。入手元のページで確かめるまで、仕事や公開、"
        "配布には使わないでください。",
        "The licence of the model is not known. Look where it came from before you use it for work, "
        "publish or ship.",
    ),
)
OTHER_MODEL: Final[Mapping[Use, Said]] = dict.fromkeys(
    get_args(Use),
    Said(
        "sdjp の知らないライセンスです。本文を読んでください。商用や配布を禁じていることもあります。",
        "sdjp does not know this licence. Read it: it may forbid commercial use, or passing the model on.",
    ),
)
"""Of a model whose licence is named, and is none of ours."""

PROBLEM_PACKAGES: Final = Said(
    "次の Python パッケージも一緒に配るなら、それぞれのライセンスを読んでください: ",
    "If you ship these Python packages, too, read their licences: ",
)
NO_ADVICE: Final = Said(
    "法的助言ではありません。正しくは、それぞれのライセンスの本文をご覧ください。",
    "This is no legal advice: the texts of the licences are what counts.",
)
