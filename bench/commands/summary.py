"""What the models are before training: their counts side by side, and one of them layer by layer."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from torch import Tensor

from bench.errors import VggbenchError
from bench.models import count_model, skeleton
from bench.recipes import MODELS, Recipe, make_recipe


def model_rows(values: Mapping[str, Any], num_classes: int) -> list[dict[str, Any]]:
    """Parameters, FLOPs of a forward pass of one image, and bytes to train on 64 images, of each model."""
    rows = []
    for name in MODELS:
        made = count_model(name, make_recipe(name, values), num_classes)
        rows.append(
            {
                "name": name,
                "parameters_total": made.parameters_total,
                "parameters_trainable": made.parameters_trainable,
                "flops_per_image": made.flops_per_image,
                "memory": made.memory,
            }
        )
    return rows


def print_models(rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    """Print those rows as a table."""
    table = Table(box=None, padding=(0, 2), header_style="bold")
    for name in ("model", "parameters", "trainable", "GFLOPs / image", "GiB to train"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for r in rows:
        counts = (f"{r['parameters_total']:,}", f"{r['parameters_trainable']:,}")
        table.add_row(r["name"], *counts, f"{r['flops_per_image'] / 1e9:.2f}", f"{r['memory'] / 2**30:.2f}")
    console.print(table)


def layer_table(model: str, recipe: Recipe, num_classes: int) -> Table:
    """Layers with output shape for one image, parameters, multiply-adds and memory; loads no weights.

    The memory is that of fp32 values: what the layer puts out, 0 where it works in place, and its parameters. A batch
    norm adds an output as large as that of the convolution before it. Raises VggbenchError where torchinfo is missing.
    """
    try:
        from torchinfo import summary
    except ModuleNotFoundError as err:
        raise VggbenchError("bench summary needs torchinfo: pip install torchinfo") from err

    network = skeleton(model, recipe, num_classes)
    trained = {id(p) for p in network.trunk.parameters()}
    size = (1, 3, recipe.size, recipe.size)
    made = summary(network.whole, input_size=size, device="meta", mode="eval", verbose=0, depth=99)
    names = {id(module): name for name, module in network.whole.named_modules()}
    table = Table(box=None, padding=(0, 1), header_style="bold")
    for column in ("layer", "", "output", "parameters", "trained", "M mult-adds", "output MiB", "weights MiB"):
        table.add_column(column, justify="left" if column in ("layer", "") else "right", no_wrap=True)
    mult_adds, out = 0, 0
    for layer in made.summary_list:
        module = layer.module
        own = list(module.parameters(recurse=False))
        if not own and any(module.children()):
            continue
        put_out = 0 if getattr(module, "inplace", False) else math.prod(layer.output_size)
        mult_adds, out = mult_adds + layer.macs, out + put_out
        shape = "x".join(map(str, layer.output_size[1:]))
        table.add_row(names[id(module)], layer.class_name, shape, *_figures(own, trained, layer.macs, put_out))
    table.add_section()
    table.add_row("total", "", "", *_figures(list(network.whole.parameters()), trained, mult_adds, out))
    return table


def _figures(parameters: Sequence[Tensor], trained: Collection[int], mult_adds: int, out: int) -> list[str]:
    count = sum(p.numel() for p in parameters)
    learnt = sum(p.numel() for p in parameters if id(p) in trained)
    share = "yes" if learnt == count else f"{learnt:,}" if learnt else "no"
    figures = [f"{count:,}", share] if count else ["", ""]
    return [
        *figures,
        f"{mult_adds / 1e6:,.1f}" if mult_adds else "",
        f"{4 * out / 2**20:,.2f}",
        f"{4 * count / 2**20:,.2f}" if count else "",
    ]
