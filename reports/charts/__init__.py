"""The charts of a report, each with a title that says what it shows."""

from reports.charts.confidence import coverage_chart, reliability_chart
from reports.charts.cost import OTHER_PRICES, TRAINING_TIME, accuracy_by_cost, judged_on
from reports.charts.curves import learning_charts
from reports.charts.images import accuracy_by_images
from reports.charts.style import Chart
from reports.charts.time_breakdown import time_breakdown_chart
from reports.charts.tuning import tuning_charts
