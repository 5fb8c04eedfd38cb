"""All charts of a report in their order, each with a title that says what it shows."""

from reports.charts import plots, prices
from reports.charts.style import MOST_THIN, Chart
from reports.parts import trust
from reports.study import Comparison, Contender, crossings, curves, rising
from reports.words import duration, listed, percent, plural, points


def weights_line(contenders: list[Contender]) -> str:
    """Which contenders start from which pretrained weights; stands wherever their results stand."""
    by_origin: dict[str, list[str]] = {}
    for c in contenders:
        if c.origin:
            by_origin.setdefault(c.origin, []).append(c.name)
    return " ".join(
        f"{listed(names)} {'starts' if len(names) == 1 else 'start'} from weights {origin}."
        for origin, names in by_origin.items()
    )


def _seeds_line(comparison: Comparison) -> str:
    numbers = {len(c.group.runs) for c in comparison.contenders}
    if max(numbers) == 1:
        return "One seed each, so no band."
    told = plural(next(iter(numbers)), "seed") if len(numbers) == 1 else f"{min(numbers)} to {max(numbers)} seeds"
    thin = "each thin, " if max(numbers) <= MOST_THIN else ""
    return f"{told}: {thin}mean thick, band = 95% t-interval."


def learning_charts(comparison: Comparison) -> tuple[list[Chart], list[Chart]]:
    """Test accuracy by epoch and by time, and behind them training accuracy and the losses."""
    cs = comparison.contenders
    up = [c.name for c in cs if rising(c.group)]
    who = listed(up) if len(up) < 3 else f"{len(up)} of {len(cs)} models"
    first = f"{who} {'was' if len(up) == 1 else 'were'} still rising" if up else "Test accuracy by epoch"
    fast = min(cs, key=lambda c: c.group.training_seconds)
    second = f"{fast.name} was done after {duration(fast.group.training_seconds)}"
    seen = "On all test images, those of the pretraining set included. " if comparison.clean_images else ""
    caption = f"{seen}{_seeds_line(comparison)} {weights_line(cs)}".strip()
    wanted = [
        ("test_accuracy", "epoch", first),
        ("test_accuracy", "seconds", second),
        ("train_accuracy", "epoch", "Training accuracy by epoch"),
        ("train_accuracy", "seconds", "Training accuracy by time"),
        ("test_loss", "epoch", "Test loss by epoch"),
        ("test_loss", "seconds", "Test loss by time"),
        ("train_loss", "epoch", "Training loss by epoch"),
        ("train_loss", "seconds", "Training loss by time"),
    ]
    said = {
        "test_accuracy": "Share of test images right.",
        "train_accuracy": "Share of training images right, measured while training.",
        "test_loss": "Lower is better.",
        "train_loss": "Lower is better; regularisation included.",
    }
    made = [(k, plots.curve(comparison, k, by, title, f"{said[k]} {caption}")) for k, by, title in wanted]
    found = [(k, chart) for k, chart in made if chart]
    return [c for k, c in found if k == "test_accuracy"], [c for k, c in found if k != "test_accuracy"]


def cost_charts(comparison: Comparison) -> list[Chart]:
    """Accuracy against each price, and where the time went."""
    cs = comparison.contenders
    interval = "over seeds (t)" if any(c.interval for c in cs) else "over test images (Wilson)"
    caption = (
        f"Bars: 95% interval {interval}. Dashed: no other model is both better and cheaper. {weights_line(cs)}".strip()
    )
    if comparison.clean_images:
        caption = f"On the {comparison.clean_images:,} test images new to the pretrained weights. {caption}"
    words = {"seconds": "training time", "parameters": "parameters", "flops": "FLOPs per image", "joules": "energy"}
    found = []
    for what, name in words.items():
        priced = [(c, p) for c in cs if (p := prices.price_of(c.group, what))]
        if len(priced) < 2:
            continue
        (least, low), (top, high) = min(priced, key=lambda r: r[1]), max(priced, key=lambda r: r[0].accuracy)
        show = prices.PRICES[what][1]
        if least is top or low == high:
            title = f"{top.name} is the most accurate, and none needs less {name}"
        else:
            gain = points(top.accuracy - least.accuracy)
            title = f"{top.name}: {show(high)} {name}; {least.name}: {show(low)}, {gain} less accurate"
        if chart := prices.scatter(comparison, what, title, caption):
            found.append(chart)
    longest = max(cs, key=lambda c: sum(prices.time_parts(c.group).values()))
    parts = prices.time_parts(longest.group)
    share = parts["train"] / max(sum(parts.values()), 1e-9)
    title = f"{longest.name} takes longest, {percent(share, 0)} of it training"
    order = ", ".join(words for _, words, _ in sorted(prices.PARTS, key=lambda part: -part[2]))
    legend = f"From strong to faint: {order}. Mean over seeds."
    return [*found, prices.time_breakdown(comparison, title, f"{legend} {weights_line(cs)}".strip())]


def images_chart(comparison: Comparison) -> Chart | None:
    """The learning curves, where runs with fewer training images are stored."""
    found = curves(comparison)
    if not found:
        return None
    crossed = crossings(comparison)
    if crossed:
        x = crossed[0]
        title = f"{x.b.name} overtakes {x.a.name} at about {x.at:.0f} images per class"
    else:
        title = "More photos help; the order of the models stays the same"
    caption = (
        "Dots: seeds; band: 95% t-interval. A crossing is read off the straight line between the two sizes around it; "
        f"nothing is said beyond the sizes tried. {weights_line(comparison.contenders)}"
    )
    return plots.learning_curve(comparison, title, caption.strip())


def trust_charts(comparison: Comparison) -> list[Chart]:
    """Calibration and coverage, where predictions are stored."""
    rows = trust.told(comparison)
    if not rows:
        return []
    worst = max(rows, key=lambda row: trust.calibration_error(row[1]))
    error = trust.calibration_error(worst[1])
    names = weights_line([c for c, _ in rows])
    first = f"Stated confidence is off by {points(error)} at worst ({worst[0].name})"
    best, answers = rows[0]
    share, right, _ = trust.accepted(answers, 0.9)
    second = f"{best.name} answers {percent(share, 0)} of images with 90% confidence, {percent(right)} of them right"
    return [
        trust.reliability(
            rows, first, f"On the dashed line confidence means what it says; ten bins, all seeds. {names}"
        ),
        trust.coverage(rows, second, f"What is right among the images a model is surest of; mean over seeds. {names}"),
    ]
