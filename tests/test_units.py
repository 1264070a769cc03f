"""Quantities: listed spellings agree with pint, what is shown can be read again, faults say what to do."""

import subprocess
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from capplan import units
from capplan.spellings import DIMENSIONS, spellings
from capplan.units import UnitError, parse, show

# Shorthand of ours that no unit library knows: counts without a noun, and a hyphen for "per".
OURS = {
    "per_s": lambda spelling: spelling.startswith("/"),
    "usd_per_token": lambda spelling: spelling.endswith(("/k", "/K", "/M", "/B")),
    "usd_per_w_s": lambda spelling: "-" in spelling,
    "ratio": lambda spelling: True,
    "count": lambda spelling: True,
}
COMMON = [(unit, spelling) for unit in DIMENSIONS for spelling in spellings(unit)]
AGREED = [(unit, spelling) for unit, spelling in COMMON if not OURS.get(unit, lambda _: False)(spelling)]


@pytest.mark.parametrize("unit", [unit for unit in DIMENSIONS if unit not in ("ratio", "count")])
def test_every_listed_spelling_is_worth_what_pint_says(unit: str) -> None:
    listed = [spelling for one, spelling in AGREED if one == unit]
    assert listed
    for spelling in listed:
        by_pint = units._factor_by_pint(spelling, unit, spelling)
        assert spellings(unit)[spelling] == pytest.approx(by_pint, rel=1e-12), spelling


@given(st.sampled_from(COMMON), st.floats(1e-6, 1e6))
def test_a_number_with_any_listed_spelling_is_read_as_number_times_its_worth(pair: tuple[str, str], x: float) -> None:
    unit, spelling = pair
    meant = x * spellings(unit)[spelling]
    assume(1 / units._LARGEST < meant < units._LARGEST)  # beyond, an exponent is wrong (`1001 Etok/ns`)
    assert parse(f"{x:.17f} {spelling}", unit) == pytest.approx(meant, rel=1e-9)


@given(st.sampled_from(sorted(DIMENSIONS)), st.floats(1e-3, 1e12))
def test_what_is_shown_can_be_read_again_to_the_digits_shown(unit: str, x: float) -> None:
    value = x * max(scale for scale, _ in units._SHOWN[unit] if scale <= 1 or scale == units._SHOWN[unit][-1][0])
    tolerance = 0.006 * units._SHOWN[unit][0][0] if unit.startswith("usd_per") else 0.0
    assert parse(show(value, unit, digits=6), unit) == pytest.approx(value, rel=1e-5, abs=tolerance)


@given(st.floats(1e-3, 1e3), st.sampled_from(["B", "kB", "GB", "GiB", "Mbit"]), st.sampled_from(["ms", "min", "day"]))
@settings(max_examples=25)
def test_rates_over_any_time_agree_with_the_ratio_of_their_parts(x: float, size: str, time: str) -> None:
    expected = x * spellings("bytes")[size] / spellings("s")[time]
    assert parse(f"{x} {size}/{time}", "bytes_per_s") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("3.35 TB/s", "bytes_per_s", 3.35e12),
        ("3.35TB/s", "bytes_per_s", 3.35e12),
        ("400 Gbit/s", "bytes_per_s", 50e9),
        ("400 Gbps", "bytes_per_s", 50e9),
        ("1.2 MB/ms", "bytes_per_s", 1.2e9),
        ("80 GB", "bytes", 80e9),
        ("80 GiB", "bytes", 80 * 2**30),
        ("80 gb", "bytes", None),
        ("1,979 TFLOP/s", "flop_per_s", 1979e12),
        ("4 PFLOPS", "flop_per_s", 4e15),
        ("624 TOP/s", "flop_per_s", 624e12),
        ("700 W", "w", 700),
        ("0.7 kW", "w", 700),
        ("2.40 USD/hour", "usd_per_s", 2.4 / 3600),
        ("$2.40/hour", "usd_per_s", 2.4 / 3600),
        ("2.40 USD per GPU-hour", "usd_per_s", 2.4 / 3600),
        ("240 USD/day", "usd_per_s", 240 / 86400),
        ("0.12 USD/kWh", "usd_per_j", 0.12 / 3.6e6),
        ("12 ct/kWh", "usd_per_j", 0.12 / 3.6e6),
        ("369 g/kWh", "kg_per_j", 0.369 / 3.6e6),
        ("369 gCO2e/kWh", "kg_per_j", 0.369 / 3.6e6),
        ("195 USD/kW/month", "usd_per_w_s", 0.195 / (730 * 3600)),
        ("0.55 USD/Mtoken", "usd_per_token", 0.55e-6),
        ("$0.55 per million tokens", "usd_per_token", 0.55e-6),
        ("0.55 USD/1M tokens", "usd_per_token", 0.55e-6),
        ("25k USD", "usd", 25_000),
        ("$3.1M", "usd", 3.1e6),
        ("38B USD", "usd", 38e9),
        ("16k", "tokens", 16_000),
        ("16Ki", "tokens", 16_384),
        ("2048", "tokens", 2048),
        ("1M", "count", 1e6),
        ("12 000", "count", 12_000),
        ("1_000", "count", 1000),
        ("010", "count", 10),
        ("8e12", "count", 8e12),
        ("30 %", "ratio", 0.3),
        ("1.12", "ratio", 1.12),
        ("100", "per_s", 100),
        ("6000 requests/min", "per_s", 100),
        ("4 year", "years", 4 * 8760 * 3600),
        ("8 ms", "s", 0.008),
    ],
)
def test_people_may_write_quantities_in_their_ways(text: str, unit: str, expected: float | None) -> None:
    if expected is None:
        with pytest.raises(UnitError):
            parse(text, unit)
    else:
        assert parse(text, unit) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("3.35 TB", "bytes_per_s", "3.35 TB is a size; a data rate such as '3.35 TB/s' is needed"),
        ("700", "w", "700: give a unit, e.g. '700 W'"),
        (700, "w", "700: give a unit, e.g. '700 W'"),
        ("3 TFLOP", "flop_per_s", "may be a count or a rate"),
        ("5 USD", "usd_per_s", "is an amount of money; a price per time such as '2.40 USD/hour' is needed"),
        ("80 Gb", "bytes", "may be bits or bytes; write 'GB' or 'Gbit'"),
        ("400 gbps", "bytes_per_s", "write 'GB/s' or 'Gbit/s'"),
        ("2,40 USD", "usd", "a comma only separates thousands"),
        ("5-10 W", "w", "is a range; write {low:"),
        ("-5 W", "w", "must not be negative"),
        ("nan", "ratio", "is not a ratio"),
        (float("nan"), "ratio", "is not a ratio"),
        ("inf", "tokens", "is not a number of tokens"),
        ("1e400 W", "w", "out of all proportion"),
        ("9e99", "count", "out of all proportion"),
        ("5 mw", "w", "unknown unit 'mw'"),
        ("5 furlong", "s", "unknown unit 'furlong' (write e.g. '2 s')"),
        ("5 TB/sek", "bytes_per_s", "did you mean 'TB/sec'?"),
        ("7 B/s/s", "bytes_per_s", "is not a data rate"),
        ("3 s**99999999", "s", "unknown unit"),
        ("1 s; import os", "s", "unknown unit"),
        ("1e3.5", "count", "cannot be read"),
        ("5 tokens", "per_s", "is a number of tokens; a rate of requests"),
        ("8 GPUs", "count", "unknown unit 'GPUs'"),
        ("no", "count", "is not a number"),
        (True, "count", "is not a number"),
        ("", "s", "is not a duration"),
        ("٣ W", "w", "is not a power"),
        ("9" * 200 + " W", "w", "is too long"),
    ],
)
def test_a_wrong_quantity_is_refused_with_what_to_write(text: object, unit: str, message: str) -> None:
    with pytest.raises(UnitError) as fault:
        parse(text, unit)  # type: ignore[arg-type]
    assert message in str(fault.value)


@given(st.text(max_size=30), st.sampled_from(sorted(DIMENSIONS)))
@settings(max_examples=300)
def test_any_text_is_either_a_finite_number_or_a_unit_error(text: str, unit: str) -> None:
    try:
        value = parse(text, unit)
    except UnitError:
        return
    assert 0 <= value <= 1e30


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (327_680, "bytes", "327,680 B"),
        (80e9, "bytes", "80 GB"),
        (1979e12, "flop_per_s", "1,979 TFLOP/s"),
        (67.4827, "s", "67.5 s"),
        (0.0123, "s", "12.3 ms"),
        (7.5 / 3600, "usd_per_s", "7.50 USD/hour"),
        (0.037e-6, "usd_per_token", "0.037 USD/Mtoken"),
        (0.005, "ratio", "0.5 %"),
        (1.12, "ratio", "1.12"),
        (70_271_265, "usd", "70,271,265 USD"),
        (0, "bytes", "0 B"),
    ],
)
def test_values_are_shown_as_people_write_them(value: float, unit: str, expected: str) -> None:
    assert show(value, unit) == expected


def test_common_spellings_load_no_unit_library() -> None:
    code = (
        "import sys; from capplan.units import parse, show;"
        "parse('3.35 TB/s', 'bytes_per_s'); parse('2.40 USD/hour', 'usd_per_s'); show(1e9, 'bytes');"
        "print('pint' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
