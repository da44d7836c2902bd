"""Painting a mask: what the server gets is what was painted."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.browser.page import PHONE, Page
from tests.browser.pictures import SMALL, bring, download, finished, png, press

WIDTH, HEIGHT = 96, 64


@pytest.fixture
def board(page: Page) -> Page:
    """The page with a source picture, being painted over."""
    bring(page, png(WIDTH, HEIGHT))
    start(page)
    return page


def start(page: Page) -> None:
    press(page, "塗", "#source")
    page.wait_for("dialog.mask canvas")
    page.wait(lambda: page.script("return document.querySelector('dialog.mask canvas').width") > 300)


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where in the window a place of the picture is; x and y are shares of it."""
    box = page.script(
        "const box = document.querySelector('dialog.mask canvas').getBoundingClientRect();"
        "return [box.left, box.top, box.width, box.height]"
    )
    return box[0] + x * box[2], box[1] + y * box[3]


def drag(page: Page, *path: tuple[float, float]) -> None:
    """Paint with the mouse."""
    steps = [("mousePressed", path[0]), *[("mouseMoved", at) for at in path[1:]], ("mouseReleased", path[-1])]
    for kind, at in steps:
        x, y = place(page, *at)
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": 1, "clickCount": 1}
        page.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)


def touch(page: Page, kind: str, *points: tuple[float, float]) -> None:
    at = [(i, *place(page, *point)) for i, point in enumerate(points)]
    touches = [{"id": i, "x": x, "y": y} for i, x, y in at]
    page.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})


def painted(page: Page) -> np.ndarray:
    """End painting; the mask that goes along, (H, W), True where it is white."""
    press(page, "できた", "dialog.mask")
    page.wait(lambda: not page.all("dialog.mask"))
    uri = page.wait(lambda: page.module("state.js", "m.inputs.get('mask')"), "there is no mask")
    return read(download(page, uri))


def read(data: bytes) -> np.ndarray:
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("L"))
    assert set(np.unique(pixels)) <= {0, 255}
    return np.asarray(pixels == 255)


def at(mask: np.ndarray, points: Sequence[tuple[float, float]]) -> list[bool]:
    height, width = mask.shape
    return [bool(mask[int(y * height), int(x * width)]) for x, y in points]


def share(page: Page) -> str:
    return page.find("dialog.mask .status").text


def test_the_server_gets_what_the_mouse_painted(board: Page) -> None:
    drag(board, (0.2, 0.5), (0.5, 0.5), (0.7, 0.5))
    mask = painted(board)
    assert mask.shape == (HEIGHT, WIDTH)
    assert at(mask, [(0.2, 0.5), (0.45, 0.5), (0.7, 0.5)]) == [True] * 3
    assert at(mask, [(0.05, 0.5), (0.9, 0.5), (0.45, 0.1), (0.45, 0.9)]) == [False] * 4
    board.module("state.js", "m.settings.set(a[0])", {**SMALL, "prompt": "空"})
    board.find("#draw").click()
    job = finished(board, board.wait(lambda: (jobs := board.jobs()) and jobs[0]["id"]))
    assert job["inputs"] == ["image", "mask"]
    sent = read(download(board, f"v1/jobs/{job['id']}/inputs/mask/0"))
    assert (sent == mask).all()


def test_a_finger_paints_and_two_fingers_do_not(board: Page) -> None:
    touch(board, "touchStart", (0.3, 0.3))
    touch(board, "touchMove", (0.5, 0.5))
    touch(board, "touchMove", (0.6, 0.6))
    touch(board, "touchEnd")
    board.wait_for_text("dialog.mask .status", "% を塗りました")
    before = share(board)
    touch(board, "touchStart", (0.1, 0.9))
    touch(board, "touchStart", (0.1, 0.9), (0.9, 0.1))
    touch(board, "touchEnd")
    assert share(board) == before
    mask = painted(board)
    assert at(mask, [(0.3, 0.3), (0.5, 0.5), (0.6, 0.6)]) == [True] * 3
    assert at(mask, [(0.1, 0.9), (0.9, 0.1)]) == [False] * 2


def test_the_eraser_and_the_way_back(board: Page) -> None:
    drag(board, (0.2, 0.5), (0.8, 0.5))
    press(board, "消しゴム", "dialog.mask")
    drag(board, (0.5, 0.3), (0.5, 0.7))
    press(board, "反転", "dialog.mask")
    press(board, "元に戻す", "dialog.mask")
    board.press("z", control=True)  # the eraser's stroke
    press(board, "やり直す", "dialog.mask")
    mask = painted(board)
    assert at(mask, [(0.25, 0.5), (0.5, 0.5), (0.75, 0.5)]) == [True, False, True]


def test_inverted_cleared_and_kept_as_it_was(board: Page) -> None:
    drag(board, (0.5, 0.5), (0.6, 0.5))
    press(board, "反転", "dialog.mask")
    mask = painted(board)
    assert at(mask, [(0.5, 0.5), (0.05, 0.05)]) == [False, True]
    start(board)
    press(board, "全部消す", "dialog.mask")
    press(board, "変えずに戻る", "dialog.mask")
    board.wait(lambda: not board.all("dialog.mask"))
    assert board.module("state.js", "m.inputs.get('mask') !== null")
    start(board)
    press(board, "全部消す", "dialog.mask")
    press(board, "できた", "dialog.mask")
    board.wait(lambda: board.module("state.js", "m.inputs.get('mask') === null"), "the mask stays")


def test_keys_paint_and_escape_keeps_what_is_painted(board: Page) -> None:
    assert board.script("return document.activeElement.tagName") == "CANVAS"
    board.press(Keys.SPACE)
    for _ in range(4):
        board.press(Keys.ARROW_RIGHT)
    board.press(Keys.SPACE)
    for _ in range(4):
        board.press(Keys.ARROW_DOWN)
    board.wait_for_text("dialog.mask .status", "塗っていません")
    board.press(Keys.ESCAPE)
    board.wait(lambda: not board.all("dialog.mask"))
    uri = board.wait(lambda: board.module("state.js", "m.inputs.get('mask')"), "Escape lost the mask")
    mask = read(download(board, uri))
    assert at(mask, [(0.5, 0.5), (0.6, 0.5)]) == [True] * 2
    assert at(mask, [(0.2, 0.5), (0.6, 0.9)]) == [False] * 2


def test_thicker_strokes_paint_more(board: Page) -> None:
    drag(board, (0.5, 0.5))
    thin = share(board)
    press(board, "元に戻す", "dialog.mask")
    ActionChains(board.driver).move_to_element(board.find("#mask-size")).click().perform()
    drag(board, (0.5, 0.5))
    board.wait(lambda: int(share(board).split()[0]) > 2 * int(thin.split()[0]), "it is no larger")


def test_a_mask_is_there_again_after_a_reload(board: Page) -> None:
    drag(board, (0.2, 0.5), (0.4, 0.5))
    before = painted(board)
    board.open()
    uri = board.wait(lambda: board.module("state.js", "m.inputs.get('mask')"), "the mask is lost")
    assert (read(download(board, uri)) == before).all()
    board.wait_for(".source-picture .painted")


def test_on_a_phone_there_is_room_beside_the_board_to_scroll_with(page: Page) -> None:
    page.resize(PHONE)
    page.open()
    bring(page, png(WIDTH, HEIGHT))
    start(page)
    left, right = (place(page, x, 0)[0] for x in (0, 1))
    assert left >= 20
    assert right <= PHONE[0] - 20
    assert page.script("return document.querySelector('dialog.mask').scrollWidth") <= PHONE[0]
    touch_action = "return getComputedStyle(document.querySelector(arguments[0])).touchAction"
    assert page.script(touch_action, "dialog.mask canvas") == "pinch-zoom"
    assert page.script(touch_action, "dialog.mask .viewer-stage") == "auto"
