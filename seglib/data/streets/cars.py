"""Cars and vans as shaded solids: a side profile swept across the width, with glass, wheels, lamps and plates."""

import numpy as np

from .camera import place
from .canvas import Patch
from .light import srgb

CAR = 26
PAINTS = [(226, 228, 230), (200, 203, 206), (150, 154, 158), (96, 100, 106), (30, 31, 34), (20, 22, 28), (28, 44, 92), (52, 82, 132), (140, 22, 26),
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
        body.face(ring([p for p in lower], wide), paint, lift=1.0)
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
    """Glass, wheels, lamps, grille, plate and door lines."""
    sky = np.array([150, 162, 172.0]) * (0.25 if light.night else rng.uniform(0.6, 1.0))

    def window(i, color):
        (l0, h0, w0), (l1, h1, w1) = rows[i], rows[i + 1]
        a, b = 0.08, 0.94
        def mix(t):
            return l0 + (l1 - l0) * t, (w0 + (w1 - w0) * t) * 0.90, h0 + (h1 - h0) * t
        (la, wa, ha), (lb, wb, hb) = mix(a), mix(b)
        body.face([(la, -wa, ha), (la, wa, ha), (lb, wb, hb), (lb, -wb, hb)][::-1], color, solid=False)
        (lc, wc, hc) = mix(0.55 if i == screen else 0.5)
        body.face([(lc, -wc, hc), (lc, wc * 0.2, hc), (lb, wb * 0.5, hb), (lb, -wb, hb)][::-1], color * 0.5 + sky * 0.4, solid=False)

    window(screen, glass * 0.8 + sky * 0.25)
    if not (kind == "van" and rng.random() < 0.5):
        window(back if kind == "sedan" else back - 1, glass * 0.7 + sky * 0.12)
    roof_rear, roof_front = rows[back][0], rows[screen][0]
    l_rear, l_front = rows[back - 1][0], rows[screen + 1][0]
    top, low = height * 0.94, belt + 0.02
    for side in (-1, 1):
        edge_low, edge_top = half * 0.955 * side, half * 0.79 * side
        posts = np.linspace(0, 1, 3 if kind != "van" else 2)
        for a, b in zip(posts[:-1], posts[1:]):
            if kind == "van":
                a, b = 0.68, 0.98
            t0, t1 = a + 0.06, b - 0.03
            q = [(l_rear + 0.16 + (l_front - l_rear - 0.3) * t0, edge_low, low), (l_rear + 0.16 + (l_front - l_rear - 0.3) * t1, edge_low, low),
                 (roof_rear + 0.05 + (roof_front - roof_rear) * t1, edge_top, top), (roof_rear + 0.05 + (roof_front - roof_rear) * t0, edge_top, top)]
            q = q[::-1] if side > 0 else q
            body.face(q, glass, solid=False)
            m = [q[0], q[1], tuple(np.mean([q[1], q[2]], 0)), tuple(np.mean([q[0], q[3]], 0))]
            body.face(m if side < 0 else [q[2], q[3], tuple(np.mean([q[3], q[0]], 0)), tuple(np.mean([q[2], q[1]], 0))],
                      glass * 0.7 + 18, solid=False)  # fmt: skip
        for l in (-0.04 * length, 0.2 * length):
            q = [(l, half * 0.98 * side, 0.24 * height), (l + 0.02, half * 0.98 * side, 0.24 * height),
                 (l + 0.02, half * 0.96 * side, belt), (l, half * 0.96 * side, belt)]
            body.face(q[::-1] if side > 0 else q, paint * 0.45, solid=False)
    r = 0.31 * (1.15 if kind in ("suv", "van") else 1.0)
    rim = np.array([150, 152, 156.0]) * rng.uniform(0.5, 1.2)
    for l in (-0.31 * length, 0.32 * length):
        for side in (-1, 1):
            wheel(body, l, side, half * 0.965, r, rim)
    front, rear = length * 0.502, -length * 0.502
    lamp = np.array([235, 236, 230.0])
    red = np.array([215, 30, 28.0]) if (braking if braking is not None else rng.random() < 0.4) else np.array([130, 22, 24.0])
    for side in (-1, 1):
        a, b = sorted((side * half * 0.50, side * half * 0.86))
        body.face([(front, a, 0.40 * height), (front, b, 0.40 * height), (front - 0.1, b, 0.50 * height), (front - 0.06, a, 0.48 * height)], lamp, solid=False)
        a, b = sorted((side * half * 0.66, side * half * 0.94))
        body.face([(rear, b, 0.44 * height), (rear, a, 0.44 * height), (rear, a, 0.58 * height), (rear, b, 0.58 * height)], red, solid=False)
    body.face([(front, -half * 0.45, 0.30 * height), (front, half * 0.45, 0.30 * height), (front, half * 0.45, 0.42 * height), (front, -half * 0.45, 0.42 * height)],
              (24, 24, 26), solid=False)  # fmt: skip
    plate = (232, 232, 226) if rng.random() < 0.6 else (226, 196, 60)
    body.face([(front, -0.26, 0.21 * height), (front, 0.26, 0.21 * height), (front, 0.26, 0.29 * height), (front, -0.26, 0.29 * height)], (230, 230, 226), solid=False)
    body.face([(rear, 0.26, 0.36 * height), (rear, -0.26, 0.36 * height), (rear, -0.26, 0.44 * height), (rear, 0.26, 0.44 * height)], plate, solid=False)
    for face in ([(front, -half * 0.85, 0.13 * height), (front, half * 0.85, 0.13 * height), (front, half * 0.85, 0.19 * height), (front, -half * 0.85, 0.19 * height)],
                 [(rear, half * 0.85, 0.14 * height), (rear, -half * 0.85, 0.14 * height), (rear, -half * 0.85, 0.24 * height), (rear, half * 0.85, 0.24 * height)]):
        body.face(face, (34, 34, 36), solid=False)


def _night_lamps(canvas, body, rows, half, rng):
    """Head and tail lamps that shine at night."""
    front = abs(body.eye[0]) > 2 and body.eye[0] > 0
    end, color, size = (rows[-2][0], (3.0, 2.7, 2.2), 0.16) if front else (rows[0][0], (1.2, 0.06, 0.04), 0.10)
    height = 0.62 if front else 0.75
    for side in (-0.72, 0.72):
        point = place([(end, side * half, height)], body.x, body.s, body.yaw)
        u, v = canvas.camera.project(point)[0]
        canvas.lamps.append((u, v, size * canvas.camera.f / max(body.s, 2), np.array(color) * rng.uniform(0.5, 1.1), body.s))
