"""`cost`: how the fleet is paid for, what power and carbon are, and the API that it competes with."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from capplan.records import dataclass
from capplan.scenario.kinds import Choice, Flag, Kind, Name, Reference, ValueFault, Whole, nearest, scalar_text
from capplan.scenario.part import Contradiction, Part, key, required
from capplan.scenario.quantity import Quantity
from capplan.units import parse

PRICINGS = ("own", "on_demand", "reserved", "spot")
_SHARE = Quantity("ratio", least=0, most=1)


@dataclass(frozen=True)
class Pricing:
    """The ways in which the fleet is paid for, with their shares (together 1)."""

    shares: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """`own`, `on_demand`, `reserved` or `spot`; `mix` where it is several."""
        return self.shares[0][0] if len(self.shares) == 1 else "mix"

    def share(self, way: str) -> float:
        """Share of the fleet that is paid for in this way."""
        return dict(self.shares).get(way, 0.0)


class PricingKind(Kind):
    """Reads one way of paying, or several with shares."""

    def read(self, value: object) -> Pricing:
        if isinstance(value, Pricing):
            return value
        if not isinstance(value, Mapping):
            return Pricing(((_way(scalar_text(value)), 1.0),))
        shares = tuple((_way(way), _SHARE.read(share)) for way, share in value.items())
        total = sum(share for _, share in shares)
        if abs(total - 1) > 1e-6:
            raise ValueFault(f"the shares add up to {total * 100:.6g} %", "they must make 100 %")
        return Pricing(tuple(pair for pair in shares if pair[1] > 0))

    def write(self, value: Pricing) -> Any:
        return value.name if len(value.shares) == 1 else dict(value.shares)

    def json_schema(self) -> dict[str, Any]:
        ratio = _SHARE.json_schema()
        mix = {"type": "object", "properties": dict.fromkeys(PRICINGS, ratio), "additionalProperties": False}
        return {"anyOf": [{"enum": list(PRICINGS)}, mix]}


def _way(word: str) -> str:
    if word not in PRICINGS:
        raise ValueFault(f"'{word}' is not own, on_demand, reserved or spot", nearest(word, PRICINGS))
    return word


class Api(Part):
    """A hosted model to compare with."""

    model: Annotated[Any, Reference(example="deepseek-r1")] = required("Model, as the price list names it.")
    provider: Annotated[str | None, Name()] = key(None, "Who hosts it. Left out: the model's maker.")
    input_usd_per_token: Annotated[float | None, Quantity("usd_per_token", least=0)] = key(
        None, "Price of prompt tokens. Left out: the catalogue's."
    )
    cached_input_usd_per_token: Annotated[float | None, Quantity("usd_per_token", least=0)] = key(
        None, "Price of prompt tokens that the provider has cached."
    )
    output_usd_per_token: Annotated[float | None, Quantity("usd_per_token", least=0)] = key(
        None, "Price of output tokens, thinking included. Left out: the catalogue's."
    )
    batch_discount: Annotated[float, Quantity("ratio", least=0, most=1, example="50 %")] = key(
        0.0, "Taken off both prices for requests that can wait."
    )
    batch: Annotated[bool, Flag()] = key(False, "Requests can wait: the provider's own batch prices.")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.batch and self.batch_discount:
            yield Contradiction("batch_discount", "batch already takes the provider's batch prices", "keep one of them")


class Spot(Part):
    """What the provider's taking GPUs back costs: work in flight is lost and the replica has to start again."""

    eviction_every_s: Annotated[float | None, Quantity("s", above=0, example="20 hour")] = key(
        None, "Mean time until a replica is evicted. Left out: evictions are not counted."
    )
    restart_s: Annotated[float, Quantity("s", least=0, example="5 min")] = key(
        0.0, "From an eviction until its replacement serves: finding a GPU, loading the weights."
    )


class Peak(Part):
    """GPUs above a reserved base, rented by the hour as the day's load needs them."""

    pricing: Annotated[Literal["on_demand", "spot"], Choice(("on_demand", "spot"))] = key(
        "on_demand", "How the GPUs above the base are rented."
    )
    curve: Annotated[str, Name("workloads", example="r1-production")] = key(
        "r1-production", "Shipped workload whose hours give the shape of the day; its busiest hour is the fleet's."
    )
    base: Annotated[float | None, Quantity("ratio", least=0, most=1, example="60 %")] = key(
        None, "Reserved share of the fleet. Left out: the cheapest one."
    )
    gpu_hourly_usd_per_s: Annotated[float | None, Quantity("usd_per_s", above=0, example="3.00 USD/hour")] = key(
        None, "Rent of a GPU above the base. Left out: the catalogue's.", alias="gpu_hourly"
    )


class Cost(Part):
    """Money, energy and carbon."""

    pricing: Annotated[Pricing, PricingKind()] = key(
        Pricing((("own", 1.0),)),
        "own, on_demand, reserved or spot, or a mix such as {reserved: 70 %, on_demand: 30 %}.",
    )
    provider: Annotated[str | None, Name(example="nebius")] = key(
        None, "Who rents out the GPUs. Left out: the median of those that the catalogue knows."
    )
    region: Annotated[str | None, Name(example="us-east-1")] = key(
        None, "Cloud region, or the site whose electricity and carbon apply."
    )
    term_s: Annotated[float | None, Quantity("years", above=0, example="1 year")] = key(
        None, "How long a reserved GPU is committed to. Left out: any length."
    )
    gpu_hourly_usd_per_s: Annotated[float | None, Quantity("usd_per_s", above=0, example="2.40 USD/hour")] = key(
        None, "Rent of one GPU. Left out: the catalogue's price for the terms above.", alias="gpu_hourly"
    )
    purchase_price_usd: Annotated[float | None, Quantity("usd", above=0, example="25000 USD")] = key(
        None, "Price of one GPU. Left out: the catalogue's."
    )
    node_price_usd: Annotated[float | None, Quantity("usd", least=0, example="90000 USD")] = key(
        None, "Price of a node without its GPUs (host, chassis). Left out: the catalogue's."
    )
    network_price_usd: Annotated[float | None, Quantity("usd", least=0, example="4200 USD")] = key(
        None, "Price of the network between nodes, per GPU. Left out: the catalogue's."
    )
    installation: Annotated[float, Quantity("ratio", least=0, most=1, example="3 %")] = key(
        0.0, "Delivery and installation, as a share of what is bought."
    )
    residual_value: Annotated[float, Quantity("ratio", least=0, most=1, example="10 %")] = key(
        0.0, "What is left of the price after the amortization period."
    )
    amortization_s: Annotated[float, Quantity("years", above=0, most=50 * 365 * 86400.0, example="4 year")] = key(
        parse("4 year", "years"), "Time over which what is bought is written off."
    )
    interest: Annotated[float, Quantity("ratio", least=0, most=1, example="6 %")] = key(
        0.0, "Yearly interest on what is bought (an annuity); 0 is straight-line."
    )
    maintenance: Annotated[float, Quantity("ratio", least=0, most=1, example="5 %")] = key(
        0.05, "Yearly maintenance, as a share of what is bought."
    )
    spares: Annotated[float, Quantity("ratio", least=0, most=1, example="3 %")] = key(
        0.0, "Nodes bought or rented beyond those in use, as a share."
    )
    staff_usd_per_year: Annotated[float, Quantity("usd", least=0, example="300k USD")] = key(
        0.0, "People who run the fleet, a year, also where it is rented. Each pool of a routed fleet has its own."
    )
    software_usd_per_gpu_year: Annotated[float, Quantity("usd", least=0, example="4500 USD")] = key(
        0.0, "Licences and support for one GPU, a year, also where it is rented.", alias="software"
    )
    colocation_usd_per_w_s: Annotated[float | None, Quantity("usd_per_w_s", least=0, example="184 USD/kW/month")] = key(
        None, "Rent of space and cooling by rated power of GPUs and hosts. Left out: none."
    )
    pue: Annotated[float, Quantity("ratio", least=1, most=5, example="1.12")] = key(
        1.12, "Power of the whole site over that of the machines."
    )
    electricity_usd_per_j: Annotated[float, Quantity("usd_per_j", least=0)] = key(
        parse("0.12 USD/kWh", "usd_per_j"), "Price of electricity."
    )
    carbon_intensity_kg_per_j: Annotated[float, Quantity("kg_per_j", least=0)] = key(
        parse("369 g/kWh", "kg_per_j"), "CO2 equivalent of electricity."
    )
    minimum_gpus: Annotated[int, Whole(least=0)] = key(0, "Reserved GPUs that the provider asks for at least.")
    spot: Spot = key(Spot(), "What evictions of spot GPUs cost.")
    peak: Peak | None = key(None, "GPUs above a reserved base by the hour. Left out: all are kept around the clock.")
    api: Api | None = key(None, "A hosted model to compare with.")

    def contradictions(self) -> Iterator[Contradiction]:
        if self.pricing.share("reserved") and self.term_s is None:
            yield Contradiction("pricing", "reserved needs a term", "add term: 1 year")
        if self.given("term_s") and not self.pricing.share("reserved"):
            yield Contradiction("term", "only reserved GPUs have a term", "set pricing: reserved, or remove it")
        if self.peak is not None and self.pricing.share("reserved") != 1:
            yield Contradiction("peak", "stands above a base of reserved GPUs", "set pricing: reserved and a term")
        peak = self.peak
        if peak is not None and peak.pricing == "spot" and peak.base is None and self.spot.eviction_every_s is not None:
            yield Contradiction(
                "peak.base", "how many GPUs may be evicted is open", "give the reserved share: base: 60 %"
            )
        if self.minimum_gpus and not self.pricing.share("reserved"):
            yield Contradiction("minimum_gpus", "only reservations ask for a minimum", "set pricing: reserved")
        if self.region is not None and self.provider is None and self.pricing.share("own"):
            yield from _unknown_site(self.region)
        if self.pricing.share("own") == 1 and self.given("provider"):
            yield Contradiction("provider", "bought GPUs have no provider", "set pricing: on_demand, or remove it")


def _unknown_site(region: str) -> Iterator[Contradiction]:
    """Owned GPUs draw their power somewhere: a region that is no site of the catalogue."""
    from capplan.catalog.files import UnknownName  # only scenarios with a region pay for loading them
    from capplan.catalog.sites import site

    try:
        site(region)
    except UnknownName as unknown:
        message, _, hint = str(unknown).removesuffix(")").partition(" (")
        yield Contradiction("region", message, hint)
