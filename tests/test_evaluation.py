"""Metrics against scikit-learn, intervals, groups, and the paired comparison."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss, mean_absolute_error, roc_auc_score

from agegender.evaluation.metrics import baseline, compare, evaluate, listed, write_metrics
from agegender.evaluation.plot_data import write_plot_data
from agegender.evaluation.predictions import read_predictions, tabulate, tasks_of, write_predictions


def predicted(count: int = 200, noise: float = 8, seed: int = 0) -> pd.DataFrame:
    labels_random = np.random.default_rng(99)
    random = np.random.default_rng(seed)
    labels = pd.DataFrame(
        {
            "file": [f"{number:04d}.jpg" for number in range(count)],
            "gender": labels_random.integers(0, 2, count),
            "age": labels_random.integers(0, 90, count),
            "race": labels_random.integers(0, 5, count),
        }
    )
    logits = 3 * labels["gender"] - 1.5 + random.normal(0, 1.5, count)
    ages = np.clip(labels["age"] + random.normal(2, noise, count), 0, 116)
    return tabulate(
        labels, {"gender": (1 / (1 + np.exp(-logits))).to_numpy(), "age": ages.to_numpy()}
    )


def test_metrics_agree_with_scikit_learn() -> None:
    table = predicted()
    scores = listed(evaluate(table, 200, 1).overall)
    gender, age = scores["gender"], scores["age"]
    truth, probability = table["gender"], table["gender_predicted"]
    assert gender["accuracy"] == pytest.approx(((probability >= 0.5) == truth).mean())
    assert gender["auc"] == pytest.approx(roc_auc_score(truth, probability))
    assert gender["brier"] == pytest.approx(brier_score_loss(truth, probability))
    error = table["age_predicted"] - table["age"]
    assert age["mae"] == pytest.approx(mean_absolute_error(table["age"], table["age_predicted"]))
    assert age["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert age["bias"] == pytest.approx(error.mean())
    assert age["cs5"] == pytest.approx((error.abs() <= 5).mean())


def test_an_interval_covers_the_spread_of_repeated_samples() -> None:
    age = listed(evaluate(predicted(400), 1000, 1).overall)["age"]
    half_width = (age["mae_high"] - age["mae_low"]) / 2
    errors = np.abs(np.random.default_rng(5).normal(2, 8, (2000, 400))).mean(axis=1)
    assert half_width == pytest.approx(1.96 * errors.std(), rel=0.35)
    assert age["mae_low"] < age["mae"] < age["mae_high"]


def test_the_interval_of_the_calibration_error_holds_it() -> None:
    # Well calibrated on 200 photos: the error is small, and that of any resample larger.
    random = np.random.default_rng(3)
    probability = random.uniform(0, 1, 200)
    labels = pd.DataFrame(
        {
            "file": [f"{number:04d}.jpg" for number in range(200)],
            "gender": (random.uniform(0, 1, 200) < probability).astype(int),
            "age": 30,
            "race": 0,
        }
    )
    gender = listed(evaluate(tabulate(labels, {"gender": probability}), 500, 1).overall)["gender"]
    error = gender["calibration_error"]
    assert 0 <= gender["calibration_error_low"] < error < gender["calibration_error_high"]


def test_the_same_seed_gives_the_same_intervals() -> None:
    first, second, other = (listed(evaluate(predicted(), 100, s).overall) for s in (1, 1, 2))
    assert first == second != other


def test_the_comparison_is_paired() -> None:
    good, bad = predicted(noise=4, seed=1), predicted(noise=12, seed=1)
    same = compare(good, good, 200, 1)["age"]["mae"]
    assert (same.value, same.low, same.high) == (0, 0, 0)
    difference = compare(good, bad, 200, 1)["age"]["mae"]
    assert 0 < difference.low < difference.value < difference.high
    assert not difference.is_chance


def test_the_baseline_answers_without_looking() -> None:
    training = pd.DataFrame({"gender": [1, 1, 0], "age": [20, 30, 70]})
    answers = baseline(training)
    assert (answers.gender, answers.age) == (1, 30)


@pytest.mark.parametrize("task", ["gender", "age"])
def test_one_task_alone_is_scored(task: str, tmp_path: Path) -> None:
    both = predicted(60)
    labels = both[["file", "gender", "age", "race"]]
    table = tabulate(labels, {task: both[f"{task}_predicted"].to_numpy()})
    assert tasks_of(table) == [task]
    scores = evaluate(table, 100, 1)
    write_plot_data(tmp_path / "plots", table, scores)
    assert all(path.stat().st_size for path in (tmp_path / "plots").iterdir())
    write_predictions(tmp_path / "p.csv", table)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "p.csv"), table)


def test_metrics_are_written_with_an_order_and_a_precision(tmp_path: Path) -> None:
    write_metrics(tmp_path / "m.json", {"b": 1 / 3, "a": {"n": 2}})
    text = (tmp_path / "m.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text)["b"] == pytest.approx(1 / 3, abs=1e-4)
