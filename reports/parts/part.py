"""What a section of the report gives to the page."""

from dataclasses import dataclass, field

from reports.charts import Chart


@dataclass(frozen=True)
class Part:
    """One section: `id` is its anchor and template, `name` its link at the top, `charts` are all charts in it.

    `about` says beside the heading of a folded section what is inside.
    """

    id: str
    name: str
    heading: str
    values: dict[str, object]
    charts: list[Chart] = field(default_factory=list)
    about: str = ""
