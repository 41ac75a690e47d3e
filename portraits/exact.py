"""Functions whose last bit is the same on every processor.

NumPy's own take other instructions, and so round otherwise, where a processor has AVX-512. These
are made of sums, products, quotients and square roots alone, which IEEE 754 defines to the bit.
They are as good as the type of their argument, float64 or float32, within a few last bits.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_HALF_PI = (1.5707963267341256, 6.077100506506192e-11)
_LN_2 = (0.6931471803691238, 1.9082149292705877e-10)
# Taylor's coefficients, the last one first.
_SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(8)][::-1]
_COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(9)][::-1]
_EXPONENTIAL = [1 / math.factorial(k) for k in range(14)][::-1]
_LOGARITHM = [2 / (2 * k + 1) for k in range(11)][::-1]
# What is smaller has an exponential of nearly 0.
_LEAST = -700.0


def sine(x: ArrayLike) -> Any:
    """The sine of ``x`` radians, no further than some thousands from 0."""
    return _circular(x, 0)


def cosine(x: ArrayLike) -> Any:
    """The cosine; see `sine`."""
    return _circular(x, 1)


def exponential(x: ArrayLike) -> Any:
    """e to the power of ``x``, which is at most 88."""
    x = np.maximum(x, _LEAST)
    twos = np.rint(x / math.log(2))
    rest = (x - twos * _LN_2[0]) - twos * _LN_2[1]
    return np.ldexp(_polynomial(_EXPONENTIAL, rest), twos.astype(np.int32))


def power(x: ArrayLike, exponent: ArrayLike) -> Any:
    """``x``, at least 0, to the power of ``exponent``, above 0."""
    base = np.asarray(x)
    positive = base > 0
    raised = exponential(exponent * _logarithm(np.where(positive, base, 1)))
    return np.where(positive, raised, 0)


def length(x: ArrayLike, y: ArrayLike) -> Any:
    """Of the vectors (x, y)."""
    return np.sqrt(np.square(x) + np.square(y))


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector of length 1 in this direction; of shape (n,)."""
    return np.asarray(vector / np.sqrt(np.square(vector).sum()))


def _circular(x: ArrayLike, quarters: int) -> Any:
    """The sine of so many quarter turns more than ``x``."""
    x = np.asarray(x)
    turned = np.rint(x / (math.pi / 2))
    rest = (x - turned * _HALF_PI[0]) - turned * _HALF_PI[1]
    square = rest * rest
    quarter = (turned + quarters) % 4
    value = np.where(
        quarter % 2 == 0, rest * _polynomial(_SINE, square), _polynomial(_COSINE, square)
    )
    return np.where(quarter < 2, value, -value)


def _logarithm(x: np.ndarray) -> Any:
    fraction, twos = np.frexp(x)
    # From the square root of 1/2 to that of 2.
    low = fraction < math.sqrt(0.5)
    fraction, twos = np.where(low, 2 * fraction, fraction), twos - low
    ratio = (fraction - 1) / (fraction + 1)
    twos = twos.astype(ratio.dtype)
    return ratio * _polynomial(_LOGARITHM, ratio * ratio) + twos * _LN_2[1] + twos * _LN_2[0]


def _polynomial(coefficients: list[float], x: Any) -> Any:
    value = coefficients[0] * x
    for coefficient in coefficients[1:-1]:
        value += coefficient
        value *= x
    return value + coefficients[-1]
