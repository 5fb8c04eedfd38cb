"""Progress of one run for the person who waits: a bar on a terminal or in a notebook; elsewhere one line per epoch
and, while images are prepared, one every ten seconds.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from bench.events import Emit, EpochEnd, Event, ImagesDone, Note, Step
from bench.plans import Plan
from bench.records import Epoch
from collect.datasets import live_view

LINE_SECONDS = 10.0
WIDE = 120  # columns of a terminal that has room for a long bar and all figures
FULL = 1.001  # more than all steps: work follows the last one, so the remaining time is not zero


class OneLineColumn(TextColumn):
    """A text that is cut where there is no room for it. The bar and the times keep their widths."""

    def __init__(self, text: str) -> None:
        super().__init__(text, markup=False, table_column=Column())

    def render(self, task: Task) -> Text:
        """The text of a task."""
        text = super().render(task)
        text.no_wrap, text.overflow = True, "ellipsis"
        return text


@contextmanager
def show_progress(console: Console, plan: Plan, title: str | None = None) -> Iterator[Emit]:
    """A function that shows an event: it prints a note, moves the bar or, if there is no bar, prints a line.

    The bar's title is the run's model and seed if there is no other.
    """
    heading, words = (OneLineColumn(text) for text in ("{task.fields[title]}", "{task.description}"))
    is_wide = console.width >= WIDE
    times = (TimeElapsedColumn(), TimeRemainingColumn(compact=True))
    bar = Progress(heading, BarColumn(12 if is_wide else 6), *times, words, console=console, transient=True)
    task = bar.add_task("starting", total=FULL, title=title or f"{plan.model} seed {plan.seed}")
    last_line, phase = time.monotonic(), ""

    def begin(work: str) -> None:
        """Start the bar and its times again for another kind of work."""
        nonlocal phase
        if work != phase:
            bar.reset(task, total=FULL)
            phase = work

    def show(event: Event) -> None:
        nonlocal last_line
        match event:
            case Note(text):
                console.print(f"  note: {text}", highlight=False, markup=False)
            case EpochEnd(epoch):
                if refresh is None:
                    console.print(f"  {_epoch_line(epoch, plan)}", highlight=False, markup=False)
            case ImagesDone(work, done, total):
                text = f"{work} {done:,}/{total:,}"
                begin(work)
                bar.update(task, completed=done / total, description=text)
                if refresh is None and time.monotonic() - last_line > LINE_SECONDS:
                    console.print(f"  {text}", highlight=False, markup=False)
                    last_line = time.monotonic()
            case Step(epoch, step, steps, epochs=epochs):
                share = (epoch - 1 + step / steps) / epochs if epochs else 0.0
                begin("training")
                text = _step_text(event, is_wide)
                bar.update(task, total=FULL if epochs else None, completed=share, description=text)

        if refresh is not None:
            refresh()

    with _shown(bar, console) as refresh:
        yield show


@contextmanager
def _shown(bar: Progress, console: Console) -> Iterator[Callable[[], None] | None]:
    """Show a bar where that is possible; yields what brings it up to date, else None. On a terminal it moves alone."""
    if console.is_terminal:
        with bar:
            yield bar.refresh
    else:
        with live_view(console) as view:
            yield (lambda: view(bar)) if view else None


def _epoch_line(epoch: Epoch, plan: Plan) -> str:
    of_all = f"/{plan.recipe.fixed_epochs}" if plan.recipe.fixed_epochs else ""
    measured_on, accuracy, loss = "test", epoch.test_accuracy, epoch.test_loss
    if epoch.val_accuracy is not None:
        measured_on, accuracy, loss = "validation", epoch.val_accuracy, epoch.val_loss
    return (
        f"epoch {epoch.epoch}{of_all}: train loss {epoch.train_loss:.3f}, "
        f"{measured_on} accuracy {accuracy:.1%}, loss {loss:.3f}, "
        f"{epoch.seconds:.1f} s, {epoch.images_per_second:,.0f} images/s"
    )


def _step_text(step: Step, is_wide: bool) -> str:
    text = f"epoch {step.epoch}" + (f"/{step.epochs}" if step.epochs else "")
    text += "" if step.loss is None else f", loss {step.loss:.3f}"
    if not is_wide:
        return text
    text += "" if step.accuracy is None else f", train accuracy {step.accuracy:.1%}"
    return f"{text}, {step.images_per_second:,.0f} images/s"
