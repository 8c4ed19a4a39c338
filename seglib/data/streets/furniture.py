"""Poles, lamps, traffic lights, signs, fences, walls, bollards, bins: what stands between the road and the houses."""

import cv2
import numpy as np

from . import noise
from .canvas import SHIFT, Patch, fixed
from .facades import WALLS, rect, sign_band, wall, wall_color
from .light import srgb

POLE, LIGHT, SIGN, FENCE, WALL, STATIC, RAIL = 17, 19, 20, 13, 12, 4, 14
METALS = [(110, 112, 114), (150, 152, 152), (60, 62, 62), (40, 44, 42), (34, 60, 48), (84, 80, 74), (190, 190, 188)]
FACES = [((205, 30, 36), (240, 240, 238)), ((36, 84, 170), (235, 238, 240)), ((240, 240, 236), (30, 30, 30)),
           ((240, 200, 40), (30, 30, 30)),
         ((30, 110, 70), (238, 240, 236)), ((230, 120, 40), (20, 20, 20)), ((120, 76, 48), (236, 232, 220))]  # fmt: skip


def post(canvas, rng, light, x, s, height, radius, *, lit=1.0, color=None, label=POLE, base=-0.05):
    """An upright round post."""
    if s < 1.3:
        return
    color = srgb(rng, METALS[rng.integers(len(METALS))], 5) if color is None else np.asarray(color, float)
    radius = max(radius, 0.45 * s / canvas.camera.f)
    corners = np.array([(x - radius, base, s), (x + radius, base, s), (x + radius * 0.8, height, s), (x - radius * 0.8, height, s)])
    patch = Patch(canvas, canvas.camera.project(corners), color)
    if patch.box is None:
        return
    patch.world(corners, color)
    side = 1 if light.sun[0] < 0 else -1
    shade = corners.copy()
    shade[:, 0] = np.where(np.sign(corners[:, 0] - x) == side, corners[:, 0], x + side * radius * 0.2)
    patch.world(shade, color * 0.68, solid=False)
    patch.paste(label, s, light=light.ambient(x, s, lit), grain=0.06)


def lamp(canvas, rng, light, x, s, side, *, lit=1.0):
    """A street lamp; its arm reaches over the road."""
    if s < 1.5:
        return
    height, color = rng.uniform(5, 9), srgb(rng, METALS[rng.integers(len(METALS))], 5)
    post(canvas, rng, light, x, s, height, 0.07, lit=lit, color=color)
    reach = -side * rng.uniform(0.6, 2.0)
    arm = np.array([(x, height - 0.05, s), (x + reach, height + 0.35, s)])
    patch = Patch(canvas, canvas.camera.project(np.concatenate([arm, arm + [0.6 * np.sign(reach), 0.5, 0]])), color)
    if patch.box is not None:
        patch.line(arm, 0.09, color)
        patch.line(np.array([arm[1], arm[1] + [0.5 * np.sign(reach), 0.02, 0]]), 0.17, color * 0.8 + 20)
        patch.paste(POLE, s, light=light.ambient(x, s, lit))
    if light.night:
        u, v = canvas.camera.project([arm[1] + [0.25 * np.sign(reach), -0.05, 0]])[0]
        canvas.lamps.append((u, v, 0.22 * canvas.camera.f / s, light.lamp_rgb * 3.0, s))


def traffic_light(canvas, rng, light, x, s, side, *, lit=1.0, overhead=False):
    """A signal on a post, perhaps a second one on an arm over the road. We see its front or, sometimes, its side."""
    if s < 3:
        return
    height = rng.uniform(2.9, 3.6)
    post(canvas, rng, light, x, s, height + 0.9, 0.06, lit=lit)
    heads = [(x, height)]
    if overhead:
        reach = -side * rng.uniform(2.5, 4.5)
        post(canvas, rng, light, x, s, 6.0, 0.09, lit=lit)
        arm = np.array([(x, 5.9, s), (x + reach, 6.0, s)])
        patch = Patch(canvas, canvas.camera.project(np.concatenate([arm - 0.2, arm + 0.2])), (100, 100, 100))
        if patch.box is not None:
            patch.line(arm, 0.13, (100, 102, 104))
            patch.paste(POLE, s, light=light.ambient(x, s, lit))
        heads.append((x + reach, 5.9))
    on = rng.integers(0, 3)
    shell = np.array([(28, 30, 30), (34, 52, 44), (150, 130, 40), (70, 72, 74)][rng.integers(4)], float)
    for hx, hy in heads:
        w = 0.19
        outer = np.array([(hx - w, hy - 0.5, s), (hx + w, hy - 0.5, s), (hx + w, hy + 0.5, s), (hx - w, hy + 0.5, s)])
        patch = Patch(canvas, canvas.camera.project(outer), shell)
        if patch.box is None:
            continue
        patch.world(outer, shell)
        shining = []
        for k, color in enumerate(((255, 60, 40), (255, 190, 50), (80, 255, 170))):
            t = np.linspace(0, 2 * np.pi, 16)
            cy = hy + 0.31 - 0.31 * k
            circle = np.stack([hx + 0.115 * np.cos(t), cy + 0.115 * np.sin(t), np.full(16, s)], 1)
            patch.world(circle, np.array(color) * (1.0 if k == on else 0.16) + 6, solid=False)
            if k == on:
                shining.append((hx, cy, color))
        patch.paste(LIGHT, s, light=light.ambient(x, s, lit) + (0.25 if light.night else 0.0), grain=0.03)
        for lx, ly, color in shining:
            u, v = canvas.camera.project([(lx, ly, s)])[0]
            canvas.lamps.append((u, v, 0.10 * canvas.camera.f / s, np.array(color) / 255.0 * (1.6 if light.night else 0.7), s))


def _shape(kind, n=24):
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return {
        "circle": np.stack([np.cos(t), np.sin(t)], 1),
        "triangle": np.array([(0, 1), (0.95, -0.65), (-0.95, -0.65)]),
        "down": np.array([(0, -1), (-0.95, 0.65), (0.95, 0.65)]),
        "square": np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]),
        "octagon": np.stack([np.cos(t[::3] + np.pi / 8), np.sin(t[::3] + np.pi / 8)], 1),
        "diamond": np.array([(0, -1.1), (1.1, 0), (0, 1.1), (-1.1, 0)]),
        "plate": np.array([(-1, -0.35), (1, -0.35), (1, 0.35), (-1, 0.35)]),
        "board": np.array([(-1.5, -0.9), (1.5, -0.9), (1.5, 0.9), (-1.5, 0.9)]),
        "tall": np.array([(-0.7, -1.1), (0.7, -1.1), (0.7, 1.1), (-0.7, 1.1)]),
    }[kind]


def sign(canvas, rng, light, x, s, *, lit=1.0, size=None, height=None, back=False, bare=False):
    """A sign, or two one above the other, on a post. The back of a sign is grey and counts as `static`."""
    if s < 2.5:
        return
    size = size or rng.uniform(0.24, 0.38)
    height = height or rng.uniform(2.0, 3.0)
    if not bare:
        post(canvas, rng, light, x, s, height + size, 0.035, lit=lit)
    y = height
    for _ in range(2 if rng.random() < 0.3 else 1):
        kind = str(rng.choice(["circle", "triangle", "square", "octagon", "diamond", "plate", "board", "down", "tall"],
                              p=[0.28, 0.13, 0.17, 0.04, 0.07, 0.12, 0.07, 0.04, 0.08]))  # fmt: skip
        rim, inner = FACES[rng.integers(len(FACES))]
        rim, inner = srgb(rng, rim, 8), srgb(rng, inner, 6)
        squash = rng.uniform(0.55, 1.0) if rng.random() < 0.4 else 1.0
        unit = _shape(kind) * [size * squash, size]
        world = np.column_stack([x + unit[:, 0], y + unit[:, 1], np.full(len(unit), s - 0.05)])
        patch = Patch(canvas, canvas.camera.project(world), rim)
        if patch.box is None:
            continue
        if back:
            patch.world(world, (128, 128, 126))
            patch.paste(STATIC, s, light=light.ambient(x, s, lit) * 0.8)
        else:
            patch.world(world, rim)
            inside = world.copy()
            if rng.random() < 0.75:
                inside[:, :2] = [x, y] + unit * 0.78
                patch.world(inside, inner, solid=False)
            for _ in range(rng.integers(1, 5)):  # a symbol or letters
                cx, cy = rng.uniform(-0.4, 0.4, 2) * size
                w, h = rng.uniform(0.05, 0.3) * size, rng.uniform(0.04, 0.2) * size
                bar = [
                    (x + cx - w, y + cy - h, s - 0.05),
                    (x + cx + w, y + cy - h, s - 0.05),
                    (x + cx + w, y + cy + h, s - 0.05),
                    (x + cx - w, y + cy + h, s - 0.05),
                ]
                patch.world(bar, rim if rng.random() < 0.5 else (24, 24, 26), solid=False)
            patch.paste(SIGN, s, light=light.ambient(x, s, lit) * 1.1, grain=0.03)
        y -= size * 1.7


def fence(canvas, rng, light, side, line, s0, s1, *, lit=1.0, rail=False):
    """A fence parallel to the road: bars, boards, mesh or a guard rail."""
    s0 = max(s0, 1.2)
    if s1 - s0 < 0.4:
        return
    height = 0.75 if rail else rng.uniform(0.9, 2.0)
    ppm = float(np.clip(canvas.camera.f / max(s0, 3), 16, 60))
    h, w = int(height * ppm), max(4, int((s1 - s0) * ppm))
    color = srgb(rng, [(40, 42, 44), (96, 98, 98), (120, 88, 60), (206, 204, 198), (44, 70, 54), (150, 120, 90)][rng.integers(6)])
    kind = "rail" if rail else str(rng.choice(["bars", "boards", "mesh", "pickets"], p=[0.42, 0.26, 0.14, 0.18]))
    image, alpha = np.empty((h, w, 3), np.uint8), np.zeros((h, w), np.uint8)
    image[:] = np.clip(color, 0, 255)
    step, wide = {"bars": (0.13, 0.03), "boards": (0.16, 0.15), "mesh": (0.09, 0.022), "pickets": (0.14, 0.085), "rail": (2.0, 0.12)}[kind]
    for k, x in enumerate(np.arange(0, s1 - s0, step)):
        alpha[:, int(x * ppm) : max(int((x + wide) * ppm), int(x * ppm) + 1)] = 255
        image[:, int(x * ppm) : int((x + wide) * ppm)] = np.clip(color * (1 + 0.12 * np.sin(k * 2.3)), 0, 255)
    for y in {
        "bars": (0.06, 0.88),
        "boards": (0.1, 0.8),
        "mesh": np.arange(0.02, 1, 0.09 / height),
        "pickets": (0.25, 0.75),
        "rail": (0.05, 0.15, 0.25),
    }[kind]:
        alpha[int(y * h) : max(int((y + 0.05 if kind != "mesh" else y + 0.015) * h), int(y * h) + 1)] = 255
    for x in np.arange(0, s1 - s0, 2.2):
        alpha[:, int(x * ppm) : int((x + 0.09) * ppm) + 1] = 255
    image = noise.tint(image, noise.patch(rng, 0.7, (h, w)), 0.07)
    x = side * line
    corners = [(x, height, s0), (x, height, s1), (x, -0.02, s1), (x, -0.02, s0)]
    middle = (s0 + s1) / 2
    canvas.quad(corners, image, RAIL if rail else FENCE, alpha=alpha, light=light.ambient(x, middle, lit), depth=middle)
    # the class covers the gaps between the bars too, as annotators draw it
    fill_class(canvas, corners, RAIL if rail else FENCE, middle)


def fill_class(canvas, corners, label, depth):
    """Give the whole quad the label, see-through parts included."""
    points = canvas.camera.project(np.asarray(corners, float))
    box = canvas.box(points)
    if box is None:
        return
    y0, y1, x0, x1 = box
    cover = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillConvexPoly(cover, fixed(points - [x0, y0]), 255, cv2.LINE_8, SHIFT)
    canvas.labels[y0:y1, x0:x1][cover > 0] = label
    canvas.instances[y0:y1, x0:x1][cover > 0] = label
    canvas.depth[y0:y1, x0:x1][cover > 0] = depth


def garden_wall(canvas, rng, light, side, line, s0, s1, *, lit=1.0, height=None):
    """A free-standing wall of brick, stone or concrete with a coping."""
    s0 = max(s0, 1.2)
    if s1 - s0 < 0.4:
        return
    height = height or rng.uniform(0.7, 2.6)
    ppm = float(np.clip(canvas.camera.f / max(s0, 3), 12, 48))
    shape = (max(4, int(height * ppm)), max(4, int((s1 - s0) * ppm)))
    material = str(rng.choice(["brick", "stone", "plaster", "panel"], p=[0.45, 0.25, 0.18, 0.12]))
    color = wall_color(rng, material)
    image = wall(rng, shape, ppm, material, color)
    rect(image, 0, 0, shape[1], 0.1 * ppm, color * 1.12)
    rect(image, 0, 0.1 * ppm, shape[1], 0.14 * ppm, color * 0.5)
    if rng.random() < 0.15:  # graffiti or a poster
        x = rng.uniform(0, max(1, shape[1] - 2 * ppm))
        sign_band(rng, image, x, 0.3 * shape[0], x + 2 * ppm, 0.9 * shape[0], srgb(rng, WALLS[rng.integers(len(WALLS))]))
    x = side * line
    rgb = light.shade((-side, 0, 0), lit) * 0.95 + light.lamps_at(x, (s0 + s1) / 2)
    if s0 > 1.3:
        back = side * (line + 0.35)
        canvas.quad([(x, height, s0), (back, height, s0), (back, -0.05, s0), (x, -0.05, s0)], image[:, :16], WALL,
                    light=light.shade((0, 0, -1), lit), depth=s0)  # fmt: skip
    canvas.quad([(x, height, s0), (x, height, s1), (x, -0.05, s1), (x, -0.05, s0)], image, WALL, light=rgb, depth=(s0 + s1) / 2)


def bin_or_box(canvas, rng, light, x, s, *, lit=1.0):
    """A litter bin, a cabinet, a planter, a bench's back: what Cityscapes calls `static`."""
    if s < 2.5:
        return
    w, h = rng.uniform(0.2, 0.6), rng.uniform(0.6, 1.4)
    color = srgb(rng, [(40, 60, 46), (60, 62, 64), (150, 148, 140), (110, 40, 36), (36, 50, 90)][rng.integers(5)])
    corners = np.array([(x - w, -0.03, s), (x + w, -0.03, s), (x + w, h, s), (x - w, h, s)])
    patch = Patch(canvas, canvas.camera.project(corners), color)
    if patch.box is None:
        return
    patch.world(corners, color)
    patch.world(corners * [1, 0.12, 1] + [0, h * 0.8, 0], color * 0.5, solid=False)
    patch.world(np.array([(x + w * 0.3, -0.03, s), (x + w, -0.03, s), (x + w, h, s), (x + w * 0.3, h, s)]), color * 0.75, solid=False)
    patch.paste(STATIC, s, light=light.ambient(x, s, lit), grain=0.08)
