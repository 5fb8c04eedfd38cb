"""The networks: published counts, torchvision's outputs and names, and which parts each model trains."""

import re

import pytest
import torch
import torchvision
from torch import nn

from bench.errors import UsageError
from bench.models import (
    VGGS,
    build_architecture,
    build_network,
    count_model,
    initialise_weights,
    load_weights,
    new_head,
    observe_layers,
    torchvision_classifiers,
)
from bench.models.heads import cut
from bench.models.vgg import AveragePool7, block_start
from bench.recipes import CHOICES, MODELS, make_recipe
from bench.training import examine


@pytest.mark.parametrize(
    ("model", "values", "classes", "total", "trainable"),
    [
        ("scratch-vgg", {}, 1000, 138_357_544, 138_357_544),
        ("baseline-cnn", {}, 2, 23_963_777, 23_963_777),
        ("frozen-vgg", {"head": "last"}, 2, 134_264_641, 4_097),
        ("frozen-vgg", {"head": "mlp256"}, 2, 14_714_688 + 25_088 * 256 + 256 + 257, 25_088 * 256 + 256 + 257),
        ("scratch-vgg", {"head": "pooled"}, 2, 14_714_688 + 513, 14_714_688 + 513),
        ("frozen-vgg", {"head": "pooled"}, 2, 14_714_688 + 513, 513),
        ("finetuned-vgg", {"head": "pooled"}, 10, 14_714_688 + 5_130, 14_714_688 + 5_130),
    ],
)
def test_parameter_counts_are_the_published_ones(
    model: str, values: dict, classes: int, total: int, trainable: int
) -> None:
    counts = count_model(model, make_recipe(model, values), classes)
    assert (counts.parameters_total, counts.parameters_trainable) == (total, trainable)


def test_flops_are_the_published_multiply_adds_twice() -> None:
    counts = count_model("scratch-vgg", make_recipe("scratch-vgg", {}), 1000)
    assert counts.flops_per_image == pytest.approx(2 * 15.47e9, rel=1e-3)
    assert counts.train_flops_per_image == pytest.approx(92.65e9, rel=1e-3)


@pytest.mark.parametrize("arch", VGGS)
def test_our_vgg_has_torchvisions_names_and_outputs(arch: str) -> None:
    torch.manual_seed(0)
    ours, theirs = (
        build_architecture(arch, 7).eval(),
        torchvision.models.get_model(arch, weights=None, num_classes=7).eval(),
    )
    with torch.no_grad():
        for module in theirs.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_()
                module.running_var.uniform_(0.5, 2)
        ours.load_state_dict(theirs.state_dict())
        theirs.load_state_dict(ours.state_dict())
        images = torch.randn(2, 3, 72, 72)
        torch.testing.assert_close(ours(images), theirs(images), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("side", [1, 2, 3, 5, 7, 14])
def test_our_average_pool_equals_torchs(side: int) -> None:
    maps = torch.randn(2, 4, side, side, generator=torch.Generator().manual_seed(side))
    torch.testing.assert_close(AveragePool7()(maps), nn.AdaptiveAvgPool2d(7)(maps), atol=1e-6, rtol=1e-6)


def test_a_pooled_head_averages_each_map_without_a_kernel_that_is_not_deterministic() -> None:
    torch.manual_seed(0)
    net = build_architecture("vgg11_bn", 3, 0.1, pooled=True).eval()
    maps = net.features(torch.randn(2, 3, 96, 96))
    pooled = net.avgpool(maps)
    assert pooled.grad_fn.name().startswith("Mean")
    torch.testing.assert_close(pooled[:, :, 0, 0], maps.mean((2, 3)))
    torch.testing.assert_close(net.classifier(pooled.flatten(1)), net.classifier[1](maps.mean((2, 3))))


@pytest.mark.parametrize("arch", ["vgg11", "vgg16", "vgg16_bn"])
def test_a_pooled_head_lets_the_signal_through_at_the_start(arch: str) -> None:
    torch.manual_seed(0)
    net = build_network("scratch-vgg", make_recipe("scratch-vgg", {"arch": arch, "head": "pooled"}), 3).whole
    initialise_weights(net, "he")
    assert examine(net, torch.randn(8, 3, 64, 64), 3) == []


def test_only_a_vgg_can_have_a_pooled_head() -> None:
    for model in ("scratch-vgg", "frozen-vgg"):
        with pytest.raises(UsageError, match="--head pooled: only for a VGG; resnet18 has its own pooling"):
            count_model(model, make_recipe(model, {"arch": "resnet18", "head": "pooled"}), 2)


@pytest.mark.parametrize("arch", ["vgg11", "vgg16_bn"])
def test_blocks_start_after_each_pool(arch: str) -> None:
    features = build_architecture(arch, 2, width=0.05).features
    starts = [block_start(arch, block) for block in range(1, 6)]
    assert starts[0] == 0
    assert all(isinstance(features[i - 1], nn.MaxPool2d) for i in starts[1:])
    assert all(isinstance(features[i], nn.Conv2d) for i in starts)


FAMILIES = (
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "mnasnet0_5", "mobilenet_v2",
    "mobilenet_v3_small", "resnet18", "resnet50", "resnext50_32x4d", "shufflenet_v2_x1_0", "swin_t",
    "swin_v2_t", "vit_b_16", "wide_resnet50_2",
)  # fmt: skip
HEADS_BY_TURN = [(arch, CHOICES["head"][i % 3]) for i, arch in enumerate(FAMILIES)]


def test_every_family_of_torchvision_is_tested_below() -> None:
    def family(name: str) -> str:
        return re.split(r"[_0-9]", name)[0]

    assert {family(name) for name in torchvision_classifiers()} == {family(name) for name in FAMILIES}


@pytest.mark.parametrize(("arch", "head"), [*HEADS_BY_TURN, ("resnet18", "mlp256"), ("convnext_tiny", "mlp256")])
def test_every_torchvision_name_builds_trains_a_step_and_predicts(arch: str, head: str) -> None:
    torch.manual_seed(0)
    size = 224 if arch == "vit_b_16" else 64
    net = build_architecture(arch, 1000)
    path = new_head(net, head, 3, 0.1)
    network = cut("frozen-vgg", net, path, make_recipe("frozen-vgg", {"arch": arch, "head": head, "size": size}))
    assert network.prefix is not None
    network.prefix.eval().requires_grad_(False)
    before = {k: v.clone() for k, v in net.state_dict().items() if not k.startswith(path)}
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        features = network.prefix(images)
    optimizer = torch.optim.SGD(network.trunk.parameters(), lr=0.1)
    network.trunk.train()
    nn.functional.cross_entropy(network.trunk(features), torch.tensor([0, 2])).backward()
    optimizer.step()
    after = net.state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items()), "the frozen part changed"
    with torch.no_grad():
        net.eval()
        whole, apart = net(images), network.trunk.eval()(features)
    assert whole.shape == (2, 3)
    torch.testing.assert_close(whole, apart, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("model", MODELS)
def test_a_step_changes_the_trunk_and_not_the_frozen_part(model: str, pretrained) -> None:
    values = {"arch": "vgg11_bn", "width": 0.1, "size": 32, "weights": str(pretrained)}
    weights = load_weights(str(pretrained), "vgg11_bn") if MODELS[model].pretrained else None
    network = build_network(model, make_recipe(model, values), 3, weights)
    images, labels = torch.randn(4, 3, 32, 32), torch.tensor([0, 1, 2, 0])
    frozen = {k: v.clone() for k, v in network.prefix.state_dict().items()} if network.prefix else {}
    if network.prefix is not None:
        with torch.no_grad():
            images = network.prefix.eval()(images)
    trained = [p.detach().clone() for p in network.trunk.parameters()]
    loss = nn.functional.cross_entropy(network.trunk(images), labels)
    loss.backward()
    torch.optim.SGD(network.trunk.parameters(), lr=0.1).step()
    assert any(not torch.equal(a, b) for a, b in zip(trained, network.trunk.parameters(), strict=True))
    if network.prefix is not None:
        assert all(torch.equal(v, network.prefix.state_dict()[k]) for k, v in frozen.items())


@pytest.mark.parametrize("head", ["classifier", "pooled"])
def test_train_from_cuts_a_vgg_at_any_block(head: str) -> None:
    torch.manual_seed(0)
    net = build_architecture("vgg11_bn", 5, width=0.1, pooled=head == "pooled").eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        whole = net(images)
        for block in ("block2", "block5"):
            values = {"arch": "vgg11_bn", "train_from": block, "augment": "none", "head": head}
            recipe = make_recipe("finetuned-vgg", values)
            network = cut("finetuned-vgg", net, "classifier", recipe)
            assert network.prefix is not None
            torch.testing.assert_close(network.trunk.eval()(network.prefix(images)), whole)


def test_layers_are_observed_once_per_call_in_the_order_of_the_calls() -> None:
    relu = nn.ReLU()
    net = nn.Sequential(nn.Linear(4, 3), relu, nn.Linear(3, 2), relu)
    sizes = observe_layers(net, torch.randn(5, 4), {"relu": relu, "last": net[2]}, lambda out: out.shape[1])
    assert sizes == [("relu", 3), ("last", 2), ("relu", 2)]
    assert not relu._forward_hooks
