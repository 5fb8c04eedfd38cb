"""The title of a report, and the same answer in a few words for lists and exports."""

from reports.parts.pairs import time_ratio
from reports.study import SEEN_IMAGES, Comparison, Contender, Decision, Floor, FloorRule, Lack, Outcome
from reports.words import duration, is_about_one, listed, mid_sentence, percent, plural, points, times

FORMAT_RULE = "picture size, colour and borders"
SMALL_GAP = 0.01
"""A clear gap below this is named with its cost."""
CLOSE_TO_TRIVIAL = 0.5
"""The title names the trivial rule if it covers this share of the way from guessing to the best model."""


def floor_name(floor: Floor) -> str:
    """The rule behind a floor, with its accuracy."""
    names = {
        FloorRule.GUESSING: "guessing",
        FloorRule.MAJORITY: "always predicting the most common class",
        FloorRule.TRIVIAL: f"a rule on {FORMAT_RULE} alone",
    }
    return f"{names[floor.rule]} ({percent(floor.accuracies[floor.rule])})"


def is_format_a_shortcut(comparison: Comparison) -> bool:
    """Whether the trivial rule explains much of the best accuracy, so that models may use only the format."""
    floor, contenders = comparison.floor, comparison.fair
    if not floor or not floor.is_format or not contenders:
        return False
    top = contenders[0].accuracy
    return floor.height - floor.basic > CLOSE_TO_TRIVIAL * max(0.0, top - floor.basic)


def _interval(contender: Contender) -> str:
    low, high = contender.image_interval
    return f"{percent(low)} to {percent(high)}"


def _accuracy(comparison: Comparison, contender: Contender) -> str:
    if images := comparison.clean_images:
        return f"{percent(contender.accuracy)} accuracy on the {images:,} test images new to its weights"
    return f"{percent(contender.accuracy)} test accuracy"


def _few_clean(comparison: Comparison, best: Contender) -> str:
    clean = comparison.few_clean
    assert clean is not None
    on_clean = clean.contenders[best.name]
    too_few = "1 clean one" if clean.images == 1 else f"{clean.images:,} clean ones"
    return (
        f"Not decided: {mid_sentence(best.name)} leads with {percent(best.accuracy)} on all {best.images:,} test "
        f"images, which is too optimistic because its weights may have seen {best.images - clean.images:,} of them; "
        f"on the {too_few} it has {percent(on_clean.accuracy)} ({_interval(on_clean)}), too uncertain to decide"
    )


def _below_floor(comparison: Comparison, floor: Floor) -> str:
    best = comparison.fair[0]
    if floor.is_format:
        return (
            f"Your classes differ in format: {FORMAT_RULE} alone give {percent(floor.height)}, and no model is shown "
            f"to do better (best: {mid_sentence(best.name)}, {percent(best.accuracy)})"
        )
    return f"No model has learned the task: none does better than {floor_name(floor)}"


def _unsure(comparison: Comparison, floor: Floor, lack: Lack | None) -> str:
    best = comparison.fair[0]
    if lack is Lack.SEEDS:
        low, high = min(best.accuracies), max(best.accuracies)
        why = f"its seeds range from {percent(low)} to {percent(high)}"
    else:
        why = f"{_interval(best)} with {plural(best.images, 'test image')}"
    return (
        f"Not decided: no model is shown to do better than {floor_name(floor)}; "
        f"the best, {mid_sentence(best.name)}, has {percent(best.accuracy)}, but {why}"
    )


def _alone(comparison: Comparison, floor: Floor, best: Contender) -> str:
    accuracy = _accuracy(comparison, best)
    if len(comparison.contenders) == 1:
        return f"{best.name}: {accuracy}; there is no other model to compare it with yet"
    if len(comparison.fair) == 1:
        return f"{best.name}: {accuracy}; the other models ran under different conditions"
    return (
        f"Use {mid_sentence(best.name)}: {accuracy}; it is the only model shown to do better than {floor_name(floor)}"
    )


def _clear(comparison: Comparison, best: Contender) -> str:
    second = comparison.above_floor[1]
    gap = best.accuracy - second.accuracy
    title = (
        f"Use {mid_sentence(best.name)}: {_accuracy(comparison, best)}, {points(gap)} above {mid_sentence(second.name)}"
    )
    ratio = time_ratio(best, second)
    return f"{title}, for {times(ratio)} the training time" if gap < SMALL_GAP and ratio > 1.05 else title


def _tied_names(decision: Decision) -> str:
    first, *others = [c.name for c in decision.named]
    return f"{listed([first, *map(mid_sentence, others)])} are statistically tied"


def _tied(decision: Decision, choice: Contender) -> str:
    slowest = max(decision.named, key=lambda c: c.group.training_seconds)
    saved = time_ratio(slowest, choice)
    why = "" if is_about_one(saved) else f": it trains {times(saved)} faster than {mid_sentence(slowest.name)}"
    return f"{_tied_names(decision)}. Use {mid_sentence(choice.name)}{why}"


def _undecided(decision: Decision) -> str:
    best, doubt = decision.named[0], decision.doubt or 0.0
    cheaper = min(decision.named, key=lambda c: c.group.training_seconds)
    test = plural(best.images, "test image") if decision.lack is Lack.IMAGES else plural(len(best.by_seed), "seed")
    return (
        f"{_tied_names(decision)}: {mid_sentence(cheaper.name)} trains faster, but may be up to {points(doubt)} worse, "
        f"and {test} cannot tell"
    )


def _caveats(comparison: Comparison, floor: Floor, choice: Contender) -> list[str]:
    """What a reader must know beside a recommendation."""
    rows = []
    stopped, runs = len(choice.group.unfinished), len(choice.group.unfinished) + len(choice.group.runs)
    if stopped:
        rows.append(f"{stopped} of its {runs} runs stalled or failed")
    is_floor_named = len(comparison.above_floor) == 1 < len(comparison.fair)
    if is_format_a_shortcut(comparison) and not is_floor_named:
        rows.append(f"{FORMAT_RULE} alone give {percent(floor.height)}")
    if comparison.facts and (leaked := comparison.facts.leaked_images):
        rows.append(f"{plural(leaked, 'test image is', 'test images are')} also in train, which makes this doubtful")
    if seen := [
        mid_sentence(c.name) for c in comparison.contenders if SEEN_IMAGES in comparison.unfair.get(c.name, ())
    ]:
        rows.append(f"{listed(seen)} not judged: the test images may have been in the pretraining set")
    return rows


def verdict_title(comparison: Comparison) -> str:
    """The answer in one sentence; a tie is called a tie, and a model not shown to beat the floor is never advised."""
    decision = comparison.decision
    floor, best, choice = decision.floor, decision.best, decision.choice
    match decision.outcome:
        case Outcome.BELOW_FLOOR if floor:
            return _below_floor(comparison, floor)
        case Outcome.UNSURE if floor:
            return _unsure(comparison, floor, decision.lack)
        case Outcome.FEW_CLEAN if best:
            return _few_clean(comparison, best)
        case Outcome.UNDECIDED:
            return _undecided(decision)
    if not choice or not best or not floor:
        unfair = "No model can be recommended: the test images of all may have been in their pretraining sets"
        return unfair if decision.outcome is Outcome.UNFAIR else "No run has finished yet"
    if decision.outcome is Outcome.TIED:
        title = _tied(decision, choice)
    elif len(comparison.above_floor) > 1:
        title = _clear(comparison, best)
    else:
        title = _alone(comparison, floor, best)
    return "; ".join([title, *_caveats(comparison, floor, choice)])


def short_verdict(comparison: Comparison) -> str:
    """The decision in a few words, for a list."""
    decision = comparison.decision
    floor, best, choice = decision.floor, decision.best, decision.choice
    if floor and decision.outcome in (Outcome.BELOW_FLOOR, Outcome.UNSURE):
        return f"no model is shown to do better than {floor_name(floor)}"
    if decision.outcome is Outcome.FEW_CLEAN and best:
        return f"not decided: too few clean test images; {best.name} leads with {percent(best.accuracy)} on all"
    if decision.outcome is Outcome.UNDECIDED:
        return f"not decided between {listed([c.name for c in decision.named])}"
    if not choice:
        return "no fair comparison" if decision.outcome is Outcome.UNFAIR else "no result"
    word = "best" if len(decision.named) == 1 else "tied, use"
    return f"{word} {choice.name} {percent(choice.accuracy)} in {duration(choice.group.training_seconds)}"
