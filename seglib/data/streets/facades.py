"""Pictures of house fronts: bricks, plaster or stone, windows, doors, shop fronts, balconies, pipes and stains."""

import cv2
import numpy as np

from . import noise
from .light import srgb

WALLS = [(150, 84, 62), (128, 72, 58), (170, 120, 90), (196, 176, 136), (214, 200, 170), (222, 218, 208), (236, 234, 228), (160, 158, 152),
         (120, 120, 122), (186, 160, 110), (200, 150, 120),
           (150, 160, 140), (140, 160, 180), (92, 84, 78), (206, 190, 110), (176, 130, 120)]  # fmt: skip
SHOPS = [
    (30, 60, 110),
    (120, 24, 30),
    (28, 80, 50),
    (20, 20, 24),
    (220, 216, 206),
    (200, 150, 40),
    (90, 40, 80),
    (60, 66, 72),
    (180, 60, 30),
]
FRAMES = [(236, 236, 232), (230, 226, 214), (60, 56, 54), (90, 62, 44), (180, 178, 174), (40, 60, 50)]


def wall_color(rng, material):
    """A colour that walls of this material have: bricks are red, brown or yellow, plaster is mostly pale."""
    pool = {"brick": WALLS[:4] * 2 + WALLS[7:9] + WALLS[13:14], "stone": WALLS[3:10] + WALLS[13:14], "panel": WALLS[3:9]}.get(
        material, WALLS[2:]
    )
    color = srgb(rng, pool[rng.integers(len(pool))], 7)
    return color.mean() + (color - color.mean()) * rng.uniform(0.4, 0.95)


def rect(image, x0, y0, x1, y1, color):
    """Fill a rectangle given in float pixels."""
    x0, x1, y0, y1 = max(round(x0), 0), max(round(x1), 0), max(round(y0), 0), max(round(y1), 0)
    image[y0:y1, x0:x1] = [min(max(float(c), 0.0), 255.0) for c in color]


def glass(rng, h, w):
    """A pane (h, w, 3): dark room below, reflected sky or houses above, perhaps a curtain."""
    h, w = max(2, int(h)), max(2, int(w))
    dark = rng.uniform(14, 60)
    sky = np.array([150, 165, 180]) * rng.uniform(0.25, 1.1)
    t = np.clip(np.linspace(rng.uniform(0.2, 1.2), -0.3, h), 0, 1)[:, None, None]
    pane = dark * np.array([0.9, 1.0, 1.08]) * (1 - t) + sky * t * rng.uniform(0.3, 1)
    pane = np.broadcast_to(pane, (h, w, 3)).copy()
    if rng.random() < 0.4:
        cut = rng.uniform(0.1, 0.5)
        curtain = srgb(rng, (190, 184, 172)) * 0.75
        if rng.random() < 0.5:
            pane[: int(cut * h)] = curtain
        else:
            pane[:, : int(cut * w * 0.6)] = curtain
            pane[:, w - int(cut * w * 0.6) :] = curtain
    return np.clip(pane, 0, 255).astype(np.uint8)


def window(rng, h, w, frame, style):
    """One window with its frame and bars, (h, w, 3) uint8."""
    out = np.empty((h, w, 3), np.uint8)
    out[:] = frame
    t = max(1, int(0.055 * w))
    cols, rows = style
    ch, cw = (h - t * (rows + 1)) // rows, (w - t * (cols + 1)) // cols
    if ch < 2 or cw < 2:
        out[1:-1, 1:-1] = glass(rng, h - 2, w - 2) if h > 4 and w > 4 else 60
        return out
    pane = glass(rng, h, w)
    for r in range(rows):
        for c in range(cols):
            y, x = t + r * (ch + t), t + c * (cw + t)
            out[y : y + ch, x : x + cw] = pane[y : y + ch, x : x + cw]
    return out


def wall(rng, shape, ppm, material, color):
    """Bare wall (h, w, 3) uint8 of bricks, plaster, stone blocks or panels."""
    h, w = shape
    out = np.empty((h, w, 3), np.float32)
    out[:] = color
    if material == "brick":
        pattern = noise.brick_patch(shape, ppm)
        out *= 1 + np.clip(pattern, -2, 2)[..., None] * rng.uniform(0.06, 0.13)
    elif material in ("stone", "panel"):
        a, b = (0.35, 0.7) if material == "stone" else (rng.uniform(0.8, 3), rng.uniform(1, 3))
        rows, cols = np.arange(h) / ppm / a, np.arange(w) / ppm / b
        tone = noise.tile(0.0, 7)[np.ix_((np.floor(rows) * 5).astype(int) % 512, (np.floor(cols) * 3).astype(int) % 512)]
        out *= 1 + 0.06 * tone[..., None]
        out[np.mod(rows, 1) < 0.06] *= 0.8
        out[:, np.mod(cols, 1) < 0.04] *= 0.84
    out *= 1 + 0.045 * noise.patch(rng, 1.1, shape, 22 / ppm)[..., None] + 0.03 * noise.patch(rng, 0.4, shape)[..., None]
    streak = noise.tile(0.8, 1)[rng.integers(512)][(np.arange(w) * 30 // int(ppm + 1)) % 512]
    fall = np.linspace(1, 0, h)[:, None] ** 1.5 * rng.uniform(0, 0.08)
    out *= 1 - np.clip(streak, 0, 2)[None, :, None] * fall[..., None]
    out *= (1 - 0.14 * np.clip(np.linspace(-6, 1, h), 0, 1))[:, None, None]
    return np.clip(out, 0, 255).astype(np.uint8)


def sign_band(rng, image, x0, y0, x1, y1, color):
    """A shop's sign: a band with strokes that read as letters from afar."""
    rect(image, x0, y0, x1, y1, color)
    ink = 245 - 0.9 * np.mean(color) if rng.random() < 0.8 else (225, 200, 80)
    height = (y1 - y0) * rng.uniform(0.35, 0.6)
    x, mid = x0 + (x1 - x0) * rng.uniform(0.08, 0.3), (y0 + y1) / 2
    while x < x1 - (x1 - x0) * 0.12:
        step = height * rng.uniform(0.4, 0.8)
        rect(image, x, mid - height / 2, x + step * 0.28, mid + height / 2, np.full(3, 1.0) * ink)
        if rng.random() < 0.7:
            y = mid + height * rng.choice([-0.45, 0.0, 0.35])
            rect(image, x, y, x + step * 0.75, y + height * 0.16, np.full(3, 1.0) * ink)
        x += step * (1.15 if rng.random() < 0.85 else 2.2)


def shop_front(rng, image, emission, ppm, floor, night):
    """Shop windows, doors, a sign and perhaps an awning on the lowest `floor` metres."""
    h, w = image.shape[:2]
    base, x = h - 0.25 * ppm, 0.25 * ppm
    color = srgb(rng, SHOPS[rng.integers(len(SHOPS))])
    rect(image, 0, h - floor * ppm, w, h, color * rng.uniform(0.7, 1.0))
    while x < w - 1.0 * ppm:
        width = min(rng.uniform(1.0, 3.4) * ppm, w - x - 0.2 * ppm)
        y0 = h - (floor - 0.8) * ppm
        door = width < 1.4 * ppm
        pane = glass(rng, (h if door else base) - y0, width)
        for _ in range(rng.integers(2, 9)):  # what stands in the window
            gx, gy = rng.uniform(0, pane.shape[1]), rng.uniform(0.3, 1) * pane.shape[0]
            gw, gh = rng.uniform(0.1, 0.5) * ppm, rng.uniform(0.1, 0.7) * ppm
            rect(pane, gx, gy - gh, gx + gw, gy, srgb(rng, rng.uniform(20, 170, 3)) * 0.8)
        yy, xx = int(y0), int(x)
        part = image[yy : yy + pane.shape[0], xx : xx + pane.shape[1]]
        part[:] = pane[: part.shape[0], : part.shape[1]]
        if night and rng.random() < 0.6:
            emission[yy : yy + pane.shape[0], xx : xx + pane.shape[1]] = rng.integers(90, 255)
        x += width + rng.uniform(0.08, 0.4) * ppm
    sign_band(rng, image, 0.1 * ppm, h - (floor - 0.1) * ppm, w - 0.1 * ppm, h - (floor - 0.72) * ppm, color)
    if rng.random() < 0.25:
        awning = srgb(rng, SHOPS[rng.integers(len(SHOPS))])
        for k in range(int(w / (0.3 * ppm)) + 1):
            tone = awning if k % 2 else awning * 0.4 + 140
            rect(image, k * 0.3 * ppm, h - (floor - 0.75) * ppm, (k + 1) * 0.3 * ppm, h - (floor - 1.5) * ppm, tone)


def facade(rng, width, height, ppm, *, shop=False, night=False, kind="house"):
    """A front of width x height metres -> (texture (h, w, 3) uint8, emission (h, w) uint8), ppm pixels per metre."""
    h, w = max(8, int(height * ppm)), max(8, int(width * ppm))
    material = str(rng.choice(["brick", "plaster", "stone", "panel"], p=[0.40, 0.34, 0.14, 0.12]))
    color = wall_color(rng, material)
    image = wall(rng, (h, w), ppm, material, color)
    emission = np.zeros((h, w), np.uint8)
    floor = rng.uniform(2.7, 3.5)
    ground = rng.uniform(3.2, 4.2) if shop else floor
    bay = rng.uniform(1.7, 3.6)
    office = kind == "hall" or (height > 12 and rng.random() < 0.35)
    ww = bay * (rng.uniform(0.75, 0.96) if office else rng.uniform(0.36, 0.62))
    wh = floor * rng.uniform(0.45, 0.66)
    frame = np.array(FRAMES[rng.integers(len(FRAMES))])
    trim = srgb(rng, (225, 220, 208)) if rng.random() < 0.5 else color * rng.uniform(0.75, 1.2)
    style = ((2, 2), (1, 2), (2, 3), (1, 1), (3, 2))[rng.integers(5)]
    ph, pw = max(3, int(wh * ppm)), max(3, int(ww * ppm))
    variants = [window(rng, ph, pw, frame, style) for _ in range(5)]
    columns = max(1, int((width - 0.6) / bay))
    lefts = [((width - columns * bay) / 2 + c * bay + (bay - ww) / 2) * ppm for c in range(columns)]
    balcony = rng.random() < 0.12 and not office
    shutters = rng.random() < 0.08
    level = ground
    while level + wh + 0.5 < height:
        top = h - (level + floor * 0.28 + wh) * ppm
        for left in lefts:
            if rng.random() >= 0.03:
                _opening(rng, image, emission, ppm, left, top, variants, trim, color, shutters, balcony, night, ww)
        if rng.random() < 0.25:
            rect(image, 0, h - (level + 0.18) * ppm, w, h - level * ppm, trim)
        level += floor
    if shop:
        shop_front(rng, image, emission, ppm, ground, night)
    else:
        _street_level(rng, image, ppm, lefts, variants, trim, wh)
    for _ in range(rng.integers(0, 3)):  # pipes
        x0 = rng.uniform(0, w)
        rect(image, x0, 0, x0 + max(1, 0.09 * ppm), h, color * rng.choice([0.5, 0.75, 1.25]))
    rect(image, 0, 0, w, 0.3 * ppm, trim * 0.95)
    rect(image, 0, 0.3 * ppm, w, 0.42 * ppm, color * 0.55)
    return noise.tint(image, cv2.GaussianBlur(noise.patch(rng, 0.5, (h, w)), (0, 0), 1), 0.05), emission


def _opening(rng, image, emission, ppm, x0, y0, variants, trim, color, shutters, balcony, night, width):
    """One window in the wall: surround, pane, lintel shadow, sill; perhaps shutters, a light inside, a balcony."""
    ph, pw = variants[0].shape[:2]
    rect(image, x0 - 0.1 * ppm, y0 - 0.12 * ppm, x0 + pw + 0.1 * ppm, y0 + ph + 0.02 * ppm, trim)
    iy, ix = int(max(y0, 0)), int(max(x0, 0))
    pane = variants[rng.integers(5)]
    part = image[iy : iy + ph, ix : ix + pw]
    part[:] = pane[: part.shape[0], : part.shape[1]]
    rect(image, x0, y0, x0 + pw, y0 + 0.07 * ppm, np.array([30, 30, 32]))
    rect(image, x0 - 0.12 * ppm, y0 + ph, x0 + pw + 0.12 * ppm, y0 + ph + 0.1 * ppm, trim * 1.08)
    rect(image, x0 - 0.1 * ppm, y0 + ph + 0.1 * ppm, x0 + pw + 0.1 * ppm, y0 + ph + 0.18 * ppm, color * 0.62)
    if shutters:
        rect(image, x0 - width * 0.3 * ppm, y0, x0, y0 + ph, trim * 0.6)
        rect(image, x0 + pw, y0, x0 + pw + width * 0.3 * ppm, y0 + ph, trim * 0.6)
    if night and rng.random() < 0.28:
        emission[iy : iy + ph, ix : ix + pw] = rng.integers(60, 220)
    if balcony:
        rect(image, x0 - 0.3 * ppm, y0 + ph * 0.95, x0 + pw + 0.3 * ppm, y0 + ph * 1.08, np.array([150, 148, 144]))
        for k in range(9):
            bx = x0 + (k / 8 * (width + 0.6) - 0.3) * ppm
            rect(image, bx, y0 + ph * 0.5, bx + max(1, 0.03 * ppm), y0 + ph, np.array([46, 46, 50]))


def _street_level(rng, image, ppm, lefts, variants, trim, wh):
    """Doors and windows of the ground floor, where there is no shop."""
    h = image.shape[0]
    ph, pw = variants[0].shape[:2]
    for x0 in lefts:
        if rng.random() < 0.3:
            door = srgb(rng, SHOPS[rng.integers(len(SHOPS))])
            rect(image, x0 - 0.1 * ppm, h - 2.35 * ppm, x0 + 1.1 * ppm, h, trim)
            rect(image, x0, h - 2.25 * ppm, x0 + 1.0 * ppm, h - 0.1 * ppm, door)
            rect(image, x0 + 0.2 * ppm, h - 2.1 * ppm, x0 + 0.8 * ppm, h - 1.5 * ppm, (50, 56, 62))
        else:
            y0 = int(max(h - (0.9 + wh) * ppm, 0))
            part = image[y0 : y0 + ph, int(x0) : int(x0) + pw]
            part[:] = variants[rng.integers(5)][: part.shape[0], : part.shape[1]]
