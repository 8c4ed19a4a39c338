"""Trees, hedges, bushes and grass: sprites of leaves or twigs made for each scene, lit from the sun's side."""

import cv2
import numpy as np

from . import noise
from .canvas import SHIFT, Patch
from .light import srgb

VEGETATION = 21
GREENS = [(62, 84, 38), (76, 98, 44), (54, 74, 40), (92, 104, 50), (70, 92, 58), (48, 64, 34)]
AUTUMN = [(150, 96, 36), (168, 124, 44), (120, 72, 36), (132, 116, 52), (96, 100, 48)]
SIDE = 320


def crown(rng, light, shape="round", bare=False):
    """A sprite (320, 320): colour uint8 RGB and alpha uint8. Leaves are painted from the dark inside to the lit outside."""
    color, alpha = np.zeros((SIDE, SIDE, 3), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    palette = AUTUMN if light.season == "autumn" and rng.random() < 0.7 and shape != "cone" else GREENS
    base = srgb(rng, palette[rng.integers(len(palette))], 7)
    if bare:
        return _twigs(rng, color, alpha)
    color[:] = base * 0.45
    clumps = rng.integers(26, 46)
    if shape == "cone":
        t = rng.uniform(0.03, 1, clumps * 2)
        centres = np.stack([0.5 + rng.uniform(-0.36, 0.36, t.size) * t, t * 0.92], 1)
        radii = 0.05 + 0.07 * t
    else:
        r, a = np.sqrt(rng.uniform(0, 1, clumps)) * 0.35, rng.uniform(0, 2 * np.pi, clumps)
        centres = np.stack([0.5 + r * np.cos(a), 0.48 + r * np.sin(a) * rng.uniform(0.85, 1.15)], 1)
        radii = rng.uniform(0.08, 0.17, clumps)
    side = np.sign(light.sun[0]) if light.sunny else 0.0
    leaf, dense = rng.uniform(2.0, 4.5), rng.uniform(0.7, 1.3)
    canvas = np.dstack([color, alpha])
    for depth in (0.0, 0.5, 1.0):
        for (cx, cy), radius in zip(centres, radii):
            n = int(rng.uniform(24, 40) * dense)
            a, q = rng.uniform(0, 2 * np.pi, n), np.sqrt(rng.uniform(0, 1, n)) * radius * (1.15 - 0.35 * depth)
            lx, ly = (cx + q * np.cos(a)) * SIDE, (cy - depth * 0.25 * radius + q * np.sin(a)) * SIDE
            sun = 0.5 - 0.9 * (cy - 0.45) + 0.5 * side * (cx - 0.5) - 1.6 * (ly / SIDE - cy)
            tone = np.clip(0.35 + 0.45 * depth + 0.42 * sun * (0.4 + depth) + rng.normal(0, 0.10, n), 0.2, 1.75)
            swell = 2.2 if depth == 0 else 1.0  # the inside is a dark mass, the outside single leaves
            shades = np.clip(base * tone[:, None], 0, 255).tolist()
            slim = rng.uniform(8, 20, n)
            for x, y, k, thin, turn in zip(
                (lx * 16).astype(int).tolist(), (ly * 16).astype(int).tolist(), shades, slim, (tone * 700).astype(int).tolist()
            ):
                axes = (int(leaf * 22 * swell), int(leaf * thin * swell))
                cv2.ellipse(canvas, (x, y), axes, turn % 180, 0, 360, (*k, 255.0), -1, cv2.LINE_8, SHIFT)
    return np.ascontiguousarray(canvas[..., :3]), np.ascontiguousarray(canvas[..., 3])


def _twigs(rng, color, alpha):
    """Branches that fork seven times."""
    color[:] = srgb(rng, (70, 60, 52), 6)
    stack = [(0.5 * SIDE, SIDE - 1.0, -np.pi / 2, SIDE * 0.19, 0)]
    while stack:
        x, y, a, length, level = stack.pop()
        x2, y2 = x + np.cos(a) * length, y + np.sin(a) * length
        p, q = (int(x * 16), int(y * 16)), (int(x2 * 16), int(y2 * 16))
        cv2.line(alpha, p, q, 255 if level < 5 else 170, max(1, 7 - 2 * level), cv2.LINE_AA, SHIFT)
        if level < 7:
            for sign in (-1, 1) if level < 6 else (0,):
                stack.append(
                    (
                        x2,
                        y2,
                        a + sign * rng.uniform(0.2, 0.6) + rng.normal(0, 0.12) - 0.03 * np.cos(a),
                        length * rng.uniform(0.72, 0.88),
                        level + 1,
                    )
                )
    return color, alpha


def sprites(rng, light):
    """The crowns of one scene, by kind."""
    bare = light.season == "winter" or (light.season in ("autumn", "spring") and rng.random() < 0.3)
    out = {"round": [crown(rng, light, "round", bare and rng.random() < 0.85) for _ in range(3)], "cone": [crown(rng, light, "cone")]}
    out["bush"] = out["round"][:1]
    return out


def billboard(canvas, rng, sprite, corners, light_rgb, depth, label=VEGETATION, close=True):
    """A crown on four world corners, with leaves of the picture's own resolution where it is large."""
    color, alpha = sprite
    if rng.random() < 0.5:
        color, alpha = color[:, ::-1], alpha[:, ::-1]
    points = canvas.camera.project(np.asarray(corners, float))
    box = canvas.box(points)
    if box is None:
        return
    span = points[:, 0].max() - points[:, 0].min()
    if close and span > 260:  # break up the enlarged sprite's smooth outlines
        k = rng.integers(0, 400)
        detail = noise.tile(0.5, 4)[k % 100 : k % 100 + SIDE, :SIDE]
        color = noise.tint(np.ascontiguousarray(color), detail, 0.22)
        hole = (np.clip(detail * 60 + 215, 0, 255)).astype(np.uint8)
        alpha = np.minimum(alpha, np.maximum(hole, cv2.erode(alpha, np.ones((9, 9), np.uint8))))
    canvas.quad(corners, np.ascontiguousarray(color), label, alpha=np.ascontiguousarray(alpha), light=light_rgb, depth=depth)


def tree(canvas, rng, x, s, height, kind, crowns, light, lit=1.0):
    """A tree at (x, s): trunk and one to three crowns in depth."""
    sprite = crowns[kind][rng.integers(len(crowns[kind]))]
    spread = height * (rng.uniform(0.32, 0.48) if kind == "round" else rng.uniform(0.16, 0.26))
    bare = sprite[1].mean() < 70  # a sprite of twigs brings its own trunk
    foot = 0.0 if kind == "cone" or bare else height * rng.uniform(0.12, 0.28)
    amb = light.ambient(x, s, 0.35 + 0.65 * lit)
    if s > 1.6 and not bare:
        bark = srgb(rng, (78, 68, 58), 8)
        top = (x + rng.normal(0, 0.15), foot + height * 0.35, s)
        r = np.clip(height * 0.018, 0.08, 0.4)
        trunk = np.array([(x - r * 1.4, -0.05, s), (x + r * 1.4, -0.05, s), (top[0] + r * 0.6, top[1], s), (top[0] - r * 0.6, top[1], s)])
        p = Patch(canvas, canvas.camera.project(trunk), bark)
        if p.box is not None:
            p.world(trunk, bark)
            half = trunk.copy()
            half[[1, 2], 0] = (half[[0, 3], 0] + half[[1, 2], 0]) / 2
            p.world(half, bark * (0.65 if light.sun[0] > 0 else 1.2), solid=False)
            p.paste(VEGETATION, s, light=amb, grain=0.12)
    near = max(s - 0.2 * spread, 1.2)
    corners = [(x - spread, height, near), (x + spread, height, near), (x + spread, foot, near), (x - spread, foot, near)]
    billboard(canvas, rng, sprite, corners, amb, s)


def hedge(canvas, rng, side, line, s0, s1, height, light, lit=1.0):
    """A clipped or shaggy hedge parallel to the road."""
    s0 = max(s0, 1.2)
    if s1 - s0 < 0.5:
        return
    h, w = 96, int(np.clip((s1 - s0) * 40, 32, 400))
    palette = GREENS if light.season != "autumn" or rng.random() < 0.5 else AUTUMN
    base = srgb(rng, palette[rng.integers(len(palette))], 6)
    clump = noise.patch(rng, 0.9, (h, w), 2.5, 4) * 0.28 + noise.patch(rng, 0.3, (h, w), 1.0, 2) * 0.26
    texture = np.clip(base * (0.85 + clump + np.linspace(0.35, -0.4, h)[:, None])[..., None], 0, 255).astype(np.uint8)
    ragged = noise.tile(0.9, 6)[rng.integers(512), (np.arange(w) * 2) % 512] * 5 + 8
    alpha = ((np.arange(h)[:, None] > ragged[None]) * 255).astype(np.uint8)
    x = side * line
    amb = light.ambient(x, (s0 + s1) / 2, lit) * 0.9
    canvas.quad(
        [(x, height, s0), (x, height, s1), (x, -0.05, s1), (x, -0.05, s0)], texture, VEGETATION, alpha=alpha, light=amb, depth=(s0 + s1) / 2
    )
    if s0 > 2:
        back = side * (line + rng.uniform(0.8, 2.0))
        canvas.quad([(x, height, s0), (back, height, s0), (back, -0.05, s0), (x, -0.05, s0)], texture[:, :64], VEGETATION,
                    alpha=alpha[:, :64], light=amb * 0.8, depth=s0)  # fmt: skip


def treeline(canvas, rng, light, x0, x1, s, height):
    """A wood far away, as one ragged band."""
    h, w = 128, 512
    palette = AUTUMN if light.season == "autumn" else GREENS
    base = srgb(rng, palette[rng.integers(len(palette))], 6)
    ragged = noise.tile(1.5, 8)[rng.integers(512), np.arange(w)] * 16 + 3.0 * noise.tile(0.8, 8)[rng.integers(512), np.arange(w)] + 38
    clump = noise.patch(rng, 0.8, (h, w), 1.5, 4) * 0.24
    texture = np.clip(base * (0.9 + clump + np.linspace(0.3, -0.3, h)[:, None])[..., None], 0, 255).astype(np.uint8)
    alpha = ((np.arange(h)[:, None] > ragged[None]) * 255).astype(np.uint8)
    amb = light.ambient(0, s, 0.8)
    canvas.quad([(x0, height, s), (x1, height, s), (x1, -3, s), (x0, -3, s)], texture, VEGETATION, alpha=alpha, light=amb, depth=s)
