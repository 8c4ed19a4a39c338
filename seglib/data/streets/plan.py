"""What stands where: the cross section of the street, its junctions, and the plots along both sides."""

from dataclasses import dataclass

import numpy as np

ROAD, WALK, GRASS, PARKING, YARD, RAILS, KERB = range(7)  # zones of the ground
REACH = 230.0  # metres of street that are planned


@dataclass
class Plot:
    """A stretch of one side: from s0 to s1, beginning `line` metres from the centre line. kind: see KINDS."""

    side: int
    s0: float
    s1: float
    line: float
    kind: str


class Plan:
    """A random street. Sides are -1 (left) and +1 (right); edge[side] is the distance of the kerb from the centre line."""

    def __init__(self, rng):
        self.keep_left = rng.random() < 0.5
        lanes = int(rng.choice([2, 3, 4], p=[0.72, 0.14, 0.14]))
        self.lane_width = rng.uniform(2.8, 3.6)
        self.one_way = lanes == 2 and rng.random() < 0.25
        half = lanes * self.lane_width / 2
        self.lanes = [-half + (i + 0.5) * self.lane_width for i in range(lanes)]
        own = [x for x in self.lanes if (x < -0.5 if self.keep_left else x > 0.5)] or self.lanes
        self.ego = float(rng.choice(own))
        self.style = str(rng.choice(["centre", "suburb", "terrace", "park", "industrial"], p=[0.36, 0.19, 0.23, 0.15, 0.07]))
        self.parking = {side: (rng.uniform(1.9, 2.3) if rng.random() < 0.6 else 0.0) for side in (-1, 1)}
        self.edge = {side: half + self.parking[side] for side in (-1, 1)}
        green = {"centre": 0.08, "suburb": 0.5, "terrace": 0.1, "park": 0.6, "industrial": 0.5}[self.style]
        self.verge = {side: (rng.uniform(0.8, 3.0) if rng.random() < green else 0.0) for side in (-1, 1)}
        wide = 1.0 if self.style == "centre" else 0.0
        self.walk = {side: rng.uniform(2.2, 4.4) + wide * rng.uniform(0.4, 3.4) for side in (-1, 1)}
        self.parking_void = rng.random() < 0.25
        self.tram = lanes >= 2 and rng.random() < 0.20
        self.rails_own = self.tram and rng.random() < 0.5
        self.cobbles = rng.random() < 0.10
        self.half = half
        self.junctions = self._junctions(rng)
        self.plots = [plot for side in (-1, 1) for plot in self._plots(rng, side)]
        self.end = rng.uniform(90, 210)

    def _junctions(self, rng):
        """-> [(s0, s1, sides)] of the side streets."""
        out, s = [], rng.uniform(2, 60)
        while s < 150:
            width = rng.uniform(5.5, 11)
            out.append((s, s + width, [(-1,), (1,), (-1, 1)][rng.choice(3, p=[0.3, 0.3, 0.4])]))
            s += width + rng.uniform(35, 90)
        return out if rng.random() < 0.8 else []

    def _kinds(self):
        """Chances of the kinds of plots for this style of street."""
        table = {
            "centre": {"terrace": 0.82, "wall": 0.04, "trees": 0.07, "fence": 0.06, "parking": 0.01},
            "terrace": {"terrace": 0.68, "house": 0.10, "wall": 0.07, "trees": 0.08, "fence": 0.08, "hedge": 0.05},
            "suburb": {"house": 0.55, "hedge": 0.16, "trees": 0.13, "fence": 0.12, "wall": 0.06, "terrace": 0.03},
            "park": {"trees": 0.46, "hedge": 0.16, "fence": 0.13, "wall": 0.08, "house": 0.12, "terrace": 0.05},
            "industrial": {"hall": 0.45, "fence": 0.20, "parking": 0.12, "trees": 0.10, "wall": 0.13},
        }
        return table[self.style]

    def _plots(self, rng, side):
        kinds = self._kinds()
        names, chances = list(kinds), np.array(list(kinds.values()))
        out, s = [], -12.0 + rng.uniform(-10, 0)
        previous = None
        while s < REACH:
            kind = previous if previous and rng.random() < 0.45 else str(rng.choice(names, p=chances / chances.sum()))
            previous = kind
            length = {"terrace": rng.uniform(6, 18), "house": rng.uniform(12, 20), "hall": rng.uniform(20, 45)}.get(
                kind, rng.uniform(8, 28)
            )
            line = self.edge[side] + self.verge[side] + self.walk[side]
            for s0, s1, sides in self.junctions:
                if side in sides and s < s1 + 1 and s + length > s0 - 1:
                    if s < s0 - 5:
                        length = s0 - 1.5 - s
                    else:
                        s, length = s1 + 1.5, max(length, 8.0)
            out.append(Plot(side, s, s + length, line, kind))
            s += length
        return out

    def is_junction(self, side, s, margin=0.0):
        """Whether a side street leaves on this side at distance s."""
        return any(side in sides and s0 - margin < s < s1 + margin for s0, s1, sides in self.junctions)

    def tables(self, step=0.25):
        """Along s, in cells of `step` metres: {side: (line (n,), yard zone (n,), junction (n,) bool)}."""
        s = np.arange(0, 440, step)
        out = {}
        for side in (-1, 1):
            line = np.full(s.shape, self.edge[side] + self.verge[side] + self.walk[side], np.float32)
            yard = np.full(s.shape, YARD if self.style == "centre" else GRASS, np.uint8)
            for plot in self.plots:
                if plot.side == side:
                    zone = {"terrace": WALK, "parking": PARKING, "hall": YARD}.get(plot.kind, GRASS)
                    yard[(s >= plot.s0) & (s < plot.s1)] = zone
            cross = np.zeros(s.shape, bool)
            for s0, s1, sides in self.junctions:
                if side in sides:
                    cross |= (s >= s0) & (s < s1)
            out[side] = line, yard, cross
        return out
