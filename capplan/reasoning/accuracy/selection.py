"""Selection by a verifier (best of N), guided search, and revision: gains bounded by who judges."""

import numpy as np

from capplan.reasoning.accuracy import difficulty
from capplan.reasoning.normal import Array, Values


def best_of(accuracy: Values, samples: Values, concentration: Values, verifier_accuracy: Values) -> Array:
    """Accuracy of the sample that the verifier scores highest.

    The verifier turns a share 2 v - 1 of the gap between one sample and coverage (some sample is right) into accuracy:
    v = 1 is an oracle and reaches coverage, v = 1/2 is a coin and stays at one sample. More samples therefore help
    only as far as the verifier does. Assumes that a verifier's failures belong to problems, not to samples; then
    drawing more cannot average them out, which is the plateau that Brown et al. 2024 (arXiv 2407.21787) report.

    verifier_accuracy: chance that it prefers a right answer to a wrong one of the same problem, 0.5 .. 1.

    >>> round(float(best_of(0.5, 2, np.inf, 1.0)), 3), round(float(best_of(0.5, 2, np.inf, 0.5)), 3)
    (0.75, 0.5)
    """
    single = np.asarray(accuracy, dtype=np.float64)
    efficiency = np.clip(2 * np.asarray(verifier_accuracy, dtype=np.float64) - 1, 0.0, 1.0)
    return np.asarray(single + efficiency * (difficulty.coverage(single, samples, concentration) - single))


def searched(
    accuracy: Values, candidates: Values, concentration: Values, verifier_accuracy: Values, efficiency: Values
) -> Array:
    """Accuracy of a guided search (beam, tree, MCTS): best of `efficiency` x `candidates` whole answers.

    candidates: tokens decoded over tokens of one whole answer, at least 1.
    efficiency: how many independent samples one answer's worth of guided tokens is worth; 1 is parity, and
    compute-optimal search needs up to 4x less compute than best of N (Snell et al. 2024, arXiv 2408.03314).
    """
    worth = np.maximum(np.asarray(candidates, dtype=np.float64) * efficiency, 1.0)
    return best_of(accuracy, worth, concentration, verifier_accuracy)


def self_corrected(accuracy: Values, rounds: Values, limit: Values, rate: Values) -> Array:
    """Accuracy after rounds of criticising and revising oneself, with no judge from outside.

    It drifts towards `limit` x where it started, by the share `rate` of what is left each round. Published limits are
    below 1: models without outside feedback break more right answers than they mend (Huang et al. 2023,
    arXiv 2310.01798).

    >>> [round(float(self_corrected(0.955, r, 0.8883, 0.375)), 3) for r in (0, 1, 2)]  # GPT-4, GSM8K: 95.5, 91.5, 89.0
    [0.955, 0.915, 0.89]
    """
    left = np.power(1.0 - np.asarray(rate, dtype=np.float64), np.asarray(rounds))
    return np.asarray(np.asarray(accuracy, dtype=np.float64) * (limit + (1.0 - np.asarray(limit)) * left))


def revised(accuracy: Values, rounds: Values, mends: Values, breaks: Values) -> Array:
    """Accuracy after rounds that each mend a share `mends` of the wrong answers and break `breaks` of the right ones.

    It goes to mends / (mends + breaks) from either side: revision makes worse whatever starts above that.

    >>> round(float(revised(0.9, 1, 0.5, 0.1)), 2)
    0.86
    """
    mend, lose = np.asarray(mends, dtype=np.float64), np.asarray(breaks, dtype=np.float64)
    limit = mend / np.maximum(mend + lose, 1e-12)
    return np.asarray(limit + (np.asarray(accuracy) - limit) * np.power(1.0 - mend - lose, rounds))


def criticised(accuracy: Values, rounds: Values, concentration: Values, critic_accuracy: Values) -> Array:
    """Accuracy when a critic of this accuracy says each round which answers to write anew.

    A flagged answer is replaced by a fresh one, right with the problem's own chance p. A good critic (1) keeps what is
    right and approaches coverage; a coin (1/2) changes nothing on average; below it, accuracy falls.
    """
    mean, turns, spread, trust = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (accuracy, rounds, concentration, critic_accuracy))
    )
    share, p = difficulty.weights(mean, spread), difficulty.CHANCES
    mends, breaks = trust[..., None] * p, (1 - trust[..., None]) * (1 - p)
    return np.asarray((share * revised(p, turns[..., None], mends, breaks)).sum(axis=-1))
