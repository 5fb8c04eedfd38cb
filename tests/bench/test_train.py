"""Training: it learns, stops at NaN, continues bit for bit, and cached features train like forwarded ones."""

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import jsonschema
import pytest
import torch

import bench.experiment as experiment
from bench.data.source import batches, make_split, open_source, pack, to_input
from bench.experiment import CHECKPOINT, build, run
from bench.models.vgg import Network
from bench.plans.expand import expand
from bench.plans.plan import Plan
from bench.recipes import make_recipe
from bench.records import read_pictures, read_predictions, read_run
from bench.training.compile import fastest
from bench.training.features import cached_features
from bench.training.train import clip, lr_factor, make_optimizer, parameter_groups, train

SMALL = {"arch": "vgg11_bn", "width": 0.1, "size": 32, "epochs": 2, "batch_size": 8, "precision": "fp32"}


def _plan(model: str, dataset: str, data: Path, folder: Path, **values) -> Plan:
    recipe = make_recipe(model, {**SMALL, **values})
    return Plan(folder.name, model, recipe, 1, dataset, str(data), str(folder), "cpu", "bench run")


def _silent(event: str, **values) -> None:
    pass


@pytest.mark.parametrize("model", ["scratch-vgg", "baseline-cnn"])
def test_networks_learn_what_is_easy(model: str, easy: Path, tmp_path: Path) -> None:
    made = run(_plan(model, "easy", easy, tmp_path / "r", epochs=4, dropout=0.0, lr=0.02), _silent)
    assert made.result.status == "done"
    assert made.result.accuracy >= 0.9
    assert made.epochs[-1].train_loss < made.epochs[0].train_loss


def test_the_record_is_complete_and_fits_its_schema(three_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    folder = tmp_path / "r"
    made = run(_plan("frozen-vgg", "three", three_classes, folder, weights=str(pretrained)), _silent)
    assert read_run(folder) == made
    text = (folder / "run.json").read_text()
    assert next(iter(json.loads(text))) == "schema"
    schema = json.loads((Path(experiment.__file__).parent / "records" / "run.schema.json").read_text())
    jsonschema.validate(json.loads(text), schema)
    assert str(tmp_path) not in json.dumps(made.recipe)
    assert made.model.weights == "random numbers"
    assert made.model.parameters_trainable < made.model.parameters_total
    predictions = read_predictions(folder)
    assert len(predictions) == 18
    right = sum(p.truth == p.predicted for p in predictions)
    assert made.result.accuracy == pytest.approx(right / 18)
    assert sum(made.result.confusion[i][i] for i in range(3)) == right
    pictures = read_pictures(folder)
    assert {"sample", "activation", "filters"} <= {p.kind for p in pictures}
    assert all((folder / "pictures" / p.picture).is_file() for p in pictures)
    assert not (folder / CHECKPOINT).exists()


class Killed(Exception):  # noqa: N818
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize("model", ["scratch-vgg", "frozen-vgg", "finetuned-vgg", "baseline-cnn"])
def test_a_killed_run_continues_bit_for_bit(model: str, two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    values = {"epochs": 3, "weights": str(pretrained), "deterministic": True}
    whole = run(_plan(model, "two", two_classes, tmp_path / "whole", **values), _silent)

    def kill(event: str, **told) -> None:
        if event == "step" and told["epoch"] == 3:
            raise Killed

    broken = _plan(model, "two", two_classes, tmp_path / "broken", **values)
    with pytest.raises(Killed):
        run(broken, kill)
    assert (tmp_path / "broken" / CHECKPOINT).is_file()
    continued = run(broken, _silent)
    for a, b in zip(whole.epochs, continued.epochs, strict=True):
        assert (a.train_loss, a.test_loss, a.test_accuracy) == (b.train_loss, b.test_loss, b.test_accuracy)
    assert read_predictions(tmp_path / "whole") == read_predictions(tmp_path / "broken")
    assert continued.cost.total_seconds > sum(e.seconds for e in continued.epochs)
    assert any("continued after an interruption" in note for note in continued.notes)
    torch.use_deterministic_algorithms(False)


def test_nan_stops_with_the_step_named(two_classes: Path, tmp_path: Path) -> None:
    made = run(_plan("baseline-cnn", "two", two_classes, tmp_path / "r", lr=100.0, clip_norm=None, warmup=0.0), _silent)
    assert made.result.status == "failed"
    assert "NaN or infinite in epoch" in made.result.reason
    assert "step" in made.result.reason
    assert read_run(tmp_path / "r").result.accuracy is None


def test_nan_in_a_later_epoch_keeps_the_epochs_before(easy: Path, tmp_path: Path) -> None:
    plan = _plan("baseline-cnn", "easy", easy, tmp_path / "r", epochs=3)

    def spoil(event: str, **told) -> None:
        if event == "epoch" and told["epoch"] == 2:
            with torch.no_grad():
                network["net"].whole[0].weight.fill_(float("nan"))

    network = {}
    usual = experiment.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "build", lambda *a: (network.setdefault("net", (made := usual(*a))[0]), *made[1:]))
        made = run(plan, spoil)
    assert made.result.status == "failed"
    assert "epoch 3, step 1" in made.result.reason
    assert [e.epoch for e in made.epochs] == [1, 2]


def test_a_head_trained_first_with_the_backbones_rate_goes_on_with_momentum(
    two_classes: Path, tmp_path: Path, pretrained: Path
) -> None:
    values = {"weights": str(pretrained), "freeze_epochs": 1, "backbone_lr": 1.0, "optimizer": "sgd"}
    made = run(_plan("finetuned-vgg", "two", two_classes, tmp_path / "r", **values), _silent)
    assert made.result.status == "done"


def test_heads_with_another_cut_have_features_of_their_own(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    values = {"weights": str(pretrained), "train_from": "head", "augment": "none", "epochs": 1}
    for head in ("mlp256", "last"):
        made = run(_plan("finetuned-vgg", "two", two_classes, tmp_path / head, head=head, **values), _silent)
        assert len(made.epochs) == 1


def test_a_run_whose_test_images_are_answered_well_is_not_stalled(easy: Path, tmp_path: Path) -> None:
    """The loss of a single epoch is an average over its steps, which begin at chance."""
    plan = _plan("baseline-cnn", "easy", easy, tmp_path / "r", epochs=4, dropout=0.0, lr=0.02)
    made = run(plan, _silent)
    assert made.result.accuracy >= 0.9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.outcome.is_stalled", lambda *a: True)
        again = run(replace(plan, folder=str(tmp_path / "again")), _silent)
    assert again.result.status == "done"


def test_a_run_that_does_not_learn_is_stalled(three_classes: Path, tmp_path: Path) -> None:
    made = run(
        _plan("scratch-vgg", "three", three_classes, tmp_path / "r", arch="vgg16", init="default", lr=1e-6), _silent
    )
    assert made.result.status == "stalled"
    assert any("the signal dies" in note for note in made.notes)


def test_frozen_batch_norm_is_really_frozen(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    plan = _plan("frozen-vgg", "two", two_classes, tmp_path / "r", weights=str(pretrained))
    run(plan, _silent)
    from safetensors.torch import load_file

    before, after = load_file(pretrained), load_file(tmp_path / "r" / "weights.safetensors")
    features = [k for k in before if k.startswith("features")]
    assert features
    assert all(torch.equal(before[k], after[k]) for k in features)


def test_cached_features_give_the_gradients_of_a_forward_pass(
    two_classes: Path, tmp_path: Path, pretrained: Path
) -> None:
    plan = _plan("frozen-vgg", "two", two_classes, tmp_path / "r", weights=str(pretrained))
    source = open_source("two", two_classes)
    network, weights, _ = build(plan, 2)
    assert network.prefix is not None
    assert weights is not None
    images, _ = pack(source, 32, lambda done, total: None)
    numbers, cpu = list(range(16)), torch.device("cpu")
    conditions = (source, plan.recipe, weights.sha256, cpu, "fp32", None)
    features, taken = cached_features(network.prefix, images, numbers, *conditions, lambda done, total: None)
    again, recorded = cached_features(network.prefix, images, numbers, *conditions, lambda done, total: None)
    assert torch.equal(features, again)
    assert taken == recorded > 0
    split = make_split([torch.from_numpy(images)], numbers, [0] * 8 + [1] * 8, cpu)
    stored, labels = next(batches(split, torch.arange(16), 16))
    network.whole.eval()
    gradients = []
    for out in (network.trunk(features), network.whole(to_input(stored))):
        network.trunk.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(out[:, 0], labels.float()).backward()
        gradients.append([p.grad.clone() for p in network.trunk.parameters()])
    for cached, forwarded in zip(*gradients, strict=True):
        torch.testing.assert_close(cached, forwarded, atol=1e-4, rtol=1e-4)


def test_views_are_cached_augmentations(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    plan = _plan("frozen-vgg", "two", two_classes, tmp_path / "r", weights=str(pretrained), augment="crop", views=2)
    made = run(plan, _silent)
    assert made.result.status == "done"
    assert made.recipe["views"] == 2


def test_learning_rate_rises_and_falls() -> None:
    factor = lr_factor(make_recipe("scratch-vgg", {"warmup": 0.1}), 100)
    rates = [factor(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == 1.0
    assert rates[99] < 0.001
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_clipping_in_the_optimizer_is_clipping(optimizer: str) -> None:
    ends = []
    for ours in (True, False):
        torch.manual_seed(0)
        net = torch.nn.Linear(20, 3)
        made = make_optimizer(Network(net, net), make_recipe("scratch-vgg", {"optimizer": optimizer, "lr": 0.1}))
        for _ in range(4):
            (net(torch.randn(8, 20) * 10).square().sum()).backward()
            if ours:
                clip(made, 1.0)
            else:
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            made.step()
            made.zero_grad()
        ends.append(net.weight.detach().clone())
    torch.testing.assert_close(*ends, atol=1e-5, rtol=1e-4)


def test_discriminative_rates_and_no_decay_on_norms(two_classes: Path, tmp_path: Path, pretrained: Path) -> None:
    plan = _plan("finetuned-vgg", "two", two_classes, tmp_path, weights=str(pretrained), backbone_lr=0.1, lr=1.0)
    network, _, _ = build(plan, 2)
    groups = parameter_groups(network, plan.recipe)
    by_id = {id(p): group for group in groups for p in group["params"]}
    named = dict(network.whole.named_parameters())
    assert by_id[id(named["features.0.weight"])]["lr"] == pytest.approx(0.1)
    assert by_id[id(named["classifier.0.weight"])]["lr"] == 1.0
    assert by_id[id(named["features.0.weight"])]["weight_decay"] > 0
    assert by_id[id(named["features.1.weight"])]["weight_decay"] == 0
    assert by_id[id(named["features.0.bias"])]["weight_decay"] == 0


def test_freezing_first_leaves_the_backbone_alone_for_a_while(
    two_classes: Path, tmp_path: Path, pretrained: Path
) -> None:
    values = {"weights": str(pretrained), "freeze_epochs": 1, "epochs": 2, "augment": "none"}
    plan = _plan("finetuned-vgg", "two", two_classes, tmp_path / "r", **values)
    network, weights, _ = build(plan, 2)
    assert weights is not None
    source = open_source("two", two_classes)
    images, _ = pack(source, 32, lambda done, total: None)
    data = make_split([torch.from_numpy(images)], list(range(16)), [0] * 8 + [1] * 8, torch.device("cpu"))
    seen: list[bool] = []

    def look(event: str, **told) -> None:
        if event == "epoch":
            state = network.whole.state_dict()
            same = all(torch.equal(v, state[k]) for k, v in weights.state.items() if k.startswith("features"))
            seen.append(same)

    (tmp_path / "r").mkdir()
    train(network, plan.recipe, data, data, data.labels, 1, "fp32", look, tmp_path / "r" / CHECKPOINT, perf_counter())
    assert seen == [True, False]


@pytest.mark.filterwarnings("default")  # torch 2.11's compiler uses what torch itself calls deprecated
def test_compiled_training_learns_too(easy: Path, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("torch.compile on the CPU needs a C++ compiler")
    plan = _plan("scratch-vgg", "easy", easy, tmp_path / "r", compile="on", epochs=3, lr=0.02, arch="vgg11")
    made = run(plan, _silent)
    assert made.cost.compile_seconds > 0
    assert "compiled with torch.compile" in made.notes


def test_expand_makes_every_combination_once() -> None:
    flags = {"arch": "vgg11,vgg16_bn", "init": "he,default", "size": "64"}
    made = expand(["scratch-vgg", "baseline-cnn"], flags, flags)
    assert [m for m, _ in made].count("scratch-vgg") == 4
    assert [m for m, _ in made].count("baseline-cnn") == 2
    assert {(r.arch, r.init) for m, r in made if m == "scratch-vgg"} == {
        ("vgg11", "he"), ("vgg11", "default"), ("vgg16_bn", "he"), ("vgg16_bn", "default"),
    }  # fmt: skip


def test_a_record_of_another_schema_is_refused(tmp_path: Path) -> None:
    from bench.records import RecordError

    (tmp_path / "run.json").write_text('{"schema": "vggbench.run/2"}')
    with pytest.raises(RecordError, match=r"schema is 'vggbench\.run/2'"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text('{"schema": "vggbench.run/1", "run": ')
    with pytest.raises(RecordError, match="cannot be read"):
        read_run(tmp_path)


def test_the_fastest_forward_is_taken_after_it_has_settled() -> None:
    calls: list[str] = []
    seconds = {"eager": [2.0] * 8, "compiled": [60.0, 9.0, 9.0] + [1.0] * 5, "graphs": [0.1] * 3 + [1.5] * 5}
    forwards = {name: lambda x, name=name: (calls.append(name), x)[1] for name in seconds}

    def step(forward) -> float:
        forward(torch.zeros(()))
        return seconds[calls[-1]][calls.count(calls[-1]) - 1]

    assert fastest(forwards, step) == ("compiled", [])
    assert len(calls) == 24


def test_what_cannot_be_compiled_is_left_out_and_said_but_the_plain_step_must_work() -> None:
    def step(forward) -> float:
        forward(torch.zeros(()))
        return 1.0

    def broken(_):
        raise RuntimeError("no compiler\nat line 3")

    assert fastest({"plain": lambda x: x, "compiled": broken}, step) == (
        "plain",
        ["compiled was left out: no compiler"],
    )
    with pytest.raises(RuntimeError, match="no compiler"):
        fastest({"plain": broken, "compiled": lambda x: x}, step)
