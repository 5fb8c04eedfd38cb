"""Pretrained weights: origin in words, fits and misfits, and a download with its hash checked."""

import functools
import hashlib
import http.server
import threading
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.errors import WeightsError
from bench.models import weights as module
from bench.models.vgg import bare
from bench.models.weights import IMAGENET, build_pretrained, check_fit, load
from bench.recipes import make_recipe

VALUES = {"arch": "vgg11_bn", "width": 0.1, "size": 32}


def test_origin_comes_from_the_metadata_or_the_files_name(pretrained: Path, tmp_path: Path) -> None:
    assert load(str(pretrained), "vgg11_bn").origin == "random numbers"
    torch.save(load_file(pretrained), tmp_path / "brand_new.pth")
    assert load(str(tmp_path / "brand_new.pth"), "vgg11_bn").origin == "brand_new.pth"


def test_nothing_but_torchvisions_own_file_is_called_imagenet(pretrained: Path, tmp_path: Path) -> None:
    state = load_file(pretrained)
    path = tmp_path / "claims.safetensors"
    for claim in ("ImageNet-1k", "ImageNet (torchvision)", "ImageNet-21k", "timm, ImageNet ILSVRC2012", "ilsvrc"):
        save_file(state, path, {"pretrained_on": claim})
        assert load(str(path), "vgg11_bn").origin == "claims.safetensors (unverified)"
    for other in ("Tiny-ImageNet (200 classes)", "imagenette (10 classes)"):
        save_file(state, path, {"pretrained_on": other})
        assert load(str(path), "vgg11_bn").origin == other
    name = "vgg11_bn-6002323d.pth"
    torch.save(state, tmp_path / name)
    assert load(str(tmp_path / name), "vgg11_bn").origin == name


def test_features_only_weights_start_the_classifier_anew_and_say_so(pretrained: Path, tmp_path: Path) -> None:
    features = {k: v for k, v in load_file(pretrained).items() if k.startswith("features")}
    path = tmp_path / "features.safetensors"
    save_file(features, path)
    given = load(str(path), "vgg11_bn")
    net, head, notes = build_pretrained(make_recipe("frozen-vgg", VALUES), 1, given, str(path))
    assert (head, notes) == ("classifier", [])
    assert torch.equal(net.state_dict()["features.0.weight"], features["features.0.weight"])
    _, _, notes = build_pretrained(make_recipe("frozen-vgg", {**VALUES, "head": "classifier"}), 1, given, str(path))
    assert "random values" in notes[0]
    with pytest.raises(WeightsError, match="has no classifier, which --head last keeps"):
        check_fit(make_recipe("frozen-vgg", {**VALUES, "head": "last"}), given, str(path))


def test_the_classifier_head_keeps_the_pretrained_layers(pretrained: Path) -> None:
    given = load(str(pretrained), "vgg11_bn")
    for head in ("classifier", "last"):
        net, name, _ = build_pretrained(make_recipe("frozen-vgg", {**VALUES, "head": head}), 1, given, "mine")
        assert name == ("classifier" if head == "classifier" else "classifier.6")
        assert torch.equal(net.classifier[3].weight, given.state["classifier.3.weight"])
        assert net.classifier[6].out_features == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"arch": "vgg11"}, r"does not fit --arch vgg11 --width 0.1 \(the file says vgg11_bn.*missing features"),
        ({"width": 0.2}, r"classifier.0.bias is \(410,\), not \(819,\)"),
    ],
)
def test_a_misfit_names_the_first_keys(values: dict, message: str, pretrained: Path) -> None:
    recipe = make_recipe("frozen-vgg", {**VALUES, **values})
    with pytest.raises(WeightsError, match=message):
        check_fit(recipe, load(str(pretrained), "vgg11_bn"), "mine.safetensors")


@pytest.mark.parametrize(("name", "content"), [("a.pth", b"hello"), ("a.safetensors", b"{}"), ("a.pth", b"")])
def test_unreadable_files_are_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as weights") as caught:
        load(str(tmp_path / name), "vgg16")
    assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="no such file"):
        load(str(tmp_path / "gone.pth"), "vgg16")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A local server in the place of torchvision's, with a torch home of its own."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def serve(content: bytes, digest: str) -> str:
        name = f"tiny-{digest[:8]}.pth"
        (tmp_path / name).write_bytes(content)
        url = f"http://127.0.0.1:{server.server_port}/{name}"
        monkeypatch.setattr(module, "_torchvision_entry", lambda arch: (url, ("x", "y")))
        return url

    yield serve
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_checked_and_called_imagenet(mirror, tmp_path: Path) -> None:
    torch.save(bare("vgg11", 2, 0.05).state_dict(), tmp_path / "made.pth")
    content = (tmp_path / "made.pth").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    mirror(content, digest)
    found = load("imagenet", "vgg11")
    assert (found.origin, found.sha256, found.categories) == (IMAGENET, digest, ("x", "y"))


def test_a_download_with_another_hash_is_refused(mirror) -> None:
    mirror(b"something else", "0" * 64)
    with pytest.raises(WeightsError, match="invalid hash value"):
        load("imagenet", "vgg11")


def test_unreachable_weights_say_how_to_pass_a_file(mirror) -> None:
    url = mirror(b"", "1" * 64)
    closed = url.replace(url.split(":")[2].split("/")[0], "9")
    module._torchvision_entry = lambda arch: (closed, ())
    with pytest.raises(WeightsError, match=r"cannot fetch .*pass --weights tiny-11111111\.pth"):
        load("imagenet", "vgg11")
