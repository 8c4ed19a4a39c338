"""The picture while it is painted, from far to near: light (linear RGB), label ids, instance ids and depth."""

import cv2
import numpy as np

NEAR_LIMIT = 0.9  # metres: what reaches nearer is not drawn
SHIFT = 4  # sub-pixel bits of cv2's polygon fill
_x = np.arange(256) / 255.0
TO_LINEAR = np.where(_x <= 0.04045, _x / 12.92, ((_x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def fixed(points):
    """Pixels (N, 2) float -> the fixed-point int32 that cv2 fills with sub-pixel accuracy (pixel centres at +0.5)."""
    return np.round((np.clip(points, -20000, 20000) - 0.5) * (1 << SHIFT)).astype(np.int32)


class Canvas:
    """image (H, W, 3) float32 linear, label_ids (H, W) uint8, instance_ids (H, W) int32, depth (H, W) float32 metres."""

    def __init__(self, size, camera, light):
        self.h, self.w = size
        self.camera, self.light = camera, light
        self.image = np.zeros((*size, 3), np.float32)
        self.labels = np.zeros(size, np.uint8)
        self.instances = np.zeros(size, np.int32)
        self.depth = np.full(size, 400.0, np.float32)
        self.lamps = []  # (u, v, radius in pixels, linear RGB): glowing spots, added when the photograph is made
        self._count = {}

    def instance(self, label):
        """The next instance id of a class in the Cityscapes coding: label * 1000 + n."""
        n = self._count.get(label, 0)
        self._count[label] = n + 1
        return label * 1000 + n

    def box(self, points, margin=2):
        """The part of the canvas that holds pixels (N, 2): (y0, y1, x0, x1), or None when nothing of it is visible."""
        x0, y0 = np.floor(points.min(0)) - margin
        x1, y1 = np.ceil(points.max(0)) + margin
        x0, y0, x1, y1 = int(max(x0, 0)), int(max(y0, 0)), int(min(x1, self.w)), int(min(y1, self.h))
        return (y0, y1, x0, x1) if x1 - x0 > 0 and y1 - y0 > 0 else None

    def paste(self, box, color, alpha, label, instance=None, depth=None):
        """Blend linear colours (h, w, 3) with alpha (h, w) in [0, 1] into the box; the label takes what is at least half covered."""
        y0, y1, x0, x1 = box
        image = self.image[y0:y1, x0:x1]
        image += (color - image) * alpha[..., None]
        if label is None:
            return
        solid = alpha >= 0.5
        self.labels[y0:y1, x0:x1][solid] = label
        self.instances[y0:y1, x0:x1][solid] = label if instance is None else instance
        if depth is not None:
            self.depth[y0:y1, x0:x1][solid] = depth if np.isscalar(depth) else depth[solid]

    def quad(self, corners, texture, label, *, alpha=None, light=1.0, emission=None, depth=None, instance=None):
        """Stretch a texture (h, w, 3) uint8 over four world corners (4, 3): top left, top right, bottom right, bottom left.

        alpha (h, w) uint8 cuts holes.
        light: linear RGB factor or an array (h, w, 3) of the texture's size. emission (h, w) uint8 adds light of its own.
        """
        corners = np.asarray(corners, np.float64)
        if corners[:, 2].min() < NEAR_LIMIT:
            return
        points = self.camera.project(corners)
        box = self.box(points)
        if box is None:
            return
        y0, y1, x0, x1 = box
        span_w = max(np.hypot(*(points[1] - points[0])), np.hypot(*(points[2] - points[3])))
        span_h = max(np.hypot(*(points[3] - points[0])), np.hypot(*(points[2] - points[1])))
        th, tw = texture.shape[:2]
        # shrink first: a perspective warp does not average, and a distant facade would sparkle
        nw, nh = int(np.clip(span_w, 2, tw)), int(np.clip(span_h, 2, th))

        def fit(a):
            return cv2.resize(a, (nw, nh), interpolation=cv2.INTER_AREA) if (nw, nh) != (tw, th) else a

        lit = TO_LINEAR[fit(texture)] * (fit(light) if isinstance(light, np.ndarray) and light.ndim == 3 else np.float32(light))
        if emission is not None:
            lit = lit + fit(emission)[..., None].astype(np.float32) * (self.light.window / 255.0)
        source = np.float32([[0, 0], [nw, 0], [nw, nh], [0, nh]]) - 0.5
        matrix = cv2.getPerspectiveTransform(source, np.float32(points - [x0 + 0.5, y0 + 0.5]))
        shape = (x1 - x0, y1 - y0)
        color = cv2.warpPerspective(lit.astype(np.float32), matrix, shape, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cover = np.zeros(shape[::-1], np.uint8)
        cv2.fillConvexPoly(cover, fixed(points - [x0, y0]), 255, cv2.LINE_AA, SHIFT)
        cover = cover * np.float32(1 / 255)
        if alpha is not None:
            cover *= cv2.warpPerspective(fit(alpha), matrix, shape, flags=cv2.INTER_LINEAR) * np.float32(1 / 255)
        self.paste(box, color, cover, label, instance, depth if depth is not None else float(corners[:, 2].mean()))


class Patch:
    """A small picture of one object, painted with polygons in sRGB and pasted with the light that falls on it."""

    def __init__(self, canvas, points, base, margin=3):
        self.canvas, self.camera = canvas, canvas.camera
        self.box = canvas.box(points, margin)
        if self.box is not None:
            y0, y1, x0, x1 = self.box
            self.color = np.empty((y1 - y0, x1 - x0, 3), np.uint8)
            self.color[:] = np.clip(base, 0, 255)
            self.mask = np.zeros((y1 - y0, x1 - x0), np.uint8)

    @property
    def origin(self):
        return np.array([self.box[2], self.box[0]])

    def polygon(self, points, color, solid=True):
        """Fill pixels (N, 2) with an sRGB colour; solid=False paints on the object without growing it."""
        p = [fixed(points - self.origin)]
        cv2.fillPoly(self.color, p, [float(c) for c in np.clip(color, 0, 255)], cv2.LINE_AA, SHIFT)
        if solid:
            cv2.fillPoly(self.mask, p, 255, cv2.LINE_AA, SHIFT)

    def world(self, points, color, solid=True):
        """The same for world points (N, 3)."""
        self.polygon(self.camera.project(points), color, solid)

    def line(self, points, width, color, solid=True):
        """A polyline of world points, `width` metres thick at their mean depth, never thinner than most of a pixel."""
        points = np.asarray(points)
        pixels = self.camera.project(points)
        width = max(width * self.camera.f / max(points[:, 2].mean(), 1.0), 0.9)
        for a, b in zip(pixels[:-1], pixels[1:]):
            self.polygon(capsule(a, b, width / 2, width / 2), color, solid)

    def smooth(self, sigma):
        """Blur what has been painted so far: flat faces become round ones."""
        if sigma > 0.4:
            self.color = cv2.GaussianBlur(self.color, (0, 0), min(sigma, 12.0))

    def paste(self, label, depth, *, instance=None, light=1.0, grain=0.04):
        """Onto the canvas, with the light of the place and a little texture."""
        y0, y1, x0, x1 = self.box
        color = TO_LINEAR[self.color] * np.float32(light)
        if grain:
            tile = self.canvas.light.grain
            oy, ox = (y0 * 7) % 200, (x0 * 5) % 200
            tile = np.take(np.take(tile, np.arange(oy, oy + y1 - y0) % 512, 0), np.arange(ox, ox + x1 - x0) % 512, 1)
            color *= 1 + grain * tile[..., None]
        self.canvas.paste(self.box, color, self.mask * np.float32(1 / 255), label, instance, depth)


def capsule(a, b, ra, rb, n=6):
    """A limb: the outline (M, 2) of two discs at pixels a and b with radii ra, rb, and what lies between them."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    angle = np.arctan2(*(b - a)[::-1])
    t = np.linspace(np.pi / 2, 3 * np.pi / 2, n) + angle
    u = np.linspace(-np.pi / 2, np.pi / 2, n) + angle
    return np.concatenate([a + ra * np.stack([np.cos(t), np.sin(t)], 1), b + rb * np.stack([np.cos(u), np.sin(u)], 1)])
