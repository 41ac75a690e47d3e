"""Metrics against their definitions, intervals, groups, the paired comparison, a model's layers."""

import json
import math
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from agegender.analysis.comparison import compare
from agegender.analysis.groups import score_groups
from agegender.analysis.plot_data import write_plot_data
from agegender.common.errors import UserError
from agegender.evaluation.describe import layers, parameter_counts
from agegender.evaluation.metrics import metrics, write_metrics
from agegender.evaluation.predictions import read_predictions, tabulate, tasks_of, write_predictions
from agegender.evaluation.scores import PRIMARY_METRICS
from agegender.report.results import best_epoch

TRAINING = pd.DataFrame({"gender": [1, 1, 0], "age": [20, 30, 70]})
COUNTS = {"total": 3, "trainable": 2, "frozen": 1}
MAE = PRIMARY_METRICS["age"][0]


def predicted(count: int = 200, noise: float = 8, seed: int = 0) -> pd.DataFrame:
    labels_random, random = np.random.default_rng(99), np.random.default_rng(seed)
    labels = pd.DataFrame(
        {
            "file": [f"{number:04d}.jpg" for number in range(count)],
            "gender": labels_random.integers(0, 2, count),
            "age": labels_random.integers(0, 90, count),
            "race": labels_random.choice(["White", "Black", "Asian"], count),
        }
    )
    logits = 3 * labels["gender"] - 1.5 + random.normal(0, 1.5, count)
    ages = np.clip(labels["age"] + random.normal(2, noise, count), 0, 116)
    return tabulate(
        labels, {"gender": (1 / (1 + np.exp(-logits))).to_numpy(), "age": ages.to_numpy()}
    )


def test_metrics_and_curves_agree_with_their_definitions(tmp_path: Path) -> None:
    table = predicted()
    # Some photos share a probability.
    table["gender_predicted"] = table["gender_predicted"].round(2)
    found = metrics(table, TRAINING, COUNTS, 200, 1)
    gender, age = found["gender"], found["age"]
    truth, probability = table["gender"], table["gender_predicted"]
    assert gender["accuracy"] == pytest.approx(((probability >= 0.5) == truth).mean())
    women, men = probability[truth == 1], probability[truth == 0]
    pairs_in_order = mannwhitneyu(women, men).statistic / (len(women) * len(men))
    assert gender["auc"] == pytest.approx(pairs_in_order)
    assert gender["brier"] == pytest.approx(((probability - truth) ** 2).mean())
    error = table["age_predicted"] - table["age"]
    assert age["mae"] == pytest.approx(error.abs().mean())
    assert age["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert age["median_error"] == pytest.approx(error.abs().median())
    assert age["bias"] == pytest.approx(error.mean())
    assert age["cs5"] == pytest.approx((error.abs() <= 5).mean())
    # The majority class and the median of the training photos.
    assert found["baseline"]["gender"] == {"accuracy": pytest.approx((truth == 1).mean())}
    assert found["baseline"]["age"] == {"mae": pytest.approx((table["age"] - 30).abs().mean())}
    assert (found["n"], found["parameters"]) == (200, COUNTS)
    write_plot_data(tmp_path, table, 100, 1, {})
    roc = pd.read_csv(tmp_path / "roc.csv")
    assert roc.iloc[0].tolist() == [0, 0] and roc.iloc[-1].tolist() == [1, 1]
    area = np.trapezoid(roc["true_positive_rate"], roc["false_positive_rate"])
    assert area == pytest.approx(pairs_in_order, abs=1e-4)
    # Only its corners.
    assert len(roc) < probability.nunique()
    confusion = pd.read_csv(tmp_path / "confusion.csv").set_index(["actual", "predicted"])["count"]
    assert confusion["female", "male"] == (women < 0.5).sum()
    assert confusion["male", "female"] == (men >= 0.5).sum()


def test_intervals_have_the_right_width_and_depend_on_the_seed_alone() -> None:
    table = predicted(400)
    age = metrics(table, TRAINING, COUNTS, 1000, 1)["age"]
    errors = np.abs(np.random.default_rng(5).normal(2, 8, (2000, 400))).mean(axis=1)
    width = age["mae_high"] - age["mae_low"]
    assert width / 2 == pytest.approx(1.96 * errors.std(), rel=0.35)
    assert age["mae_low"] < age["mae"] < age["mae_high"]
    assert metrics(table, TRAINING, COUNTS, 1000, 1)["age"] == age
    assert metrics(table, TRAINING, COUNTS, 1000, 2)["age"] != age


def test_the_interval_of_the_calibration_error_includes_it() -> None:
    # Well calibrated on 200 photos: the error is small, and that of any resample larger.
    random = np.random.default_rng(3)
    probability = random.uniform(0, 1, 200)
    labels = predicted()[["file", "age", "race"]].assign(
        gender=(random.uniform(0, 1, 200) < probability).astype(int)
    )
    table = tabulate(labels, {"gender": probability})
    gender = metrics(table, TRAINING, COUNTS, 500, 1)["gender"]
    error = gender["calibration_error"]
    assert 0 <= gender["calibration_error_low"] < error < gender["calibration_error_high"]


def test_the_comparison_is_paired() -> None:
    good, bad = predicted(noise=4, seed=1), predicted(noise=12, seed=1)
    assert compare(good, good, 200, 1)[MAE] == (0, 0, 0)
    difference = compare(good, bad, 200, 1)[MAE]
    assert 0 < difference.low < difference.value < difference.high
    assert not difference.includes_zero
    with pytest.raises(ValueError, match="not of the same photos"):
        compare(good, bad.iloc[1:], 200, 1)


@pytest.mark.parametrize("task", ["gender", "age"])
def test_one_task_alone_is_scored(task: str, tmp_path: Path) -> None:
    both = predicted(60)
    labels = both[["file", "age", "gender", "race"]]
    table = tabulate(labels, {task: both[f"{task}_predicted"].to_numpy()})
    assert tasks_of(table) == [task]
    write_metrics(tmp_path / "m.json", metrics(table, TRAINING, COUNTS, 100, 1))
    found = json.loads((tmp_path / "m.json").read_text())
    assert list(found) == ["n", task, "baseline", "parameters"]
    write_plot_data(tmp_path / "plots", table, 100, 1, {})
    sizes = {path.stem: len(pd.read_csv(path)) for path in (tmp_path / "plots").iterdir()}
    assert (sizes["roc"] > 0, sizes["ages"] > 0) == (task == "gender", task == "age")
    write_predictions(tmp_path / "p.csv", table)
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "p.csv"), table)


def test_ranges_are_scored_where_a_model_has_them() -> None:
    plain = predicted()
    ages = plain["age_predicted"].to_numpy()
    ranged = tabulate(plain, {"age": ages, "age_low": ages - 10, "age_high": ages + 6})
    low, high = ages - 10 <= plain["age"], plain["age"] <= ages + 6
    age = metrics(ranged, TRAINING, COUNTS, 100, 1)["age"]
    assert age["coverage80"] == pytest.approx((low & high).mean())
    assert age["coverage80_low"] < age["coverage80"] < age["coverage80_high"]
    assert age["width80"] == pytest.approx(16)
    old = ranged[ranged["age"] >= 70]
    assert age["mae_from70"] == pytest.approx(old["age_error"].abs().mean())
    for group, replicates in score_groups(ranged, "age", 100, 1):
        values = {score.name: value for score, value in replicates.values.items()}
        assert values["coverage80"] == pytest.approx((low & high)[group.rows].mean())
        assert "mae_from70" not in values
    assert "coverage80" not in metrics(plain, TRAINING, COUNTS, 100, 1)["age"]
    assert not any(score.needs for score in compare(plain, ranged, 100, 1))


def test_each_score_is_of_the_photos_that_have_its_label(tmp_path: Path) -> None:
    table = predicted(120)
    whole = metrics(table[:80], TRAINING, COUNTS, 100, 1)
    labels = table[["file", "age", "gender"]].assign(
        age_min=table["age"].astype(float), age_max=table["age"].astype(float), camera="NA"
    )
    # Exact ages, then ranges, then photos of one label alone.
    labels.loc[80:99, ["age_min", "age_max"]] = [20, 29]
    labels.loc[100:109, ["age", "age_min", "age_max"]] = np.nan
    labels.loc[110:, "gender"] = np.nan
    labels.loc[110:, ["age", "age_min", "age_max"]] = [24.5, 20, 29]
    outputs = {task: table[f"{task}_predicted"].to_numpy() for task in ("gender", "age")}
    partial = tabulate(labels, outputs)
    found = metrics(partial, TRAINING, COUNTS, 100, 1)
    assert found["known"] == {"gender": 110, "age": 80, "age_range": 30}
    for name in ("mae", "rmse", "median_error", "bias", "cs5"):
        assert found["age"][name] == pytest.approx(whole["age"][name])
    right = (table["gender_predicted"] >= 0.5) == table["gender"]
    assert found["gender"]["accuracy"] == pytest.approx(right[:110].mean())
    years = pd.concat([table["age_predicted"][80:100], table["age_predicted"][110:]])
    assert found["age"]["range_accuracy"] == pytest.approx(years.round().between(20, 29).mean())
    outside = np.maximum(20 - years, 0) + np.maximum(years - 29, 0)
    assert found["age"]["range_distance"] == pytest.approx(outside.mean())
    # The training photos' median, 30, is a year above the ranges.
    errors = (table["age"][:80] - 30).abs()
    assert found["baseline"]["age"] == {"mae": pytest.approx(errors.mean()), "range_distance": 1}
    assert partial["age_error"][110:].abs().to_numpy() == pytest.approx(outside[20:], abs=1e-4)

    # With nothing but ranges, distances take the place of errors everywhere.
    ranges = partial[110:].drop(columns="gender_predicted")
    alone = metrics(ranges, TRAINING, COUNTS, 100, 1)
    assert list(alone["age"])[::3] == ["range_accuracy", "range_distance"]
    assert list(alone["baseline"]["age"]) == ["range_distance"]
    write_plot_data(tmp_path, ranges, 100, 1, {})
    groups = pd.read_csv(tmp_path / "age_groups.csv", keep_default_na=False)
    assert ["camera", "NA"] in groups[["by", "group"]].to_numpy().tolist()
    assert not len(pd.read_csv(tmp_path / "cumulative.csv"))
    with pytest.raises(UserError, match="no photo of this split has a known gender"):
        metrics(partial[110:], TRAINING, COUNTS, 100, 1)


def test_a_figure_has_its_column_where_all_ages_are_ranges(tmp_path: Path) -> None:
    row = {"by": "none", "group": "unchanged", "photos": 3, "range_distance": 1.0}
    write_plot_data(tmp_path, predicted(30), 100, 1, {"age": pd.DataFrame([row])})
    assert pd.read_csv(tmp_path / "age_corruptions.csv")["mae"].isna().all()


def test_metrics_files_have_4_decimals_and_null_for_what_is_undefined(tmp_path: Path) -> None:
    write_metrics(tmp_path / "m.json", {"b": 1 / 3, "a": {"n": 2, "none": math.nan, "zero": -1e-9}})
    text = (tmp_path / "m.json").read_text()
    assert json.loads(text) == {"b": 0.3333, "a": {"n": 2, "none": None, "zero": 0}}
    assert "-0" not in text


def test_the_best_epoch_is_the_first_of_the_lowest_loss_and_never_nan() -> None:
    assert best_epoch([math.nan, 3, 2, 2]) == 2
    assert best_epoch([math.nan, math.nan]) == 0


def test_layers_are_listed_once_in_forward_order() -> None:
    image = keras.Input((8, 8, 3), name="image")
    conv, pool = keras.layers.Conv2D(2, 3, name="conv"), keras.layers.GlobalAveragePooling2D()
    conv.trainable = False
    # As test-time augmentation does, it is applied twice.
    views = [image, keras.layers.Rescaling(1.0, name="flip")(image)]
    mean = keras.layers.Average(name="mean")([pool(conv(view)) for view in views])
    model = keras.Model(image, {"age": keras.layers.Dense(1, name="age")(mean)})
    rows = {row["name"]: row for row in layers(model)}
    assert list(rows) == ["image", "flip", "conv", pool.name, "mean", "age"]
    assert (rows["conv"]["parameters"], rows["conv"]["trainable"]) == (56, False)
    assert rows["conv"]["formula"] == "(3·3·3 + 1)·2"
    assert rows["conv"]["output_shape"] == [6, 6, 2]
    assert parameter_counts(model) == {"total": 59, "trainable": 3, "frozen": 56}
