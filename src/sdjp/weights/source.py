"""The place of weights: the package, a file or folder, or the Hugging Face hub if asked for by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Final

from sdjp.errors import MissingDependencyError, WeightsError
from sdjp.weights.added_tokens import ADDED
from sdjp.weights.configs.diffusers import COMPONENTS, FILES
from sdjp.weights.vocabulary import FILES as VOCABULARIES
from sdjp.weights.vocabulary import FOLDER, MERGES

EMBEDDED_MODEL: Final = "mini"
"""Name of the model that ships in the package."""
SUFFIXES: Final = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")

_HUB_ID: Final = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)
_STEM: Final = r"(?:diffusion_pytorch_model|model|pytorch_model)"
_WHOLE: Final = re.compile(rf"{_STEM}(?P<variant>(\.\w+)?)\.(?P<format>safetensors|bin)")
# diffusers has put the variant in each of these places.
_INDEX: Final = re.compile(
    rf"{_STEM}(?P<a>\.\w+)?\.(?P<format>safetensors|bin)(?P<b>\.\w+)?\.index(?P<c>\.\w+)?\.json"
)
_SHARD: Final = re.compile(rf"{_STEM}(?P<a>\.\w+)?-\d+-of-\d+(?P<b>\.\w+)?\.(?P<format>safetensors|bin)")
_PREFERENCE: Final = [(v, f) for v in ("", ".fp16", ".bf16") for f in ("safetensors", "bin")]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Weights that were located; whoever takes a source takes one of these, too, and does not search again.

    Attributes:
        name: The name or path they were asked for by.
        path: The file or folder they are in.
        repository: Names of all files on the hub; None if they are not from there, or the hub was not asked.
    """

    name: str
    path: Path
    repository: tuple[str, ...] | None = None

    def __str__(self) -> str:
        return self.name


def locate(source: str | Path | Source) -> Source:
    """Find the file or folder that ``source`` names; downloads only for a hub id such as ``"owner/name"``.

    Raises:
        WeightsError: If there is nothing, or the hub does not give it.
        MissingDependencyError: If a hub id is given and huggingface_hub is not installed.
    """
    if isinstance(source, Source):
        return source
    if source == EMBEDDED_MODEL:
        return Source(name=EMBEDDED_MODEL, path=Path(str(files("sdjp"))) / "assets" / EMBEDDED_MODEL)
    path = Path(os.path.expanduser(source))  # unlike Path's own, both of these never raise
    if str(source) and os.path.exists(path):
        return Source(name=str(source), path=path)
    if is_hub_id(source):
        return from_hub(str(source), needed_files)
    raise WeightsError(
        "weights.missing",
        ja=f"重み {str(source) or '（空の名前）'} が見つかりません。"
        "ファイルやフォルダーのパスを確かめてください。"
        f"付属のモデルを使うには {EMBEDDED_MODEL!r} を指定します。",
        en=f"there are no weights at {str(source)!r}. Check the path of the file or folder. "
        f"The embedded model is called {EMBEDDED_MODEL!r}.",
    )


def is_hub_id(source: str | Path | Source) -> bool:
    """Whether ``source`` names a repository on the hub, such as ``"owner/name"``, and nothing here."""
    return (
        isinstance(source, str)
        and _HUB_ID.fullmatch(source) is not None
        and Path(source).suffix not in SUFFIXES
        and not os.path.exists(source)
    )


def weight_file(names: Iterable[str], *, averaged: bool = True) -> str | None:
    """Choose the file of weights, or the index of its shards, among the files of one component.

    Full precision comes before half, safetensors before pickles.

    Args:
        names: Names of the files in the folder of the component.
        averaged: False to choose the weights that are not averaged, which some folders have besides.
    """
    variants = _PREFERENCE if averaged else [(".non_ema", "safetensors"), (".non_ema", "bin")]
    by_kind = {
        _kind(match): name
        for name in sorted(names)
        if (match := _WHOLE.fullmatch(name) or _INDEX.fullmatch(name)) is not None
    }
    return next((by_kind[key] for key in variants if key in by_kind), None)


def needed_files(names: Iterable[str]) -> list[str]:
    """Choose from the files of a repository those that a model needs; none if sdjp cannot read it."""
    paths = [PurePosixPath(name) for name in names]
    if PurePosixPath("model_index.json") not in paths:
        own = {"model.safetensors", "config.json", MERGES, ADDED} & {str(path) for path in paths}
        return sorted(own) if "model.safetensors" in own else []
    needed = {"model_index.json", "sdjp.json", *FILES.values()}
    needed |= {f"{FOLDER}/{name}" for name in VOCABULARIES}
    for component in COMPONENTS:
        inside = [path.name for path in paths if str(path.parent) == component]
        for chosen in (weight_file(inside), weight_file(inside, averaged=False)):
            if chosen is not None:
                needed |= {f"{component}/{name}" for name in (chosen, *_shards(chosen, inside))}
    return sorted(needed & {str(path) for path in paths})


def _kind(match: re.Match[str]) -> tuple[str, str]:
    """The variant, which may be empty, and the format."""
    groups = match.groupdict()
    places = (groups.get(place) for place in ("variant", "a", "b", "c"))
    return next((variant for variant in places if variant), ""), groups["format"]


def _shards(index: str, names: Iterable[str]) -> list[str]:
    kind = _INDEX.fullmatch(index)
    matches = [_SHARD.fullmatch(name) for name in names] if kind is not None else []
    return [m[0] for m in matches if kind is not None and m is not None and _kind(m) == _kind(kind)]


def from_hub(name: str, choose: Callable[[Iterable[str]], list[str]]) -> Source:
    """Download the files of a repository that ``choose`` takes; offline, return what is there already.

    Raises:
        WeightsError: If the hub does not give it, or ``choose`` takes none.
        MissingDependencyError: If huggingface_hub is not installed.
    """
    try:
        from huggingface_hub import HfApi, constants, snapshot_download
        from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
    except ImportError as error:
        raise MissingDependencyError(
            "hub.missing",
            ja=f"{name} をダウンロードするには huggingface_hub が必要です。"
            '「pip install "sdjp[hub]"」を実行するか、手元にある重みのパスを指定してください。',
            en=f"downloading {name} needs huggingface_hub. "
            'Run pip install "sdjp[hub]", or give the path of weights that you have.',
        ) from error
    try:
        if constants.HF_HUB_OFFLINE:
            return Source(name=name, path=Path(snapshot_download(name, local_files_only=True)))
        # One question with a time limit: list_repo_files would try for half a minute without a network.
        repository = tuple(file.rfilename for file in HfApi().model_info(name, timeout=10).siblings or [])
        chosen = choose(repository)
        if chosen:
            path = Path(snapshot_download(name, allow_patterns=chosen))
            return Source(name=name, path=path, repository=repository)
    except GatedRepoError as error:
        raise WeightsError(
            "hub.gated",
            ja=f"{name} は、規約に同意した人だけがダウンロードできます。"
            f"https://huggingface.co/{name} で同意し、"
            "「hf auth login」でログインしてから、やり直してください。",
            en=f"{name} is only for those who accepted its terms. "
            f"Accept them at https://huggingface.co/{name}, log in with hf auth login, and try again.",
        ) from error
    except RepositoryNotFoundError as error:
        raise WeightsError(
            "hub.unknown",
            ja=f"{name} は、ファイルでもフォルダーでも Hugging Face Hub の公開リポジトリでもありません。"
            "つづりを確かめてください。",
            en=f"{name} is no file or folder here, and no public repository on the Hugging Face hub. "
            "Check the spelling.",
        ) from error
    except LocalEntryNotFoundError as error:
        raise _unreachable(name, error) from error
    except Exception as error:  # the hub's clients raise errors of many libraries
        try:
            return Source(name=name, path=Path(snapshot_download(name, local_files_only=True)))
        except Exception:
            raise _unreachable(name, error) from error
    single = [file for file in repository if file.endswith((".ckpt", ".safetensors"))]
    raise WeightsError(
        "hub.layout",
        ja=f"Hub の {name} は diffusers のフォルダーではありません。"
        "重みのファイルをダウンロードして、そのパスを指定してください"
        f"（候補: {', '.join(single[:10]) or 'なし'}）。",
        en=f"{name} on the hub is no diffusers folder. "
        f"Download a file of weights and give its path (there are: {', '.join(single[:10]) or 'none'}).",
    )


def _unreachable(name: str, error: Exception) -> WeightsError:
    reason = str(error).strip().partition("\n")[0]
    return WeightsError(
        "hub.unreachable",
        ja=f"{name} というファイルやフォルダーはなく、Hugging Face Hub からも取得できません（{reason}）。"
        "つづりとネットワークを確かめてください。環境変数 HF_HUB_OFFLINE があると、ダウンロードしません。",
        en=f"{name} is no file or folder here and cannot be fetched from the Hugging Face hub ({reason}). "
        "Check the spelling and the network. With HF_HUB_OFFLINE set, nothing is downloaded.",
    )
