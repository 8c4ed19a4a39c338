"""Buses, lorries, trams and trailers: boxes whose sides are painted as pictures."""

import cv2
import numpy as np

from . import noise
from .camera import place
from .facades import glass, rect, sign_band
from .light import srgb

BUS, TRUCK, TRAIN, CARAVAN, TRAILER = 28, 27, 31, 29, 30
LIVERY = [(180, 30, 34), (196, 60, 40), (30, 74, 140), (230, 228, 222), (240, 200, 60), (60, 120, 80), (210, 212, 214),
           (120, 40, 70), (220, 130, 40),
          (90, 130, 170), (70, 74, 80)]  # fmt: skip


def _wheels(image, ppm, h, positions, r=0.48):
    """Wheels at the lower edge of a side picture; the bottom line is the road."""
    for x in positions:
        cx, cy = int(x * ppm), int(h - r * ppm)
        cv2.circle(image, (cx, cy), int(r * 1.25 * ppm), (16, 16, 17), -1, cv2.LINE_AA)
        cv2.circle(image, (cx, cy), int(r * ppm), (34, 34, 35), -1, cv2.LINE_AA)
        cv2.circle(image, (cx, cy), int(r * 0.55 * ppm), (120, 120, 120), -1, cv2.LINE_AA)


def bus_side(rng, length, height, ppm, color, second, decks, tram):
    """(h, w, 3) uint8 and alpha (h, w): the ground clearance is left out except for the wheels."""
    h, w = int(height * ppm), int(length * ppm)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.clip(color, 0, 255)
    rect(image, 0, h - 1.1 * ppm, w, h, second)
    rows = [(1.2, 1.05)] if decks == 1 else [(1.25, 0.85), (2.75, 0.8)]
    for level, tall in rows:
        pane = glass(rng, tall * ppm, w)
        y = int(h - (level + tall) * ppm)
        image[y : y + pane.shape[0], int(0.2 * ppm) : w - int(0.2 * ppm)] = pane[:, : w - 2 * int(0.2 * ppm)]
        for x in np.arange(0.3, length, rng.uniform(1.2, 1.7)):
            rect(image, x * ppm, y, (x + 0.08) * ppm, y + pane.shape[0], np.array([28, 28, 30]))
    for x in (0.1, 0.52) if not tram else (0.12, 0.45, 0.8):
        x0 = x * length * ppm
        rect(image, x0, h - 2.35 * ppm, x0 + 1.2 * ppm, h - 0.35 * ppm, np.array([36, 40, 44]))
        rect(image, x0 + 0.56 * ppm, h - 2.35 * ppm, x0 + 0.64 * ppm, h - 0.35 * ppm, np.clip(color, 0, 255))
    if rng.random() < 0.6:
        x0 = rng.uniform(0.2, 0.5) * w
        sign_band(rng, image, x0, h - 1.05 * ppm, min(w, x0 + 4 * ppm), h - 0.5 * ppm, srgb(rng, LIVERY[rng.integers(len(LIVERY))]))
    if tram:
        rect(image, 0, h - 0.35 * ppm, w, h, (40, 40, 42))
    else:
        rect(image, 0, h - 0.32 * ppm, w, h, (22, 22, 23))
        _wheels(image, ppm, h, (0.24 * length, 0.74 * length))
    image = noise.tint(image, np.linspace(0.9, -1.2, h)[:, None] * np.ones((1, w)), 0.10)
    return image


def bus_end(rng, width, height, ppm, color, second, decks, front):
    """Front or back (h, w, 3) of a bus or tram."""
    h, w = int(height * ppm), int(width * ppm)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.clip(color, 0, 255)
    rect(image, 0, h - 0.95 * ppm, w, h, second)
    spans = [(1.05, 1.35 if front else 0.9)] if decks == 1 else [(1.1, 1.2), (2.75, 0.85)]
    for level, tall in spans:
        pane = glass(rng, tall * ppm, w - 0.3 * ppm)
        y, x = int(h - (level + tall) * ppm), int(0.15 * ppm)
        image[y : y + pane.shape[0], x : x + pane.shape[1]] = pane
    rect(image, 0.3 * w, h - (spans[0][0] + spans[0][1] + 0.34) * ppm, 0.7 * w, h - (spans[0][0] + spans[0][1] + 0.06) * ppm, (16, 16, 16))
    rect(
        image,
        0.36 * w,
        h - (spans[0][0] + spans[0][1] + 0.28) * ppm,
        0.62 * w,
        h - (spans[0][0] + spans[0][1] + 0.14) * ppm,
        (230, 170, 40),
    )
    lamp = (236, 236, 228) if front else (170, 26, 24)
    for x in (0.06, 0.80):
        rect(image, x * w, h - 0.75 * ppm, (x + 0.14) * w, h - 0.5 * ppm, lamp)
    rect(image, 0.38 * w, h - 0.45 * ppm, 0.62 * w, h - 0.33 * ppm, (225, 225, 220))
    rect(image, 0, h - 0.25 * ppm, w, h, (20, 20, 21))
    return noise.tint(image, np.linspace(0.9, -1.2, h)[:, None] * np.ones((1, w)), 0.10)


def truck_side(rng, length, height, ppm, color, cab, ends=False):
    """A lorry's side, its front at the right end; or its back door when ends is set."""
    h, w = int(height * ppm), int(length * ppm)
    image = np.empty((h, w, 3), np.uint8)
    image[:] = np.clip(color, 0, 255)
    if rng.random() < 0.6:
        sign_band(rng, image, 0.1 * w, 0.2 * h, 0.6 * w, 0.5 * h, np.clip(srgb(rng, color, 10), 0, 255))
    for x in np.arange(0, length, 0.6):
        rect(image, x * ppm, 0, x * ppm + max(1, 0.025 * ppm), h, np.asarray(color) * 0.85)
    rect(image, 0, h - 1.05 * ppm, w, h, (40, 40, 42))
    if ends:
        rect(image, 0.49 * w, 0.03 * h, 0.51 * w, h - 1.05 * ppm, np.asarray(color) * 0.5)
        for x in (0.05, 0.83):
            rect(image, x * w, h - 0.95 * ppm, (x + 0.12) * w, h - 0.78 * ppm, (170, 30, 26))
        rect(image, 0.38 * w, h - 0.8 * ppm, 0.62 * w, h - 0.66 * ppm, (226, 200, 80))
        rect(image, 0, h - 0.45 * ppm, w, h, (14, 14, 15))
        return image
    _wheels(image, ppm, h, (0.14 * length, 0.24 * length, 0.82 * length))
    x = w - int(cab * ppm)
    return image if cab <= 0 else image[:, : max(x, 4)]


def box(canvas, rng, light, x, s, yaw, size, side, front, rear, label, *, lit=1.0, instance=None, lift=0.0):
    """Draw a box (length, width, height) metres with pictures on its sides, if no part of it is behind us."""
    length, width, height = size
    a, b = length / 2, width / 2
    corner = lambda l, w, h: (l, w, h + lift)  # noqa: E731
    faces = [
        ([corner(a, -b, height), corner(-a, -b, height), corner(-a, -b, 0), corner(a, -b, 0)], (0, -1, 0), side[:, ::-1]),
        ([corner(-a, b, height), corner(a, b, height), corner(a, b, 0), corner(-a, b, 0)], (0, 1, 0), side),
        ([corner(a, b, height), corner(a, -b, height), corner(a, -b, 0), corner(a, b, 0)], (1, 0, 0), front),
        ([corner(-a, -b, height), corner(-a, b, height), corner(-a, b, 0), corner(-a, -b, 0)], (-1, 0, 0), rear),
    ]
    eye_x, eye_s = canvas.camera.x - canvas.camera.curve(s) - x, -s
    eye = np.array([eye_x * np.sin(yaw) + eye_s * np.cos(yaw), eye_x * np.cos(yaw) - eye_s * np.sin(yaw)])
    instance = canvas.instance(label) if instance is None else instance
    for corners, normal, image in faces:
        world = place(corners, x, s, yaw)
        if (eye - np.array(corners[0][:2])) @ np.array(normal[:2]) <= 0:
            continue
        n = place([normal], 0, 0, yaw)[0]
        rgb = light.shade(n, lit) + light.lamps_at(x, s)
        world, image = crop_near(world, image)
        if world is not None:
            canvas.quad(world, np.ascontiguousarray(image), label, light=rgb, depth=s, instance=instance)
    return instance


def crop_near(world, image, near=1.05):
    """Cut a wall (4, 3) and its picture at s = near. -> (None, None) when nothing is left."""
    left, right = world[0, 2], world[1, 2]
    if max(left, right) <= near + 0.2:
        return None, None
    if min(left, right) < near:
        t = (near - left) / (right - left)
        cut = world.copy()
        w = image.shape[1]
        k = int(np.clip(round(t * w), 1, w - 1))
        if left < near:
            cut[0], cut[3] = world[0] + t * (world[1] - world[0]), world[3] + t * (world[2] - world[3])
            image = image[:, k:]
        else:
            cut[1], cut[2] = world[0] + t * (world[1] - world[0]), world[3] + t * (world[2] - world[3])
            image = image[:, :k]
        world = cut
    return world, image


def bus(canvas, rng, light, x, s, yaw, *, lit=1.0, tram=False):
    """A bus (one or two decks) or a tram of two or three cars. -> the ground outline (length, width)."""
    decks = 1 if tram or rng.random() < 0.7 else 2
    width, height = 2.5, (rng.uniform(3.3, 3.6) if tram else rng.uniform(2.9, 3.2) if decks == 1 else rng.uniform(4.1, 4.4))
    length = rng.uniform(18, 30) if tram else rng.uniform(9, 13)
    color, second = srgb(rng, LIVERY[rng.integers(len(LIVERY))]), srgb(rng, LIVERY[rng.integers(len(LIVERY))])
    if rng.random() < 0.5:
        second = color * 0.85
    ppm = float(np.clip(canvas.camera.f / max(s - length / 2, 3), 8, 60))
    side = bus_side(rng, length, height, ppm, color, second, decks, tram)
    front, rear = (bus_end(rng, width, height, ppm, color, second, decks, f) for f in (True, tram))
    box(canvas, rng, light, x, s, yaw, (length, width, height), side, front, rear, TRAIN if tram else BUS, lit=lit)
    return length, width


def truck(canvas, rng, light, x, s, yaw, *, lit=1.0, label=TRUCK):
    """A lorry: a box body and a cab in front of it; or a trailer or caravan, which have no cab."""
    color = srgb(rng, LIVERY[rng.integers(len(LIVERY))] if rng.random() < 0.6 else (224, 224, 220))
    length, height = (rng.uniform(5, 8), rng.uniform(2.9, 3.9)) if label == TRUCK else (rng.uniform(4, 5.5), rng.uniform(2.1, 2.6))
    ppm = float(np.clip(canvas.camera.f / max(s - length / 2, 3), 8, 60))
    side = truck_side(rng, length, height, ppm, color, 0)
    rear = truck_side(rng, 2.4, height, ppm, color, 0, ends=True)
    parts = [(0.0, (length, 2.4, height), side, rear, rear)]
    if label == TRUCK:
        tone = srgb(rng, LIVERY[rng.integers(len(LIVERY))])
        cab_side = bus_end(rng, 2.0, 2.7, ppm, tone, tone * 0.9, 1, True)
        front = bus_end(rng, 2.3, 2.7, ppm, tone, tone * 0.8, 1, True)
        parts.append((length / 2 + 1.05, (1.9, 2.3, 2.7), cab_side, front, front))
    if np.cos(yaw) > 0:  # paint the far part first
        parts = parts[::-1]
    instance = canvas.instance(label)
    for shift, size, a, b, c in parts:
        px, ps = x + shift * np.sin(yaw), s + shift * np.cos(yaw)
        box(canvas, rng, light, px, ps, yaw, size, a, b, c, label, lit=lit, instance=instance)
    return length + 2, 2.4
