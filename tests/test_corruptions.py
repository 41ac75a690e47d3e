"""Corrupted photos: stronger is further from the photo, and alike in every run."""

import keras
import numpy as np
import pandas as pd
import pytest

from agegender.analysis.corruptions import (
    CORRUPTIONS,
    NONE,
    Corruption,
    corrupt,
    mean_over_corruptions,
    score_corruptions,
)

FILES = [f"{number}.jpg" for number in range(6)]


def smooth_images() -> np.ndarray:
    random = np.random.default_rng(0)
    coarse = random.uniform(40, 215, (len(FILES), 12, 12, 3))
    return np.asarray(keras.ops.image.resize(coarse, (96, 96), "bicubic")).clip(0, 255).astype("u1")


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda each: each.name)
def test_a_stronger_corruption_changes_more(corruption: Corruption) -> None:
    images = smooth_images()
    changed = [corrupt(images, FILES, corruption, strength, 1) for strength in corruption.strengths]
    changes = [np.abs(each.astype(float) - images).mean() for each in changed]
    assert 0 < changes[0] < changes[1] < changes[2]
    # By the photo's name, whatever else is in the batch.
    again = corrupt(images[::-1], FILES[::-1], corruption, corruption.strengths[2], 1)
    np.testing.assert_array_equal(again[::-1], changed[2])


def test_a_model_is_scored_on_every_corruption() -> None:
    images = smooth_images()
    image = keras.Input((96, 96, 3))
    bright = keras.layers.GlobalAveragePooling2D()(image)
    years = keras.layers.Dense(
        1, use_bias=False, kernel_initializer=keras.initializers.Constant(0.1)
    )
    model = keras.Model(image, {"age": years(bright)})
    ages = (0.1 * images.mean(axis=(1, 2)).sum(axis=1)).round().astype(int)
    labels = pd.DataFrame({"file": FILES, "gender": 0, "age": ages, "race": 0})
    scores = score_corruptions(model, images, labels, 4, 100, 1)
    table = scores["age"]
    assert list(scores) == ["age"] and len(table) == 1 + sum(len(c.strengths) for c in CORRUPTIONS)
    assert table.iloc[0]["by"] == NONE.name and table.iloc[0]["mae"] < 0.5
    # Of all corruptions, brightness changes the mean of a photo most.
    assert table["by"][table["mae"].argmax()] == "brightness"
    assert mean_over_corruptions(scores)["age"]["mae"] == pytest.approx(table["mae"][1:].mean())
