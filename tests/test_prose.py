"""Sentences of the report: each says what the numbers show, and no more; nothing private."""

import pytest

from agegender.analysis.groups import Gap
from agegender.analysis.writing import write, write_interval
from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.scores import PRIMARY_METRICS
from agegender.report import prose
from agegender.report.results import Curve
from agegender.report.settings import redacted, settings

ACCURACY, MAE = PRIMARY_METRICS["gender"][0], PRIMARY_METRICS["age"][0]
NAN = float("nan")


@pytest.mark.parametrize(
    ("training", "validation", "words"),
    [
        ([9, 7, 5, 4], [9, 8, 9, 10], "The CNN overfits: after epoch 2"),
        # Validation loss rose, and so did training loss: that is no overfitting.
        ([9, 7, 8, 9], [9, 8, 9, 10], "show no overfitting"),
        ([9, 7, 5, 4], [9, 8, 8.1, 8.2], "show no overfitting"),
        ([9, 7, 5, 4], [9, 8, 7, 6], "is still falling"),
        ([9, 7, 5], [NAN, 3, 2], "2.00 at its lowest, after epoch 3"),
        ([9], [9], "no curve"),
    ],
)
def test_overfitting_is_stated_only_where_the_curves_show_it(
    training: list[float], validation: list[float], words: str
) -> None:
    plain = {"restore_best_weights": False, "ensemble_size": 1}
    curve = Curve(training, validation)
    sentence = prose.fitting("the CNN", curve, plain)
    assert words in sentence
    assert ("overfits:" in sentence) == ("overfits:" in words)
    on_both = prose.fitting("the CNN", curve, plain, "train+validation")
    assert on_both.endswith("cannot show whether it overfits.")


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (Estimate(-0.5, -0.9, -0.1), "0.50\N{NO-BREAK SPACE}years lower"),
        (Estimate(-0.5, -0.9, -0.1), ": significantly better."),
        (Estimate(0.5, 0.1, 0.9), ": significantly worse."),
        (Estimate(0.5, -0.1, 0.9), ": statistically indistinguishable."),
        (Estimate(NAN, NAN, NAN), "cannot be compared"),
    ],
)
def test_a_difference_is_significant_unless_its_interval_includes_0(
    estimate: Estimate, words: str
) -> None:
    assert words in prose.difference(MAE, "the CNN", "VGG16", estimate)


def test_a_baseline_is_beaten_only_outside_of_the_interval() -> None:
    values = {"mae": 7.0, "mae_low": 6.0, "mae_high": 8.0}
    assert "beats it by 7.00" in prose.against_baseline(MAE, values, 14)
    assert "is worse by 2.00" in prose.against_baseline(MAE, values, 5)
    assert "indistinguishable" in prose.against_baseline(MAE, values, 7.5)


def test_numbers_have_a_sign_and_one_unit() -> None:
    assert (
        write_interval(ACCURACY, -0.012, 0.1, unit=True, plus="+")
        == "−1.2 to +10.0\N{NO-BREAK SPACE}points"
    )
    assert write(MAE, -0.001, unit=False, plus="+") == "0.00"
    assert write(MAE, -1.5) == "−1.50\N{NO-BREAK SPACE}years"
    assert write(MAE, None) == write(MAE, NAN) == "–"


def test_regression_to_the_mean_needs_both_intervals() -> None:
    def row(group: str, photos: int, low: float, high: float) -> dict[str, object]:
        bias = {"bias": (low + high) / 2, "bias_low": low, "bias_high": high}
        return {"by": "age", "group": group, "photos": photos, **bias}

    young, old, few = row("0-9", 50, 4, 6), row("60-69", 50, -9, -7), row("90+", 3, 1, 9)
    words = prose.regression_to_the_mean("VGG16", [young, old, few])
    assert words and "aged 0–9 come out 5.0 years too old" in words
    assert "aged 60–69 8.0 years too young" in words
    assert prose.regression_to_the_mean("VGG16", [young, row("60-69", 50, -9, 1)]) is None
    assert prose.regression_to_the_mean("VGG16", [few]) is None


def test_the_worst_groups_of_both_models_are_named() -> None:
    surely, perhaps = Estimate(0.2, 0.1, 0.3), Estimate(0.2, -0.1, 0.3)
    children = Gap("age", "30-39", "0-9", surely)
    race = Gap("race", "White", "Asian", surely)
    both = prose.worst_for_both("gender", [[children, race], [children]])
    assert "worst for people aged 0–9, significantly" in both and "Asian" not in both
    unsure = children._replace(size=perhaps)
    assert "no group" in prose.worst_for_both("gender", [[children], [unsure]])


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("sample", "sample"),
        ("/home/anna/faces.zip", "faces.zip"),
        ("~/photos/", "photos"),
        ("https://anna:secret@host.org/a/faces.zip?signature=b6f", "host.org … faces.zip"),
    ],
)
def test_a_source_is_shown_without_folders_accounts_and_signatures(source: str, shown: str) -> None:
    assert redacted(source) == shown


def test_parameters_have_their_comments_and_nothing_private() -> None:
    text = "seed: 1  # of all\ndownload:\n  source: x    # where from\n  zooms: []\n"
    values = {"seed": 1, "download": {"source": "/home/anna/x.zip", "zooms": [], "on": None}}
    assert settings(values, text) == [
        ("seed", "1", "of all"),
        ("download.source", "x.zip", "where from"),
        ("download.zooms", "[]", ""),
        ("download.on", "null", ""),
    ]


def test_two_models_are_compared_on_corrupted_photos() -> None:
    def rows(*values: float) -> list[dict[str, object]]:
        groups = ["unchanged", "a", "b"]
        return [
            {"by": "blur", "group": group, "accuracy": value}
            for group, value in zip(groups, values, strict=True)
        ]

    one, other = rows(0.9, 0.8, 0.6), rows(0.92, 0.9, 0.8)
    assert "at worst 60.0\N{NO-BREAK SPACE}% (blur, b)" in prose.corruptions("gender", "it", one)
    words = prose.corrupted_difference("gender", "the CNN", "VGG16", one, other)
    assert "+2.0\N{NO-BREAK SPACE}points on these" in words
    assert "+15.0\N{NO-BREAK SPACE}points on average" in words
