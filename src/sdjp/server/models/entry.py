"""What is known of a model without loading it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sdjp.config import ModelConfig
from sdjp.errors import InputError, SdjpError, WeightsError, reason
from sdjp.licences.model import told_within
from sdjp.server.models.files import Mark, ModelFile
from sdjp.weights.about import describe
from sdjp.weights.known import LICENSE, LICENSE_TEXT, Known

OTHER: Final = "other"
"""The kind of a file that is no model."""


@dataclass(frozen=True, kw_only=True)
class License:
    """The licence of a model.

    Attributes:
        name: Such as ``"Apache-2.0"``.
        url: Where its text is, ``""`` if that is not known; for people to read, and never opened here.
    """

    name: str
    url: str


APACHE: Final = License(name="Apache-2.0", url="https://www.apache.org/licenses/LICENSE-2.0")
OPENRAIL: Final = License(name=LICENSE, url=LICENSE_TEXT)


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """A model, or a file that turned out to be none.

    Attributes:
        name: What it is called by; no other model has the same.
        title: The name with the first digits of its checksum, once that is known: ``"mini [0a1b2c3d]"``.
        file: The name of its file or folder, below the folder of models.
        in_use: Whether jobs get it that name none.
        size: Bytes of its weights.
        kind: ``"mini"`` (the embedded one), ``"ldm"``, ``"diffusers"``, or ``"other"``: no model that sdjp
            loads, such as a LoRA; ``problem`` tells what it is.
        sha256: Of its file; None until it was computed, and for models of several files.
        license: Its licence; None if it is not known.
        known: The published file that it is; None for others, and until the checksum was computed.
        problem: Why it cannot be used, or could not be loaded when that was last tried.
        config: What its networks are made of; None if it is no model.
    """

    name: str
    title: str
    file: str
    in_use: bool
    size: int
    kind: str
    sha256: str | None
    license: License | None
    known: Known | None
    problem: SdjpError | None
    config: ModelConfig | None

    @property
    def defaults(self) -> dict[str, Any] | None:
        """The settings with which it looks best, and its pixels to one latent cell (``factor``)."""
        if self.config is None:
            return None
        names = ("width", "height", "num_inference_steps", "guidance_scale", "sampler", "noise_multiplier")
        values = {name: getattr(self.config.defaults, name) for name in names}
        return {**values, "factor": self.config.vae.factor}

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON data; where it is on the disk stays out."""
        known, problem = self.known, self.problem
        names = ("name", "title", "file", "in_use", "size", "kind", "sha256", "defaults")
        return {
            **{name: getattr(self, name) for name in names},
            "license": None if self.license is None else dict(vars(self.license)),
            "known": None
            if known is None
            else {
                "file": known.file,
                "model": known.model,
                "training": {"ja": known.training.ja, "en": known.training.en},
            },
            "problem": None if problem is None else {"ja": problem.ja, "en": problem.en},
        }


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a file turned out to be while it had this mark; see :class:`ModelEntry`."""

    mark: Mark
    kind: str
    size: int
    config: ModelConfig | None = None
    problem: SdjpError | None = None
    license: License | None = None


def contents_of(file: ModelFile) -> Contents:
    """Read the table of contents of a file; no weights are loaded."""
    if file.outside:
        problem: SdjpError = InputError(
            "model.outside",
            ja=f"{file.label} には、モデルのフォルダーの外へのシンボリックリンクがあり、たどりません。"
            "ファイルそのものを置くか、リンク先のフォルダーを指定してください。",
            en=f"{file.label} has a symbolic link that leads out of the folder of models, which is not "
            "followed. Put the file itself there, or give the folder that the link leads to.",
        )
        return Contents(mark=file.mark, kind=OTHER, size=file.size, problem=problem)
    try:
        about = describe(file.path, checksums=False)
    except Exception as error:  # whatever is in one file, the others are to be listed
        return Contents(mark=file.mark, kind=OTHER, size=file.size, problem=problem_of(error, file))
    return Contents(
        mark=file.mark,
        kind=about.layout or OTHER,
        size=about.size,
        config=about.config,
        problem=None if about.problem is None else problem_of(about.problem, file),
        license=_told(file),
    )


def _told(file: ModelFile) -> License | None:
    """What a model says of its licence itself: in the metadata of its file, on a card in its folder."""
    told = told_within(file.path)
    return None if told.name is None else License(name=told.name, url=told.url or "")


def problem_of(error: Exception, file: ModelFile) -> SdjpError:
    """Return an error to keep, and to show elsewhere: without the path, and without what its frames hold."""
    if isinstance(error, SdjpError):
        ja, en = (text.replace(str(file.path), file.label) for text in (error.ja, error.en))
        return type(error)(error.code, ja=ja, en=en)
    ja, en = reason(error)
    return WeightsError(
        "model.load",
        ja=f"モデル {file.label} を読み込めません（{ja}）。メモリーの空きとファイルを確かめてください。",
        en=f"the model {file.label} cannot be loaded ({en}). Check the free memory and the file.",
    )
