"""`bench predict`: photos classified by a run, or by a pretrained network."""

import json
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import Json, Results
from bench.commands.show import find_run
from bench.errors import UsageError, print_text


def predict_command(
    model: Annotated[str, typer.Argument(metavar="RUN|ARCH", help="a run, or an architecture such as vgg16")],
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="image files")],
    top: Annotated[int, typer.Option(metavar="N", min=1, help="how many classes to show")] = 5,
    weights: Annotated[str, typer.Option(metavar="FILE", help="weights of an ARCH: imagenet or a file")] = "imagenet",
    results: Results = Path("results"),
    as_json: Json = False,
) -> None:
    """Classify photos with one of your runs or a pretrained network.

    \b
    Examples:
      bench predict frozen-vgg photo.jpg   by the start of a run's name
      bench predict vgg16 dog.jpg          ImageNet's classes, resized to 256 px
                                           and cropped to 224
    """
    for path in images:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    from bench.classify import classifier_of_run, classify, is_architecture, pretrained_classifier

    if is_architecture(model):
        classifier = pretrained_classifier(model, weights)
    else:
        classifier = classifier_of_run(find_run(model, results))
    guesses = list(zip(images, classify(classifier, images, top), strict=True))
    if as_json:
        rows = [
            {"image": str(path), "top": [{"class": label, "probability": share} for label, share in best]}
            for path, best in guesses
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    for path, best in guesses:
        print_text(path)
        for label, share in best:
            print_text(f"  {share:6.1%}  {label}")
