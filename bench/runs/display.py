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


@contextmanager
def show_progress(console: Console, plan: Plan, title: str | None = None) -> Iterator[Emit]:
    """A function that shows an event: it prints a note, moves the bar or, if there is no bar, prints a line.

    The bar's title is the run's model and seed if there is no other.
    """
    heading, words = (TextColumn(text, markup=False) for text in ("{task.fields[title]:<28}", "{task.description}"))
    columns = (heading, BarColumn(24), TimeElapsedColumn(), TimeRemainingColumn(), words)
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("starting", total=1.0, title=title or f"{plan.model} seed {plan.seed}")
    last_line = time.monotonic()

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
                bar.update(task, completed=done / total, description=text)
                if not console.is_terminal and time.monotonic() - last_line > LINE_SECONDS:
                    console.print(f"  {text}", highlight=False, markup=False)
                    last_line = time.monotonic()
            case Step(epoch, step, steps, epochs=epochs):
                share = (epoch - 1 + step / steps) / epochs if epochs else 0.0
                bar.update(task, total=1.0 if epochs else None, completed=share, description=_step_text(event))

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


def _step_text(step: Step) -> str:
    known = step.loss is not None and step.accuracy is not None
    figures = f"  loss {step.loss:.3f}  train accuracy {step.accuracy:.1%}" if known else ""
    of_all = f"/{step.epochs}" if step.epochs else ""
    return f"epoch {step.epoch}{of_all}{figures}  {step.images_per_second:,.0f} images/s"
