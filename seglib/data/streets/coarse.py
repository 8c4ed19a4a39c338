"""Coarse masks: what an annotator draws in seven minutes: simplified polygons, kept inside the object, with gaps between them."""

import cv2
import numpy as np

VOID = 0
SCALE = 4  # polygons are drawn on a quarter of the resolution
SMALLEST = {17: 0.0012, 19: 0.00004, 20: 0.00006, 24: 0.00008, 25: 0.00008, 26: 0.0001, 32: 0.0001, 33: 0.0001}  # share of the image


def coarse(rng, label_ids, instance_ids):
    """Fine ids (H, W) -> coarse ids (H, W) uint8: 0 where nothing was drawn."""
    h, w = label_ids.shape
    small = (w // SCALE, h // SCALE)
    labels = label_ids[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE]
    out = np.zeros(labels.shape, np.uint8)
    for label in (int(k) for k in np.unique(labels)):
        if label in (0, 4, 5):
            continue
        mask = (labels == label).astype(np.uint8)
        thin = label in SMALLEST
        radius = 1 if thin else int(rng.integers(3, 6))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        if not thin:
            mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel)
        mask = cv2.erode(mask, kernel, borderType=cv2.BORDER_REPLICATE)
        smallest = SMALLEST.get(label, 0.0008) * labels.size
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        drawn = np.zeros_like(mask)
        for contour in contours:
            if cv2.contourArea(contour) < smallest or rng.random() < 0.04:
                continue
            polygon = cv2.approxPolyDP(contour, 1.0 if thin else rng.uniform(1.5, 3.5), True)
            cv2.fillPoly(drawn, [polygon], 1)
        # a polygon that swallowed much of another class is cut back to its own, roughly
        keep = cv2.dilate(mask, np.ones((3, 3), np.uint8), iterations=1)
        out[(drawn & keep) > 0] = label
    return cv2.resize(out, small[:2], interpolation=cv2.INTER_NEAREST).repeat(SCALE, 0).repeat(SCALE, 1)[:h, :w]
