"""People, cyclists and their machines: limbs as capsules on jointed figures, wheels as rings."""

import numpy as np

from .camera import place
from .canvas import Patch, capsule
from .light import srgb

PERSON, RIDER, MOTORCYCLE, BICYCLE = 24, 25, 32, 33
CLOTHES = [(30, 32, 38), (40, 46, 70), (60, 60, 64), (110, 112, 116), (150, 30, 36), (200, 196, 188), (86, 70, 56),
           (50, 76, 56), (70, 100, 150),
           (190, 170, 130), (180, 120, 40), (20, 20, 22), (120, 60, 100), (230, 228, 226), (170, 200, 60), (90, 120, 110)]  # fmt: skip
SKIN = [(214, 170, 144), (190, 140, 110), (140, 96, 70), (88, 60, 46), (226, 186, 164)]


def _figure(rng, pose):
    """Joints of a person 1.75 m tall in its own frame (forward, right, up)."""
    if pose == "ride":
        hip, neck = np.array([-0.22, 0, 0.98]), np.array([0.12, 0, 1.45])
        a = rng.uniform(0, 2 * np.pi)
        feet = [np.array([0.02 + 0.17 * np.cos(a + k), sgn * 0.11, 0.33 + 0.17 * np.sin(a + k)]) for k, sgn in ((0, -1), (np.pi, 1))]
        knees = [(hip + f) / 2 + np.array([0.24, 0, 0.06]) for f in feet]
        hands = [np.array([0.46, sgn * 0.24, 1.05]) for sgn in (-1, 1)]
        elbows = [(neck + hnd) / 2 + np.array([-0.04, sgn * 0.12, -0.14]) for hnd, sgn in zip(hands, (-1, 1))]
        return hip, neck, neck + [0.08, 0, 0.22], knees, feet, elbows, hands
    swing = rng.uniform(0.15, 0.5) if pose == "walk" else 0.06
    sign = rng.choice([-1, 1])
    hip, neck = np.array([0, 0, 0.92]), np.array([0.03, 0, 1.46])
    feet = [np.array([sign * k * swing * 0.75, k * 0.10, 0.05]) for k in (-1, 1)]
    knees = [(hip + f) / 2 + np.array([0.07, k * 0.05, 0.02]) for f, k in zip(feet, (-1, 1))]
    hands = [np.array([-sign * k * swing * 0.6, k * 0.27, 0.82 + rng.uniform(0, 0.3)]) for k in (-1, 1)]
    elbows = [(neck + hnd) / 2 + np.array([-0.06, k * 0.09, 0]) for hnd, k in zip(hands, (-1, 1))]
    return hip, neck, neck + [0.01, 0, 0.20], knees, feet, elbows, hands


def person(canvas, rng, light, x, s, yaw, *, pose="walk", lit=1.0, label=PERSON, base=0.0):
    """One person standing at (x, s), walking towards `yaw`. Riders sit at the same place as their bicycle."""
    size = rng.uniform(0.92, 1.08) * (rng.uniform(0.6, 0.8) if rng.random() < 0.06 and pose != "ride" else 1.0)
    hip, neck, head, knees, feet, elbows, hands = _figure(rng, pose)
    joints = np.array([hip, neck, head, *knees, *feet, *elbows, *hands]) * [1, 1, size] + [0, 0, base]
    world = place(joints, x, s, yaw)
    if world[:, 2].min() < 1.4:
        return
    p = canvas.camera.project(world)
    k = canvas.camera.f / s * size
    top, legs = (srgb(rng, CLOTHES[rng.integers(len(CLOTHES))]) for _ in range(2))
    if rng.random() < 0.5:
        legs = srgb(rng, CLOTHES[rng.integers(3)])
    skin, hair = (
        srgb(rng, SKIN[rng.integers(len(SKIN))], 5),
        srgb(rng, [(30, 24, 20), (80, 56, 34), (150, 120, 70), (120, 116, 112)][rng.integers(4)], 6),
    )
    patch = Patch(canvas, np.concatenate([p - 0.25 * k, p + 0.25 * k]), top)
    if patch.box is None:
        return
    side = abs(np.cos(yaw)) * 0.5 + 0.5  # seen from the side a body is thinner
    coat = rng.random() < 0.3
    order = np.argsort(-world[[3, 4], 2])  # the farther leg first
    dark = (0.72, 1.0)

    def limb(a, b, ra, rb, color):
        patch.polygon(capsule(p[a], p[b], ra * k, rb * k), color)
        away = np.array([(0.35 if light.sun[0] < 0 else -0.35) * min(ra, rb) * k, 0])
        patch.polygon(capsule(p[a] + away, p[b] + away, ra * k * 0.5, rb * k * 0.5), np.asarray(color) * 0.82, solid=False)

    for n, i in enumerate(order):
        tone = dark[n]
        limb(7 + i, 9 + i, 0.045, 0.04, top * tone * 0.9) if n == 0 else None
        limb(0, 3 + i, 0.095, 0.07, legs * tone)
        limb(3 + i, 5 + i, 0.066, 0.05, legs * tone)
        toe = p[5 + i] + [0.10 * k * np.sin(yaw), 0.02 * k]
        patch.polygon(capsule(p[5 + i] + [0, 0.02 * k], toe, 0.05 * k, 0.04 * k), (36, 32, 30))
    shoulder, waist = 0.165 * side + 0.03, 0.13 * side + 0.03
    if coat:
        limb(0, 0, 0.19 * side + 0.03, 0.19 * side, top * 0.95)
        patch.polygon(capsule(p[1], p[0] + [0, 0.22 * k], shoulder * k * 0.9, (waist + 0.06) * k), top)
    patch.polygon(capsule(p[1] + [0, 0.10 * k], p[0] - [0, 0.02 * k], shoulder * k, waist * k), top)
    half = np.array([(0.5 if light.sun[0] < 0 else -0.5) * shoulder * k, 0.1 * k])
    patch.polygon(capsule(p[1] + half, p[0] + half * 0.9, shoulder * k * 0.5, waist * k * 0.5), top * 0.8, solid=False)
    if rng.random() < 0.2:
        patch.polygon(
            capsule(p[1] + [0, 0.12 * k], p[0] - [0, 0.15 * k], 0.12 * k, 0.13 * k), srgb(rng, CLOTHES[rng.integers(len(CLOTHES))])
        )
    patch.polygon(capsule(p[1] + [0, 0.02 * k], p[2], 0.05 * k, 0.05 * k), skin * 0.85)
    near = order[-1]
    limb(1, 7 + near, 0.062, 0.052, top * 1.06) if side < 0.8 else [limb(1, 7 + j, 0.06, 0.05, top * 0.96) for j in (0, 1)]
    for j in (near,) if side < 0.8 else (0, 1):
        limb(7 + j, 9 + j, 0.05, 0.04, top * 0.98)
        patch.polygon(capsule(p[9 + j], p[9 + j] + [0, 0.05 * k], 0.042 * k, 0.035 * k), skin)
    if rng.random() < 0.25 and pose == "walk":
        bag = p[9 + near] + [0, 0.2 * k]
        patch.polygon(capsule(bag, bag + [0.03 * k, 0.14 * k], 0.09 * k, 0.12 * k), srgb(rng, CLOTHES[rng.integers(len(CLOTHES))]))
    patch.polygon(capsule(p[2] - [0, 0.035 * k], p[2] + [0, 0.055 * k], 0.085 * k, 0.075 * k), hair)
    facing = np.cos(yaw) < 0.3
    if facing:
        turn = np.sin(yaw) * 0.04 * k
        patch.polygon(capsule(p[2] + [turn, 0.0], p[2] + [turn, 0.06 * k], 0.065 * k, 0.06 * k), skin)
    if pose == "ride" and rng.random() < 0.5:
        patch.polygon(
            capsule(p[2] - [0.05 * k, 0.06 * k], p[2] + [0.05 * k, -0.06 * k], 0.07 * k, 0.07 * k),
            srgb(rng, CLOTHES[rng.integers(len(CLOTHES))]),
        )
    patch.smooth(0.012 * k if k > 60 else 0)
    patch.paste(label, s, instance=canvas.instance(label), light=light.ambient(x, s, lit), grain=0.10)


def ring(l, r, up, n=20):
    """A wheel's circle in the plane of the machine, closed."""
    t = np.linspace(0, 2 * np.pi, n)
    return np.stack([l + r * np.cos(t), np.zeros(n), up + r * np.sin(t)], 1)


def bicycle(canvas, rng, light, x, s, yaw, *, lit=1.0, lean=0.0, instance=None):
    """A bicycle: two wheels, frame, saddle, handlebar, mudguards; perhaps a basket."""
    box = np.array([(-0.9, -0.3, 0), (0.95, 0.3, 1.15), (-0.9, 0.3, 1.15), (0.95, -0.3, 0)])
    world = place(box, x, s, yaw)
    if world[:, 2].min() < 1.3:
        return None
    paint = srgb(rng, CLOTHES[rng.integers(len(CLOTHES))])
    patch = Patch(canvas, canvas.camera.project(world), (40, 40, 42), margin=5)
    if patch.box is None:
        return None
    to = lambda pts: place(np.asarray(pts, float), x, s, yaw)  # noqa: E731
    tyre = (26, 26, 27)
    for l in (-0.52, 0.54):
        patch.line(to(ring(l, 0.33, 0.35)), 0.05, tyre)
        patch.line(to(ring(l, 0.29, 0.35)), 0.02, (130, 130, 130))
        if canvas.camera.f / s > 60:
            for a in np.linspace(0, np.pi, 7)[:-1]:
                d = np.array([np.cos(a), 0, np.sin(a)]) * 0.3
                patch.line(to([np.array([l, 0, 0.35]) - d, np.array([l, 0, 0.35]) + d]), 0.006, (120, 120, 122))
    crank, seat, headset = (-0.05, 0, 0.3), (-0.2, 0, 0.85), (0.36, 0, 0.88)
    for a, b in (
        (crank, seat),
        (crank, headset),
        ((-0.17, 0, 0.78), headset),
        (crank, (-0.52, 0, 0.35)),
        ((-0.17, 0, 0.78), (-0.52, 0, 0.35)),
        (headset, (0.54, 0, 0.35)),
    ):
        patch.line(to([a, b]), 0.045, paint)
    patch.line(to([seat, (-0.2, 0, 0.95)]), 0.04, (120, 120, 120))
    patch.line(to([(-0.34, 0, 0.97), (-0.06, 0, 0.97)]), 0.09, (30, 28, 26))
    patch.line(to([headset, (0.34, 0, 1.02)]), 0.035, (140, 140, 140))
    patch.line(to([(0.34, -0.28, 1.04), (0.38, 0, 1.03), (0.34, 0.28, 1.04)]), 0.04, (60, 60, 62))
    if rng.random() < 0.3:
        patch.line(to([(0.62, 0, 0.8), (0.62, 0, 1.0)]), 0.3, srgb(rng, (90, 70, 50)))
    patch.paste(BICYCLE, s, instance=canvas.instance(BICYCLE) if instance is None else instance, light=light.ambient(x, s, lit), grain=0.05)
    return True


def motorcycle(canvas, rng, light, x, s, yaw, *, lit=1.0):
    """A motorcycle or scooter."""
    box = np.array([(-1.1, -0.4, 0), (1.1, 0.4, 1.3), (-1.1, 0.4, 1.3), (1.1, -0.4, 0)])
    world = place(box, x, s, yaw)
    if world[:, 2].min() < 1.3:
        return None
    paint = srgb(rng, CLOTHES[rng.integers(len(CLOTHES))])
    patch = Patch(canvas, canvas.camera.project(world), paint, margin=5)
    if patch.box is None:
        return None
    to = lambda pts: place(np.asarray(pts, float), x, s, yaw)  # noqa: E731
    for l in (-0.68, 0.72):
        patch.line(to(ring(l, 0.25, 0.31)), 0.14, (24, 24, 25))
        patch.line(to(ring(l, 0.12, 0.31)), 0.08, (110, 110, 112))
    patch.line(to([(-0.68, 0, 0.31), (-0.1, 0, 0.42)]), 0.12, (60, 60, 62))
    patch.line(to([(-0.3, 0, 0.42), (0.3, 0, 0.45)]), 0.34, (52, 52, 55))
    patch.line(to([(-0.15, 0.15, 0.3), (-0.8, 0.18, 0.36)]), 0.10, (140, 140, 142))
    patch.line(to([(-0.75, 0, 0.78), (-0.05, 0, 0.76)]), 0.16, (24, 22, 22))
    patch.line(to([(-0.85, 0, 0.7), (-0.3, 0, 0.6)]), 0.18, paint)
    patch.line(to([(0.0, 0, 0.78), (0.38, 0, 0.84)]), 0.26, paint)
    patch.line(to([(0.72, 0, 0.31), (0.45, 0, 0.95)]), 0.08, (130, 130, 132))
    patch.line(to([(0.42, 0, 0.72), (0.62, 0, 0.95)]), 0.24, paint * 0.9)
    patch.line(to([(0.4, -0.36, 1.05), (0.46, 0, 1.0), (0.4, 0.36, 1.05)]), 0.05, (36, 36, 38))
    patch.line(to([(0.62, -0.06, 0.86), (0.62, 0.06, 0.86)]), 0.16, (225, 225, 220))
    patch.line(to([(-0.9, -0.05, 0.72), (-0.9, 0.05, 0.72)]), 0.09, (160, 24, 24))
    patch.smooth(0.010 * canvas.camera.f / s)
    patch.paste(MOTORCYCLE, s, instance=canvas.instance(MOTORCYCLE), light=light.ambient(x, s, lit), grain=0.06)
    return True
