"""Textures: tileable noise made once per process from fixed seeds, and the patterns that facades and the ground are made of."""

from functools import lru_cache

import cv2
import numpy as np

SIDE = 512


@lru_cache(None)
def tile(beta: float, seed: int = 0) -> np.ndarray:
    """Tileable noise (512, 512) float32, mean 0, deviation 1, with a power spectrum that falls as 1 / f^(2 beta)."""
    rng = np.random.default_rng([977, seed, int(beta * 100)])
    f = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None])
    f[0, 0] = 1.0
    spectrum = np.fft.rfft2(rng.standard_normal((SIDE, SIDE))) / f**beta
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (SIDE, SIDE))
    return (noise / noise.std()).astype(np.float32)


def sample(beta, u, v, seed=0):
    """Noise at texel coordinates u, v (h, w) float32, wrapped around -> (h, w) float32."""
    u, v = np.asarray(u, np.float32), np.asarray(v, np.float32)  # cv2 saturates beyond 32767 texels: far away, where noise has faded
    return cv2.remap(tile(beta, seed), u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def patch(rng, beta, shape, scale=1.0, seed=0):
    """A random crop (h, w) of a tile, `scale` texels per pixel."""
    h, w = shape
    oy, ox = rng.integers(0, SIDE, 2)
    rows = (oy + np.arange(h) * scale).astype(np.float32)
    cols = (ox + np.arange(w) * scale).astype(np.float32)
    if scale == 1.0:
        return tile(beta, seed)[np.ix_(rows.astype(int) % SIDE, cols.astype(int) % SIDE)]
    return sample(beta, *np.meshgrid(cols, rows), seed)


@lru_cache(None)
def bricks() -> np.ndarray:
    """A brick bond (480, 480) float32, one brick 48 x 16 texels, mean about 0: bricks differ, joints are lighter or darker."""
    rng = np.random.default_rng(978)
    out = np.zeros((480, 480), np.float32)
    for row in range(30):
        tone = np.repeat(rng.normal(0, 1, 10), 48)
        out[row * 16 : row * 16 + 16] = np.roll(tone, 24 * (row % 2))
        out[row * 16 : row * 16 + 2] = 2.0
        for col in range(10):
            x = (col * 48 + 24 * (row % 2)) % 480
            out[row * 16 : row * 16 + 16, x : x + 2] = 2.0
    return out


def brick_patch(shape, ppm):
    """Bricks (h, w) for a wall of `ppm` pixels per metre; a brick is 0.24 x 0.08 m."""
    h, w = shape
    scale = 200.0 / ppm
    size = max(8, int(480 / scale))
    small = cv2.resize(bricks(), (size, size), interpolation=cv2.INTER_AREA)
    return np.tile(small, (h // size + 1, w // size + 1))[:h, :w]


def tint(texture, noise, amount):
    """Multiply a texture (h, w, 3) uint8 by 1 + amount * noise (h, w)."""
    return np.clip(texture * (1 + amount * noise[..., None]), 0, 255).astype(np.uint8)
