"""Progress of one run for the person who waits: a bar on a terminal, one line per epoch elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.events import Emit, EpochEnd, Event, ImagesDone, Note, Step
from bench.plans import Plan
from bench.records import Epoch


@contextmanager
def show_progress(console: Console, plan: Plan) -> Iterator[Emit]:
    """A function that shows an event: it prints a note, prints an epoch if there is no bar, or moves the bar."""
    columns = (TextColumn("{task.fields[title]:<28}"), BarColumn(24), TimeElapsedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, TextColumn("{task.description}"), console=console, transient=True)
    task = bar.add_task("starting", total=1.0, title=f"{plan.model} seed {plan.seed}")
    epochs = plan.recipe.epochs

    def show(event: Event) -> None:
        match event:
            case Note(text):
                console.print(f"  note: {text}", highlight=False, markup=False)
            case EpochEnd(epoch):
                if not console.is_terminal:
                    console.print(f"  {_epoch_line(epoch, plan)}", highlight=False, markup=False)
            case ImagesDone(work, done, total):
                bar.update(task, completed=done / total, description=f"{work} {done:,}/{total:,}")
            case Step(epoch, step, steps):
                share = (epoch - 1 + step / steps) / epochs
                bar.update(task, completed=share, description=_step_text(event, epochs))

    with bar if console.is_terminal else nullcontext():
        yield show


def _epoch_line(epoch: Epoch, plan: Plan) -> str:
    measured_on = "validation" if plan.recipe.val_fraction else "test"
    return (
        f"epoch {epoch.epoch}/{plan.recipe.epochs}: train loss {epoch.train_loss:.3f}, "
        f"{measured_on} accuracy {epoch.test_accuracy:.1%}, loss {epoch.test_loss:.3f}, "
        f"{epoch.seconds:.1f} s, {epoch.images_per_second:,.0f} images/s"
    )


def _step_text(step: Step, epochs: int) -> str:
    known = step.loss is not None and step.accuracy is not None
    figures = f"  loss {step.loss:.3f}  train accuracy {step.accuracy:.1%}" if known else ""
    return f"epoch {step.epoch}/{epochs}{figures}  {step.images_per_second:,.0f} images/s"
