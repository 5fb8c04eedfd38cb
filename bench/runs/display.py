"""Progress of one run for the person who waits: a bar on a terminal; elsewhere one line per epoch and, while images
are prepared, one every ten seconds.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.events import Emit, EpochEnd, Event, ImagesDone, Note, Step
from bench.plans import Plan
from bench.records import Epoch

LINE_SECONDS = 10.0
WIDE = 120  # columns of a terminal that has room for a long bar and all figures


@contextmanager
def show_progress(console: Console, plan: Plan, title: str | None = None) -> Iterator[Emit]:
    """A function that shows an event: it prints a note, moves the bar or, if there is no bar, prints a line.

    The bar's title is the run's model and seed if there is no other.
    """
    heading, words = (TextColumn(text, markup=False) for text in ("{task.fields[title]}", "{task.description}"))
    is_wide = console.width >= WIDE
    times = (TimeElapsedColumn(), TimeRemainingColumn(compact=True))
    bar = Progress(heading, BarColumn(12 if is_wide else 6), *times, words, console=console, transient=True)
    task = bar.add_task("starting", total=1.0, title=title or f"{plan.model} seed {plan.seed}")
    last_line, phase = time.monotonic(), ""

    def begin(work: str) -> None:
        """Start the bar and its times again for another kind of work."""
        nonlocal phase
        if work != phase:
            bar.reset(task, total=1.0)
            phase = work

    def show(event: Event) -> None:
        nonlocal last_line
        match event:
            case Note(text):
                console.print(f"  note: {text}", highlight=False, markup=False)
            case EpochEnd(epoch):
                if not console.is_terminal:
                    console.print(f"  {_epoch_line(epoch, plan)}", highlight=False, markup=False)
            case ImagesDone(work, done, total):
                text = f"{work} {done:,}/{total:,}"
                begin(work)
                bar.update(task, completed=done / total, description=text)
                if not console.is_terminal and time.monotonic() - last_line > LINE_SECONDS:
                    console.print(f"  {text}", highlight=False, markup=False)
                    last_line = time.monotonic()
            case Step(epoch, step, steps, epochs=epochs):
                share = (epoch - 1 + step / steps) / epochs if epochs else 0.0
                begin("training")
                text = _step_text(event, is_wide)
                bar.update(task, total=1.0 if epochs else None, completed=share, description=text)

    with bar if console.is_terminal else nullcontext():
        yield show


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
