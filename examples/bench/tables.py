"""Rows of results as Markdown tables, in English and Japanese, and into the pages of the documentation."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from machine import describe

Language = Literal["ja", "en"]
Rows = Sequence[Mapping[str, Any]]

HIDDEN: Final = frozenset({"all_seconds", "all_psnr", "rounds", "others", "quiet", "best", "all"})
"""Keys that are in results.json alone."""

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "case": ("条件", "case"),
    "contender": ("方法", "contender"),
    "note": ("備考", "note"),
    "seconds": ("秒（四分位）", "seconds (quartiles)"),
    "milliseconds": ("1 件のミリ秒（四分位）", "milliseconds for each prompt (quartiles)"),
    "to_plain": ("既定の diffusers を 1 として", "of diffusers as it comes"),
    "to_best": ("diffusers の最速を 1 として", "of diffusers' fastest"),
    "to_float32": ("float32 を 1 として", "of float32"),
    "to_fastest": ("bfloat16 を 1 として", "of bfloat16"),
    "to_first": ("最初の行を 1 として", "of the first row"),
    "max_abs_difference": ("出力の差の最大値", "largest difference of the output"),
    "relative_error": ("出力の相対誤差（RMS）", "relative error of the output, RMS"),
    "psnr_db": ("PSNR（dB）", "PSNR, dB"),
    "rounded": ("16 ビットに丸める計算", "rounded to 16 bits"),
    "how": ("計算のしかた", "how computed"),
    "least_psnr": ("PSNR の最小", "least PSNR"),
    "unet_calls": ("UNet の呼び出し", "UNet calls"),
    "work_mini": ("計算量（付属のモデル）", "work, embedded model"),
    "work_sd_v1": ("計算量（SD v1）", "work, SD v1"),
    "background": ("背景の色が合う割合", "background of the right colour"),
    "pictures": ("絵の数", "pictures"),
    "maps": ("語の数", "words"),
    "shares": ("その語の地図の最大が正しい割合", "greatest value of its map right"),
    "divided": ("全部の語の合計で割った場合", "divided by all words"),
    "rollout": ("テキストエンコーダーの中までたどった場合", "followed through the text encoder"),
    "other_word": ("「背景」の地図の最大が絵の中にある割合", "greatest value of 背景 on the drawing"),
    "chance": ("偶然", "chance"),
    "batch": ("枚数", "pictures"),
    "size": ("大きさ", "size"),
    "engine": ("エンジン", "engine"),
    "dtype": ("精度", "dtype"),
    "tflop": ("計算量（TFLOP）", "work, TFLOP"),
    "tflop_per_second": ("速さ（TFLOP/秒）", "rate, TFLOP/s"),
    "unet_seconds": ("UNet 1 回の秒", "seconds of a UNet call"),
    "decode_seconds": ("復号の秒", "seconds of decoding"),
    "pictures_per_minute": ("1 分あたりの枚数（50 ステップ）", "pictures a minute, 50 steps"),
    "steps": ("ステップ", "steps"),
    "measured": ("測り方", "how measured"),
    "seconds_per_picture": ("1 枚の秒", "seconds a picture"),
    "file_gb": ("ファイル（GB）", "file, GB"),
    "weights_gb": ("重み（GB）", "weights, GB"),
    "read_seconds": ("ファイルを読む秒", "seconds to read the file"),
    "read_into_memory_seconds": ("メモリーに読み込む秒", "seconds to read it into memory"),
    "to_read": ("ファイルを読む時間を 1 として", "of reading the file"),
    "to_read_into_memory": ("メモリーに読み込む時間を 1 として", "of reading it into memory"),
    "peak_gb": ("最大（GB）", "peak, GB"),
    "loaded_gb": ("読み込み後（GB）", "after loading, GB"),
    "peak_to_weights": ("最大／重み", "peak / weights"),
    "loading_to_weights": ("読み込みで増えた分／重み", "growth by loading / weights"),
    "anonymous_gb": ("うちプロセス自身（GB）", "of it anonymous, GB"),
    "memory": ("memory", "memory"),
}
"""Key of a row to its label in Japanese and in English; a key that is not here stands as it is."""

BLOCK: Final = re.compile(r"(<!-- bench:(\w+) -->\n)(.*?)(<!-- /bench -->)", re.DOTALL)


def table(rows: Rows, language: Language = "en") -> str:
    """One line for each row; the columns are the keys that any of them has, in their order."""
    columns = [key for key in dict.fromkeys(key for row in rows for key in row) if key not in HIDDEN]
    lines = [[label(key, language) for key in columns], ["---"] * len(columns)]
    lines += [[cell(row.get(key), language) for key in columns] for row in rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def label(key: str, language: Language) -> str:
    """What stands above a column."""
    ja, en = LABELS.get(key, (key, key.replace("_", " ")))
    return ja if language == "ja" else en


def cell(value: object, language: Language) -> str:
    """One value: a number to three figures, a spread as its median and quartiles."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return ("はい" if value else "いいえ") if language == "ja" else ("yes" if value else "no")
    if isinstance(value, Mapping) and language in value:
        return cell(value[language], language)
    if isinstance(value, Mapping) and "median" in value:
        return f"{number(value['median'])} ({number(value['low'])}–{number(value['high'])})"
    if isinstance(value, float):
        return number(value)
    return str(value).replace("|", "\\|").replace("\n", " ")


def number(value: float) -> str:
    """Three figures."""
    if value == 0 or 0.001 <= abs(value) < 100:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1e}"


def footer(part: Mapping[str, Any], language: Language) -> str:
    """On what machine, with which versions, when, and whether it was the only thing that ran."""
    found = part["versions"]
    packages = ", ".join(f"{name} {found[name]}" for name in found if name != "python")
    rounds = next((row["rounds"] for row in part["rows"] if "rounds" in row), None)
    where, threads = describe(part["machine"]), part["machine"]["threads"]
    if language == "ja":
        counted = "" if rounds is None else f"{rounds} 回の中央値。"
        said = f"{counted}{where}、{threads} スレッド。Python {found['python']}、{packages}。"
        said += f"{part['date']} 測定。"
        busy = "測定中にほかの処理も動いていたので、秒数は目安です。"
    else:
        counted = "" if rounds is None else f"Medians of {rounds} rounds. "
        said = f"{counted}{where}, {threads} threads. Python {found['python']}, {packages}. {part['date']}."
        busy = " Other programs ran at the same time: take the seconds as a rough guide."
    return said if part["quiet"] else said + busy


def markdown(results: Mapping[str, Any], language: Language) -> str:
    """All parts, each as it stands in the documentation."""
    return "\n".join(f"## {name}\n\n{block(part, language)}" for name, part in results["parts"].items())


def block(part: Mapping[str, Any], language: Language) -> str:
    """What stands between the two markers of a part."""
    if not part["rows"]:
        told = part.get("note") or {"ja": "この環境では測れません。", "en": "Cannot be measured here."}
        return f"{cell(told, language)}\n"
    return f"{table(part['rows'], language)}\n{footer(part, language)}\n"


def fill(page: Path, results: Mapping[str, Any], language: Language) -> list[str]:
    """Replace the blocks of ``page`` that ``results`` has, and tell which.

    A block is what stands between ``<!-- bench:unet -->`` and ``<!-- /bench -->``; its name is a part's.
    """
    filled = []

    def replace(found: re.Match[str]) -> str:
        if found[2] not in results["parts"]:
            return found[0]
        filled.append(found[2])
        return f"{found[1]}\n{block(results['parts'][found[2]], language)}\n{found[4]}"

    text = page.read_text(encoding="utf-8")
    new = BLOCK.sub(replace, text)
    if new != text:
        page.write_text(new, encoding="utf-8")
    return filled
