"""True mean lengths of a row's requests: as measured, else as its benchmark draws them."""

from dataclasses import dataclass

from capplan.engine.excuse import Assumption
from capplan.measured.assume import assume
from capplan.measured.conventions import MLPERF, SEMIANALYSIS, Dataset, mlperf_datasets, semianalysis
from capplan.measured.table import Row, number

# Where nothing is told: the middle of the public closed-loop benchmarks.
DEFAULT_PROMPT_TOKENS = 1024.0
DEFAULT_OUTPUT_TOKENS = 1024.0
# Chat prompts and answers spread about as widely as they are long (ShareGPT, OpenOrca).
DATASET_CV = 1.0


@dataclass(frozen=True)
class Lengths:
    """Means in tokens, and standard deviation over mean."""

    prompt_tokens: float
    output_tokens: float
    prompt_cv: float
    output_cv: float
    dataset: Dataset | None
    assumptions: tuple[Assumption, ...]


def lengths(row: Row, model: str) -> Lengths:
    """Measured means where filled; 0.88 of nominal for InferenceMAX and InferenceX; MLPerf datasets by model."""
    dataset = _dataset(row, model)
    drawn = semianalysis() if semianalysis().ran(row.get("submitter", "")) else None
    notes: list[Assumption] = []
    ratio = drawn.length_ratio if drawn else 1.0
    prompt = _mean(row, "isl", ratio, dataset.prompt_tokens if dataset else None, DEFAULT_PROMPT_TOKENS, notes)
    output = _mean(row, "osl", ratio, dataset.output_tokens if dataset else None, DEFAULT_OUTPUT_TOKENS, notes)
    if dataset:
        prompt_cv, output_cv = dataset.prompt_cv, dataset.output_cv
    elif drawn:
        prompt_cv = output_cv = drawn.length_cv
    else:
        prompt_cv = output_cv = _spread(row, notes)
    return Lengths(prompt, max(1.0, output), prompt_cv, output_cv, dataset, tuple(notes))


def _spread(row: Row, notes: list[Assumption]) -> float:
    """Standard deviation over mean: a mean prompt that is no whole number, with no nominal one, is a data set's."""
    mean = number(row, "isl_mean_actual")
    if mean is None or row.get("isl") or mean == int(mean):
        return 0.0
    notes.append(assume("length_cv", DATASET_CV, "the mean length is no whole number: a data set's, spread like chats"))
    return DATASET_CV


def _mean(
    row: Row, column: str, ratio: float, of_dataset: float | None, default: float, notes: list[Assumption]
) -> float:
    actual = number(row, f"{column}_mean_actual")
    if actual is not None:
        return actual
    nominal = number(row, column)
    if nominal is not None:
        if ratio != 1.0:
            notes.append(assume(column, f"{ratio} x nominal", SEMIANALYSIS, "catalogue"))
        return nominal * ratio
    if of_dataset is not None:
        notes.append(assume(column, of_dataset, MLPERF, "catalogue"))
        return of_dataset
    notes.append(assume(column, default, "the row does not tell; a common benchmark length", "default"))
    return default


def _dataset(row: Row, model: str) -> Dataset | None:
    """The MLPerf dataset of a row without nominal lengths."""
    load_type = row.get("load_type", "")
    told = load_type.startswith("mlperf") or (
        load_type == "offline_max" and not row.get("isl") and not row.get("isl_mean_actual")
    )
    return mlperf_datasets().get(model) if told else None
