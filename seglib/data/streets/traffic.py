"""Everything that moves or could: vehicles on the lanes and at the kerb, people, bicycles; and the furniture of the street."""

import numpy as np

from . import furniture, people, vehicles
from .cars import car


def traffic(items, canvas, rng, plan, light):
    """Add all of it to the items of the scene."""
    for task in (_parked, _moving, _crossing, _people, _cyclists, _two_wheelers, _signals, _furniture):
        task(items, canvas, rng, plan, light)


def _vehicle(items, canvas, rng, plan, light, x, s, turn, kind, free=None):
    """One vehicle at (x, s); turn = 0 drives away from us, pi towards us. free: list of taken stretches."""
    if kind != "car" and s < 16 and abs(x - plan.ego) < 6:
        s += 12.0  # a lorry beside us would hide the street
    reach = {"car": 2.4, "bus": 6.5, "truck": 5.0, "tram": 15.0, "trailer": 3.0, "caravan": 3.0}[kind]
    if free is not None:
        if any(abs(s - t) < reach + r + 1.0 for t, r in free):
            return
        free.append((s, reach))
    yaw = float(turn + canvas.camera.heading(s) + rng.normal(0, 0.02))
    seed = int(rng.integers(1 << 31))
    width = {"car": 0.9, "tram": 1.3}.get(kind, 1.25)
    height = {"car": 1.4}.get(kind, 3.0)
    c, n = np.cos(yaw - canvas.camera.heading(s)), np.sin(yaw - canvas.camera.heading(s))
    foot = [
        (x + l * n + w * c, s + l * c - w * n)
        for l, w in ((-reach * 0.92, -width), (reach * 0.92, -width), (reach * 0.92, width), (-reach * 0.92, width))
    ]
    items.shadow(foot, height)
    items.contact([(x + (px - x) * 1.06, s + (ps - s) * 1.03) for px, ps in foot], 0.85)
    items.contact([(x + (px - x) * 0.8, s + (ps - s) * 0.9) for px, ps in foot], 0.95)
    paint = {
        "car": lambda r, lit: car(canvas, r, light, x, s, yaw, lit=lit),
        "bus": lambda r, lit: vehicles.bus(canvas, r, light, x, s, yaw, lit=lit),
        "tram": lambda r, lit: vehicles.bus(canvas, r, light, x, s, yaw, lit=lit, tram=True),
        "truck": lambda r, lit: vehicles.truck(canvas, r, light, x, s, yaw, lit=lit),
        "trailer": lambda r, lit: vehicles.truck(canvas, r, light, x, s, yaw, lit=lit, label=vehicles.TRAILER),
        "caravan": lambda r, lit: vehicles.truck(canvas, r, light, x, s, yaw, lit=lit, label=vehicles.CARAVAN),
    }[kind]
    items.add(s + (0 if kind == "car" else reach * 0.5), lambda lit: paint(np.random.default_rng(seed), lit(x, s)))


def _pick(rng):
    return str(rng.choice(["car", "truck", "bus", "trailer", "caravan"], p=[0.971, 0.014, 0.005, 0.005, 0.005]))


def _parked(items, canvas, rng, plan, light):
    for side in (-1, 1):
        if not plan.parking[side]:
            continue
        density, s, taken = rng.uniform(0.2, 0.9), rng.uniform(4.5, 12), []
        along = 0.0 if (side > 0) != plan.keep_left else np.pi
        while s < 130:
            if rng.random() < density and not plan.is_junction(side, s, 5.0):
                x = side * (plan.edge[side] - plan.parking[side] / 2 + rng.normal(0, 0.08))
                _vehicle(items, canvas, rng, plan, light, x, s, along + (np.pi if rng.random() < 0.12 else 0.0), _pick(rng), taken)
            s += rng.uniform(5.2, 6.8)
    for plot in plan.plots:  # car parks beside the road
        if plot.kind == "parking":
            for s in np.arange(max(plot.s0, 5) + 1.5, plot.s1 - 1, 2.7):
                for row in range(2):
                    if rng.random() < 0.75:
                        x = plot.side * (plot.line + 3.5 + 10 * row)
                        _vehicle(items, canvas, rng, plan, light, x, s, rng.choice([-1, 1]) * np.pi / 2, "car")


def _moving(items, canvas, rng, plan, light):
    busy = rng.uniform(0.05, 0.85)
    for lane in plan.lanes:
        oncoming = not plan.one_way and ((lane > 0) if plan.keep_left else (lane < 0)) and len(plan.lanes) > 1
        own = abs(lane - plan.ego) < 0.5
        s, taken = rng.uniform(8, 28) if own else rng.uniform(4.5, 25), []
        while s < 130:
            if rng.random() < busy:
                _vehicle(
                    items, canvas, rng, plan, light, lane + rng.normal(0, 0.25), s, np.pi if oncoming else 0.0, _pick_moving(rng), taken
                )
            s += rng.uniform(6.5, 22)
    if plan.tram and rng.random() < 0.75:
        oncoming = rng.random() < 0.5
        x = 1.5 if oncoming == plan.keep_left else -1.5
        if abs(x - plan.ego) > 1.0 or rng.random() < 0.5:
            _vehicle(items, canvas, rng, plan, light, x, rng.uniform(22, 60), np.pi if oncoming else 0.0, "tram")


def _pick_moving(rng):
    return str(rng.choice(["car", "truck", "bus"], p=[0.942, 0.036, 0.022]))


def _crossing(items, canvas, rng, plan, light):
    """Vehicles that cross or wait in the side streets."""
    for s0, s1, sides in plan.junctions:
        for side in sides:
            if rng.random() < 0.5 and s0 > 4:
                x = side * (plan.edge[side] + rng.uniform(2, 16))
                _vehicle(
                    items,
                    canvas,
                    rng,
                    plan,
                    light,
                    x,
                    (s0 + s1) / 2 + rng.choice([-1.6, 1.6]),
                    rng.choice([-1, 1]) * np.pi / 2,
                    _pick_moving(rng),
                )
        if rng.random() < 0.15 and s0 > 9:
            _vehicle(
                items, canvas, rng, plan, light, rng.uniform(-3, 3), (s0 + s1) / 2, rng.choice([-1.2, 1.2, 1.57, -1.57]), _pick_moving(rng)
            )


def _walker(items, canvas, rng, light, x, s, yaw, **options):
    seed = int(rng.integers(1 << 31))
    items.shadow([(x - 0.2, s - 0.15), (x + 0.2, s - 0.15), (x + 0.2, s + 0.15), (x - 0.2, s + 0.15)], 1.6, 0.9)
    items.contact([(x - 0.3, s - 0.25), (x + 0.3, s - 0.25), (x + 0.3, s + 0.25), (x - 0.3, s + 0.25)], 0.6)
    items.add(s, lambda lit: people.person(canvas, np.random.default_rng(seed), light, x, s, yaw, lit=lit(x, s), **options))


def _people(items, canvas, rng, plan, light):
    crowd = {"centre": 16, "terrace": 7, "suburb": 4, "park": 6, "industrial": 3}[plan.style] * rng.uniform(0.1, 2.0)
    for side in (-1, 1):
        for _ in range(rng.poisson(crowd)):
            inner = plan.edge[side] + plan.verge[side]
            x = side * (inner + rng.uniform(0.4, max(0.6, plan.walk[side] - 0.4)))
            s = 6 + 90 * rng.random() ** 1.4
            yaw = rng.choice([0.0, np.pi]) + rng.normal(0, 0.35) if rng.random() < 0.85 else rng.uniform(0, 2 * np.pi)
            pose = "walk" if rng.random() < 0.8 else "stand"
            _walker(items, canvas, rng, light, x, s, yaw, pose=pose)
            if rng.random() < 0.35:
                _walker(items, canvas, rng, light, x + rng.choice([-1, 1]) * 0.6, s + rng.normal(0, 0.2), yaw, pose=pose)
    if rng.random() < 0.25:  # somebody crosses the road
        s = rng.uniform(9, 40)
        for _ in range(rng.integers(1, 4)):
            _walker(items, canvas, rng, light, rng.uniform(-plan.half, plan.half), s + rng.normal(0, 0.7), rng.choice([-1, 1]) * np.pi / 2)


def _ride(items, canvas, rng, light, x, s, yaw, motor=False):
    seed = int(rng.integers(1 << 31))
    items.shadow([(x - 0.2, s - 0.8), (x + 0.2, s - 0.8), (x + 0.2, s + 0.8), (x - 0.2, s + 0.8)], 1.6, 0.8)
    items.contact([(x - 0.3, s - 0.9), (x + 0.3, s - 0.9), (x + 0.3, s + 0.9), (x - 0.3, s + 0.9)], 0.5)

    def paint(lit):
        r = np.random.default_rng(seed)
        machine = people.motorcycle if motor else people.bicycle
        machine(canvas, r, light, x, s, yaw, lit=lit(x, s))
        people.person(canvas, r, light, x, s, yaw, pose="ride", lit=lit(x, s), label=people.RIDER, base=-0.12 if motor else 0.0)

    items.add(s, paint)


def _cyclists(items, canvas, rng, plan, light):
    for _ in range(rng.poisson(0.9 if plan.style in ("centre", "terrace", "park") else 0.5)):
        side = rng.choice([-1, 1])
        x = side * (plan.half - rng.uniform(0.3, 1.0)) if rng.random() < 0.8 else side * (plan.edge[side] + 1.0)
        yaw = (0.0 if (side > 0) != plan.keep_left else np.pi) + rng.normal(0, 0.15)
        _ride(
            items,
            canvas,
            rng,
            light,
            x,
            rng.uniform(6, 45),
            yaw if rng.random() < 0.85 else rng.uniform(0, 6.28),
            motor=rng.random() < 0.16,
        )


def _two_wheelers(items, canvas, rng, plan, light):
    """Bicycles in racks or against walls, and parked motorcycles."""
    for _ in range(rng.poisson(1.5)):
        side = rng.choice([-1, 1])
        x = side * (plan.edge[side] + (rng.uniform(0.4, 0.9) if rng.random() < 0.6 else plan.verge[side] + plan.walk[side] - 0.4))
        s, turn, motor = rng.uniform(5, 35), rng.uniform(-0.4, 0.4) + rng.choice([0, np.pi / 2]), rng.random() < 0.21
        for k in range(rng.integers(1, 3) if motor else rng.integers(1, 7)):
            seed, at = int(rng.integers(1 << 31)), s + 0.62 * k
            machine = people.motorcycle if motor else people.bicycle
            items.contact([(x - 0.4, at - 0.3), (x + 0.4, at - 0.3), (x + 0.4, at + 0.3), (x - 0.4, at + 0.3)], 0.45)
            items.add(at, lambda lit, r=seed, x=x, at=at, turn=turn, m=machine: m(
                canvas, np.random.default_rng(r), light, x, at, turn, lit=lit(x, at)))  # fmt: skip


def _place(items, canvas, rng, light, x, s, function, shade, /, **options):
    seed = int(rng.integers(1 << 31))
    items.shadow([(x - 0.06, s - 0.06), (x + 0.06, s - 0.06), (x + 0.06, s + 0.06), (x - 0.06, s + 0.06)], shade, 0.85)
    items.add(s, lambda lit: function(canvas, np.random.default_rng(seed), light, x, s, lit=lit(x, s), **options))


def _signals(items, canvas, rng, plan, light):
    for s0, s1, _ in plan.junctions:
        if rng.random() < 0.55:
            overhead = rng.random() < 0.3
            for side in (-1, 1):
                for at in (s0 - 1.5, s1 + 1.0):
                    if rng.random() < 0.8 and at > 4:
                        x = side * (plan.edge[side] + 0.5)
                        reaching = overhead and rng.random() < 0.5
                        _place(items, canvas, rng, light, x, at, furniture.traffic_light, 3.5, side=side, overhead=reaching)


def _furniture(items, canvas, rng, plan, light):
    lamps = [side for side in (-1, 1) if rng.random() < 0.6]
    for side in lamps:
        gap, s = rng.uniform(18, 35), rng.uniform(4, 25)
        while s < 160:
            if not plan.is_junction(side, s, 1.0):
                x = side * (plan.edge[side] + 0.5)
                light.lit_lamps.append((x - side * 1.5, s))
                _place(items, canvas, rng, light, x, s, furniture.lamp, 7.0, side=side)
            s += gap
    for side in (-1, 1):
        for _ in range(rng.poisson(2.6)):
            x, s = side * (plan.edge[side] + rng.uniform(0.35, 0.8)), rng.uniform(7, 75)
            if not plan.is_junction(side, s, 0.5):
                _place(items, canvas, rng, light, x, s, furniture.sign, 2.5, back=rng.random() < 0.2)
        for _ in range(rng.poisson(2.0)):
            x, s = side * (plan.edge[side] + rng.uniform(0.4, 1.4)), rng.uniform(5, 70)
            _place(items, canvas, rng, light, x, s, furniture.post, 5, height=rng.uniform(3, 9), radius=rng.uniform(0.04, 0.14))
        for _ in range(rng.poisson(1.2)):
            x, s = side * (plan.edge[side] + plan.walk[side] * rng.uniform(0.3, 0.95)), rng.uniform(5, 50)
            _place(items, canvas, rng, light, x, s, furniture.bin_or_box, 1.0)
        for _ in range(rng.poisson(0.7)):  # shop signs and boards on the houses' side
            x, s = side * (plan.edge[side] + plan.verge[side] + plan.walk[side] - 0.4), rng.uniform(8, 60)
            _place(items, canvas, rng, light, x, s, furniture.sign, 3.0, size=rng.uniform(0.35, 0.8), height=rng.uniform(2.8, 5), bare=True)
        if rng.random() < 0.25:  # a row of bollards
            s = rng.uniform(5, 20)
            for k in range(rng.integers(3, 12)):
                if not plan.is_junction(side, s + 1.6 * k, 0.5):
                    x = side * (plan.edge[side] + 0.35)
                    _place(items, canvas, rng, light, x, s + 1.6 * k, furniture.post, 1.0, height=0.95, radius=0.07)
        if rng.random() < 0.22:  # railings at the kerb
            seed, s = int(rng.integers(1 << 31)), rng.uniform(4, 40)
            x = side * (plan.edge[side] + 0.3)
            rail = rng.random() < 0.15
            for a in np.arange(s, s + rng.uniform(6, 30), 3.0):
                if not plan.is_junction(side, a + 1.5, 3.0):
                    items.add(a + 3.0, lambda lit, a=a, x=x, seed=seed, side=side, rail=rail: furniture.fence(
                        canvas, np.random.default_rng(seed), light, side, abs(x), a, a + 3.0, lit=lit(x, a), rail=rail))  # fmt: skip
