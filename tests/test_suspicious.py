import numpy as np
import pandas as pd

from agegender.analysis.suspicious import suspicious
from agegender.evaluation.predictions import tabulate

LABELS = pd.DataFrame(
    {"file": list("abcdef"), "age": [20, 30, 40, None, 60, 70], "gender": [0, 1, 0, 1, None, 0]}
)


def test_labels_are_listed_that_every_model_contradicts() -> None:
    one = {
        "gender": np.array([0.9, 0.2, 0.7, 0.4, 0.9, 0.1]),
        "age": np.array([31, 15, 55, 90, 75, 55]),
    }
    other = {
        "gender": np.array([0.6, 0.1, 0.3, 0.2, 0.1, 0.9]),
        "age": np.array([35, 45, 49.5, 9, 72, 50]),
    }
    found = suspicious({"one": tabulate(LABELS, one), "other": tabulate(LABELS, other)})
    assert list(found.columns) == [
        *("file", "label", "gender", "age"),
        *("one_gender", "other_gender", "one_age", "other_age"),
    ]
    # b in different directions; c by one of the two; d has no age, and e no gender.
    assert found[["file", "label"]].to_numpy().tolist() == [
        ["b", "gender"],
        ["a", "gender"],
        ["d", "gender"],
        ["f", "age"],
        ["e", "age"],
        ["a", "age"],
    ]
    assert suspicious({"one": tabulate(LABELS, {"age": one["age"]})}).shape[1] == 5
