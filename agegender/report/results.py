"""What the report is made from: the results of both models, as the pipeline's stages write them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agegender.common.errors import UserError
from agegender.common.files import sha256
from agegender.evaluation.predictions import read_predictions, tasks_of

# The metrics of the learning curves by task.
CURVES = {"gender": ("gender_loss", "gender_accuracy"), "age": ("age_loss", "age_mae")}


@dataclass(frozen=True)
class Curve:
    """A metric after each epoch, on training and on validation photos."""

    training: list[float]
    validation: list[float]

    @property
    def lowest(self) -> int:
        """The number, from 0, of the first epoch with the lowest validation value."""
        return self.validation.index(min(self.validation))


@dataclass(frozen=True)
class Model:
    """A model's results.

    Attributes:
        name: of its stages and files, such as ``vgg16``.
        title: what people call it.
        noun: what a sentence calls it.
        training: the parameters of its training stage.
        metrics: the contents of its metrics file.
        predictions: a row a test photo.
        plots: the data of its plots, a table each.
        curves: learning curves by metric, ``loss`` and those of `CURVES` that were trained.
        layers: its layers: ``name``, ``kind``, ``output_shape``, ``parameters``, ``trainable``
            and ``formula`` of the number of parameters, empty if there are none.
        sha256: of the file of the model.
    """

    name: str
    title: str
    noun: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    plots: Mapping[str, pd.DataFrame]
    curves: Mapping[str, Curve]
    layers: list[dict[str, Any]]
    sha256: str

    @property
    def tasks(self) -> list[str]:
        """What it was trained for: gender, age or both."""
        return tasks_of(self.predictions)


def read_model(root: Path, name: str, title: str, noun: str, training: Mapping[str, Any]) -> Model:
    """Gather a model's results from the files of the pipeline.

    Args:
        root: the folder that holds ``metrics``, ``models``, ``plots`` and ``predictions``.
        name: of the model's files.
        title: what people call it.
        noun: what a sentence calls it.
        training: the parameters of its training stage.

    Raises:
        UserError: a file is not what its stage writes.
    """
    predictions = read_predictions(root / f"predictions/{name}.csv")
    wanted = ["loss", *(metric for task in tasks_of(predictions) for metric in CURVES[task])]
    curves = root / f"plots/training/{name}/plots/metrics"
    return Model(
        name=name,
        title=title,
        noun=noun,
        training=training,
        metrics=read_json(root / f"metrics/{name}.json"),
        predictions=predictions,
        plots={
            path.stem: pd.read_csv(path) for path in sorted((root / f"plots/{name}").glob("*.csv"))
        },
        curves={
            metric: Curve(
                _values(curves / f"train/{metric}.tsv", metric),
                _values(curves / f"validation/{metric}.tsv", metric),
            )
            for metric in wanted
        },
        layers=read_json(root / f"predictions/{name}.architecture.json"),
        sha256=sha256(root / f"models/{name}.keras"),
    )


def read_json(path: Path) -> Any:
    """The contents of the JSON file ``path``.

    Raises:
        UserError: it is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{path} is not JSON; make it anew with `dvc repro`") from None


def _values(path: Path, metric: str) -> list[float]:
    return [float(value) for value in pd.read_csv(path, sep="\t")[metric]]
