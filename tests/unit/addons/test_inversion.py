"""Files of textual inversion, in the forms of the programs that write them."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdjp.addons.inversion import read_inversion
from sdjp.errors import WeightsError
from sdjp.models.extended_embedding import ExtendedEmbedding
from tests.addon_files import vectors, write_inversion

WIDTH = 8


def write(path: Path, content: object) -> Path:
    if path.suffix == ".safetensors":
        save_file(content, path)  # type: ignore[arg-type]
    else:
        torch.save(content, path)
    return path


def inside_module(rows: Tensor) -> dict[str, object]:
    """As the original of 2022 wrote it: a module of parameters inside."""
    return {
        "string_to_token": {"*": torch.tensor(265)},
        "string_to_param": nn.ParameterDict({"*": nn.Parameter(rows, requires_grad=True)}),
    }


ROWS = vectors(3, WIDTH)
FORMS = {
    "automatic1111.pt": ({"string_to_token": {"*": 265}, "string_to_param": {"*": ROWS}, "name": "x"}, ROWS),
    "original.pt": (inside_module(ROWS), ROWS),
    "automatic1111.safetensors": ({"emb_params": ROWS}, ROWS),
    "half.safetensors": ({"emb_params": ROWS.half()}, ROWS.half().float()),
    "learned_embeds.bin": ({"<cat-toy>": ROWS[0]}, ROWS[:1]),
    "several.bin": ({"<cat-toy>": ROWS}, ROWS),
    "numbered.safetensors": (
        {"<cat>_2": ROWS[2].clone(), "<cat>": ROWS[0].clone(), "<cat>_1": ROWS[1].clone()},
        ROWS,
    ),
    "one.safetensors": ({"emb_params": ROWS[0].clone()}, ROWS[:1]),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form(name: str, tmp_path: Path) -> None:
    content, expected = FORMS[name]
    read = read_inversion(write(tmp_path / name, content), width=WIDTH)
    assert read.dtype == torch.float32
    assert torch.equal(read, expected)


def test_files_of_before_2020(tmp_path: Path) -> None:
    torch.save(inside_module(ROWS), tmp_path / "a.pt", _use_new_zipfile_serialization=False)
    assert torch.equal(read_inversion(tmp_path / "a.pt", width=WIDTH), ROWS)


@pytest.mark.parametrize(("width", "model"), [(1024, "Stable Diffusion v2"), (1280, "XL"), (10, "幅 10")])
def test_another_width(width: int, model: str, tmp_path: Path) -> None:
    path = write_inversion(tmp_path / "悪い手.safetensors", vectors(2, width))
    with pytest.raises(WeightsError, match=f"幅 {width}") as caught:
        read_inversion(path, width=768)
    assert caught.value.code == "embeddings.width"
    assert model in caught.value.ja
    assert "768" in caught.value.en


@pytest.mark.parametrize(
    "content",
    [
        {"clip_l": ROWS, "clip_g": vectors(3, 2 * WIDTH)},  # of SDXL
        {"<a>": ROWS[0].clone(), "<b>": ROWS[1].clone()},
        {"emb_params": torch.zeros(0, WIDTH)},
        {"emb_params": torch.zeros(2, 2, WIDTH)},
        {"emb_params": torch.zeros(2, WIDTH, dtype=torch.int64)},
    ],
    ids=["two encoders", "two names", "no vectors", "three axes", "integers"],
)
def test_what_is_no_textual_inversion(content: dict[str, Tensor], tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", content)
    with pytest.raises(WeightsError, match="textual inversion のファイルとして読めません") as caught:
        read_inversion(path, width=WIDTH)
    assert caught.value.code == "embeddings.kind"


def test_a_pickle_cannot_do_anything_through_the_module_it_may_have(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[object, ...]:
            return (exec, ("raise SystemExit",))

    content = inside_module(ROWS)
    content["more"] = Attack()
    path = write(tmp_path / "a.pt", content)
    with pytest.raises(WeightsError, match="危険"):
        read_inversion(path, width=WIDTH)

    class State:
        def __reduce__(self) -> tuple[object, ...]:  # a module whose state is no state of a module
            return (nn.ParameterDict, (), {"_parameters": "text", "update": 1})

    path = tmp_path / "b.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps({"string_to_param": State()}, protocol=2))
    with pytest.raises(WeightsError):
        read_inversion(path, width=WIDTH)


def test_the_table_beside_the_table() -> None:
    table = nn.Embedding(5, WIDTH)
    both = ExtendedEmbedding(table, ROWS)
    ids = torch.tensor([[0, -1, 4, -3], [-2, 1, 1, 2]])
    expected = torch.stack([
        torch.stack([table.weight[0], ROWS[0], table.weight[4], ROWS[2]]),
        torch.stack([ROWS[1], table.weight[1], table.weight[1], table.weight[2]]),
    ])  # fmt: skip
    assert torch.equal(both(ids), expected)
    assert both.weight is table.weight
