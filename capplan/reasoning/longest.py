"""The longest of several samples of one prompt, which a query that asks for them all waits for."""

import math

import numpy as np

from capplan.reasoning import normal
from capplan.reasoning.normal import Array, Values


def longest_factor(samples: Values, cv: float) -> Array:
    """Mean length of the longest of `samples` over the mean length, lognormal lengths with this CV.

    The CV is that within one prompt; the spread across prompts does not count here, since the samples share theirs.
    samples: 1 or more, need not be whole (a mean number of samples); the result has its shape.

    >>> round(float(longest_factor(8, 0.237)), 2)
    1.37
    """
    count = np.asarray(samples, dtype=np.float64)
    if cv <= 0:
        return np.ones_like(count)
    sigma = math.sqrt(math.log1p(cv * cv))
    z = np.linspace(-9.0, 9.0 + sigma, 721)
    below = normal.cdf(z)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * np.exp(sigma * z - sigma * sigma / 2)
    weight = count[..., None] * below ** (count[..., None] - 1.0) * density
    return np.asarray(weight.sum(axis=-1) * (z[1] - z[0]))


def longest_quantile(samples: Values, cv: float, share: Values) -> Array:
    """A quantile of the longest of `samples` over the mean length; see `longest_factor`. One sample is the mean.

    It is below x where all samples are: P(longest < x) = P(length < x)^samples. samples and share broadcast.

    >>> round(float(longest_quantile(8, 0.237, 0.95)), 2)
    1.74
    """
    count = np.asarray(samples, dtype=np.float64)
    sigma = math.sqrt(math.log1p(cv * cv))
    z = normal.quantile(np.asarray(share) ** (1 / count))
    return np.where(count > 1, np.exp(sigma * z - sigma * sigma / 2), 1.0)
