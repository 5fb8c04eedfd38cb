"""What accuracy costs: parameters, FLOPs, energy, and where the time goes. The verdict has the chart of time."""

from reports.charts import OTHER_PRICES, accuracy_by_cost, time_breakdown_chart
from reports.parts.part import Part
from reports.study import Comparison


def part(comparison: Comparison) -> Part | None:
    """The charts of cost; None without a finished run."""
    if not comparison.contenders:
        return None
    charts = [chart for price in OTHER_PRICES if (chart := accuracy_by_cost(comparison, price))]
    charts.append(time_breakdown_chart(comparison))
    return Part("cost", "Cost", "What accuracy costs", {"charts": charts}, charts)
