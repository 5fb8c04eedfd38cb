"""`bench models`: what the models cost before training."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.commands.options import Classes, Json, Size, make_console
from bench.errors import UsageError
from bench.recipes import MODELS, make_recipe, parse_value
from collect.datasets import make_table

if TYPE_CHECKING:
    from rich.table import Table


def models_command(
    classes: Classes = 2,
    size: Size = 224,
    arch: Annotated[str, typer.Option(metavar="NAME", help="architecture of the VGGs")] = "vgg16",
    head: Annotated[str, typer.Option(metavar="NAME", help="mlp256, classifier, last or pooled")] = "mlp256",
    as_json: Json = False,
) -> None:
    """Count parameters, FLOPs and memory of the models.

    No weights are loaded. FLOPs are those of one forward pass and count a multiply-add as two. Memory is what training
    on 64 images at once takes in fp32.

    \b
    Example:
      bench models --classes 1000 --arch vgg16_bn
    """
    if classes < 2:
        raise UsageError(f"--classes {classes}: at least 2")
    values = {k: parse_value(k, v) for k, v in (("size", size), ("arch", arch), ("head", head))}
    rows = _model_rows(values, classes)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    else:
        make_console().print(_model_table(rows))


def _model_rows(values: dict[str, Any], num_classes: int) -> list[dict[str, Any]]:
    """One row per model: parameters, FLOPs of a forward pass of one image, bytes to train on 64 images."""
    from bench.models import count_model

    keys = ("parameters_total", "parameters_trainable", "flops_per_image", "memory")
    counts = {name: count_model(name, make_recipe(name, values), num_classes) for name in MODELS}
    return [{"name": name, **{key: getattr(of_model, key) for key in keys}} for name, of_model in counts.items()]


def _model_table(rows: list[dict[str, Any]]) -> "Table":
    table = make_table("model", "parameters", "trainable", "GFLOPs / image", "GiB to train", left=("model",))
    for r in rows:
        counts = (f"{r['parameters_total']:,}", f"{r['parameters_trainable']:,}")
        table.add_row(r["name"], *counts, f"{r['flops_per_image'] / 1e9:.2f}", f"{r['memory'] / 2**30:.2f}")
    return table
