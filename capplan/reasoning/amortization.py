"""Training against inference: what a trained or distilled model costs per query over its life, and when it pays."""

import math

import numpy as np

from capplan.reasoning.normal import Array, Values


def usd_per_query(training_usd: Values, queries: Values, inference_usd_per_query: Values) -> Array:
    """Cost of one query with training spread over all queries of the deployment's life.

    >>> float(usd_per_query(1e6, 1e8, 0.002).round(6))
    0.012
    """
    return np.asarray(np.asarray(training_usd, dtype=np.float64) / queries + inference_usd_per_query)


def queries_to_pay(training_usd: float, teacher_usd_per_query: float, student_usd_per_query: float) -> float:
    """Lifetime queries after which a distilled model has earned its training; infinite where it saves nothing.

    Where the two differ in accuracy compare costs per correct answer: pass each cost divided by its accuracy.

    >>> queries_to_pay(50_000, 0.010, 0.002)
    6250000.0
    """
    saved_usd = teacher_usd_per_query - student_usd_per_query
    return training_usd / saved_usd if saved_usd > 0 else math.inf


def training_flop(parameters: Values, tokens: Values) -> Array:
    """FLOP of training on so many tokens: 6 per parameter and token (forward 2, backward 4); Kaplan et al. 2020.

    Attention over long traces comes on top; see `flop.query_flop` for its size.
    """
    return np.asarray(6 * np.asarray(parameters, dtype=np.float64) * tokens)


def distillation_flop(
    teacher_parameters: float,
    student_parameters: float,
    traces: float,
    trace_tokens: float,
    epochs: float = 2.0,
    kept: float = 1.0,
) -> float:
    """FLOP of distilling: the teacher writes the traces, the student trains on those that are kept.

    kept: share of the traces that pass the filter. parameters are active ones, traces those that are trained on.
    """
    written = 2 * teacher_parameters * traces / kept * trace_tokens
    return written + epochs * float(training_flop(student_parameters, traces * trace_tokens))
