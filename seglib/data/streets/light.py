"""Weather, season and hour: what falls on every surface of one scene."""

import numpy as np

from .noise import tile

WEATHERS = ("clear", "broken", "overcast", "rain", "fog")


class Light:
    """sun: unit vector towards the sun (x, y, s). All lights are linear RGB; shade() is what a surface of a given normal receives."""

    def __init__(self, rng):
        self.night = rng.random() < 0.10
        self.weather = str(rng.choice(WEATHERS, p=[0.36, 0.24, 0.26, 0.09, 0.05]))
        self.season = str(rng.choice(["summer", "autumn", "winter", "spring"], p=[0.42, 0.22, 0.16, 0.20]))
        self.snow = float(self.season == "winter" and rng.random() < 0.4) * rng.uniform(0.1, 0.8)
        self.wet = rng.uniform(0.4, 1.0) if self.weather == "rain" else float(rng.random() < 0.08) * 0.4
        elevation = np.deg2rad(rng.uniform(12, 60))
        azimuth = rng.uniform(0, 2 * np.pi)
        self.sun = np.array([np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)])
        self.cot = np.cos(elevation) / np.sin(elevation)
        strength = {"clear": 1.0, "broken": 0.7, "overcast": 0.0, "rain": 0.0, "fog": 0.0}[self.weather] * rng.uniform(0.75, 1.25)
        warm = np.clip(1 - elevation / 0.7, 0, 1)
        self.sun_rgb = np.array([1.0, 0.93 - 0.13 * warm, 0.82 - 0.34 * warm]) * 2.1 * strength
        blue = np.array([0.70, 0.84, 1.08]) if strength > 0 else np.array([0.95, 1.0, 1.04])
        self.sky_rgb = blue * rng.uniform(0.45, 0.65) * (1.0 if strength > 0 else 1.4)
        self.fog = {"fog": 1 / rng.uniform(40, 110), "rain": 1 / rng.uniform(180, 500)}.get(self.weather, 1 / rng.uniform(500, 2500))
        self.window = np.zeros(3, np.float32)
        if self.night:
            self.sun_rgb = self.sun_rgb * 0
            self.sky_rgb = np.array([0.055, 0.06, 0.085]) * rng.uniform(0.6, 2.2)
            self.window = np.array([1.0, 0.75, 0.42], np.float32) * rng.uniform(0.35, 0.9)
        self.lamp_rgb = np.array([1.0, 0.72, 0.38]) if rng.random() < 0.6 else np.array([0.95, 0.95, 1.0])
        self.lit_lamps = []  # (x, s) of street lamps that shine
        self.grain = tile(0.6, 3)

    @property
    def sunny(self):
        return self.sun_rgb.max() > 0.3

    def shade(self, normal, sunlit=1.0):
        """Light (3,) on a surface of unit normal (x, y, s); sunlit in [0, 1] is how much of the sun reaches it."""
        normal = np.asarray(normal, float)
        ambient = self.sky_rgb * (0.68 + 0.32 * normal[1])
        return ambient + self.sun_rgb * max(0.0, float(normal @ self.sun)) * sunlit

    def lamps_at(self, x, s):
        """Extra light (3,) or (..., 3) that the lit street lamps and our headlights throw on a place at night."""
        if not self.night:
            return np.zeros(3)
        x, s = np.asarray(x, np.float32), np.asarray(s, np.float32)
        total = 0.28 * np.exp(-(((s - 14.0) / 16.0) ** 2) - ((x - 0.5) / 5.0) ** 2)
        for lx, ls in self.lit_lamps:
            total = total + 0.55 * np.exp(-(((x - lx) / 6.0) ** 2) - ((s - ls) / 8.0) ** 2)
        return total[..., None] * self.lamp_rgb

    def ambient(self, x, s, sunlit=1.0):
        """Light (3,) on an upright object at (x, s): mean of the sky, the sun from the side and lamps."""
        toward = np.array([0.0, 0.25, -0.97])
        return self.sky_rgb * 0.85 + self.sun_rgb * sunlit * (0.18 + 0.4 * max(0.0, float(toward @ self.sun))) + self.lamps_at(x, s)


def srgb(rng, color, spread=12.0):
    """A colour (3,) near the given sRGB one, as float."""
    return np.clip(np.asarray(color, float) * rng.uniform(0.85, 1.12) + rng.normal(0, spread, 3), 4, 250)
