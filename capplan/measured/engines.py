"""Engine names and versions as benchmark authors write them: a profile's name and the era of the version."""

import datetime
import re
from functools import cache, lru_cache

from capplan.engine.excuse import Assumption
from capplan.measured.assume import assume
from capplan.measured.conventions import benchmark

_SOURCE = "configs/benchmarks/engines.yaml"
_VERSION = re.compile(r"(?<![\d.])v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d])")
_DATE = re.compile(r"(20\d\d)(?:-(\d\d))?(?:-(\d\d))?")
# A Dynamo runtime image carries Dynamo's version, a CUDA or ROCm one the toolkit's: neither is the engine's.
_OTHER_VERSIONS = re.compile(
    r"\[.*?ai-dynamo.*?\]|\b(cuda|rocm|tensorrt|pytorch|rhel|hip|platform)\s+v?[\d.]+\S*", re.IGNORECASE
)


@lru_cache(maxsize=1024)
def engine_profile(written: str, version: str) -> tuple[str, Assumption | None]:
    """The profile that an engine's name means, and a note where it is the nearest one only.

    >>> engine_profile("Dynamo+TensorRT-LLM", "")[0], engine_profile("LMDeploy", "")[1].value
    ('trtllm', 'trtllm')
    """
    tree = benchmark("engines")
    name = written.casefold()
    for profile, words in tree["profiles"].items():
        if any(word in name for word in words):
            return profile, None
    for text in (name, version.casefold()):
        for profile, words in tree["nearest"].items():
            if any(word in text for word in words):
                return profile, assume(
                    "engine", profile, f"{written or version} has no profile; the nearest one is used"
                )
    fallback = str(tree["fallback"])
    said = f"'{written}' is not known" if written else "the row names no engine"
    return fallback, assume("engine", fallback, f"{said}; {tree['fallback']} is what most deployments run", "default")


@lru_cache(maxsize=4096)
def engine_year(profile: str, version: str, date: str) -> tuple[float, Assumption | None]:
    """Decimal year in which the version came out; from the row's date where the version does not tell.

    >>> engine_year("vllm", "0.11.0 [vllm/vllm-openai:v0.11.0]", "")[0]
    2025.76
    >>> engine_year("trtllm", "TensorRT 10.11, CUDA 12.9", "2025-09")[0]
    2025.7
    """
    releases = _releases(profile)
    date_year = _year(date)
    if (found := _version(profile, version)) and (released := _released(releases, found)):
        # A release candidate is measured before its release comes out.
        return min(released, date_year or released), None
    if date_year:
        return date_year, assume("engine_version", date_year, f"the version is not told; the row's date, {date}")
    newest = releases[-1][1]
    return newest, assume("engine_version", newest, "neither version nor date is told; the newest release", "default")


def _version(profile: str, text: str) -> tuple[int, int, int] | None:
    if "ai-dynamo" in text and (image := re.search(r":v?([\d.]+\S*?)\]", text)):
        own = text.partition("[")[0].strip()
        if own == image[1]:
            return None
    match = _VERSION.search(_OTHER_VERSIONS.sub(" ", text))
    if not match:
        return None
    return int(match[1]), int(match[2]), int(match[3] or 0)


@cache
def _releases(profile: str) -> list[tuple[tuple[int, ...], float]]:
    """Versions and decimal years, oldest first."""
    table = benchmark("engines")["releases"].get(profile, {})
    pairs = [(tuple(int(part) for part in version.split(".")), _year(day)) for version, day in table.items()]
    return sorted((version, year) for version, year in pairs if year is not None)


def _released(releases: list[tuple[tuple[int, ...], float]], version: tuple[int, ...]) -> float | None:
    """Year of the newest release that is not newer than the version; the oldest for one before it."""
    earlier = [year for known, year in releases if known <= version]
    if earlier:
        return earlier[-1]
    return releases[0][1] if releases else None


def _year(text: str) -> float | None:
    """Decimal year of the first date in a text; the middle of the year or month where the rest is not told."""
    match = _DATE.search(text)
    if not match:
        return None
    year = int(match[1])
    if not match[2] or not 1 <= int(match[2]) <= 12:
        return year + 0.5
    day = min(int(match[3]), 28) if match[3] else 15
    passed = datetime.date(year, int(match[2]), max(day, 1)) - datetime.date(year, 1, 1)
    return round(year + passed.days / 365.25, 2)
