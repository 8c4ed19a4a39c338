"""Cars and vans as shaded solids: a side profile swept across the width, with glass, wheels, lamps and plates."""

import numpy as np

from .camera import place
from .canvas import Patch
from .light import srgb

CAR = 26
PAINTS = [(226, 228, 230), (200, 203, 206), (150, 154, 158), (96, 100, 106), (30, 31, 34), (20, 22, 28), (28, 44, 92), (52, 82, 132),
           (140, 22, 26),
          (176, 40, 36), (40, 72, 52), (100, 84, 66), (164, 140, 92), (92, 130, 150), (190, 160, 40), (120, 150, 110)]  # fmt: skip
PAINT_CHANCE = np.array([13, 12, 12, 10, 12, 9, 6, 5, 4, 5, 3, 4, 3, 2, 1, 1.0])
# Stations of the roof line: (along / length, up / height, half width / half of the width). From the rear to the front.
SHAPES = {
    "hatch": (4.0, 1.47, 1.74, [(-0.49, 0.17, 0.88), (-0.50, 0.40, 0.96), (-0.485, 0.62, 0.95), (-0.40, 0.96, 0.74), (-0.30, 1.0, 0.76),
                               (0.06, 0.99, 0.76), (0.26, 0.66, 0.92), (0.45, 0.53, 0.88), (0.50, 0.38, 0.86), (0.485, 0.14, 0.82)], 3, 5),
    "sedan": (4.6, 1.44, 1.80, [(-0.49, 0.17, 0.88), (-0.50, 0.42, 0.95), (-0.49, 0.64, 0.93), (-0.36, 0.67, 0.90), (-0.22, 0.97, 0.73),
                               (0.04, 1.0, 0.75), (0.21, 0.67, 0.91), (0.44, 0.53, 0.88), (0.50, 0.38, 0.86), (0.485, 0.14, 0.82)], 4, 5),
    "estate": (4.6, 1.5, 1.80, [(-0.49, 0.17, 0.88), (-0.50, 0.40, 0.96), (-0.49, 0.62, 0.95), (-0.44, 0.95, 0.76), (-0.36, 1.0, 0.77),
                               (0.06, 1.0, 0.76), (0.24, 0.66, 0.92), (0.45, 0.54, 0.88), (0.50, 0.38, 0.86), (0.485, 0.14, 0.82)], 3, 5),
    "suv": (4.5, 1.72, 1.88, [(-0.49, 0.22, 0.90), (-0.50, 0.42, 0.97), (-0.49, 0.60, 0.96), (-0.45, 0.95, 0.80), (-0.36, 1.0, 0.80),
                             (0.08, 0.99, 0.79), (0.22, 0.66, 0.94), (0.46, 0.58, 0.92), (0.50, 0.42, 0.90), (0.485, 0.20, 0.86)], 3, 5),
    "van": (4.9, 2.05, 1.92, [(-0.49, 0.16, 0.92), (-0.50, 0.32, 0.98), (-0.50, 0.52, 0.98), (-0.495, 0.92, 0.90), (-0.46, 1.0, 0.88),
                             (0.20, 1.0, 0.86), (0.36, 0.58, 0.94), (0.47, 0.46, 0.92), (0.50, 0.32, 0.90), (0.485, 0.12, 0.86)], 3, 5),
}  # fmt: skip
KINDS, KIND_CHANCE = list(SHAPES), np.array([0.38, 0.22, 0.16, 0.13, 0.11])


class Solid:
    """Helper that paints the faces of one vehicle which look towards the camera."""

    def __init__(self, canvas, light, x, s, yaw, corners, base):
        self.camera, self.light = canvas.camera, light
        self.x, self.s, self.yaw = x, s, yaw
        world = place(corners, x, s, yaw)
        self.visible = world[:, 2].min() > 0.95
        if not self.visible:
            return
        self.patch = Patch(canvas, self.camera.project(world), base)
        self.visible = self.patch.box is not None
        self.reference = max(1e-3, float(light.ambient(x, s).mean() + 0.35 * light.sky_rgb.mean()))
        cx = camera_x(self.camera, s) - x
        self.middle = corners.mean(0)
        ex, es = cx, -s  # the camera as seen from the vehicle, turned into its own frame
        self.eye = np.array([ex * np.sin(yaw) + es * np.cos(yaw), ex * np.cos(yaw) - es * np.sin(yaw), self.camera.height])

    def shade(self, normal, shine=0.0):
        """Brightness relative to an ordinary upright surface, for a normal in the vehicle's frame."""
        n = place([normal], 0, 0, self.yaw)[0]
        n = n / max(1e-6, np.linalg.norm(n))
        value = self.light.shade(n).mean() / self.reference
        return float(np.clip(0.3 + 0.7 * value + shine * max(0.0, n[1]) * 0.4, 0.4, 1.6))

    def face(self, points, color, shine=0.0, solid=True, lift=1.0):
        """Paint a planar face (N, 3) unless it looks away from the camera; outside is where the vehicle's middle is not."""
        p = np.asarray(points, float)
        q = np.roll(p, -1, 0)
        normal = np.cross(p, q).sum(0)  # Newell's method: right for outlines with nearly straight corners too
        if normal @ (p.mean(0) - self.middle) < 0:
            normal = -normal
        if normal @ (self.eye - p[0]) <= 0:
            return False
        self.patch.world(place(p, self.x, self.s, self.yaw), np.asarray(color) * (self.shade(normal, shine) * lift), solid)
        return True


def camera_x(camera, s):
    """Where the camera stands across the road, in the bent coordinates that hold at distance s."""
    return camera.x - camera.curve(s)


def disc(l, w, up, r, n=18):
    """A circle in the vehicle's side plane."""
    t = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([l + r * np.cos(t), np.full(n, w), up + r * np.sin(t)], 1)


def wheel(solid, l, side, half, r, rim):
    """A tyre with its rim on the side that the camera sees, and the dark of its arch."""
    if side * solid.eye[1] < half:
        return
    to = lambda pts: place(pts, solid.x, solid.s, solid.yaw)  # noqa: E731
    solid.patch.world(to(disc(l, side * half, r * 1.02, r * 1.16)), (14, 14, 15), solid=False)
    solid.patch.world(to(disc(l, side * half, r, r)), (26, 26, 27))
    solid.patch.world(to(disc(l, side * half * 1.005, r, r * 0.64)), rim)
    for k in range(5):
        a = 2 * np.pi * k / 5 + l
        spoke = [(l, side * half, r), (l + 0.58 * r * np.cos(a - 0.22), side * half, r + 0.58 * r * np.sin(a - 0.22)),
                 (l + 0.58 * r * np.cos(a + 0.22), side * half, r + 0.58 * r * np.sin(a + 0.22))]  # fmt: skip
        solid.patch.world(to(spoke), np.asarray(rim) * 0.45, solid=False)
    solid.patch.world(to(disc(l, side * half * 1.005, r, r * 0.14, 8)), np.asarray(rim) * 0.8, solid=False)


def outline(length, width, height):
    """The eight corners of the bounding box, in the vehicle's frame."""
    return np.array([(a * length / 2, b * width / 2, c * height) for a in (-1, 1) for b in (-1, 1) for c in (0, 1)])


def car(canvas, rng, light, x, s, yaw, *, lit=1.0, braking=None, kind=None):
    """Draw one car whose middle stands at (x, s), heading `yaw` radians (0 = away from us). -> whether it was visible."""
    kind = kind or str(rng.choice(KINDS, p=KIND_CHANCE))
    length, height, width, stations, back, screen = SHAPES[kind]
    length, height, width = length * rng.uniform(0.92, 1.07), height * rng.uniform(0.96, 1.05), width * rng.uniform(0.96, 1.04)
    paint = srgb(rng, PAINTS[rng.choice(len(PAINTS), p=PAINT_CHANCE / PAINT_CHANCE.sum())], 6)
    if kind == "van" and rng.random() < 0.5:
        paint = srgb(rng, (225, 226, 226), 4)
    body = Solid(canvas, light, x, s, yaw, outline(length * 1.02, width * 1.05, height), paint)
    if not body.visible:
        return False
    half = width / 2
    rows = [(l * length, h * height, w * half) for l, h, w in stations]
    belt = rows[screen + 1][1]
    glass = np.array([44, 52, 58.0]) * rng.uniform(0.6, 1.3)
    for i, ((l0, h0, w0), (l1, h1, w1)) in enumerate(zip(rows[:-1], rows[1:])):
        quad = [(l0, -w0, h0), (l0, w0, h0), (l1, w1, h1), (l1, -w1, h1)][::-1]
        low = i in (0, len(rows) - 2)
        body.face(quad, paint * (0.62 if low and kind != "sedan" else 1.0), shine=0.6)
    for side in (-1, 1):

        def ring(points, w_of, side=side):
            ring3 = [(l, side * w_of(h), h) for l, h in points]
            return ring3[::-1] if side > 0 else ring3

        lower = [(l, h) for l, h, _ in rows if h <= belt + 0.02]
        wide = lambda h: half * (0.93 + 0.05 * np.clip(h / belt, 0, 1))  # noqa: E731
        body.face(ring(lower, wide), paint, lift=1.0)
        clip = [(l, min(h, 0.36 * height)) for l, h in lower]
        body.face(ring(clip, wide), paint, solid=False, lift=0.82)
        sill = [(l, min(h, 0.22 * height)) for l, h in lower]
        body.face(ring(sill, wide), paint, solid=False, lift=0.5)
        upper = [(l, h) for l, h, _ in rows[back - 1 : screen + 2] if h >= belt - 0.06 * height]
        lean = lambda h: half * (0.95 - 0.19 * np.clip((h - belt) / (height - belt), 0, 1))  # noqa: E731
        body.face(ring(upper, lean), paint, lift=0.92)
    body.patch.smooth(body.patch.color.shape[1] * 0.010)
    _details(body, rng, light, rows, back, screen, belt, half, height, length, width, paint, glass, kind, braking)
    amb = light.ambient(x, s, lit) * (0.9 if light.sunny else 1.0)
    instance = canvas.instance(CAR)
    body.patch.paste(CAR, s, instance=instance, light=amb, grain=0.03)
    if light.night:
        _night_lamps(canvas, body, rows, half, rng)
    return True


def _details(body, rng, light, rows, back, screen, belt, half, height, length, width, paint, glass, kind, braking):
    """Glass, wheels, lamps, grille, plates and door lines."""
    sky = np.array([150, 162, 172.0]) * (0.25 if light.night else rng.uniform(0.6, 1.0))
    _screen(body, rows, screen, glass * 0.8 + sky * 0.25, glass, sky, 0.55)
    if not (kind == "van" and rng.random() < 0.5):
        i = back if kind == "sedan" else back - 1
        _screen(body, rows, i, glass * 0.7 + sky * 0.12, glass, sky, 0.5)
    for side in (-1, 1):
        _side_windows(body, rows, back, screen, belt, half, height, side, glass, kind == "van")
        for l in (-0.04 * length, 0.2 * length):  # the doors' joints
            x = half * side
            joint = [(l, x * 0.98, 0.24 * height), (l + 0.02, x * 0.98, 0.24 * height), (l + 0.02, x * 0.96, belt), (l, x * 0.96, belt)]
            body.face(joint[::-side], paint * 0.45, solid=False)
    r = 0.31 * (1.15 if kind in ("suv", "van") else 1.0)
    rim = np.array([150, 152, 156.0]) * rng.uniform(0.5, 1.2)
    for l in (-0.31 * length, 0.32 * length):
        for side in (-1, 1):
            wheel(body, l, side, half * 0.965, r, rim)
    braking = braking if braking is not None else rng.random() < 0.4
    plate = (232, 232, 226) if rng.random() < 0.6 else (226, 196, 60)
    _ends(body, length * 0.502, half, height, np.array([215, 30, 28.0]) if braking else np.array([130, 22, 24.0]), plate)


def _screen(body, rows, i, color, glass, sky, middle):
    """The windscreen or the rear window: stations i to i + 1, with the sky's reflection in its upper part."""
    (l0, h0, w0), (l1, h1, w1) = rows[i], rows[i + 1]

    def mix(t):
        return l0 + (l1 - l0) * t, (w0 + (w1 - w0) * t) * 0.90, h0 + (h1 - h0) * t

    (la, wa, ha), (lb, wb, hb), (lc, wc, hc) = mix(0.08), mix(0.94), mix(middle)
    body.face([(la, -wa, ha), (la, wa, ha), (lb, wb, hb), (lb, -wb, hb)][::-1], color, solid=False)
    body.face([(lc, -wc, hc), (lc, wc * 0.2, hc), (lb, wb * 0.5, hb), (lb, -wb, hb)][::-1], color * 0.5 + sky * 0.4, solid=False)


def _side_windows(body, rows, back, screen, belt, half, height, side, glass, van):
    """Panes between the posts of one side, lighter below than above."""
    roof_rear, roof_front, l_rear, l_front = rows[back][0], rows[screen][0], rows[back - 1][0], rows[screen + 1][0]
    low, top, edge_low, edge_top = belt + 0.02, height * 0.94, half * 0.955 * side, half * 0.79 * side
    for a, b in [(0.68, 0.98)] if van else [(0.0, 0.5), (0.5, 1.0)]:
        t0, t1 = a + 0.06, b - 0.03
        bottom, roof = l_front - l_rear - 0.3, roof_front - roof_rear
        pane = np.array([
            (l_rear + 0.16 + bottom * t0, edge_low, low), (l_rear + 0.16 + bottom * t1, edge_low, low),
            (roof_rear + 0.05 + roof * t1, edge_top, top), (roof_rear + 0.05 + roof * t0, edge_top, top),
        ])  # fmt: skip
        body.face(pane[::-side], glass, solid=False)
        lower = np.array([pane[0], pane[1], (pane[1] + pane[2]) / 2, (pane[0] + pane[3]) / 2])
        body.face(lower if side < 0 else lower[[1, 0, 3, 2]], glass * 0.7 + 18, solid=False)


def _ends(body, end, half, height, red, plate):
    """Lamps, grille, plates and bumpers on the front (at `end` metres) and the rear (at -end)."""

    def panel(l, a, b, low, high, color):
        body.face([(l, a, low * height), (l, b, low * height), (l, b, high * height), (l, a, high * height)], color, solid=False)

    for side in (-1, 1):
        a, b = sorted((side * half * 0.50, side * half * 0.86))
        lamp = [(end, a, 0.40 * height), (end, b, 0.40 * height), (end - 0.1, b, 0.50 * height), (end - 0.06, a, 0.48 * height)]
        body.face(lamp, (235, 236, 230), solid=False)
        a, b = sorted((side * half * 0.66, side * half * 0.94))
        panel(-end, b, a, 0.44, 0.58, red)
    panel(end, -half * 0.45, half * 0.45, 0.30, 0.42, (24, 24, 26))
    panel(end, -0.26, 0.26, 0.21, 0.29, (230, 230, 226))
    panel(-end, 0.26, -0.26, 0.36, 0.44, plate)
    panel(end, -half * 0.85, half * 0.85, 0.13, 0.19, (34, 34, 36))
    panel(-end, half * 0.85, -half * 0.85, 0.14, 0.24, (34, 34, 36))


def _night_lamps(canvas, body, rows, half, rng):
    """Head and tail lamps that shine at night."""
    front = abs(body.eye[0]) > 2 and body.eye[0] > 0
    end, color, size = (rows[-2][0], (3.0, 2.7, 2.2), 0.16) if front else (rows[0][0], (1.2, 0.06, 0.04), 0.10)
    height = 0.62 if front else 0.75
    for side in (-0.72, 0.72):
        point = place([(end, side * half, height)], body.x, body.s, body.yaw)
        u, v = canvas.camera.project(point)[0]
        canvas.lamps.append((u, v, size * canvas.camera.f / max(body.s, 2), np.array(color) * rng.uniform(0.5, 1.1), body.s))
