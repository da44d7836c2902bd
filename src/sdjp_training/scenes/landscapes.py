"""Painters of places in nature."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from sdjp_training.scenes.brushes import RGB, SIDE, WHITE, Canvas

LEAVES: Final = ((222, 74, 44), (240, 138, 44), (246, 190, 62), (196, 52, 44))
PETALS: Final = ((255, 118, 150), (255, 206, 74), (250, 250, 255), (190, 120, 232), (255, 140, 80))


def _spread(seed: int, count: int, *bounds: tuple[float, float]) -> list[tuple[float, ...]]:
    """Points that are always the same: ``count`` rows of a number within each of ``bounds``."""
    rng = np.random.default_rng(seed)
    columns = [rng.uniform(low, high, count).tolist() for low, high in bounds]
    return list(zip(*columns, strict=True))


def _night(c: Canvas) -> None:
    c.gradient((14, 18, 60), (58, 62, 128))
    c.stars(176)
    c.hill(206, 12, 40, 10, (30, 36, 78))
    c.hill(224, 8, 56, 60, (22, 28, 62))


def _sky(c: Canvas) -> None:
    c.gradient((70, 160, 240), (200, 232, 252))
    for x, y, size in ((48, 56, 34), (206, 92, 30), (96, 190, 40), (226, 222, 36)):
        c.cloud(x, y + 5, size, (222, 236, 248))
        c.cloud(x, y, size)


def _sea(c: Canvas) -> None:
    c.gradient((96, 184, 246), (216, 238, 252), 0, 132)
    for x, y, size in ((56, 52, 26), (190, 78, 22)):
        c.cloud(x, y, size)
    c.gradient((44, 140, 220), (14, 74, 150), 130)
    for row, level in enumerate((146, 166, 190, 216, 244)):
        wide = 26 + 6 * row
        for left in range(-wide + (row % 2) * wide, 270, 11 * wide // 5):
            crest = [
                (left + wide * t, level - (3 + row) * float(np.sin(np.pi * t))) for t in np.linspace(0, 1, 9)
            ]
            c.line(crest, (150, 210, 246), 2.5 + 0.6 * row)


def _underwater(c: Canvas) -> None:
    c.gradient((64, 184, 228), (10, 62, 130))
    for x in (40, 112, 196):
        beam = np.clip(1 - np.abs(np.arange(SIDE)[None] - x - np.arange(SIDE)[:, None] * 0.25) / 22, 0, 1)
        c.veil(beam * np.linspace(0.35, 0, SIDE)[:, None], (210, 244, 255))
    c.hill(226, 7, 44, 0, (206, 186, 136))
    for x, tall in ((18, 70), (34, 48), (226, 84), (244, 56)):
        stem = [(x + 6 * float(np.sin(y / 9)), 236 - y) for y in range(0, tall, 4)]
        c.line(stem, (40, 142, 92), 8)
    for x, color in ((64, (240, 110, 120)), (196, (250, 160, 90))):
        for dx, dy in ((-9, 0), (0, -12), (9, -2)):
            c.line([(x, 236), (x + dx, 214 + dy)], color, 7)
            c.disc(x + dx, 214 + dy, 5, 5, color)
    for x, y, r in ((60, 60, 8), (72, 96, 5), (190, 48, 9), (180, 120, 6), (120, 30, 6), (222, 100, 5)):
        c.disc(x, y, r, r, (206, 240, 252))
        c.disc(x, y, r - 2, r - 2, (96, 184, 222))


def _grass(c: Canvas) -> None:
    c.gradient((104, 190, 250), (222, 242, 252), 0, 190)
    c.cloud(58, 50, 26)
    c.cloud(206, 70, 22)
    c.hill(168, 14, 46, 30, (150, 206, 112))
    c.gradient((120, 196, 80), (76, 158, 58), 184)
    for px, py in _spread(23, 18, (6, 250), (196, 248)):
        c.disc(px, py, 3.4, 3.4, (255, 250, 230))


def _forest(c: Canvas) -> None:
    c.gradient((190, 230, 214), (226, 242, 214), 0, 220)
    for x in range(4, 270, 42):
        c.fir(x, 200, 128, (150, 198, 150))
    for x, size, color in ((26, 176, (52, 122, 78)), (230, 184, (46, 114, 74)), (92, 142, (74, 146, 94)),
                           (166, 150, (66, 138, 88))):  # fmt: skip
        c.fir(x, 218, size, color)
    c.gradient((92, 148, 72), (58, 110, 52), 206)


def _snow(c: Canvas) -> None:
    c.gradient((142, 178, 220), (222, 234, 246), 0, 196)
    c.hill(170, 12, 44, 0, (226, 236, 248))
    for x, size in ((24, 96), (64, 70), (204, 78), (240, 104)):
        c.fir(x, 196, size, (86, 128, 120))
        for bottom, top, half in ((0.42, 0.62, 0.16), (0.62, 0.82, 0.14), (0.82, 1.0, 0.1)):
            base = 196 - size * bottom
            c.area([(x - size * half, base), (x + size * half, base), (x, 196 - size * top)], WHITE)
    c.gradient((250, 252, 255), (214, 228, 246), 190)
    for px, py in _spread(5, 26, (6, 250), (6, 180)):
        c.disc(px, py, 4.6, 4.6, WHITE)


def _sunset(c: Canvas) -> None:
    c.gradient((120, 62, 128), (255, 146, 74), 0, 110)
    c.gradient((255, 146, 74), (255, 218, 130), 110, 204)
    c.glow(128, 176, 80, (255, 240, 170))
    c.disc(128, 172, 38, 38, (255, 244, 190))
    for x, y, size in ((52, 70, 22), (212, 96, 20)):
        c.cloud(x, y, size, (240, 120, 98))
    c.hill(194, 8, 36, 50, (122, 56, 86))
    c.hill(216, 6, 50, 0, (84, 36, 70))


def _beach(c: Canvas) -> None:
    c.gradient((90, 186, 250), (212, 240, 252), 0, 126)
    c.cloud(176, 48, 24)
    c.gradient((34, 140, 214), (90, 204, 222), 124, 190)
    c.hill(182, 5, 24, 0, (250, 252, 250))
    c.hill(190, 5, 24, 0, (248, 226, 170))
    c.gradient((248, 226, 170), (232, 202, 140), 200)
    trunk = [(20, 210), (24, 160), (36, 110), (50, 72)]
    c.line(trunk, (150, 106, 66), 11)
    for x, y in ((8, 60), (20, 40), (54, 34), (88, 48), (96, 80), (20, 92)):
        c.line([(50, 70), ((50 + x) / 2, (70 + y) / 2 - 9), (x, y + 6)], (58, 150, 72), 12)


def _desert(c: Canvas) -> None:
    c.gradient((250, 196, 116), (253, 236, 196), 0, 220)
    c.disc(200, 58, 26, 26, (255, 248, 220))
    c.hill(160, 26, 52, 20, (232, 180, 108))
    c.hill(194, 18, 44, 120, (220, 162, 92))
    c.hill(224, 8, 50, 30, (204, 146, 80))


def _mountains(c: Canvas) -> None:
    c.gradient((112, 190, 248), (226, 242, 252), 0, 210)
    for x, top, half, color in ((66, 52, 110, (120, 146, 182)), (196, 78, 108, (94, 120, 158))):
        c.area([(x - half, 214), (x, top), (x + half, 214)], color)
        c.area([(x, top), (x + half, 214), (x + half * 0.2, 214)], _shaded(color))
        snow = (214 - top) * 0.3
        w = half * 0.3
        c.area(
            [(x - w, top + snow), (x, top), (x + w, top + snow), (x + w * 0.4, top + snow * 0.75),
             (x, top + snow * 1.1), (x - w * 0.5, top + snow * 0.75)],
            WHITE,
        )  # fmt: skip
    c.hill(204, 6, 30, 0, (82, 142, 84))
    c.gradient((112, 182, 88), (80, 150, 66), 216)


def _shaded(color: RGB) -> RGB:
    """The side of a thing that is turned from the light."""
    red, green, blue = (int(0.86 * value) for value in color)
    return red, green, blue


def _space(c: Canvas) -> None:
    c.gradient((10, 8, 32), (36, 16, 72))
    c.glow(70, 90, 84, (116, 56, 168), 0.55)
    c.glow(180, 190, 80, (40, 90, 190), 0.5)
    c.stars(250, WHITE)
    c.disc(208, 52, 28, 28, (232, 158, 96))
    c.line([(166, 66), (208, 54), (250, 38)], (250, 216, 160), 5)
    c.disc(38, 210, 20, 20, (96, 176, 226))
    c.disc(32, 204, 9, 8, (150, 210, 240))


def _moon(c: Canvas) -> None:
    c.gradient((6, 6, 20), (22, 22, 50))
    c.stars(150, WHITE)
    c.disc(206, 50, 26, 26, (60, 132, 220))
    for x, y, r in ((198, 44, 10), (214, 60, 8)):
        c.disc(x, y, r, r * 0.8, (90, 190, 120))
    c.disc(128, 330, 240, 140, (184, 184, 192))
    for x, y, r in ((40, 228, 20), (154, 242, 24), (222, 222, 14), (104, 210, 10)):
        c.disc(x, y, r, r * 0.45, (144, 144, 156))


def _blossoms(c: Canvas) -> None:
    c.gradient((160, 214, 250), (240, 240, 250), 0, 216)
    for x, lean in ((26, 30), (232, -30)):
        c.line([(x, 222), (x + lean * 0.2, 150), (x + lean, 84)], (112, 78, 66), 14)
        c.line([(x + lean * 0.3, 130), (x - lean * 0.5, 84)], (112, 78, 66), 8)
    for i, (px, py, r) in enumerate(_spread(11, 96, (-6, 262), (-4, 84), (12, 22))):
        c.disc(px, py + 16 * abs(px - 128) / 128, r, r * 0.85, ((255, 198, 218), (250, 168, 200))[i % 2])
    for px, py in _spread(12, 22, (6, 250), (110, 214)):
        c.disc(px, py, 5, 3.4, (255, 178, 206))
    c.gradient((156, 208, 116), (112, 176, 84), 214)
    for px, py in _spread(14, 14, (6, 250), (220, 252)):
        c.disc(px, py, 6, 3, (255, 190, 212))


def _flowers(c: Canvas) -> None:
    c.gradient((110, 194, 250), (222, 242, 252), 0, 150)
    c.cloud(190, 50, 24)
    c.hill(136, 10, 40, 0, (140, 198, 104))
    c.gradient((112, 186, 80), (70, 148, 56), 146)
    rows = [
        (y, x + (22 if i % 2 else 0)) for i, y in enumerate((160, 184, 212, 244)) for x in range(0, 270, 44)
    ]
    for i, (y, x) in enumerate(rows):
        r = 4 + (y - 150) / 16
        color = PETALS[(2 * i + i // 6) % len(PETALS)]
        for angle in np.linspace(0, 2 * np.pi, 5, endpoint=False):
            c.disc(x + r * float(np.cos(angle)), y + r * float(np.sin(angle)), r * 0.85, r * 0.85, color)
        c.disc(x, y, r * 0.7, r * 0.7, (250, 176, 40) if color != PETALS[1] else (176, 96, 40))


def _rain(c: Canvas) -> None:
    c.gradient((104, 118, 142), (178, 190, 204))
    for x, y, size in ((40, 22, 40), (130, 12, 46), (218, 24, 40)):
        c.cloud(x, y, size, (84, 96, 118))
    c.gradient((126, 138, 152), (100, 112, 128), 214)
    for x, y in ((46, 232), (150, 242), (216, 228)):
        c.disc(x, y, 26, 6, (152, 168, 186))
    for px, py in _spread(17, 30, (0, 262), (50, 222)):
        c.line([(px, py), (px - 9, py + 26)], (222, 234, 248), 5)


def _fog(c: Canvas) -> None:
    c.gradient((196, 204, 212), (232, 236, 240))
    for x, size, color in (
        (36, 150, (178, 188, 196)), (214, 170, (182, 192, 200)), (100, 110, (196, 204, 210)),
        (160, 120, (200, 208, 214)),
    ):  # fmt: skip
        c.fir(x, 214, size, color)
    c.veil(np.repeat(np.linspace(0.1, 0.9, SIDE)[:, None], SIDE, axis=1), (226, 231, 236))
    c.blur(2)


def _waterfall(c: Canvas) -> None:
    c.gradient((150, 208, 246), (222, 240, 250), 0, 120)
    c.box(0, 54, 256, 214, (108, 118, 112))
    for x, top, bottom in ((0, 40, 190), (34, 58, 200), (166, 52, 200), (206, 36, 190), (236, 60, 206)):
        c.box(x, top, x + 46, bottom, ((92, 104, 100), (126, 136, 128))[x % 4 // 2])
    for x, y, r in ((10, 44, 34), (52, 54, 26), (206, 44, 32), (246, 46, 34)):
        c.disc(x, y, r, r * 0.8, (70, 148, 78))
    c.box(78, 50, 172, 216, (190, 226, 248))
    for x in range(84, 170, 20):
        c.box(x, 52, x + 9, 210, (246, 252, 255))
    c.gradient((92, 176, 216), (46, 128, 184), 204)
    for x, r in ((76, 20), (104, 24), (136, 26), (168, 22)):
        c.disc(x, 208, r, r * 0.6, (246, 252, 255))


def _autumn(c: Canvas) -> None:
    c.gradient((188, 222, 242), (250, 238, 214), 0, 210)
    for x in (30, 118, 214):
        c.box(x - 7, 90, x + 7, 214, (104, 70, 50))
    for px, py, r in _spread(19, 80, (-6, 262), (-4, 104), (12, 21)):
        c.disc(px, py, r, r * 0.85, LEAVES[int(px) % 4])
    c.gradient((214, 140, 74), (178, 98, 56), 210)
    for px, py in _spread(20, 30, (4, 252), (120, 250)):
        c.disc(px, py, 5.5, 3.8, LEAVES[int(px) % 4])


def _aurora(c: Canvas) -> None:
    c.gradient((8, 12, 44), (24, 44, 92))
    c.stars(150)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    for base, height, length, color in ((150, 110, 34, (70, 232, 150)), (112, 70, 46, (160, 110, 240))):
        up = base + 22 * np.sin(x / length + base) - y  # pixels above the lower rim
        c.veil(np.where(up > 0, np.exp(-up / height * 2.2) * 0.85, np.exp(up / 4) * 0.85), color)
    c.area([(-10, 218), (54, 170), (110, 208), (180, 164), (266, 218)], (24, 34, 62))
    c.gradient((206, 220, 240), (166, 188, 220), 210)


def _bamboo(c: Canvas) -> None:
    c.gradient((206, 234, 190), (236, 246, 216), 0, 220)
    far, near = (168, 206, 138), (88, 156, 74)
    for left, wide, color in (
        (84, 8, far), (150, 8, far), (120, 7, far), (184, 8, far),
        (14, 17, near), (50, 15, near), (206, 17, near), (238, 15, near),
    ):  # fmt: skip
        c.box(left, 0, left + wide, 222, color)
        for y in range(20 + left % 30, 220, 46):
            c.box(left - 1, y, left + wide + 1, y + 4, _shaded(_shaded(color)))
    for x, y, way in ((30, 40, 1), (62, 96, 1), (208, 60, -1), (238, 116, -1), (30, 130, 1), (206, 150, -1)):
        for drop in (0, 14, 26):
            c.area([(x, y), (x + 34 * way, y + drop - 4), (x + 10 * way, y + drop / 2 + 9)], (70, 148, 62))
    c.gradient((146, 178, 92), (112, 146, 70), 214)


def _hot_spring(c: Canvas) -> None:
    c.gradient((160, 200, 226), (222, 236, 240), 0, 130)
    c.hill(96, 16, 40, 20, (96, 140, 104))
    for x in range(0, 256, 22):
        c.box(x, 92, x + 19, 150, ((168, 124, 80), (154, 112, 72))[x // 22 % 2])
    c.box(0, 104, 256, 110, (116, 82, 54))
    c.gradient((122, 200, 206), (76, 164, 180), 150)
    stones = ((6, 156, 30), (52, 150, 22), (96, 152, 17), (160, 152, 17), (204, 150, 24), (250, 156, 28))
    for x, y, r in (*stones, (0, 250, 34), (256, 250, 36)):
        c.disc(x, y, r, r * 0.6, (124, 124, 132))
        c.disc(x - r * 0.2, y - r * 0.2, r * 0.6, r * 0.3, (156, 156, 164))
    for x, y in ((64, 190), (150, 178), (200, 214), (110, 226)):
        c.disc(x, y, 22, 3, (176, 228, 230))
    for x in (70, 130, 190):
        for y, r in ((130, 20), (100, 16), (74, 12)):
            c.glow(x + 8 * (y % 3 - 1), y, r, (255, 255, 255), 0.75)


def _rice_fields(c: Canvas) -> None:
    c.gradient((110, 192, 248), (222, 240, 250), 0, 140)
    c.cloud(64, 44, 24)
    c.hill(116, 18, 36, 60, (94, 148, 110))
    c.hill(132, 8, 30, 0, (72, 128, 84))
    c.gradient((170, 212, 92), (110, 176, 62), 138)
    for i in range(-5, 5):
        x0, x1 = 128 + 14 * i, 128 + 76 * i
        c.area([(x0, 140), (x0 + 7, 140), (x1 + 38, 262), (x1, 262)], (92, 156, 58))
    for y in (140, 164, 204):
        c.box(0, y, 256, y + 3 + (y - 140) / 12, (150, 118, 76))


def _sunrise(c: Canvas) -> None:
    c.gradient((126, 166, 232), (255, 196, 196), 0, 90)
    c.gradient((255, 196, 196), (255, 232, 160), 90, 162)
    c.glow(128, 156, 90, (255, 246, 190), 0.8)
    c.disc(128, 158, 34, 34, (255, 120, 84))
    for x, y, size in ((46, 60, 20), (208, 44, 22)):
        c.cloud(x, y, size, (255, 226, 220))
    c.gradient((236, 150, 140), (74, 96, 170), 160)
    for i, y in enumerate((168, 184, 204, 228)):
        c.disc(128, y, 30 + 8 * (i % 2) - 4 * i, 3 + i, (255, 226, 170))


LANDSCAPES: Final[dict[str, Callable[[Canvas], None]]] = {
    "night": _night,
    "sky": _sky,
    "sea": _sea,
    "underwater": _underwater,
    "grass": _grass,
    "forest": _forest,
    "snow": _snow,
    "sunset": _sunset,
    "beach": _beach,
    "desert": _desert,
    "mountains": _mountains,
    "space": _space,
    "moon": _moon,
    "cherry blossoms": _blossoms,
    "flowers": _flowers,
    "rain": _rain,
    "fog": _fog,
    "waterfall": _waterfall,
    "autumn leaves": _autumn,
    "aurora": _aurora,
    "bamboo forest": _bamboo,
    "hot spring": _hot_spring,
    "rice fields": _rice_fields,
    "sunrise": _sunrise,
}
"""Who paints each place in nature."""
