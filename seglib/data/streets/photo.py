"""From light to a photograph: sky, haze, glare, exposure, white balance, lens, motion, sensor noise and compression."""

import cv2
import numpy as np

from . import noise

SKY = 23


def sky(canvas, rng, light):
    """Paint the whole canvas with sky before anything else stands in front of it."""
    h, w = canvas.h, canvas.w
    v = np.linspace(1.0, 0.0, int(canvas.camera.horizon) + 40)
    v = np.concatenate([v, np.zeros(max(0, h - v.size))])[:h]
    zenith, horizon = {
        "clear": ((0.22, 0.42, 0.95), (0.75, 0.88, 1.05)), "broken": ((0.30, 0.45, 0.85), (0.85, 0.92, 1.0)),
        "overcast": ((0.72, 0.76, 0.80), (0.95, 0.97, 0.98)), "rain": ((0.50, 0.54, 0.60), (0.72, 0.75, 0.78)),
        "fog": ((0.80, 0.82, 0.84), (0.86, 0.87, 0.88)),
    }[light.weather]  # fmt: skip
    scale = rng.uniform(0.9, 1.7)
    zenith, horizon = np.array(zenith) * scale, np.array(horizon) * scale * rng.uniform(0.95, 1.3)
    if light.sunny and light.sun[1] < 0.4:
        horizon = horizon * np.array([1.18, 1.0, 0.82])
    color = horizon + (zenith - horizon) * (v[:, None] ** 0.8)
    image = np.repeat(color[:, None].astype(np.float32), w, 1)
    rows = np.arange(h, dtype=np.float32)[:, None]
    deck = rng.uniform(120, 320)  # clouds are flatter towards the horizon, as if seen on a deck above us
    depth = 1.0 / np.maximum(canvas.camera.horizon - rows[::4] + deck, 30)
    u = (np.arange(0, w, 4, dtype=np.float32)[None] - w / 2) * depth * rng.uniform(60, 130) + rng.uniform(0, 512)
    y = np.broadcast_to(depth * 40000 + rng.uniform(0, 512), u.shape)
    cloud = noise.sample(1.35, u, y, int(rng.integers(0, 3))) + 0.25 * noise.sample(0.9, u * 3, y * 3)
    cloud = cv2.resize(cloud, (w, h), interpolation=cv2.INTER_LINEAR)
    if light.weather in ("broken", "overcast", "rain"):
        cover = {"broken": rng.uniform(-0.6, 0.6), "overcast": -2.5, "rain": -3.0}[light.weather]
        amount = np.clip((cloud - cover) * 1.2, 0, 1)
        body = np.array([0.9, 0.91, 0.93]) * scale
        shade = np.clip(1.0 - 0.20 * np.clip(cloud - cover, 0, 2.2) + 0.05 * cloud, 0.45, 1.2)
        image += (body.astype(np.float32) * shade[..., None] - image) * amount[..., None]
    elif light.weather == "clear" and rng.random() < 0.5:
        image += 0.16 * np.clip(cloud - 0.4, 0, 1)[..., None]
    if light.sunny and light.sun[2] > 0.2:  # the glow around the sun
        su = canvas.camera.center + canvas.camera.f * light.sun[0] / light.sun[2]
        sv = canvas.camera.horizon - canvas.camera.f * light.sun[1] / light.sun[2]
        d2 = (np.arange(w)[None] - su) ** 2 + (np.arange(h)[:, None] - sv) ** 2
        image += (0.9 * np.exp(-np.sqrt(d2) / (0.16 * w)))[..., None].astype(np.float32) * np.array([1, 0.92, 0.75], np.float32)
    if light.night:
        image *= np.array([0.03, 0.032, 0.045], np.float32) * rng.uniform(0.5, 1.8)
        image += np.array([0.03, 0.022, 0.014], np.float32) * (1 - v)[:, None, None].astype(np.float32)
    canvas.image[:] = image
    canvas.labels[:] = SKY
    canvas.instances[:] = SKY
    return image[max(0, int(canvas.camera.horizon) - 30)].mean(0)


def haze(canvas, light, air):
    """Distance fades into the colour of the air (3,)."""
    t = np.exp(-canvas.depth * np.float32(light.fog))
    t[canvas.labels == SKY] = 1.0 if light.weather != "fog" else 0.25
    air = (np.asarray(air) * 0.8).astype(np.float32)
    canvas.image *= t[..., None]
    canvas.image += (1 - t)[..., None] * air


def glare(canvas, light):
    """Lamps, and what is so bright that it spills into its neighbourhood."""
    for u, v, radius, rgb, s in canvas.lamps:
        radius = max(radius, 0.7)
        box = canvas.box(np.array([[u - 7 * radius, v - 7 * radius], [u + 7 * radius, v + 7 * radius]]))
        if box is None:
            continue
        y0, y1, x0, x1 = box
        iu, iv = int(np.clip(u, 0, canvas.w - 1)), int(np.clip(v, 0, canvas.h - 1))
        if canvas.depth[iv, iu] < s - 3.0:  # hidden by something nearer
            continue
        d2 = ((np.arange(x0, x1)[None] - u) ** 2 + (np.arange(y0, y1)[:, None] - v) ** 2) / radius**2
        spot = 1.6 * np.exp(-d2 * 1.5) + (0.16 / (1 + d2) if light.night else 0.0) * np.clip(1.5 - np.sqrt(d2) / 5, 0, 1)
        canvas.image[y0:y1, x0:x1] += spot[..., None].astype(np.float32) * np.asarray(rgb, np.float32)
    small = cv2.resize(canvas.image, (canvas.w // 8, canvas.h // 8), interpolation=cv2.INTER_AREA)
    bloom = cv2.GaussianBlur(np.clip(small - 0.95, 0, 4), (0, 0), 5)
    canvas.image += cv2.resize(bloom, (canvas.w, canvas.h), interpolation=cv2.INTER_LINEAR) * np.float32(0.22)


def wet_road(canvas, light, horizon):
    """Puddles and a wet road mirror what stands above them."""
    if light.wet < 0.2:
        return
    top = int(horizon) + 10
    road = (canvas.labels[top:] == 7) | (canvas.labels[top:] == 8)
    n = canvas.h - top
    mirrored = canvas.image[np.clip(top - 1 - (np.arange(n) * 0.8).astype(int), 0, canvas.h - 1)]
    mirrored = cv2.blur(mirrored, (9, 41))
    amount = (0.08 + 0.18 * light.wet) * np.linspace(1.2, 0.35, n)[:, None].astype(np.float32)
    rough = 0.8 + 0.10 * noise.tile(1.2, 9)[:, :][np.ix_(np.arange(n) % 512, (np.arange(canvas.w) // 2) % 512)]
    amount = amount * rough * road
    canvas.image[top:] += (mirrored - canvas.image[top:] * 0.6) * np.clip(amount, 0, 0.5)[..., None]


def develop(canvas, rng, light):
    """Linear light -> (H, W, 3) uint8 as a car's camera would store it."""
    image = canvas.image
    h, w = canvas.h, canvas.w
    level = np.median(cv2.resize(image, (64, 32), interpolation=cv2.INTER_AREA).mean(2)) + 1e-3
    target = rng.uniform(0.085, 0.26) if not light.night else rng.uniform(0.03, 0.09)
    gain = target / level
    balance = np.exp(rng.normal(0, 0.05, 3))
    image = image * (gain * balance).astype(np.float32)
    blur = max(0.0, rng.normal(0.7, 0.5))
    if rng.random() < 0.10:
        blur += rng.uniform(0.5, 1.8)
    if blur > 0.35:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    if rng.random() < 0.25:  # motion: the picture smears sideways or up and down by a few pixels
        k = int(rng.integers(3, 10))
        image = cv2.blur(image, (k, 1) if rng.random() < 0.5 else (1, k))
    y, x = np.linspace(-1, 1, h, dtype=np.float32)[:, None], np.linspace(-1, 1, w, dtype=np.float32)[None]
    image = image * (1 - rng.uniform(0.0, 0.32) * (x * x + 0.5 * y * y))[..., None]
    # a filmic shoulder: highlights roll off instead of clipping at once
    shoulder = rng.uniform(0.0, 0.5)
    image = image * (1 + shoulder * 0.25 * image) / (1 + shoulder * image)
    contrast = rng.uniform(0.92, 1.18)
    image = np.clip(image, 0, 1) ** np.float32(contrast / 2.2) * 255
    if rng.random() < 0.5:
        grey = image.mean(2, keepdims=True)
        image = grey + (image - grey) * np.float32(rng.uniform(0.6, 1.15))
    sigma = rng.uniform(0.8, 3.2) * (2.0 if light.night else 1.0)
    k = rng.integers(0, 512, 6)
    rows, cols = (np.arange(h) * 1 + k[0]) % 512, (np.arange(w) + k[1]) % 512
    grain = rng.standard_normal((h // 2 + 1, w), dtype=np.float32)
    image += sigma * np.concatenate([grain, grain[::-1, ::-1]])[:h, :, None]
    chroma = noise.tile(0.4, 2)[np.ix_(rows, cols)]
    image[..., 0] += sigma * 0.5 * chroma
    image[..., 2] -= sigma * 0.5 * chroma
    image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(55, 95))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return image


def bonnet(canvas, rng, light):
    """The bonnet of our own car and the unused rim of the picture, in some of the scenes."""
    h, w = canvas.h, canvas.w
    if rng.random() < 0.45:
        rise, edge = rng.uniform(0.02, 0.10), rng.uniform(0.2, 0.8)
        u = np.linspace(-1, 1, w)
        line = h * (1 - rise * np.clip(1 - np.abs(u) ** rng.uniform(2.2, 5) * edge, 0, 1)) + rng.uniform(-30, 10) * u
        v = np.arange(h)[:, None] - line[None]
        alpha = np.clip(v + 0.5, 0, 1).astype(np.float32)
        y0 = max(0, int(line.min()) - 1)
        tone = np.array([rng.uniform(0.01, 0.5)] * 3) * rng.uniform(0.8, 1.2, 3)
        mirror = cv2.blur(canvas.image[y0 - (h - y0) : y0][::-1], (61, 31))
        color = tone.astype(np.float32) * light.ambient(0, 2.0).astype(np.float32) * 0.7 + 0.18 * mirror
        color = color * (1 - 0.25 * np.clip(v[y0:] / 80, 0, 1))[..., None].astype(np.float32)
        canvas.paste((y0, h, 0, w), color, alpha[y0:], 1, depth=1.5)
    if rng.random() < 0.4:
        k = int(rng.integers(2, 9))
        for part in (np.s_[:k], np.s_[-k:], np.s_[:, :k], np.s_[:, -k:]):
            canvas.labels[part] = canvas.instances[part] = 3
            canvas.image[part] *= 0.04
