"""Pretrained weights: their origin in words, whether they fit, and a download with its hash checked."""

import functools
import hashlib
import http.server
import pickle
import re
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch
import torchvision
from safetensors.torch import load_file, save_file

from bench.classify import pretrained_classifier
from bench.data import open_source
from bench.errors import VggbenchError, WeightsError
from bench.models import build_architecture, build_network, check_fit, load_weights, safetensors_bytes
from bench.models import weights as module
from bench.models.weights import IMAGENET
from bench.outcome import load_inputs, notes_before_training
from bench.recipes import make_recipe
from tests.forked import ROOT

VALUES = {"arch": "vgg11_bn", "width": 0.1, "size": 32}


def test_the_origin_is_in_the_metadata_or_is_the_files_name(pretrained: Path, tmp_path: Path) -> None:
    assert load_weights(str(pretrained), "vgg11_bn").origin == "random numbers"
    torch.save(load_file(pretrained), tmp_path / "brand_new.pth")
    assert load_weights(str(tmp_path / "brand_new.pth"), "vgg11_bn").origin == "brand_new.pth"


def test_only_torchvisions_own_file_is_called_imagenet(pretrained: Path, tmp_path: Path) -> None:
    state = load_file(pretrained)
    path = tmp_path / "claims.safetensors"
    for claim in ("ImageNet-1k", "ImageNet (torchvision)", "ImageNet-21k", "timm, ImageNet ILSVRC2012", "ilsvrc"):
        save_file(state, path, {"pretrained_on": claim})
        assert load_weights(str(path), "vgg11_bn").origin == "claims.safetensors (unverified)"
    for other in ("Tiny-ImageNet (200 classes)", "imagenette (10 classes)"):
        save_file(state, path, {"pretrained_on": other})
        assert load_weights(str(path), "vgg11_bn").origin == other
    name = "vgg11_bn-6002323d.pth"
    torch.save(state, tmp_path / name)
    assert load_weights(str(tmp_path / name), "vgg11_bn").origin == name


def test_equal_weights_and_metadata_make_equal_files() -> None:
    state = {"a": torch.arange(3.0), "b": torch.ones(1, dtype=torch.int8)}
    metadata = {f"key {i}": 'é "quoted"\n' * i for i in range(16)}
    backwards = dict(reversed(metadata.items()))
    written = safetensors_bytes(state, metadata)
    assert all(written == safetensors_bytes(state, shuffled) for shuffled in [metadata, backwards] * 4)
    read = safetensors.deserialize(written)
    assert [(name, value["shape"]) for name, value in sorted(read)] == [("a", [3]), ("b", [1])]
    assert torch.equal(safetensors.torch.load(written)["a"], state["a"])
    assert len(written) % 8 == 5  # the tensors begin at a multiple of 8


def test_features_only_weights_leave_the_classifier_random_with_a_note(
    pretrained: Path, two_classes: Path, small_plan, tmp_path: Path
) -> None:
    features = {k: v for k, v in load_file(pretrained).items() if k.startswith("features")}
    path = tmp_path / "features.safetensors"
    save_file(features, path)
    notes = {}
    for head in ("mlp256", "classifier"):
        plan = small_plan("frozen-vgg", "two", two_classes, weights=str(path), head=head)
        inputs = load_inputs(plan, open_source("two", two_classes))
        network = build_network("frozen-vgg", plan.recipe, 2, inputs.weights)
        assert network.head == "classifier"
        assert torch.equal(network.whole.state_dict()["features.0.weight"], features["features.0.weight"])
        notes[head] = notes_before_training(inputs, network, data=None)
    assert notes["mlp256"] == []
    assert "random values" in notes["classifier"][0]
    with pytest.raises(WeightsError, match="has no classifier, which --head last needs"):
        check_fit(make_recipe("frozen-vgg", {**VALUES, "head": "last"}), inputs.weights, str(path))


def test_the_classifier_head_keeps_the_pretrained_layers(pretrained: Path) -> None:
    weights = load_weights(str(pretrained), "vgg11_bn")
    for head in ("classifier", "last"):
        network = build_network("frozen-vgg", make_recipe("frozen-vgg", {**VALUES, "head": head}), 2, weights)
        assert network.head == ("classifier" if head == "classifier" else "classifier.6")
        assert torch.equal(network.whole.classifier[3].weight, weights.state["classifier.3.weight"])
        assert network.whole.classifier[6].out_features == 1


def test_weights_with_a_pooled_head_fit_every_head_but_last(tmp_path: Path) -> None:
    path = tmp_path / "pooled.safetensors"
    net = build_architecture("vgg11_bn", 5, 0.1, pooled=True)
    save_file(net.state_dict(), path, {"width": "0.1", "classes": "a\nb\nc\nd\ne"})
    weights = load_weights(str(path), "vgg11_bn")
    outputs = {"mlp256": None, "classifier": None, "pooled": 5}
    for head, known in outputs.items():
        recipe = make_recipe("frozen-vgg", {**VALUES, "head": head})
        assert check_fit(recipe, weights, str(path)) == known
        network = build_network("frozen-vgg", recipe, 2, weights)
        assert torch.equal(network.whole.features[0].weight, net.features[0].weight)
    with pytest.raises(
        WeightsError, match="has a pooled head and no classifier, which --head last needs; use --head p"
    ):
        check_fit(make_recipe("frozen-vgg", {**VALUES, "head": "last"}), weights, str(path))
    with pytest.raises(WeightsError, match=r"classifier.1.weight is \(5, 51\), not \(5, 102\)"):
        check_fit(make_recipe("frozen-vgg", {**VALUES, "head": "pooled", "width": 0.2}), weights, str(path))
    classifier = pretrained_classifier("vgg11_bn", str(path))
    assert classifier.classes == ("a", "b", "c", "d", "e")
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(classifier.network(images), net.eval()(images))


def test_a_pooled_head_keeps_the_pretrained_backbone_and_starts_anew(pretrained: Path) -> None:
    weights = load_weights(str(pretrained), "vgg11_bn")
    network = build_network("frozen-vgg", make_recipe("frozen-vgg", {**VALUES, "head": "pooled"}), 2, weights)
    state = network.whole.state_dict()
    backbone = [key for key in weights.state if key.startswith("features.")]
    assert backbone and all(torch.equal(state[key], weights.state[key]) for key in backbone)
    assert [key for key in state if key not in backbone] == ["classifier.1.weight", "classifier.1.bias"]


def test_the_documented_code_loads_a_pooled_network_into_torchvisions_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = make_recipe("scratch-vgg", {"arch": "vgg16_bn", "head": "pooled"})
    ours = build_network("scratch-vgg", recipe, 2).whole.eval()
    save_file(ours.state_dict(), "weights.safetensors")
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "bench.md").read_text(), re.DOTALL)
    [code] = [block for block in blocks if "AdaptiveAvgPool2d" in block]
    names = {"nn": torch.nn, "torchvision": torchvision, "safetensors": safetensors}
    exec(code, names)
    images = torch.randn(2, 3, 96, 96)
    torch.testing.assert_close(names["model"].eval()(images), ours(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"arch": "vgg11"}, r"does not fit --arch vgg11 --width 0.1 \(the file says vgg11_bn.*missing features"),
        ({"arch": "vgg11"}, r"the file says vgg11_bn, width 0.1\); add --arch vgg11_bn \(missing"),
        ({"width": 0.2}, r"classifier.0.bias is \(410,\), not \(819,\)"),
        ({"width": 0.2}, r"; add --width 0.1 \("),
        ({"arch": "vgg16", "width": 1.0}, r"; add --arch vgg11_bn --width 0.1 \("),
    ],
)
def test_weights_that_do_not_fit_are_an_error_that_names_the_first_keys(
    values: dict, message: str, pretrained: Path
) -> None:
    recipe = make_recipe("frozen-vgg", {**VALUES, **values})
    with pytest.raises(WeightsError, match=message):
        check_fit(recipe, load_weights(str(pretrained), "vgg11_bn"), "mine.safetensors")


def test_the_flags_that_fit_are_read_from_the_convolutions_if_the_file_does_not_say(
    pretrained: Path, tmp_path: Path
) -> None:
    path = tmp_path / "plain.pth"
    torch.save(load_file(pretrained), path)
    with pytest.raises(WeightsError, match=r"; add --arch vgg11_bn --width 0.1 \("):
        check_fit(
            make_recipe("frozen-vgg", {**VALUES, "arch": "vgg16", "width": 1.0}), load_weights(str(path), "vgg16"), "x"
        )
    other = build_architecture("resnet18", 2)
    torch.save(other.state_dict(), path)
    with pytest.raises(WeightsError, match="add --arch and --width of the network that it was made for"):
        check_fit(make_recipe("frozen-vgg", VALUES), load_weights(str(path), "vgg11_bn"), "x")


@pytest.mark.parametrize(("name", "content"), [("a.pth", b"hello"), ("a.safetensors", b"{}"), ("a.pth", b"")])
def test_an_unreadable_file_is_an_error_of_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be read as weights") as caught:
        load_weights(str(tmp_path / name), "vgg16")
    assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="no such file"):
        load_weights(str(tmp_path / "missing.pth"), "vgg16")


def refused(path: Path) -> str:
    """Why a file's weights are refused, in one line."""
    with pytest.raises(WeightsError) as caught:
        load_weights(str(path), "vgg11_bn")
    assert "\n" not in str(caught.value) and str(caught.value).startswith(f"--weights {path}: ")
    return str(caught.value)


def test_a_file_of_python_objects_is_refused_in_our_words(tmp_path: Path) -> None:
    torch.save(build_architecture("vgg11_bn", 2, 0.05), tmp_path / "net.pth")
    (tmp_path / "code.pth").write_bytes(pickle.dumps(print))
    for name in ("net.pth", "code.pth"):
        text = refused(tmp_path / name)
        assert "holds Python objects, which vggbench does not load" in text
        assert "torch.save(model.state_dict(), FILE)" in text


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({3: torch.zeros(2)}, "does not hold a state dict"),
        ({"a": 3}, "does not hold a state dict"),
        ({"a\nb": torch.zeros(2)}, "does not hold a state dict"),
        ([torch.zeros(2)], "does not hold a state dict"),
        ({}, "does not hold a state dict"),
        ({"state_dict": {"model": {1: torch.zeros(2)}}}, "does not hold a state dict"),
        ({"a": torch.zeros(2).to_sparse()}, "does not hold a state dict"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "does not hold a state dict"),
        ({"a": torch.tensor([1.0, float("nan")])}, "a has values that are not finite numbers"),
        ({"a": torch.tensor([1e300], dtype=torch.float64)}, "a has values that are not finite numbers"),
    ],
)
def test_what_is_no_state_dict_of_finite_tensors_is_refused(state: object, message: str, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "odd.pth")
    assert message in refused(tmp_path / "odd.pth")


@pytest.mark.parametrize("origin", ["a\nb", "\x1b[31mred", "x" * 300, ""])
def test_an_origin_in_the_metadata_that_no_table_can_show_is_not_used(origin: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({"a": torch.zeros(2)}, path, {"pretrained_on": origin, "arch": origin})
    weights = load_weights(str(path), "vgg11_bn")
    assert weights.origin == "odd.safetensors" and not weights.arch


@pytest.mark.parametrize("width", ["wide", "", "1,5"])
def test_a_width_in_the_metadata_that_is_no_number_is_named(width: str, tmp_path: Path) -> None:
    save_file({"a": torch.zeros(2)}, tmp_path / "odd.safetensors", {"width": width})
    assert "its metadata gives the width" in refused(tmp_path / "odd.safetensors")


@pytest.mark.parametrize("width", ["nan", "1e9", "-1"])
def test_a_width_in_the_metadata_that_no_network_has_is_named(width: str, pretrained: Path, tmp_path: Path) -> None:
    save_file(load_file(pretrained), tmp_path / "odd.safetensors", {"width": width})
    with pytest.raises(VggbenchError, match=r"width must be from 0.01 to 8"):
        pretrained_classifier("vgg11_bn", str(tmp_path / "odd.safetensors"))


@pytest.mark.parametrize("shape", [(), (0, 410), (7,)])
def test_a_last_layer_of_another_shape_does_not_fit(shape: tuple[int, ...], pretrained: Path, tmp_path: Path) -> None:
    state = load_file(pretrained) | {"classifier.6.weight": torch.zeros(shape)}
    save_file(state, tmp_path / "odd.safetensors")
    weights = load_weights(str(tmp_path / "odd.safetensors"), "vgg11_bn")
    with pytest.raises(WeightsError, match=r"does not fit --arch vgg11_bn .*classifier\.6\.(weight|bias) is"):
        check_fit(make_recipe("frozen-vgg", VALUES), weights, "odd.safetensors")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A local server instead of torchvision's, with a separate torch home."""
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
    torch.save(build_architecture("vgg11", 2, 0.05).state_dict(), tmp_path / "made.pth")
    content = (tmp_path / "made.pth").read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    mirror(content, digest)
    weights = load_weights("imagenet", "vgg11")
    assert (weights.origin, weights.sha256, weights.categories) == (IMAGENET, digest, ("x", "y"))


def test_a_download_that_was_damaged_on_disk_is_named_and_never_opened(mirror, tmp_path: Path) -> None:
    mirror(b"", "2" * 64)
    path = tmp_path / "torch/hub/checkpoints/tiny-22222222.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(print))
    with pytest.raises(WeightsError, match=r"tiny-22222222\.pth: its SHA-256 does not match its name; delete it"):
        load_weights("imagenet", "vgg11")


def test_a_download_with_a_different_hash_is_rejected(mirror) -> None:
    mirror(b"something else", "0" * 64)
    with pytest.raises(WeightsError, match="invalid hash value"):
        load_weights("imagenet", "vgg11")


def test_unreachable_weights_are_an_error_that_says_how_to_pass_a_file(mirror) -> None:
    url = mirror(b"", "1" * 64)
    closed = url.replace(url.split(":")[2].split("/")[0], "9")
    module._torchvision_entry = lambda arch: (closed, ())
    with pytest.raises(WeightsError, match=r"refuses the connection; .* pass --weights tiny-11111111\.pth"):
        load_weights("imagenet", "vgg11")
