"""Progress of one run for the person who waits: bars on a terminal, one line per epoch elsewhere."""

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bench.events import EpochEnd, Event, FeaturePass, Note, Packing, Step
from bench.plans import Plan
from bench.records import Epoch


class Display:
    """Shows a run's events while it is entered as a context."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._console, self._plan = console, plan
        columns = (TextColumn("{task.fields[title]:<28}"), BarColumn(24), TimeElapsedColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, TextColumn("{task.description}"), console=console, transient=True)
        self._task: TaskID | None = None

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._bars.start()
            title = f"{self._plan.model} seed {self._plan.seed}"
            self._task = self._bars.add_task("starting", total=1.0, title=title)
        return self

    def __exit__(self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None) -> None:
        if self._task is not None:
            self._bars.stop()

    def show(self, event: Event) -> None:
        """Print a note, print an epoch where there is no bar, or move the bar."""
        epochs = self._plan.recipe.epochs
        match event:
            case Note(text):
                self._print(f"note: {text}")
            case EpochEnd(epoch):
                if self._task is None:
                    self._print(self._epoch_line(epoch))
            case Packing(done, total):
                self._advance(done / total, f"packing images {done:,}/{total:,}")
            case FeaturePass(done, total):
                self._advance(done / total, f"features of the frozen backbone {done:,}/{total:,}")
            case Step(epoch, step, steps):
                self._advance((epoch - 1 + step / steps) / epochs, _describe(event, epochs))

    def _print(self, line: str) -> None:
        self._console.print(f"  {line}", highlight=False, markup=False)

    def _advance(self, share: float, description: str) -> None:
        if self._task is not None:
            self._bars.update(self._task, completed=share, description=description)

    def _epoch_line(self, epoch: Epoch) -> str:
        measured_on = "validation" if self._plan.recipe.val_fraction else "test"
        return (
            f"epoch {epoch.epoch}/{self._plan.recipe.epochs}: train loss {epoch.train_loss:.3f}, "
            f"{measured_on} accuracy {epoch.test_accuracy:.1%}, loss {epoch.test_loss:.3f}, "
            f"{epoch.seconds:.1f} s, {epoch.images_per_second:,.0f} images/s"
        )


def _describe(step: Step, epochs: int) -> str:
    known = step.loss is not None and step.accuracy is not None
    figures = f"  loss {step.loss:.3f}  train accuracy {step.accuracy:.1%}" if known else ""
    return f"epoch {step.epoch}/{epochs}{figures}  {step.images_per_second:,.0f} images/s"
