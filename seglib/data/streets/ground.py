"""Road, pavements and verges: materials, lane markings, damage, water, snow and the shadows that fall on them."""

import cv2
import numpy as np

from . import noise
from .canvas import SHIFT, TO_LINEAR, fixed
from .light import srgb
from .plan import GRASS, KERB, PARKING, RAILS, ROAD, WALK

LABEL = np.array([7, 8, 22, 9, 6, 10, 8], np.uint8)  # zone -> label id
STEP = 0.25


def zones(plan, x, s):
    """World coordinates (h, W) -> zone (h, W) uint8."""
    out = np.full(x.shape, ROAD, np.uint8)
    index = np.clip((s / STEP).astype(np.int32), 0, 1759)
    for side, (line, yard, cross) in plan.tables(STEP).items():
        d = x * side
        edge, verge = plan.edge[side], plan.verge[side]
        beyond = d > edge
        # corners of side streets are rounded: the gap widens towards the kerb
        near = np.zeros(x.shape, bool)
        for s0, s1, sides in plan.junctions:
            if side in sides:
                flare = 4.0 * np.exp(-np.clip(d - edge, 0, 50) / 1.6)
                near |= (s > s0 - flare) & (s < s1 + flare)
        walkway = beyond & ~near
        out[walkway] = WALK
        out[walkway & (d < edge + 0.16)] = KERB
        if verge:
            out[walkway & (d > edge + 0.3) & (d < edge + 0.3 + verge)] = GRASS
        off = walkway & (d > line[index])
        out[off] = yard[index][off]
        far = beyond & near & (d > line[index]) & ~cross[index]
        out[far] = WALK
        if plan.parking[side] and plan.parking_void:
            out[(d > edge - plan.parking[side]) & ~beyond & ~near] = PARKING
    if plan.rails_own:
        out[(np.abs(x) < 2.6) & (out == ROAD)] = RAILS
    return out


def materials(rng, plan, light):
    """Per zone: albedo (7, 3) sRGB and the strength (7, 3) of fine, middle and coarse noise."""
    grey = rng.uniform(62, 125)
    road = np.array([grey, grey, grey]) + rng.normal(0, 1.5, 3) + np.array([3, 1, -2]) * rng.normal()
    slabs = [(135, 130, 122), (118, 112, 106), (150, 140, 128), (128, 92, 80), (98, 98, 100), (160, 156, 150)]
    walk = srgb(rng, slabs[rng.integers(len(slabs))], 6)
    grass = {"summer": (88, 112, 52), "spring": (86, 124, 50), "autumn": (118, 108, 62), "winter": (104, 100, 70)}[light.season]
    grass = srgb(rng, grass if rng.random() < 0.8 else (120, 100, 76), 10)
    albedo = np.array([road, walk, grass, road * 0.94, srgb(rng, (122, 110, 96)), road * 1.02, walk * 1.12 + 6])
    strength = np.array([[0.10, 0.05, 0.09], [0.07, 0.06, 0.07], [0.30, 0.20, 0.14], [0.09, 0.06, 0.10], [0.16, 0.10, 0.12],
                         [0.12, 0.08, 0.08], [0.06, 0.10, 0.05]])  # fmt: skip
    return albedo, strength * rng.uniform(0.7, 1.3)


def paint(canvas, rng, plan):
    """-> mask (H, W) uint8 of road paint and colour (3,)."""
    mask = np.zeros((canvas.h, canvas.w), np.uint8)

    def decal(polygon, value=255):
        points = canvas.camera.on_ground(polygon)
        if points is not None:
            cv2.fillPoly(mask, [fixed(points)], int(value), cv2.LINE_AA, SHIFT)

    def stripe(x, s0, s1, width):
        decal([(x - width / 2, s0), (x + width / 2, s0), (x + width / 2, s1), (x - width / 2, s1)])

    dash, gap = rng.uniform(1.5, 4.5), rng.uniform(2, 7)
    width = rng.uniform(0.09, 0.17)
    if rng.random() < 0.85:
        for i in range(1, len(plan.lanes)):
            x = plan.lanes[i] - plan.lane_width / 2
            solid = len(plan.lanes) == 4 and i == 2 and rng.random() < 0.6
            s = rng.uniform(-6, 0)
            while s < 120:
                end = s + (8 if solid else dash)
                if not any(s0 - 2 < s < s1 + 2 for s0, s1, _ in plan.junctions):
                    stripe(x, s, end, width)
                s = end + (0 if solid else gap)
    for side in (-1, 1):
        kind = rng.choice(["none", "single", "double"], p=[0.5, 0.25, 0.25])
        for offset in {"none": (), "single": (0.3,), "double": (0.25, 0.45)}[str(kind)]:
            x = side * (plan.edge[side] - plan.parking[side] - offset)
            for a, b in zip([-2] + [j[1] + 3 for j in plan.junctions], [j[0] - 3 for j in plan.junctions] + [140]):
                stripe(x, a, b, 0.1)
    for s0, _, _ in plan.junctions:
        if rng.random() < 0.5:  # a pedestrian crossing before the side street
            a = s0 - rng.uniform(5, 8)
            x = -plan.half
            while x < plan.half - 0.4:
                decal([(x, a), (x + 0.5, a), (x + 0.5, a + 3), (x, a + 3)])
                x += 1.0
        elif rng.random() < 0.6:
            decal([(-plan.half, s0 - 3.4), (plan.half, s0 - 3.4), (plan.half, s0 - 3.0), (-plan.half, s0 - 3.0)])
    for x in plan.lanes:  # arrows and letters on the lanes
        if rng.random() < 0.3:
            s = rng.uniform(6, 40)
            decal([(x - 0.08, s), (x + 0.08, s), (x + 0.08, s + 2.4), (x - 0.08, s + 2.4)])
            decal([(x - 0.4, s + 2.2), (x + 0.4, s + 2.2), (x, s + 4)])
        if rng.random() < 0.15:
            s = rng.uniform(6, 30)
            for k in range(4):
                stripe(x - 0.9 + 0.55 * k, s, s + 1.6, 0.14)
                decal([(x - 0.9 + 0.55 * k, s), (x - 0.55 + 0.55 * k, s), (x - 0.55 + 0.55 * k, s + 0.3), (x - 0.9 + 0.55 * k, s + 0.3)])
    color = np.array([205, 203, 196.0]) if rng.random() < 0.8 else np.array([212, 176, 70.0])
    return mask, color


def damage(canvas, rng, plan):
    """Patches, tyre tracks, seams, manholes and cracks: a factor (H, W) float32 on the albedo."""
    mask = np.full((canvas.h, canvas.w), 128, np.uint8)

    def decal(polygon, value):
        points = canvas.camera.on_ground(polygon)
        if points is not None:
            cv2.fillPoly(mask, [fixed(points)], int(np.clip(value, 0, 255)), cv2.LINE_AA, SHIFT)

    for lane in plan.lanes:
        tone = rng.normal(128, 6)
        decal([(lane - 1.5, -2), (lane + 1.5, -2), (lane + 1.5, 200), (lane - 1.5, 200)], tone)
        for track in (-0.75, 0.75):
            value = tone - rng.uniform(-4, 10)
            decal([(lane + track - 0.3, -2), (lane + track + 0.3, -2), (lane + track + 0.3, 200), (lane + track - 0.3, 200)], value)
    for _ in range(rng.integers(0, 10)):
        x, s, w, l = rng.uniform(-plan.half, plan.half), rng.uniform(2, 60), rng.uniform(0.4, 2.5), rng.uniform(0.8, 14)
        decal([(x, s), (x + w, s), (x + w, s + l), (x, s + l)], rng.choice([100, 108, 116, 142]))
    mask = cv2.GaussianBlur(mask, (0, 0), 1.2)
    for _ in range(rng.integers(0, 6)):  # manholes
        x, s, r = rng.uniform(-plan.half, plan.half), rng.uniform(3, 40), 0.33
        t = np.linspace(0, 2 * np.pi, 20)
        decal(np.stack([x + r * np.cos(t), s + r * np.sin(t)], 1), rng.choice([70, 90, 150]))
    for _ in range(rng.integers(0, 14)):  # cracks
        x, s = rng.uniform(-plan.half, plan.half), rng.uniform(2, 30)
        steps = np.cumsum(rng.normal(0, [0.12, 0.3], (12, 2)) + [0.0, rng.choice([-0.1, 0.15])], 0) + [x, max(s, 3)]
        steps[:, 1] = np.maximum(steps[:, 1], 1.5)
        points = canvas.camera.project(np.stack([steps[:, 0], np.zeros(12), steps[:, 1]], 1))
        cv2.polylines(mask, [fixed(points)], False, 78, 1, cv2.LINE_AA, SHIFT)
    return mask * np.float32(1 / 128)


def shadow_mask(canvas, shadows):
    """Polygons on the ground [(points (N, 2) of (x, s), darkness, soft)] -> (H, W) float32, 1 = in full shadow."""
    mask = np.zeros((canvas.h, canvas.w), np.uint8)
    for soft in (True, False):
        for polygon, darkness, is_soft in shadows:
            if is_soft == soft:
                points = canvas.camera.on_ground(polygon)
                if points is not None:
                    cv2.fillPoly(mask, [fixed(points)], int(255 * darkness), cv2.LINE_AA, SHIFT)
        if soft:
            mask = cv2.GaussianBlur(mask, (0, 0), 4)
    return cv2.GaussianBlur(mask, (0, 0), 1.5) * np.float32(1 / 255)


def draw(canvas, rng, plan, light, shadows, blobs):
    """Paint the ground. shadows: of the sun; blobs: soft contact shadows under objects, in any light."""
    top, x, s = canvas.camera.ground()
    zone = zones(plan, x, s)
    albedo, strength = materials(rng, plan, light)
    foot = s * s / (canvas.camera.f * canvas.camera.height)  # metres of road that one pixel covers
    seed = int(rng.integers(0, 3))
    foot = foot.astype(np.float32)
    n = np.zeros((*x.shape, 3), np.float32)
    for k, (beta, texels) in enumerate(((0.35, 90.0), (0.9, 22.0), (1.1, 3.2))):
        fade = 1 / (1 + (foot * texels / 3) ** 2)
        n[..., k] = noise.sample(beta, x * texels + 37 * k, s * texels, seed) * fade
    texture = 1 + (n * strength.astype(np.float32)[zone]).sum(2)
    if rng.random() < 0.7:  # paving slabs, or cobbles
        a, b = (0.14, 0.12) if rng.random() < 0.3 else (rng.uniform(0.35, 0.7), rng.uniform(0.35, 0.9))
        lines = (np.mod(x, a) < 0.018) | (np.mod(s + (np.floor(x / a) % 2) * b / 2, b) < 0.02)
        texture -= 0.22 * lines * ((zone == WALK) | ((zone == ROAD) & plan.cobbles)) / (1 + (foot / 0.02) ** 2)
        rows = noise.sample(0.0, np.floor(x / a) * 3.0, np.floor(s / b) * 7.0)
        texture += 0.06 * rows * ((zone == WALK) | ((zone == ROAD) & plan.cobbles)) / (1 + (foot / b) ** 2)
    color = TO_LINEAR[np.clip(albedo, 0, 255).astype(np.uint8)][zone]
    mask, paint_color = paint(canvas, rng, plan)
    wear = np.clip(rng.uniform(0.5, 0.95) + 0.3 * n[..., 1] + 0.2 * n[..., 0], 0.1, 1)
    amount = mask[top:] * np.float32(1 / 255) * wear * ((zone == ROAD) | (zone == PARKING))
    color *= (damage(canvas, rng, plan)[top:] ** 1.6)[..., None]
    color += (TO_LINEAR[paint_color.astype(np.uint8)] - color) * amount[..., None]
    if plan.tram:
        rails = sum(np.exp(-(((np.abs(x) - c) / np.maximum(0.05, foot * 0.2)) ** 2)) for c in (0.75, 2.2))
        color *= (1 - 0.45 * np.clip(rails, 0, 1) * (s < 120))[..., None]
    grass = zone == GRASS
    color[grass] *= (1 + np.array([0.25, 0.05, -0.15], np.float32) * n[..., 2][grass][:, None]).clip(0.3, 2)
    if light.season == "autumn":  # fallen leaves
        leaves = (noise.sample(0.5, x * 30, s * 30, 5) + 0.8 * n[..., 2] > 1.9) & (zone != ROAD)
        color[leaves] = np.array([0.22, 0.12, 0.03], np.float32)
    color *= texture.clip(0.3, 2).astype(np.float32)[..., None]
    if light.snow:
        cover = noise.sample(1.1, x * 3.2 + 80, s * 3.2, 2) * 0.5 + noise.sample(0.9, x * 22, s * 22, 2) * 0.25
        limit = np.where((zone == ROAD) | (zone == PARKING), 1.7, np.where(grass, -0.5, 0.7)) - light.snow
        color[cover > limit] = np.array([0.74, 0.76, 0.8], np.float32)
    if light.wet:
        color *= np.where((zone == ROAD) | (zone == WALK), 1 - 0.4 * light.wet, 1.0).astype(np.float32)[..., None]
    lit = 1 - shadow_mask(canvas, shadows)[top:]
    contact = 1 - shadow_mask(canvas, blobs)[top:]
    fall = light.sun_rgb * light.sun[1]
    received = (light.sky_rgb.astype(np.float32) * (0.35 + 0.65 * contact)[..., None]
                + fall.astype(np.float32) * (lit * contact)[..., None])  # fmt: skip
    if light.night:
        received = received + light.lamps_at(x, s)
    canvas.image[top:] = color * received
    canvas.labels[top:] = LABEL[zone]
    canvas.instances[top:] = LABEL[zone]
    canvas.depth[top:] = s
    return zone, top, lit
