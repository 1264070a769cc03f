"""What public benchmarks do without writing it into each row: `configs/benchmarks/`."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from capplan.catalog.figures import Entry
from capplan.catalog.files import UnknownName, load_yaml, root
from capplan.catalog.models import model
from capplan.units import parse

SEMIANALYSIS = "configs/benchmarks/semianalysis.yaml"
MLPERF = "configs/benchmarks/mlperf-inference.yaml"


@dataclass(frozen=True)
class KvRule:
    """A script's KV cache dtype; None matches everything, `model` is the start of a catalogue name."""

    dtype: str
    engine: str | None
    model: str | None
    generation: str | None

    def matches(self, engine: str, model: str, generation: str) -> bool:
        return (
            self.engine in (None, engine)
            and (self.model is None or model.startswith(self.model))
            and self.generation in (None, generation)
        )


@dataclass(frozen=True)
class SemiAnalysis:
    """InferenceMAX and InferenceX: true lengths over nominal ones, length of a run, KV cache by script."""

    submitters: tuple[str, ...]
    length_ratio: float
    length_cv: float
    requests_per_client: int
    kv_rules: tuple[KvRule, ...]

    def ran(self, submitter: str) -> bool:
        name = submitter.casefold()
        return any(word in name for word in self.submitters)

    def kv_cache(self, engine: str, model: str, generation: str) -> str | None:
        return next((rule.dtype for rule in self.kv_rules if rule.matches(engine, model, generation)), None)


@dataclass(frozen=True)
class Dataset:
    """Lengths of one MLPerf dataset, and the p99 limits of its server scenarios."""

    name: str
    prompt_tokens: float
    output_tokens: float
    prompt_cv: float
    output_cv: float
    samples: int
    beams: int
    server_ttft_s: float
    server_tpot_s: float
    interactive_ttft_s: float
    interactive_tpot_s: float

    def limits_s(self, load_type: str) -> tuple[float | None, float | None]:
        """p99 limits of (TTFT, TPOT), None where the load type has none."""
        if load_type == "mlperf_server_poisson":
            return self.server_ttft_s, self.server_tpot_s
        if load_type == "mlperf_interactive_poisson":
            return self.interactive_ttft_s, self.interactive_tpot_s
        return None, None


@cache
def semianalysis() -> SemiAnalysis:
    tree = benchmark("semianalysis")
    rules = tuple(
        KvRule(r["dtype"], r.get("engine"), r.get("model"), r.get("generation")) for r in tree["kv_cache"]["rules"]
    )
    return SemiAnalysis(
        submitters=tuple(tree["submitters"]),
        length_ratio=parse(tree["lengths"]["ratio"], "ratio"),
        length_cv=parse(tree["lengths"]["cv"], "ratio"),
        requests_per_client=int(tree["requests_per_client"]),
        kv_rules=rules,
    )


@cache
def mlperf_datasets() -> dict[str, Dataset]:
    """Datasets by the catalogue name of the model that runs them."""
    found: dict[str, Dataset] = {}
    for name, fields in benchmark("mlperf-inference")["datasets"].items():
        dataset = _dataset(name, fields)
        found |= {_catalogue_name(ref): dataset for ref in fields["models"]}
    return found


@cache
def mlperf_kv_cache() -> str:
    return str(benchmark("mlperf-inference")["kv_cache"])


@cache
def benchmark(name: str) -> dict[str, Any]:
    """A file of configs/benchmarks as plain text tree."""
    path = root() / "benchmarks" / f"{name}.yaml"
    return Entry("benchmarks", path, load_yaml(path)).plain


def _dataset(name: str, fields: dict[str, Any]) -> Dataset:
    return Dataset(
        name=name,
        prompt_tokens=parse(fields["prompt_tokens"], "tokens"),
        output_tokens=parse(fields["output_tokens"], "tokens"),
        prompt_cv=parse(fields["prompt_cv"], "ratio"),
        output_cv=parse(fields["output_cv"], "ratio"),
        samples=int(fields["samples"]),
        beams=int(fields.get("beams", 1)),
        server_ttft_s=parse(fields["server"]["ttft"], "s"),
        server_tpot_s=parse(fields["server"]["tpot"], "s"),
        interactive_ttft_s=parse(fields["interactive"]["ttft"], "s"),
        interactive_tpot_s=parse(fields["interactive"]["tpot"], "s"),
    )


def _catalogue_name(ref: str) -> str:
    try:
        return model(ref).name
    except UnknownName:
        return ref
