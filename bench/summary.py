"""What the models are before training: their counts side by side, and one of them layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.cost import count, skeleton
from bench.errors import BenchError
from bench.recipes import MODELS, Recipe, make_recipe


def model_rows(values: Mapping[str, Any], num_classes: int) -> list[dict[str, Any]]:
    """Parameters, FLOPs of a forward pass of one image, and bytes to train on 64 images, of each model."""
    rows = []
    for name in MODELS:
        made = count(name, make_recipe(name, values), num_classes)
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


def layer_table(model: str, recipe: Recipe, num_classes: int) -> str:
    """Layers with output shape, parameters and multiply-adds for one image, as text; loads no weights.

    Raises BenchError where torchinfo is not installed.
    """
    try:
        from torchinfo import summary
    except ModuleNotFoundError as err:
        raise BenchError("bench summary needs torchinfo: pip install torchinfo") from err

    network = skeleton(model, recipe, num_classes)
    trained = {id(p) for p in network.trunk.parameters()}
    for p in network.whole.parameters():
        p.requires_grad_(id(p) in trained)
    columns = ("output_size", "num_params", "mult_adds", "trainable")
    size = (1, 3, recipe.size, recipe.size)
    made = summary(network.whole, input_size=size, col_names=columns, device="meta", mode="eval", verbose=0, depth=3)
    return str(made)
