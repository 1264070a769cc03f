"""The fleet of a question by hand: replicas, nodes, what they draw, and the year's bill."""

import math
from typing import Any

from tests.oracles.figures import Q, entry, figure
from tests.oracles.replica import Asked, Replica
from tests.oracles.waits import Waits

TOKEN, GPU_HOURS = Q(1, "token"), 8760
PUE, TARIFF, CARBON = 1.12, Q("0.12 USD/kWh"), Q("0.369 kg/kWh")
BOARD, HOST = Q("30000 USD"), Q("80000 USD")


def fleet(asked: Asked) -> dict[str, Any]:
    """The figures that a plan tells, as plain numbers of the contract's units."""
    replica = Replica(asked)
    most = replica.sequences()
    capacity = replica.state(most).rate
    arrivals = Q(asked.qps, "request/s")
    peak = arrivals * asked.peak_to_mean
    replicas = max(math.ceil((peak / (capacity * asked.utilization)).to("").m - 1e-9), 1)
    node = replica.chip["node"]["gpus"]
    many = math.ceil(replicas / (node // replica.gpus)) if replica.gpus <= node else None
    nodes = many or replicas * math.ceil(replica.gpus / node)
    gpus = nodes * node
    busiest = replica.at_rate(peak / replicas)
    board = board_power(replica, arrivals / replicas, replica.gpus * replicas / gpus)
    host = figure(entry("prices/datacenter/power")["host"]).to("").m
    energy = board * gpus * (1 + host) * PUE * Q(GPU_HOURS, "hour")
    bill = rented(asked, gpus) if asked.rent is not None else bought(gpus, nodes, energy)
    year = sum(bill.values(), Q("0 USD"))
    queries = arrivals * Q("1 year")
    return {
        "concurrency": most,
        "requests_per_s_per_replica": capacity.to("request/s").m,
        "replicas": replicas,
        "nodes": nodes,
        "gpus": gpus,
        "itl_s": busiest.itl.to("s").m,
        **Waits(replica, busiest, replicas, most * replicas).figures(),
        **{name: cost.to("USD").m for name, cost in bill.items()},
        "annual_kwh": energy.to("kWh").m,
        "annual_kg_co2e": (energy * CARBON).to("kg").m,
        "energy_j_per_query": (energy / queries).to("J/request").m,
        "annual_tco_usd": year.to("USD").m,
        "usd_per_1k_queries": (year / queries).to("USD/request").m * 1000,
        "usd_per_m_output_tokens": (year / (queries * replica.output * TOKEN / Q("1 request"))).to("USD/Mtoken").m,
    }


def bought(gpus: int, nodes: int, energy: Any) -> dict[str, Any]:
    """Written off over four years, with 5 % maintenance a year."""
    tiers = entry("prices/datacenter/network")["tiers"]
    tier = next((one for one in tiers if gpus <= one["gpus"]), tiers[-1])
    network = figure(tier["price"]) * gpus if nodes > 1 else Q("0 USD")
    price = BOARD * gpus + HOST * nodes + network
    return {
        "capex_usd_per_year": price / 4,
        "maintenance_usd_per_year": price * 0.05,
        "energy_usd_per_year": energy * TARIFF,
    }


def rented(asked: Asked, gpus: int) -> dict[str, Any]:
    """By the hour around the clock; power is in the rent."""
    return {"rent_usd_per_year": Q(asked.rent, "USD/hour") * gpus * Q(GPU_HOURS, "hour")}


def board_power(replica: Replica, rate: Any, used: float) -> Any:
    """Mean power of one board, those that stand idle in their node included."""
    law = entry("prices/datacenter/power")
    shares = {name: figure(law["board"][name]).to("").m for name in
              ("engaged", "memory", "compute", "sharpness", "ceiling")}  # fmt: skip
    state = replica.at_rate(rate)
    busy = min(state.decoding, 1.0)
    compute = (rate * replica.flop_of_a_request() / (replica.peak("bf16") * replica.gpus)).to("").m / busy
    memory = min((replica.read_in_a_step(state.decoding) / (state.itl * replica.bandwidth)).to("").m, 1.0)
    drawn = shares["engaged"] + shares["memory"] * memory ** shares["sharpness"]
    drawn = min(drawn + shares["compute"] * compute ** shares["sharpness"], shares["ceiling"])
    idle = figure(law["idle"]).to("").m
    return figure(replica.chip["tdp"]) * (busy * used * drawn + (1 - busy * used) * idle)
