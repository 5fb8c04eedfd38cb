"""`bench pretrain`: pretrained weights from your own data."""

from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import Data, Quiet, SetValues, make_console, set_values
from bench.errors import UsageError
from bench.server import start_server
from collect.datasets import announce, load_datasets


# One parameter per option.
def pretrain_command(
    dataset: Annotated[str, typer.Option(metavar="NAME|DIR", help="dataset to train on")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="file to write, ending in .safetensors")],
    arch: Annotated[str, typer.Option(metavar="NAME", help="a VGG, or a torchvision classifier")] = "vgg16_bn",
    width: Annotated[str, typer.Option(metavar="F", help="factor on a VGG's channels")] = "1.0",
    size: Annotated[str, typer.Option(metavar="PX", help="side of the square input")] = "64",
    epochs: Annotated[str, typer.Option(metavar="N", help="passes over the train images")] = "20",
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cuda, mps or cpu")] = "auto",
    half: Annotated[bool, typer.Option("--half", help="store 16 bits per weight; half the size")] = False,
    set_: SetValues = None,
    data: Data = Path("data"),
    quiet: Quiet = False,
) -> None:
    """Make weights from your own data, for bench run --weights.

    \b
    Example:
      bench pretrain --dataset imagenette --out imagenette.safetensors --size 96
    """
    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out}: must end in .safetensors")
    given = {"arch": arch, "width": width, "size": size, "epochs": epochs, **set_values(set_ or [])}
    start_server()  # it imports torch while this process prepares the plan
    console, progress = make_console(), make_console(quiet)
    with announce(progress, "Loading PyTorch"):
        from bench.data import open_source
        from bench.plans import expand_recipes
        from bench.pretrain import pretrain
        from bench.sample import draw_missing

    [(_, recipe), *others] = expand_recipes(["scratch-vgg"], given, given)
    if others:
        raise UsageError("bench pretrain makes one set of weights; give each field a single value")
    entry = load_datasets().get(dataset)
    if entry is not None and entry.source == "synthetic":
        draw_missing(entry, data, progress)
    with announce(progress, f"Checking the files of {dataset}"):
        source = open_source(dataset, data)
    run = pretrain(source, recipe, device, out, progress, half)
    console.print(f"{out}: {arch}, {run.result.accuracy:.1%} test accuracy", highlight=False, soft_wrap=True)
