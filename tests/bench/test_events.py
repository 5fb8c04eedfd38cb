"""Events of a run as lines of JSON between two processes."""

import pytest

from bench.events import EpochEnd, Event, Failure, ImagesDone, Note, Step, from_line, to_line
from bench.records import Epoch


@pytest.mark.parametrize(
    "event",
    [
        ImagesDone("packing images", 3, 64),
        ImagesDone("features of the frozen backbone", 64, 64),
        Step(1, 2, 6, 340.5),
        Step(1, 2, 6, 340.5, loss=0.69, accuracy=0.5),
        EpochEnd(Epoch(1, 0.5, 0.6, 0.7, 0.8, 9.0, 10.0)),
        Note('a "note"\nof two lines'),
        Failure("no weights", 4),
    ],
    ids=to_line,
)
def test_an_event_is_one_line_and_is_read_back_equal(event: Event) -> None:
    assert "\n" not in to_line(event)
    assert from_line(to_line(event)) == event
