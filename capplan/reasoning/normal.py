"""The standard normal law in numpy, so that no plan has to import scipy."""

import math
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Values = float | NDArray[np.float64]
Array = NDArray[np.float64]

_erf = np.frompyfunc(math.erf, 1, 1)
_inverse = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def cdf(z: Values) -> Array:
    """Share of the standard normal law below z; the shape of z.

    >>> float(cdf(0.0))
    0.5
    """
    finite = np.clip(np.asarray(z, dtype=np.float64), -40.0, 40.0)
    return np.asarray(0.5 * (1.0 + np.asarray(_erf(finite / math.sqrt(2.0)), dtype=np.float64)))


def quantile(share: Values) -> Array:
    """z below which `share` of the standard normal law lies; share strictly between 0 and 1.

    >>> round(float(quantile(0.99)), 3)
    2.326
    """
    return np.asarray(_inverse(np.asarray(share, dtype=np.float64)), dtype=np.float64)
