"""Lens and lamp: how light from the cloth is smeared over pixels and falls off towards the edges."""

from __future__ import annotations

import math

import cv2
import numpy as np

from runtime.types import Float32


def point_spread(sigma_px: float) -> Float32:
    """Weights of a pixel's left neighbour, itself and its right neighbour, float32 [3], sum 1.

    The Gaussian is separable and cloth is rendered as sums of (line weight x column profile), so
    blurring the weights and the profiles by these blurs the picture exactly, at no cost per pixel.
    """
    side = math.exp(-0.5 / sigma_px**2) if sigma_px > 0 else 0.0
    return np.array([side, 1, side] / np.float64(1 + 2 * side), np.float32)


def blur_last_axis(values: Float32, kernel: Float32) -> Float32:
    """``values`` blurred along their last axis by three weights; the end values are repeated."""
    padded = np.concatenate([values[..., :1], values, values[..., -1:]], axis=-1)
    blurred: Float32 = kernel[0] * padded[..., :-2] + kernel[1] * padded[..., 1:-1] + kernel[2] * padded[..., 2:]
    return blurred


def blur_to_the_right(light: Float32, sigma_px: float) -> Float32:
    """Light blurred across the cloth, not at all at the left and by ``sigma_px`` at the right, [lines, width].

    So a strip looks where its lens stands askew, or its cloth is not as tight at one side as at the other.
    """
    if not sigma_px:
        return light
    blurred = cv2.GaussianBlur(light, (2 * math.ceil(3 * sigma_px) + 1, 1), sigma_px, borderType=cv2.BORDER_REPLICATE)
    share = np.linspace(0, 1, light.shape[1], dtype=np.float32)
    return light + share * (blurred - light)


def lamp_profile(width: int, falloff: float) -> Float32:
    """Relative light over the columns by the cos^4 law, float32 [width]: 1 in the middle.

    Args:
        width: px.
        falloff: share of light missing at the outermost columns, 0 to below 1.
    """
    edge = math.tan(math.acos((1 - falloff) ** 0.25))
    across = (np.arange(width) + 0.5) / width * 2 - 1
    return (1 / (1 + (across * edge) ** 2) ** 2).astype(np.float32)
