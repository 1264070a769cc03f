"""Fitting: planted parameters come back, empty data are refused, the same input gives the same file."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from capplan.catalog.engines import Overheads, profile, with_overheads
from capplan.engine.point import Point
from capplan.engine.predict import predict
from capplan.errors import UserError
from capplan.measured.calibrate import Fit, fit
from capplan.measured.engine_fit import Base, base_of, measurements, parameters, predictor, profile_text
from capplan.measured.linear import linearise, resolved
from capplan.measured.points import resolve_rows
from capplan.measured.problem import Parameter, Targets, Values

PARAMETERS = (Parameter("fixed", 1.0, 0.01, 100.0, 0.7), Parameter("slope", 1.0, 0.01, 100.0, 0.7))
PLANTED = {"fixed": 2.5, "slope": 0.6}
LOADS = [float(x) for x in (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)] * 3


def line(rows: Sequence[int], values: Values) -> list[float | None]:
    return [values["fixed"] + values["slope"] * LOADS[at] for at in rows]


def targets(noise: float = 0.0) -> Targets:
    source = random.Random(5)
    exact = [value or 0.0 for value in line(range(len(LOADS)), PLANTED)]
    values = [value * math.exp(source.gauss(0, noise)) for value in exact]
    return Targets(values, ["g"] * len(LOADS), [str(at % 6) for at in range(len(LOADS))])


def test_planted_parameters_come_back() -> None:
    result = fit(PARAMETERS, targets(), line)
    assert result.values == pytest.approx(PLANTED, rel=0.02)
    assert result.after.median < 0.01 < result.before.median
    assert result.cross_validated.median < 0.02 and result.folds == 5


def test_noise_widens_the_errors_and_hardly_moves_the_values() -> None:
    result = fit(PARAMETERS, targets(noise=0.05), line)
    assert result.values == pytest.approx(PLANTED, rel=0.15)
    assert result.after.median <= result.cross_validated.median * 1.2


def test_one_wild_measurement_does_not_pull_the_fit() -> None:
    clean = targets()
    wild = Targets([*clean.measured[:-1], clean.measured[-1] * 20], clean.groups, clean.series)
    assert fit(PARAMETERS, wild, line).values == pytest.approx(PLANTED, rel=0.1)


def test_a_parameter_that_moves_nothing_is_held_at_its_prior() -> None:
    idle = Parameter("idle", 3.0, 0.1, 10.0, 0.5)
    result = fit((*PARAMETERS, idle), targets(), line)
    held = next(one for one in result.fitted if one.parameter.name == "idle")
    assert (held.value, held.held) == (3.0, "the data say less about it than its prior")


def test_of_two_parameters_that_do_the_same_one_is_held() -> None:
    def twice(rows: Sequence[int], values: Values) -> list[float | None]:
        return [values["fixed"] + values["slope"] * values["twin"] * LOADS[at] for at in rows]

    twin = Parameter("twin", 1.0, 0.01, 100.0, 0.7)
    result = fit((*PARAMETERS, twin), targets(), twice)
    assert sum(bool(one.held) for one in result.fitted) == 1
    assert result.values["slope"] * result.values["twin"] == pytest.approx(PLANTED["slope"], rel=0.02)


def test_too_few_rows_carry_no_parameter() -> None:
    few = Targets([1.0] * 5, ["g"] * 5, list("abcde"))
    with pytest.raises(UserError, match="5 usable rows carry no parameter"):
        fit(PARAMETERS, few, line)


def test_sixteen_rows_carry_two_parameters_at_most() -> None:
    many = tuple(Parameter(f"p{at}", 1.0, 0.1, 10.0, 0.7) for at in range(4))

    def product(rows: Sequence[int], values: Values) -> list[float | None]:
        return [math.prod(values[f"p{at}"] ** ((row >> at) % 2) for at in range(4)) for row in rows]

    sixteen = Targets([2.0] * 16, ["g"] * 16, [str(at) for at in range(16)])
    result = fit(many, sixteen, product)
    assert sum(not one.held for one in result.fitted) == 2
    assert any("16 rows carry 2 parameters" in one.held for one in result.fitted)
    with pytest.raises(UserError, match="do not carry 2 of 4 parameters"):
        fit(many, sixteen, product, insist=True)


def test_rows_that_cannot_be_predicted_are_left_out_and_counted() -> None:
    def gappy(rows: Sequence[int], values: Values) -> list[float | None]:
        return [None if at % 5 == 0 else value for at, value in zip(rows, line(rows, values), strict=True)]

    assert fit(PARAMETERS, targets(), gappy).excluded == 6


def test_a_linearised_refit_to_all_rows_is_the_fit_itself() -> None:
    result = fit(PARAMETERS, targets(noise=0.05), line)
    rows = range(len(LOADS))
    linear = linearise(PARAMETERS, result.values, targets(noise=0.05), line, rows)
    assert resolved(linear, targets(noise=0.05), rows) == pytest.approx(result.values, rel=0.02)


def test_a_linearised_refit_without_a_group_of_its_own_law_finds_the_law_of_the_rest() -> None:
    clean = targets()
    rest = range(20)
    strange = [value * (1.0 if at in rest else 3.0) for at, value in enumerate(clean.measured)]
    data = Targets(strange, clean.groups, clean.series)
    to_all = fit(PARAMETERS, data, line).values
    left_out = resolved(linearise(PARAMETERS, to_all, data, line, range(len(LOADS))), data, rest)

    def error(values: Values) -> float:
        return max(abs(p / m - 1) for p, m in zip(line(rest, values), data.measured[:20], strict=True) if p)

    assert error(left_out) < 0.02 < error(to_all)


ROWS = [
    {"model": "Llama 3.1 8B", "gpu": "H100", "engine": "vLLM", "engine_version": "0.11.0", "osl": "256",
     "load_type": "concurrency", "concurrency": clients, "isl": isl, "tp": tp, "primary_metric": "out_tps_total"}
    for clients in ("1", "4", "16", "64", "128") for isl in ("128", "2048") for tp in ("1", "2")
]  # fmt: skip
PLAIN_COSTS = Overheads(step_s=1e-3, layer_s=2e-5, request_s=1e-3)
SLOW_COSTS = replace(PLAIN_COSTS, layer_s=6e-5, gemm=1.15)


@pytest.fixture(scope="module")
def fitted() -> tuple[Base, Fit]:
    """An engine fitted, from plain costs, to what one with slower layers and matrix products would have measured."""
    points = resolve_rows(ROWS)
    shipped = base_of(points)
    base = replace(shipped, profile=with_overheads(shipped.profile, PLAIN_COSTS))
    slow = with_overheads(shipped.profile, SLOW_COSTS)
    read = [point for point in points if isinstance(point, Point)]
    results = predict(read, lambda point, chip: slow)
    rows = [row | {"out_tps_total": repr(one.out_tps_total)} for row, one in zip(ROWS, results, strict=True)]
    measured = measurements(rows, points)
    return base, fit(parameters(PLAIN_COSTS, ["layer", "gemm"]), measured.targets, predictor(measured, base.profile))


def test_calibrating_an_engine_recovers_its_speed(fitted: tuple[Base, Fit]) -> None:
    _, result = fitted
    assert result.after.median < 0.03 < result.before.median
    assert result.values["layer_s"] == pytest.approx(SLOW_COSTS.layer_s, rel=0.2)
    assert result.values["gemm"] == pytest.approx(SLOW_COSTS.gemm, rel=0.1)


def test_a_written_profile_reads_back_as_fitted(fitted: tuple[Base, Fit], tmp_path: Path) -> None:
    base, result = fitted
    path = tmp_path / "mine.yaml"
    path.write_text(profile_text(base, "mine", result))
    read = profile(str(path), "NVIDIA", 2025.8)
    for name, value in result.values.items():
        assert getattr(read.overheads, name) == pytest.approx(value, rel=1e-3)
    assert read.overheads.step_s == PLAIN_COSTS.step_s
    assert (read.max_sequences, read.reserved_bytes) == (base.profile.max_sequences, base.profile.reserved_bytes)


def test_rows_of_two_engines_ask_which_one_to_fit() -> None:
    row = {"model": "Llama 3.1 8B", "gpu": "H100", "load_type": "concurrency", "concurrency": "1"}
    points = resolve_rows([{**row, "engine": "vLLM"}, {**row, "engine": "SGLang"}])
    with pytest.raises(UserError, match="choose one with --engine"):
        base_of(points)
    with pytest.raises(UserError, match="one vendor"):
        base_of(resolve_rows([{**row, "engine": "vLLM"}, {**row, "engine": "vLLM", "gpu": "MI300X"}]))


def test_an_unknown_cost_is_told_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="'stepp' is no residual cost; choose from step"):
        parameters(profile("vllm").overheads, ["stepp"])
