"""Occlusion maps: they show the place that a model looks at."""

import keras
import numpy as np

from agegender.analysis.occlusion import GRID, occlusion_maps, summarize
from agegender.report import prose
from agegender.report.heatmap import overlay


def test_the_map_shows_where_a_model_looks() -> None:
    image = keras.Input((40, 40, 3))
    # Of 40 rows and columns it sees only four, at the lower left.
    patch = keras.layers.Cropping2D(((32, 4), (4, 32)))(image)
    age = keras.ops.mean(patch, axis=(1, 2, 3))[:, None] / 10
    model = keras.Model(image, {"age": age})
    images = np.random.default_rng(0).integers(0, 256, (5, 40, 40, 3)).astype(np.uint8)
    images[:, 32:36, 4:8] = 255
    maps = occlusion_maps(model, images, 2)
    assert np.unravel_index(maps["age"].argmax(), (GRID, GRID)) == (8, 1)
    assert maps["age"].max() > 5 and maps["age"][:6].max() == 0
    summary = summarize(images, maps)
    assert summary["photos"] == 5
    assert overlay(summary["face"], summary["age"]).startswith("data:image/jpeg;base64,")
    words = prose.occlusion("VGG16", summary)
    assert "s age most 85 % from the top and 15 % from the left" in words
    assert "for age 1.00 " in prose.occlusion_agreement(summary, summary)
