"""Each recipe of the cookbook runs by itself, and does what it says."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdjp.images import read_metadata
from tests import markdown
from tests.pictures import size_of

PAGE = markdown.ROOT / "docs" / "ja" / "cookbook.md"
RECIPES = markdown.blocks(PAGE, ("python",))


def source(word: str) -> str:
    """The only recipe that has this in it."""
    [text] = [block.text for block in RECIPES if word in block.text]
    return text


def cook(word: str) -> dict[str, Any]:
    """Run a recipe; returns its names."""
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(source(word), word, "exec", dont_inherit=True), names)
    return names


def test_every_recipe_is_tried() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    tried = [block for block in RECIPES for word in WORDS if word in block.text]
    assert tried == RECIPES
    assert all(f'cook("{word}")' in text or f'source("{word}")' in text for word in WORDS)


WORDS = (
    *("sdjp.__file__", "FastAPI", "class Bot", "list.txt", "class Phrases", "class Label", "preview"),
    *("save_grid", "read_metadata"),
)


def test_the_app_finds_what_was_put_into_it(here: Path) -> None:
    package = markdown.ROOT / "src" / "sdjp"
    shutil.copytree(package, here / "vendor" / "sdjp", copy_function=os.link)
    (here / "app.py").write_text(source("sdjp.__file__"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-E", "-X", "utf8", "app.py"], capture_output=True, encoding="utf-8", check=True
    )
    assert Path(done.stdout.split(maxsplit=1)[1].strip()) == here / "vendor" / "sdjp" / "__init__.py"


@pytest.fixture(scope="module")
def web() -> dict[str, Any]:
    pytest.importorskip("fastapi")
    return cook("FastAPI")


def test_the_web_app_draws_and_tells_errors(web: dict[str, Any]) -> None:
    from starlette.testclient import TestClient

    client = TestClient(web["app"])
    drawn = client.get("/picture", params={"prompt": "赤い車", "seed": 7})
    assert drawn.status_code == 200
    assert drawn.content.startswith(b"\x89PNG")
    refused = client.get("/picture", params={"prompt": "（赤い車"})
    assert refused.status_code == 422
    assert set(refused.json()) == {"code", "ja", "en"}


def test_the_web_app_stops_when_nobody_waits(web: dict[str, Any]) -> None:
    from starlette.requests import Request

    async def leave() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "GET", "path": "/picture", "headers": []}
    answer = asyncio.run(web["picture"](Request(scope, leave), "赤い車", None))
    assert answer.status_code == 499


class Chat:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.shown: list[bytes] = []

    async def say(self, text: str) -> None:
        self.said.append(text)

    async def show(self, picture: bytes, text: str) -> None:
        self.shown.append(picture)
        self.said.append(text)


def test_the_bot_answers(capsys: pytest.CaptureFixture[str]) -> None:
    bot = cook("class Bot")["bot"]
    assert "[True] a red car（シード " in capsys.readouterr().out

    async def talk(chat: Chat) -> None:
        await bot.on_message("こんにちは", chat)
        await bot.on_message("/絵 （猫", chat)
        await asyncio.gather(bot.on_message("/絵 猫", chat), bot.on_message("/絵 犬", chat))

    chat = Chat()
    asyncio.run(talk(chat))
    assert "括弧" in chat.said[0]
    assert "お待ちください" in chat.said[1]
    assert [picture[:2] for picture in chat.shown] == [b"\xff\xd8"] * 2


def test_many_are_drawn_but_for_one(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cook("list.txt")
    assert "1: " in capsys.readouterr().out
    assert sorted(path.name for path in (here / "many").iterdir()) == ["0000.png", "0002.png"]


def test_phrases_come_from_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    cook("class Phrases")
    assert capsys.readouterr().out == "a black cat with a red collar, under a cherry tree\n"


def test_the_label_can_be_seen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cook("class Label")
    assert "'label'" in capsys.readouterr().out
    [path] = (here / "labelled").iterdir()
    assert np.asarray(Image.open(path))[:3, :3].min() > 230  # white, but for the watermark


def test_progress_is_shown(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cook("preview")
    assert capsys.readouterr().out.endswith("100%\n")
    assert size_of(here / "preview.png") == (256, 256)


def test_seeds_are_side_by_side(here: Path) -> None:
    result = cook("save_grid")["result"]
    assert result.seeds == (3, 14, 15, 92)
    [grid] = (here / "seeds").iterdir()
    assert min(size_of(grid)) > 512


def test_the_same_picture_again(here: Path) -> None:
    cook("read_metadata")
    [path] = (here / "again").iterdir()
    options = read_metadata(path).options
    assert options is not None
    assert options.negative_prompt == "人"
