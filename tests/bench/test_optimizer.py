"""The optimizer: clipping, parameter groups, and a backbone that is frozen for the first epochs."""

from pathlib import Path
from time import perf_counter

import pytest
import torch

from bench.data import TrainingData, labelled_inputs, open_source, pack_images
from bench.events import EpochEnd, Event
from bench.experiment import initial_network
from bench.models import Network
from bench.outcome import load_inputs
from bench.recipes import make_recipe
from bench.training import Checkpoint, train_network
from bench.training.optimizer import clip_gradients, make_optimizer, parameter_groups


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_clipping_in_the_optimizer_equals_torchs_clipping(optimizer: str) -> None:
    weights = []
    for ours in (True, False):
        torch.manual_seed(0)
        net = torch.nn.Linear(20, 3)
        under_test = make_optimizer(Network(net, net), make_recipe("scratch-vgg", {"optimizer": optimizer, "lr": 0.1}))
        for _ in range(4):
            (net(torch.randn(8, 20) * 10).square().sum()).backward()
            if ours:
                clip_gradients(under_test, 1.0)
            else:
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            under_test.step()
            under_test.zero_grad()
        weights.append(net.weight.detach().clone())
    torch.testing.assert_close(*weights, atol=1e-5, rtol=1e-4)


def test_early_layers_have_lower_rates_and_norms_no_decay(two_classes: Path, small_plan, pretrained: Path) -> None:
    plan = small_plan("finetuned-vgg", "two", two_classes, weights=str(pretrained), backbone_lr=0.1, lr=1.0)
    network = initial_network(load_inputs(plan, open_source("two", two_classes)))
    groups = parameter_groups(network, plan.recipe)
    by_id = {id(p): group for group in groups for p in group["params"]}
    named = dict(network.whole.named_parameters())
    assert by_id[id(named["features.0.weight"])]["lr"] == pytest.approx(0.1)
    assert by_id[id(named["classifier.0.weight"])]["lr"] == 1.0
    assert by_id[id(named["features.0.weight"])]["weight_decay"] > 0
    assert by_id[id(named["features.1.weight"])]["weight_decay"] == 0
    assert by_id[id(named["features.0.bias"])]["weight_decay"] == 0


def test_freeze_epochs_leave_the_backbone_unchanged_at_first(
    two_classes: Path, small_plan, tmp_path: Path, pretrained: Path
) -> None:
    values = {"weights": str(pretrained), "freeze_epochs": 1, "epochs": 2, "augment": "none"}
    plan = small_plan("finetuned-vgg", "two", two_classes, **values)
    inputs = load_inputs(plan, open_source("two", two_classes))
    network = initial_network(inputs)
    images = torch.from_numpy(pack_images(inputs.source, 32, lambda event: None).images)
    data = labelled_inputs([images], list(range(16)), [0] * 8 + [1] * 8, torch.device("cpu"))
    unchanged: list[bool] = []

    def compare(event: Event) -> None:
        if isinstance(event, EpochEnd):
            state, pretrained_state = network.whole.state_dict(), inputs.weights.state
            features = [key for key in pretrained_state if key.startswith("features")]
            unchanged.append(all(torch.equal(pretrained_state[key], state[key]) for key in features))

    checkpoint = Checkpoint(tmp_path, perf_counter())
    train_network(network, plan.recipe, TrainingData(data, None, data, None, data), 1, compare, checkpoint)
    assert unchanged == [True, False]
