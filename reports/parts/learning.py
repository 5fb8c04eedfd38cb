"""How many training images are enough."""

from reports.charts import accuracy_by_images
from reports.parts.part import Part
from reports.study import Comparison


def part(comparison: Comparison) -> Part | None:
    """The learning curves over training images; None if all runs use the same number."""
    chart = accuracy_by_images(comparison)
    if not chart:
        return None
    return Part("learning", "How many images", "How many images are enough?", {"chart": chart}, [chart])
