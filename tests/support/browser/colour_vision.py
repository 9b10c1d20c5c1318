"""Colours as people with each kind of colour blindness see them.

Source: Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision Deficiency", 2009:
the matrices for severity 1.0, for linear RGB. CIE 1976 L*a*b* with the white point D65.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Lab = NDArray[np.float64]

VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def seen(colours: ArrayLike, vision: str) -> Lab:
    """Return colours as seen with a vision of VISIONS.

    Shape: `colours` is [n, 3], red, green and blue from 0 to 255; the result is [n, 3], L*, a* and b*.
    """
    parts = np.asarray(colours, float) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ VISIONS[vision].T, 0, 1) @ _TO_XYZ.T / _WHITE
    cubes = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    x, y, z = cubes.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def difference(one: Lab, other: Lab) -> NDArray[np.float64]:
    """Return the distance between colours. About 2 can just be told apart when they touch."""
    return np.asarray(np.linalg.norm(one - other, axis=-1))
