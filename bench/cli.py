"""The command `bench`: train the models, look at models and runs, predict, make weights."""

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bench.errors import UsageError, exit_codes
from bench.recipes import CONTROL, MODELS, field_table
from collect.datasets import Dataset


class Commands(TyperGroup):
    """The commands of bench, each ending with its documented exit code."""

    def invoke(self, ctx: Any) -> Any:
        with exit_codes("bench", "finished epochs are kept, the same command continues"):
            return super().invoke(ctx)


app = typer.Typer(
    cls=Commands,
    help="Train a VGG from scratch, frozen and fine-tuned, and a small CNN, on the same device under the same rules.",
    epilog="Start with: bench run all      then open results/sample/report.html",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Results = Annotated[Path, typer.Option("--results", help="Where results are kept.", show_default=True)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)


def _set_values(pairs: list[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        name = key.strip().replace("-", "_")
        if not equals or not value:
            raise UsageError(f"--set {pair}: write KEY=VALUE; the fields are\n{field_table()}")
        if name in CONTROL:
            raise UsageError(f"--set {pair}: is no field of a recipe; use --{name}")
        values[name] = value.strip()
    return values


RUN_HELP = """Train models and write a report.

  bench run all                                  the four models on the dataset collected last, or on the drawn sample
  bench run all --dataset car-bicycle --size 64  on a dataset by name, or any folder with train/ and test/
  bench run frozen-vgg finetuned-vgg --seeds 5   two models, five seeds each, interleaved
  bench run scratch-vgg --arch vgg16,vgg16_bn --set init=he,default    every combination
  bench run all --train-images 25,50,100         accuracy against images per class
  bench run all --dry-run                        the plan and how long it will take

Finished runs are not repeated (--fresh does), interrupted ones continue at their last finished epoch.

Models: """ + "; ".join(f"{name} ({model.text})" for name, model in MODELS.items())


@app.command("run", help=RUN_HELP.replace("\n  ", "\n\n  "))
def run_command(
    models: Annotated[list[str], typer.Argument(metavar="all | MODEL...", help=", ".join(MODELS))],
    dataset: Annotated[str | None, typer.Option(help="Name or folder. Default: the one collected last.")] = None,
    epochs: Annotated[
        str | None, typer.Option(metavar="N", help="Passes over the train images. \\[default: 5]")
    ] = None,
    batch_size: Annotated[str | None, typer.Option(metavar="N", help="Images per step. \\[default: 64]")] = None,
    size: Annotated[str | None, typer.Option(metavar="PX", help="Side of the square input. \\[default: 224]")] = None,
    seeds: Annotated[int | None, typer.Option(metavar="N", help="Runs per model. \\[default: 1]")] = None,
    arch: Annotated[
        str | None, typer.Option(help="vgg11, 13, 16, 19, with _bn, or a torchvision classifier. \\[default: vgg16]")
    ] = None,
    width: Annotated[str | None, typer.Option(metavar="F", help="Factor on a VGG's channels. \\[default: 1.0]")] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="imagenet|PATH", help="Pretrained weights. \\[default: imagenet]")
    ] = None,
    head: Annotated[str | None, typer.Option(help="mlp256, classifier or last. \\[default: mlp256]")] = None,
    train_images: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Train images per class, several for a learning curve.")
    ] = None,
    device: Annotated[str | None, typer.Option(help="auto, cuda, mps or cpu. \\[default: auto]")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, bf16 or fp32. \\[default: auto]")] = None,
    deterministic: Annotated[bool, typer.Option("--deterministic", help="Bit-equal repeats.")] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any field of the recipe. --set help: all."),
    ] = None,
    data: Annotated[Path, typer.Option(help="Where datasets are.")] = Path("data"),
    results: Results = Path("results"),
    fresh: Annotated[bool, typer.Option("--fresh", help="Make runs again that are finished.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and the estimate alone.")] = False,
) -> None:
    """Plan, estimate, run and report."""
    if set_ == ["help"]:
        typer.echo(field_table())
        return
    flags: dict[str, Any] = {
        "epochs": epochs, "batch_size": batch_size, "size": size, "seeds": seeds, "arch": arch, "width": width,
        "weights": weights, "head": head, "train_images": train_images, "device": device, "precision": precision,
        "deterministic": deterministic or None,
    }  # fmt: skip
    given, values = {k: v for k, v in flags.items() if v is not None}, _set_values(set_ or [])
    if twice := sorted(given.keys() & values.keys()):
        raise UsageError(f"--set {twice[0]}=...: --{twice[0].replace('_', '-')} is given too; keep one of them")
    given |= values
    from bench.api import execute, prepare, show_estimate
    from bench.commands.show import print_runs

    console = _console()
    command = "bench " + shlex.join(sys.argv[1:]).replace(str(Path.home()), "~")
    job = prepare(models, dataset, given, data, results, command, console, fresh, dry_run)
    show_estimate(job, console)
    if dry_run:
        return
    runs, pages = execute(job, results, console)
    print_runs(runs, console)
    for page in pages:
        console.print(f"Report: {page}", highlight=False, soft_wrap=True)
    if any(r.result.status != "done" for r in runs):
        raise typer.Exit(1)


@app.command("models")
def models_command(
    classes: Annotated[int, typer.Option(help="Number of classes; two use one logit.")] = 2,
    size: Annotated[int, typer.Option(metavar="PX", help="Side of the square input.")] = 224,
    arch: Annotated[str, typer.Option(help="Architecture of the VGGs.")] = "vgg16",
    head: Annotated[str, typer.Option(help="Head of frozen and fine-tuned: mlp256, classifier or last.")] = "mlp256",
    as_json: Json = False,
) -> None:
    """Parameters, FLOPs and memory of the four models, counted without loading weights.

    FLOPs are of one forward pass, a multiply-add as two. Memory is to train on 64 images at once in fp32.

      bench models --classes 1000 --arch vgg16
    """
    from bench.commands.summary import model_rows, print_models
    from bench.recipes import parse_value

    if classes < 2:
        raise UsageError(f"--classes {classes}: at least 2")
    values = {k: parse_value(k, v) for k, v in (("size", size), ("arch", arch), ("head", head))}
    rows = model_rows(values, classes)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        print_models(rows, _console())


@app.command("summary")
def summary_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=", ".join(MODELS))],
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 2,
    size: Annotated[int, typer.Option(metavar="PX", help="Side of the square input.")] = 224,
    arch: Annotated[str | None, typer.Option(help="Architecture of a VGG.")] = None,
    head: Annotated[str | None, typer.Option(help="mlp256, classifier or last.")] = None,
) -> None:
    """A model layer by layer: output shape, parameters, multiply-adds, memory.

    bench summary scratch-vgg --arch vgg16_bn --size 64
    """
    from bench.commands.summary import layer_table
    from bench.plans import expand

    given = {k: v for k, v in (("size", size), ("arch", arch), ("head", head)) if v is not None}
    if model not in MODELS:
        raise UsageError(f"{model}: no such model; choose from {', '.join(MODELS)}")
    [(_, recipe)] = expand([model], given, given)
    _console().print(layer_table(model, recipe, classes))


@app.command("list")
def list_command(results: Results = Path("results"), as_json: Json = False) -> None:
    """All runs, oldest first."""
    from bench.commands.list import list_lines, list_row
    from bench.records import read_runs

    runs, errors = read_runs(results)
    for error in errors:
        typer.echo(f"left out: {error}", err=True)
    if as_json:
        typer.echo(json.dumps([list_row(folder, run) for folder, run in runs.items()], indent=1))
    elif runs:
        typer.echo("\n".join(list_lines(list(runs.values()))))
    else:
        typer.echo(f"no runs in {results}/; make some with: bench run all")


@app.command("show")
def show_command(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's name, its beginning, or its folder.")],
    results: Results = Path("results"),
) -> None:
    """One run: its result, cost and conditions, and every epoch."""
    from bench.commands.predict import find_run
    from bench.commands.show import print_run
    from bench.records import read_run

    print_run(read_run(find_run(run, results)), _console())


@app.command("predict")
def predict_command(
    model: Annotated[str, typer.Argument(metavar="RUN|ARCH", help="A run, or an architecture such as vgg16.")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files.")],
    top: Annotated[int, typer.Option(min=1, help="How many classes to show.")] = 5,
    weights: Annotated[str, typer.Option(metavar="imagenet|PATH", help="With an ARCH: its weights.")] = "imagenet",
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """What a trained model says of images.

    bench predict frozen-vgg photo.jpg      a run of yours, by the beginning of its name
    bench predict vgg16 dog.jpg             ImageNet's top five, resized to 256, cropped to 224
    """
    from bench.commands.predict import predict

    guesses = predict(model, images, results, top, weights)
    if as_json:
        shown = [
            {"image": str(i), "top": [{"class": g.label, "probability": g.probability} for g in row]}
            for i, row in zip(images, guesses, strict=True)
        ]
        typer.echo(json.dumps(shown, indent=1))
        return
    for image, row in zip(images, guesses, strict=True):
        typer.echo(str(image))
        for guess in row:
            typer.echo(f"  {guess.probability:6.1%}  {guess.label}")


@app.command("pretrain")
def pretrain_command(
    dataset: Annotated[str, typer.Option(help="Name or folder of the dataset to learn from.")],
    out: Annotated[Path, typer.Option(help="File to write, .safetensors.")],
    arch: Annotated[str, typer.Option(help="A VGG, or a torchvision classifier.")] = "vgg16_bn",
    width: Annotated[str, typer.Option(metavar="F", help="Factor on a VGG's channels.")] = "1.0",
    size: Annotated[str, typer.Option(metavar="PX", help="Side of the square input.")] = "64",
    epochs: Annotated[str, typer.Option(metavar="N", help="Passes over the train images.")] = "20",
    device: Annotated[str, typer.Option(help="auto, cuda, mps or cpu.")] = "auto",
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any field of the recipe.")
    ] = None,
    data: Annotated[Path, typer.Option(help="Where datasets are.")] = Path("data"),
) -> None:
    """Make pretrained weights from your own data, for --weights FILE.

    bench pretrain --dataset imagenette --out imagenette.safetensors --size 96
    """
    from bench.api import ensure_drawn
    from bench.commands.pretrain import pretrain
    from bench.data import open_source
    from bench.plans import expand

    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out}: must end in .safetensors")
    console = _console()
    given = {"arch": arch, "width": width, "size": size, "epochs": epochs, **_set_values(set_ or [])}
    [(_, recipe), *more] = expand(["scratch-vgg"], given, given)
    if more:
        raise UsageError("bench pretrain makes one set of weights; give each field one value")
    ensure_drawn(dataset, data, console)
    run = pretrain(open_source(dataset, data), dataset, data, recipe, device, out, console)
    console.print(f"{out}: {arch}, {run.result.accuracy:.1%} on its test images", highlight=False, soft_wrap=True)


def draw(dataset: Dataset, data: Path) -> None:
    """Draw a synthetic dataset into `data`/<name>."""
    from collect.pipeline import collect

    collect(dataset, data, quiet=True)


def drawable() -> tuple[str, ...]:
    """Classes the synthetic source can draw."""
    from collect.sources.synthetic.drawing import CLASSES

    return CLASSES


def build_report(results: Path, dataset: str) -> list[Path]:
    """Build the HTML report of a dataset's results; its files."""
    from reports.page import build

    return build(results, dataset)


def main() -> None:
    """Run the command."""
    app()
