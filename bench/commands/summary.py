"""`bench summary`: one model, layer by layer."""

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bench.commands.options import Classes, Size, make_console
from bench.errors import UsageError, VggbenchError, name_hint
from bench.recipes import MODELS, Recipe
from collect.datasets import make_table

if TYPE_CHECKING:
    from rich.table import Table
    from torch import Tensor


def summary_command(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=", ".join(MODELS))],
    classes: Classes = 2,
    size: Size = 224,
    arch: Annotated[str | None, typer.Option(metavar="NAME", help="architecture of a VGG")] = None,
    head: Annotated[str | None, typer.Option(metavar="NAME", help="mlp256, classifier, last or pooled")] = None,
) -> None:
    """Show a model layer by layer: shapes, parameters, memory.

    \b
    Example:
      bench summary scratch-vgg --arch vgg16_bn --size 64
    """
    from bench.plans import expand_recipes

    given = {k: v for k, v in (("size", size), ("arch", arch), ("head", head)) if v is not None}
    if model not in MODELS:
        raise UsageError(f"{model}: no such model; {name_hint(model, MODELS)}")
    [(_, recipe)] = expand_recipes([model], given, given)
    make_console().print(_layer_table(model, recipe, classes))


def _layer_table(model: str, recipe: Recipe, num_classes: int) -> "Table":
    """Layers with output shape for one image, parameters, multiply-adds and memory; loads no weights.

    The memory is that of fp32 values: the layer's output, 0 if it works in place, and its parameters. A batch norm adds
    an output as large as that of the convolution before it. Raises VggbenchError if torchinfo is missing.
    """
    try:
        from torchinfo import summary
    except ModuleNotFoundError as err:
        raise VggbenchError("bench summary needs torchinfo: pip install torchinfo") from err
    from bench.models import skeleton

    network = skeleton(model, recipe, num_classes)
    trained = {id(p) for p in network.trunk.parameters()}
    size = (1, 3, recipe.size, recipe.size)
    layers = summary(network.whole, input_size=size, device="meta", mode="eval", verbose=0, depth=99).summary_list
    names = {id(module): name for name, module in network.whole.named_modules()}
    columns = ("layer", "", "output", "parameters", "trained", "M mult-adds", "output MiB", "weights MiB")
    table = make_table(*columns, left=("layer", ""), padding=1)
    total_mult_adds, total_values = 0, 0
    for layer in layers:
        module = layer.module
        own = list(module.parameters(recurse=False))
        if not own and any(module.children()):
            continue
        values = 0 if getattr(module, "inplace", False) else math.prod(layer.output_size)
        total_mult_adds, total_values = total_mult_adds + layer.macs, total_values + values
        shape = "x".join(map(str, layer.output_size[1:]))
        table.add_row(names[id(module)], layer.class_name, shape, *_figures(own, trained, layer.macs, values))
    table.add_section()
    whole = list(network.whole.parameters())
    table.add_row("total", "", "", *_figures(whole, trained, total_mult_adds, total_values))
    return table


def _figures(parameters: "Sequence[Tensor]", trained: Collection[int], mult_adds: int, output_values: int) -> list[str]:
    """The cells of a row: parameters and how many are trained, millions of multiply-adds, MiB of output and weights."""
    count = sum(p.numel() for p in parameters)
    trained_count = sum(p.numel() for p in parameters if id(p) in trained)
    share = "yes" if trained_count == count else f"{trained_count:,}" if trained_count else "no"
    return [
        *((f"{count:,}", share) if count else ("", "")),
        f"{mult_adds / 1e6:,.1f}" if mult_adds else "",
        f"{4 * output_values / 2**20:,.2f}",
        f"{4 * count / 2**20:,.2f}" if count else "",
    ]
