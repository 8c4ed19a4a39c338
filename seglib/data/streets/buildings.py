"""Houses along the street and across its end: fronts, gables, roofs, chimneys, and the shadow on a front."""

import cv2
import numpy as np

from . import noise
from .facades import facade, wall, wall_color
from .light import srgb

BUILDING = 11
ROOFS = [(120, 66, 52), (96, 60, 52), (84, 84, 90), (62, 62, 66), (130, 116, 104), (140, 80, 60)]


def density(canvas, s, limit=44.0):
    """Pixels per metre for a texture whose nearest point is at distance s, power-of-two steps apart."""
    return float(np.clip(canvas.camera.f / max(s, 2.0), 5.0, limit))


def front_light(rng, light, normal, shape, height, gap):
    """Light (h, w, 3) float32 on an upright front: sun above the shadow line of what stands opposite, sky everywhere."""
    h, w = shape
    out = np.empty((h, w, 3), np.float32)
    out[:] = light.shade(normal, 0.0)
    facing = float(np.dot(normal, light.sun))
    if light.sunny and facing > 0.05:
        # the shadow line follows the roofs of the other side of the street
        drop = gap * light.sun[1] / max(1e-3, abs(light.sun[0]))
        steps = np.repeat(rng.uniform(3, 14, 6), w // 6 + 1)[:w]
        line = h - (steps - drop) * h / height
        sunlit = (np.arange(h)[:, None] < line[None]).astype(np.float32)
        sunlit = cv2.GaussianBlur(sunlit, (0, 0), max(0.6, h / 200))
        out += sunlit[..., None] * (light.sun_rgb * facing).astype(np.float32)
    if light.night:
        glow = np.linspace(0.1, 1.0, h)[:, None, None] ** 2 * rng.uniform(0.05, 0.5)
        out += (glow * light.lamp_rgb).astype(np.float32)
    # ground floors see less of the sky
    out *= np.linspace(1.0, 0.78, h)[:, None, None].astype(np.float32)
    return out


def quad_light(light, normal):
    """A single light (3,) for a roof or a gable."""
    return light.shade(np.asarray(normal) / np.linalg.norm(normal), 1.0)


def house(canvas, rng, plot, light, *, height, setback=0.0, depth=10.0, kind="house"):
    """One building on a plot. Its front stands `setback` metres behind the plot's line, parallel to the road."""
    near = 1.05
    s0, s1 = max(plot.s0, near), plot.s1
    if s1 - s0 < 0.6:
        return
    x = plot.side * (plot.line + setback)
    ppm = density(canvas, max(s0, abs(x) * 0.8))
    shop = kind == "shop"
    image, emission = facade(rng, plot.s1 - plot.s0, height, ppm, shop=shop, night=light.night, kind=kind)
    # cut the part that lies behind the camera
    skip = int((s0 - plot.s0) * ppm)
    image, emission = image[:, skip:], emission[:, skip:]
    if image.shape[1] < 4:
        return
    normal = np.array([-plot.side, 0.0, 0.0])
    lit = front_light(rng, light, normal, image.shape[:2], height, 16.0)
    gable = quad_light(light, (0, 0, -1))
    texture = wall(rng, (64, 64), 8, "brick" if rng.random() < 0.5 else "plaster", wall_color(rng, "brick"))
    if rng.random() < 0.6:
        texture = noise.tint(np.broadcast_to(image.reshape(-1, 3).mean(0), (64, 64, 3)), noise.patch(rng, 0.8, (64, 64)), 0.06)
    back = plot.side * (plot.line + setback + depth)
    pitched = kind != "hall" and height < 13 and rng.random() < 0.75
    rise = rng.uniform(2.2, 4.2) if pitched else 0.0
    base = -0.03
    if plot.s0 > near:
        canvas.quad([(x, height, s0), (back, height, s0), (back, base, s0), (x, base, s0)], texture, BUILDING, light=gable, depth=s0)
    if pitched:
        ridge, tiles = (x + back) / 2, _tiles(rng, light)
        eave = x - plot.side * 0.4
        slope = np.array([-plot.side * rise, depth / 2, 0.0])
        if plot.s0 > near:
            canvas.quad([(ridge, height + rise, s0), (ridge, height + rise, s0), (back, height, s0), (x, height, s0)], texture,
                        BUILDING, light=gable, depth=s0)  # fmt: skip
        canvas.quad([(ridge, height + rise, s0), (ridge, height + rise, s1), (eave, height - 0.1, s1), (eave, height - 0.1, s0)],
                    tiles, BUILDING, light=quad_light(light, slope), depth=s0 + 1)  # fmt: skip
        for _ in range(rng.integers(0, 3)):
            _chimney(canvas, rng, light, ridge, rng.uniform(s0, s1), height + rise - 0.7)
    corners = [(x, height, s0), (x, height, s1), (x, base, s1), (x, base, s0)]
    canvas.quad(corners, image, BUILDING, light=lit, emission=emission if light.night else None, depth=(s0 + s1) / 2)


def _tiles(rng, light):
    color = srgb(rng, ROOFS[rng.integers(len(ROOFS))], 8)
    texture = np.empty((96, 128, 3), np.uint8)
    texture[:] = np.clip(color, 0, 255)
    texture[::6] = np.clip(color * 0.75, 0, 255)
    texture = noise.tint(texture, noise.patch(rng, 0.6, (96, 128)), 0.09)
    if light.snow > 0.2:
        texture[noise.patch(rng, 1.0, (96, 128)) < light.snow * 2] = (225, 228, 232)
    return texture


def _chimney(canvas, rng, light, x, s, y):
    if s < 4:
        return
    w, h = rng.uniform(0.4, 0.9), rng.uniform(1.2, 2.4)
    texture = wall(rng, (24, 16), 12, "brick", srgb(rng, (140, 90, 70)))
    canvas.quad(
        [(x - w, y + h, s), (x + w, y + h, s), (x + w, y, s), (x - w, y, s)], texture, BUILDING, light=quad_light(light, (0, 0, -1))
    )


def across(canvas, rng, light, x0, x1, s, height, *, shop=False, base=-1.5):
    """A house that faces the camera: at the end of the street or of the view."""
    ppm = density(canvas, s)
    image, emission = facade(rng, x1 - x0, height, ppm, shop=shop, night=light.night)
    lit = front_light(rng, light, np.array([0.0, 0.0, -1.0]), image.shape[:2], height, 30.0)
    rise = rng.uniform(2, 5) if rng.random() < 0.6 else 0.0
    if rise:
        inset = rng.uniform(0.3, 0.5) * (x1 - x0) if rng.random() < 0.5 else 0.5
        tiles = _tiles(rng, light)
        canvas.quad([(x0 + inset, height + rise, s + 4), (x1 - inset, height + rise, s + 4), (x1, height, s), (x0, height, s)], tiles,
                    BUILDING, light=quad_light(light, (0, 1, -0.7)), depth=s)  # fmt: skip
    corners = [(x0, height, s), (x1, height, s), (x1, base, s), (x0, base, s)]
    canvas.quad(corners, image, BUILDING, light=lit, emission=emission if light.night else None, depth=s)
