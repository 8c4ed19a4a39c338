"""The camera and the bent world it looks at.

World coordinates are (x, y, s) in metres: x to the right of the road's centre line, y above the road, s along the road from
the camera. The road bends and climbs: a point is first displaced by curve(s) and rise(s), then projected by a pinhole camera.
"""

import numpy as np

NEAR, FAR = 1.0, 420.0  # metres; nothing nearer is drawn, nothing farther is told apart


class Camera:
    """A pinhole camera in a car. All lengths in metres, focal length and horizon in pixels of the drawn image."""

    def __init__(self, rng, size, lane_x):
        self.h, self.w = size
        self.f = self.w * rng.uniform(0.62, 1.10)
        self.horizon = self.h * np.clip(rng.normal(0.42, 0.035), 0.33, 0.52)
        self.center = self.w * rng.uniform(0.47, 0.53)
        self.height = rng.uniform(1.15, 1.75)
        self.x = lane_x + rng.normal(0, 0.25)
        self.roll = rng.normal(0, 0.006)
        self.yaw = rng.normal(0, 0.025)
        self.bend = rng.choice([0.0, 1.0], p=[0.35, 0.65]) * rng.normal(0, 1 / 500)
        self.climb = rng.choice([0.0, 1.0], p=[0.4, 0.6]) * rng.uniform(-0.00016, 0.0006)
        grid = np.geomspace(0.4, FAR, 3000)
        self._rows, self._depths = self._row(0.0, grid)[::-1].copy(), grid[::-1].copy()

    def curve(self, s):
        """Sideways displacement of the road at distance s."""
        return self.yaw * s + 0.5 * self.bend * np.minimum(s, 160.0) ** 2

    def rise(self, s):
        """Height of the road at distance s."""
        return 0.5 * self.climb * np.minimum(s, 130.0) ** 2

    def heading(self, s):
        """Direction of the road at distance s, radians, 0 = straight ahead."""
        return np.arctan(self.yaw + self.bend * min(s, 160.0))

    def _row(self, y, s):
        return self.horizon + self.f * (self.height - y - self.rise(s)) / s

    def project(self, points):
        """World points (N, 3) as (x, y, s) -> pixels (N, 2) as (u, v). s must be at least NEAR."""
        points = np.asarray(points, np.float64)
        s = np.maximum(points[:, 2], NEAR * 0.5)
        u = self.center + self.f * (points[:, 0] + self.curve(s) - self.x) / s
        v = self._row(points[:, 1], s) + self.roll * (u - self.center)
        return np.stack([u, v], 1)

    def ground(self):
        """-> (top row, x (h, W), s (h, W)) of the ground seen by every pixel from `top` to the image's last row, float32."""
        tilt = abs(self.roll) * self.w / 2
        top = int(np.clip(self._rows[0] - tilt, 0, self.h - 2))
        u = np.arange(self.w, dtype=np.float32) + 0.5 - self.center
        v = np.arange(top, self.h, dtype=np.float32)[:, None] + 0.5 - self.roll * u
        s = np.interp(v.ravel(), self._rows, self._depths).reshape(v.shape).astype(np.float32)
        x = u * s / self.f + self.x - self.curve(s)
        return top, x.astype(np.float32), s

    def on_ground(self, polygon, step=4.0):
        """A polygon (N, 2) of (x, s) on the ground -> pixels (M, 2), or None when it lies behind the camera.

        It is clipped at NEAR and its long edges are divided, so that it follows the bend of the road.
        """
        clipped = clip_near(np.asarray(polygon, np.float64))
        if len(clipped) < 3:
            return None
        points = []
        for a, b in zip(clipped, np.roll(clipped, -1, 0)):
            n = int(min(24, 1 + abs(b[1] - a[1]) // step))
            points.append(a + (b - a) * (np.arange(n) / n)[:, None])
        points = np.concatenate(points)
        return self.project(np.stack([points[:, 0], np.zeros(len(points)), points[:, 1]], 1))


def clip_near(polygon, near=NEAR):
    """Sutherland-Hodgman against s >= near. (N, 2) -> (M, 2)."""
    out = []
    for a, b in zip(polygon, np.roll(polygon, -1, 0)):
        if a[1] >= near:
            out.append(a)
        if (a[1] >= near) != (b[1] >= near):
            out.append(a + (b - a) * (near - a[1]) / (b[1] - a[1]))
    return np.array(out).reshape(-1, 2)


def place(local, x, s, yaw):
    """Points (N, 3) of an object's own frame (forward, right, up) -> world (N, 3) for an object at (x, s) turned by yaw radians."""
    local = np.asarray(local, np.float64)
    c, n = np.cos(yaw), np.sin(yaw)
    forward, right, up = local[:, 0], local[:, 1], local[:, 2]
    return np.stack([x + forward * n + right * c, up, s + forward * c - right * n], 1)
