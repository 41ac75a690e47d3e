"""Sentences of the report: each says what the numbers show, and no more."""

import pytest

from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.metrics import Gap
from agegender.report import prose
from agegender.report.results import Curve

ACCURACY, MAE = prose.SCORES["gender"]["accuracy"], prose.SCORES["age"]["mae"]


@pytest.mark.parametrize(
    ("training", "validation", "words"),
    [
        ([9, 7, 5, 4], [9, 8, 9, 10], "The CNN overfits: from epoch 2 on"),
        # Validation loss rose, and so did training loss: that is no overfitting.
        ([9, 7, 8, 9], [9, 8, 9, 10], "show no overfitting"),
        ([9, 7, 5, 4], [9, 8, 8.1, 8.2], "show no overfitting"),
        ([9, 7, 5, 4], [9, 8, 7, 6], "is still falling"),
        ([9, 7, 5, 4], [9, 8, 6, 5.99], "show no overfitting"),
        ([9], [9], "no curve yet"),
    ],
)
def test_overfitting_is_said_only_where_the_curves_show_it(
    training: list[float], validation: list[float], words: str
) -> None:
    plain = {"restore_best_weights": False, "ensemble_size": 1}
    said = prose.fitting("the CNN", Curve(training, validation), plain)
    assert words in said
    assert ("overfits:" in said) == ("overfits:" in words)
    curve = Curve(training, validation)
    on_both = prose.fitting("the CNN", curve, plain, "train+validation")
    assert on_both.endswith("cannot show whether it overfits.")


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(-0.5, -0.9, -0.1), "better by more than chance"),
        (Estimate(0.5, 0.1, 0.9), "worse by more than chance"),
        (Estimate(0.5, -0.1, 0.9), "no more than chance"),
        (Estimate(float("nan"), float("nan"), float("nan")), "cannot be compared"),
    ],
)
def test_a_difference_is_chance_where_its_interval_holds_0(estimate: Estimate, words: str) -> None:
    assert words in prose.difference(MAE, "the CNN", "VGG16", estimate)


def test_the_verdict_takes_the_better_model_or_none() -> None:
    differences = {
        "gender": {"accuracy": Estimate(-0.1, -0.2, -0.05)},
        "age": {"mae": Estimate(-0.1, -0.4, 0.2)},
    }
    gender, age = prose.verdict(differences, "the CNN", "VGG16")
    assert "take the CNN" in gender and "10.0\N{NO-BREAK SPACE}points" in gender
    assert "do not tell which" in age


def test_numbers_have_a_sign_and_one_unit() -> None:
    assert ACCURACY.write_range(-0.012, 0.1) == "−1.2 to +10.0\N{NO-BREAK SPACE}points"
    assert ACCURACY.write_range(-0.012, 0.1, plus="") == "−1.2 to 10.0\N{NO-BREAK SPACE}points"
    assert MAE.bare_difference(-0.001) == "0.00"
    assert MAE.write(-1.5) == "−1.50\N{NO-BREAK SPACE}years"
    assert MAE.write(None) == "–"


def test_ages_are_pulled_to_the_middle_only_where_both_intervals_say_so() -> None:
    def row(group: str, photos: int, low: float, high: float) -> dict[str, object]:
        bias = (low + high) / 2
        return {
            "by": "age",
            "group": group,
            "photos": photos,
            "bias": bias,
            "bias_low": low,
            "bias_high": high,
        }

    young, old, few = row("0-9", 50, 4, 6), row("60-69", 50, -9, -7), row("90+", 3, 1, 9)
    said = prose.towards_the_middle("VGG16", [young, old, few])
    assert said and "aged 0–9 come out 5.0 years too old" in said
    assert "aged 60–69 8.0 years too young" in said
    assert prose.towards_the_middle("VGG16", [young, row("60-69", 50, -9, 1)]) is None
    assert prose.towards_the_middle("VGG16", [few]) is None


def test_the_worst_groups_of_both_models_are_named() -> None:
    surely, perhaps = Estimate(0.2, 0.1, 0.3), Estimate(0.2, -0.1, 0.3)
    children = Gap("age", "30-39", "0-9", surely)
    race = Gap("race", "White", "Asian", surely)
    both = prose.worst_for_both("gender", [[children, race], [children]])
    assert "people aged 0–9, by more than chance" in both and "Asian" not in both
    unsure = children._replace(size=perhaps)
    assert "no group" in prose.worst_for_both("gender", [[children], [unsure]])
