"""Features of a frozen backbone: cached once, and as good to train on as forwarding through it."""

import errno
import os
from pathlib import Path

import pytest
import torch

from bench.data import iterate_batches, labelled_inputs, open_source, pack_images, to_input
from bench.events import Event, Note
from bench.experiment import initial_network, run
from bench.outcome import load_inputs
from bench.records import RunStatus
from bench.training import Backbone, cached_features
from tests.bench.damage import DAMAGES


def silent(event: object) -> None:
    pass


@pytest.mark.parametrize(("head", "shape"), [("mlp256", (16, 51, 1, 1)), ("pooled", (16, 51))])
def test_cached_features_give_the_gradients_of_a_forward_pass(
    head: str, shape: tuple[int, ...], two_classes: Path, small_plan, pretrained: Path
) -> None:
    plan = small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained), head=head)
    inputs = load_inputs(plan, open_source("two", two_classes))
    network = initial_network(inputs)
    pack = pack_images(inputs.source, 32, silent)
    numbers, cpu = list(range(16)), torch.device("cpu")
    backbone = Backbone(network.prefix, inputs.weights.sha256, plan.recipe, cpu)
    features, seconds = cached_features(backbone, pack, numbers, None, silent)
    again, seconds_again = cached_features(backbone, pack, numbers, None, silent)
    assert torch.equal(features, again)
    assert features.shape == shape
    assert seconds == seconds_again > 0
    data = labelled_inputs([torch.from_numpy(pack.images)], numbers, [0] * 8 + [1] * 8, cpu)
    stored, labels = next(iterate_batches(data, torch.arange(16), 16))
    network.whole.eval()
    gradients = []
    for out in (network.trunk(features), network.whole(to_input(stored))):
        network.trunk.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(out[:, 0], labels.float()).backward()
        gradients.append([p.grad.clone() for p in network.trunk.parameters()])
    for cached, forwarded in zip(*gradients, strict=True):
        torch.testing.assert_close(cached, forwarded, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("damage", ["half", "flipped bit", "zeros", "swapped bytes"])
def test_damaged_features_are_named_and_computed_again(
    damage: str, two_classes: Path, small_plan, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    plan = small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained))
    inputs = load_inputs(plan, open_source("two", two_classes))
    pack, cpu = pack_images(inputs.source, 32, silent), torch.device("cpu")
    backbone = Backbone(initial_network(inputs).prefix, inputs.weights.sha256, plan.recipe, cpu)
    features = torch.clone(cached_features(backbone, pack, range(16), None, silent)[0])
    [path] = (tmp_path / "vggbench" / "features").iterdir()
    DAMAGES[damage](path)
    events: list[Event] = []
    assert torch.equal(cached_features(backbone, pack, range(16), None, events.append)[0], features)
    [note] = [event for event in events if isinstance(event, Note)]
    assert note.text.startswith(f"{path}: ") and note.text.endswith("; it is made again")
    events.clear()
    cached_features(backbone, pack, range(16), None, events.append)
    assert events == []


def test_features_on_a_full_disk_end_before_they_are_computed_with_the_file_named(
    two_classes: Path, small_plan, pretrained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained))
    inputs = load_inputs(plan, open_source("two", two_classes))
    pack, cpu = pack_images(inputs.source, 32, silent), torch.device("cpu")
    backbone = Backbone(initial_network(inputs).prefix, inputs.weights.sha256, plan.recipe, cpu)

    def full(_file: int, _start: int, _size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError) as caught:
        cached_features(backbone, pack, range(16), None, silent)
    assert caught.value.errno == errno.ENOSPC
    assert str(caught.value.filename).startswith(str(tmp_path / "vggbench" / "features"))
    assert list((tmp_path / "vggbench" / "features").iterdir()) == []


def test_heads_with_different_cuts_do_not_share_features(two_classes: Path, small_plan, pretrained: Path) -> None:
    values = {"weights": str(pretrained), "train_from": "head", "augment": "none", "epochs": 1}
    for head in ("mlp256", "last", "pooled"):
        record = run(small_plan("finetuned-vgg", "two", two_classes, head, head=head, **values), silent)
        assert len(record.epochs) == 1


def test_views_are_cached_augmentations(two_classes: Path, small_plan, pretrained: Path) -> None:
    record = run(small_plan("frozen-vgg", "two", two_classes, weights=str(pretrained), augment="crop", views=2), silent)
    assert record.result.status is RunStatus.DONE
    assert record.recipe["views"] == 2
