"""One scene: plan the street, fill it with objects, paint from far to near, take the photograph."""

from typing import NamedTuple

import cv2
import numpy as np

from . import furniture, ground, photo, plants
from .buildings import across, house
from .camera import Camera
from .canvas import Canvas
from .coarse import coarse
from .light import Light
from .plan import Plan
from .traffic import traffic

SIZE = (1024, 2048)


class Scene(NamedTuple):
    """image (H, W, 3) uint8 RGB; label_ids (H, W) uint8; instance_ids (H, W) int32, Cityscapes coding; coarse_ids (H, W) uint8."""

    image: np.ndarray
    label_ids: np.ndarray
    instance_ids: np.ndarray
    coarse_ids: np.ndarray


class Items:
    """Things to paint, each with the distance that decides its turn, and the shadows they throw."""

    def __init__(self, light):
        self.light, self.list, self.shadows, self.blobs = light, [], [], []

    def add(self, key, paint):
        """paint(lit) is called in the order of falling key; lit in [0, 1] is the sun that reaches (x, s), when asked."""
        self.list.append((float(key), len(self.list), paint))

    def shadow(self, footprint, height, darkness=1.0, soft=False, lift=0.0):
        """The shadow of a prism over a footprint (N, 2) of (x, s)."""
        if not self.light.sunny:
            return
        foot = np.asarray(footprint, np.float32)
        away = -np.array([self.light.sun[0], self.light.sun[2]]) / max(self.light.sun[1], 0.15)
        points = np.concatenate([foot + away * lift, foot + away * height]).astype(np.float32)
        self.shadows.append((cv2.convexHull(points)[:, 0].astype(float), darkness, soft))

    def contact(self, footprint, darkness=0.75):
        self.blobs.append((np.asarray(footprint, float), darkness, False))


def _square(x0, x1, s0, s1):
    return [(x0, s0), (x1, s0), (x1, s1), (x0, s1)]


def _fill_plots(items, canvas, rng, plan, light, crowns):
    """Houses, walls, fences, hedges and trees behind the pavements."""
    tall = {"centre": (9, 19), "terrace": (6, 11), "suburb": (5, 8), "park": (6, 10), "industrial": (6, 10)}[plan.style]
    base = {side: rng.uniform(*tall) for side in (-1, 1)}
    for plot in plan.plots:
        side, line, s0, s1 = plot.side, plot.line, plot.s0, plot.s1
        if s1 < 1.5:
            continue
        seed = int(rng.integers(1 << 31))
        if plot.kind in ("terrace", "house", "hall"):
            height = base[side] * rng.uniform(0.85, 1.2) if rng.random() < 0.75 else rng.uniform(*tall)
            setback = 0.0 if plot.kind == "terrace" else rng.uniform(3, 8)
            margin = 0.0 if plot.kind == "terrace" else rng.uniform(1, 3)
            plot.s1 -= margin
            kind = "shop" if plot.kind == "terrace" and rng.random() < (0.65 if plan.style == "centre" else 0.15) else plot.kind
            items.shadow(_square(side * (line + setback), side * (line + setback + 10), s0, s1 - margin), height)
            items.add(s1, lambda lit, p=plot, h=height, b=setback, k=kind, r=seed: house(
                canvas, np.random.default_rng(r), p, light, height=h, setback=b, kind=k))  # fmt: skip
            if setback:
                _front_garden(items, canvas, rng, plan, light, crowns, side, line, s0, s1)
        elif plot.kind == "parking":
            continue
        else:
            _border(items, canvas, rng, light, plot.kind, side, line, s0, s1)
            if plot.kind in ("trees", "fence", "wall", "hedge"):
                _grove(items, canvas, rng, light, crowns, side, line + 1.5, s0, s1, dense=plot.kind == "trees")


def _front_garden(items, canvas, rng, plan, light, crowns, side, line, s0, s1):
    kind = str(rng.choice(["hedge", "wall", "fence", "open"], p=[0.3, 0.28, 0.22, 0.2]))
    if kind != "open":
        _border(items, canvas, rng, light, kind, side, line, s0, s1, low=True)
    if rng.random() < 0.7:
        _grove(items, canvas, rng, light, crowns, side, line + 1.0, s0, s1, dense=False, small=True)


def _border(items, canvas, rng, light, kind, side, line, s0, s1, low=False):
    """What runs along the pavement, in pieces of a few metres so that painting order holds."""
    seed = int(rng.integers(1 << 31))
    height = rng.uniform(0.6, 1.3) if low else rng.uniform(1.0, 2.6)
    for a in np.arange(max(s0, 0.0), s1, 6.0):
        b = min(a + 6.0, s1)
        x = side * (line + 0.1)
        if kind == "fence":
            items.add(
                b,
                lambda lit, a=a, b=b, x=x: furniture.fence(
                    canvas, np.random.default_rng(seed), light, side, line + 0.1, a, b, lit=lit(x, a)
                ),
            )
        elif kind == "wall":
            items.add(b, lambda lit, a=a, b=b, x=x: furniture.garden_wall(
                canvas, np.random.default_rng(seed), light, side, line + 0.1, a, b, lit=lit(x, a), height=height))  # fmt: skip
        elif kind == "hedge":
            items.add(
                b,
                lambda lit, a=a, b=b, x=x: plants.hedge(
                    canvas, np.random.default_rng(seed), side, line + 0.1, a, b, height, light, lit(x, a)
                ),
            )
    if kind != "trees":
        items.shadow(_square(side * line, side * (line + 0.4), s0, s1), height * 0.8, 0.9)


def _tree(items, canvas, rng, light, crowns, x, s, height, key=None):
    kind = "cone" if rng.random() < 0.12 else "round"
    seed = int(rng.integers(1 << 31))
    spread = height * 0.32
    for _ in range(5):  # a crown's shadow is a cluster of blobs
        dx, ds, r = rng.normal(0, spread * 0.4), rng.normal(0, spread * 0.4), spread * rng.uniform(0.25, 0.6)
        t = np.linspace(0, 2 * np.pi, 9)
        items.shadow(np.stack([x + dx + r * np.cos(t), s + ds + r * np.sin(t)], 1), height * 0.9, 0.8, True, lift=height * 0.4)
    items.shadow(_square(x - 0.15, x + 0.15, s - 0.15, s + 0.15), height * 0.5, 0.9)
    items.add(
        s if key is None else key,
        lambda lit: plants.tree(canvas, np.random.default_rng(seed), x, s, height, kind, crowns, light, lit(x, s)),
    )


def _grove(items, canvas, rng, light, crowns, side, line, s0, s1, *, dense, small=False):
    n = int((s1 - max(s0, 0)) / (3.0 if dense else 8.0)) + 1
    for _ in range(n):
        s, x = rng.uniform(max(s0, 6), max(s1, 7)), side * (line + rng.uniform(0.5, 14 if dense else 5))
        _tree(items, canvas, rng, light, crowns, x, s, rng.uniform(2, 6) if small else rng.uniform(5, 15), key=s + 7)


def _street_trees(items, canvas, rng, plan, light, crowns):
    """An avenue: trees between the kerb and the pavement."""
    chance = {"centre": 0.42, "suburb": 0.6, "terrace": 0.32, "park": 0.8, "industrial": 0.5}[plan.style]
    for side in (-1, 1):
        if rng.random() > chance:
            continue
        gap, s, size = rng.uniform(6, 14), rng.uniform(7, 16), rng.uniform(6, 15)
        while s < 150:
            if not plan.is_junction(side, s, 3.0) and rng.random() < 0.9:
                x = side * (plan.edge[side] + rng.uniform(0.6, 1.1))
                _tree(items, canvas, rng, light, crowns, x, s, size * rng.uniform(0.8, 1.2))
            s += gap * rng.uniform(0.8, 1.2)


def _backdrop(items, canvas, rng, plan, light, crowns):
    """What closes the view: the end of the street, the side streets, and a second row behind the first."""
    end = plan.end
    x = -160.0
    while x < 160:
        width = rng.uniform(9, 26)
        seed, height = int(rng.integers(1 << 31)), rng.uniform(6, 16)
        s = end + rng.uniform(0, 25)
        if rng.random() < 0.55:
            items.add(s, lambda lit, a=x, w=width, s=s, h=height, r=seed: across(canvas, np.random.default_rng(r), light, a, a + w, s, h))
        else:
            items.add(s, lambda lit, a=x, w=width, s=s, h=height, r=seed: plants.treeline(
                canvas, np.random.default_rng(r), light, a - 4, a + w + 4, s, h * 1.1))  # fmt: skip
        x += width * rng.uniform(0.75, 1.0)
    for _, s1, sides in plan.junctions:
        for side in sides:
            x0 = plan.edge[side] + plan.verge[side] + plan.walk[side]
            while x0 < 60:
                width = rng.uniform(7, 15)
                seed, height = int(rng.integers(1 << 31)), rng.uniform(5, 12)
                a, b = sorted((side * x0, side * (x0 + width)))
                if rng.random() < (0.8 if plan.style in ("centre", "terrace") else 0.4):
                    items.add(s1 + 2.2, lambda lit, a=a, b=b, s=s1 + 1.6, h=height, r=seed: across(
                        canvas, np.random.default_rng(r), light, a, b, s, h, shop=h > 8, base=-0.03))  # fmt: skip
                else:
                    _tree(items, canvas, rng, light, crowns, side * (x0 + 4), s1 + rng.uniform(3, 8), rng.uniform(5, 11))
                x0 += width
    for _ in range(rng.integers(16, 34)):
        side = rng.choice([-1, 1])
        x, s = side * rng.uniform(plan.half + 20, 60), rng.uniform(25, 150)
        _tree(items, canvas, rng, light, crowns, x, s, rng.uniform(8, 17), key=s + 14)


def draw(seed: int, *, size=SIZE) -> Scene:
    """The scene of a seed. It is always painted at 1024 x 2048; another `size` (height, width) only resizes the result."""
    rng = np.random.default_rng([20260, int(seed)])
    light, plan = Light(rng), Plan(rng)
    canvas = Canvas(SIZE, Camera(rng, SIZE, plan.ego), light)
    crowns = plants.sprites(rng, light)
    items = Items(light)
    _fill_plots(items, canvas, rng, plan, light, crowns)
    _street_trees(items, canvas, rng, plan, light, crowns)
    _backdrop(items, canvas, rng, plan, light, crowns)
    traffic(items, canvas, rng, plan, light)
    air = photo.sky(canvas, rng, light)
    _, top, sunlit = ground.draw(canvas, rng, plan, light, items.shadows, items.blobs)

    def lit(x, s):
        """Sunlight at the foot of an object, as the ground there has it."""
        u, v = np.clip(canvas.camera.project([(x, 0.0, max(s, 1.0))])[0], -1e6, 1e6).astype(int)
        return float(sunlit[v - top, u]) if 0 <= v - top < sunlit.shape[0] and 0 <= u < canvas.w else 0.7

    for _, _, paint in sorted(items.list, key=lambda item: (-item[0], item[1])):
        paint(lit)
    photo.wet_road(canvas, light, canvas.camera.horizon)
    photo.haze(canvas, light, air)
    photo.bonnet(canvas, rng, light)
    photo.glare(canvas, light)
    image = photo.develop(canvas, rng, light)
    labels, instances = canvas.labels, canvas.instances
    masks = coarse(np.random.default_rng([20261, int(seed)]), labels, instances)
    return _resized(Scene(image, labels, instances, masks), size)


def _resized(scene, size):
    h, w = size
    if scene.label_ids.shape == (h, w):
        return scene
    image = cv2.resize(scene.image, (w, h), interpolation=cv2.INTER_AREA)
    rows = ((np.arange(h) + 0.5) * SIZE[0] / h).astype(int)
    cols = ((np.arange(w) + 0.5) * SIZE[1] / w).astype(int)
    return Scene(image, *(a[np.ix_(rows, cols)] for a in scene[1:]))
