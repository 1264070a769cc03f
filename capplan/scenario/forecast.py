"""`forecast`: how traffic and prices move over the years that are planned for."""

from typing import Annotated

from capplan.scenario.kinds import Whole
from capplan.scenario.part import Part, key
from capplan.scenario.quantity import Quantity


class Forecast(Part):
    """The horizon. `workload.qps` and the prices are those of its first month."""

    years: Annotated[int, Whole(most=30)] = key(3, "Years planned for.")
    growth_per_month: Annotated[float, Quantity("ratio", least=0, most=10, example="5 %")] = key(
        0.0, "Growth of the traffic from one month to the next."
    )
    price_decline: Annotated[float, Quantity("ratio", least=0, most=0.99, example="20 %")] = key(
        0.0, "What GPUs, bought or rented, become cheaper by in a year."
    )
    discount_rate: Annotated[float, Quantity("ratio", least=0, most=1, example="8 %")] = key(
        0.0, "Yearly rate at which later payments are discounted."
    )
