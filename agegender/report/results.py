"""What the report is made from: the results of both models, as the pipeline's stages write them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from agegender.analysis.groups import Gap
from agegender.common.errors import DamagedFileError
from agegender.evaluation.bootstrap import Estimate
from agegender.evaluation.predictions import read_predictions, tasks_of


def best_epoch(losses: Sequence[float]) -> int:
    """The number, from 0, of the first epoch with the lowest loss; NaN is higher than any."""
    ranked = [math.inf if math.isnan(loss) else loss for loss in losses]
    return ranked.index(min(ranked))


@dataclass(frozen=True)
class Curve:
    """A metric after each epoch, on training and on validation photos."""

    training: list[float]
    validation: list[float]


@dataclass(frozen=True)
class Model:
    """A model's results.

    Attributes:
        name: of its stages and files, such as ``vgg16``.
        title: of its section.
        noun: what a sentence calls it.
        training: the parameters of its training stage.
        metrics: the contents of its metrics file.
        predictions: one row per test photo.
        plots: the data of its plots, a table each.
        loss: its learning curve.
        layers: see `agegender.evaluation.describe.layers`.
        occlusion: see `agegender.analysis.occlusion.summarize`; ``photos`` is 0 without maps.
    """

    name: str
    title: str
    noun: str
    training: Mapping[str, Any]
    metrics: Mapping[str, Any]
    predictions: pd.DataFrame
    plots: Mapping[str, pd.DataFrame]
    loss: Curve
    layers: list[dict[str, Any]]
    occlusion: dict[str, Any]

    @property
    def tasks(self) -> list[str]:
        """What it was trained for: gender, age or both."""
        return tasks_of(self.predictions)

    def groups(self, task: str) -> list[dict[Any, Any]]:
        """The scores of each group, one row per group."""
        return self.plots[f"{task}_groups"].to_dict("records")

    def corruptions(self, task: str) -> list[dict[Any, Any]]:
        """The scores on corrupted photos, one row per corruption and strength, if there are any."""
        return self.plots[f"{task}_corruptions"].to_dict("records")

    def gaps(self, task: str) -> list[Gap]:
        """The gaps between its best and worst groups."""
        rows = self.plots[f"{task}_gaps"].itertuples(index=False)
        return [Gap(by, best, worst, Estimate(*size)) for by, best, worst, *size in rows]


def read_model(root: Path, name: str, title: str, noun: str, training: Mapping[str, Any]) -> Model:
    """Gather a model's results, see `Model`, from the pipeline's files in the folder ``root``.

    Raises:
        DamagedFileError: a file is not what its stage writes.
    """
    curves = root / f"plots/training/{name}/plots/metrics"
    return Model(
        name=name,
        title=title,
        noun=noun,
        training=training,
        metrics=read_json(root / f"metrics/{name}.json"),
        predictions=read_predictions(root / f"predictions/{name}.csv"),
        plots={
            path.stem: _read_csv(path) for path in sorted((root / f"plots/{name}").glob("*.csv"))
        },
        loss=Curve(
            *(
                _read_csv(curves / split / "loss.tsv", sep="\t")["loss"].to_list()
                for split in ("train", "validation")
            )
        ),
        layers=read_json(root / f"predictions/{name}.architecture.json"),
        occlusion=read_json(root / f"predictions/{name}.occlusion.json"),
    )


def read_json(path: Path) -> Any:
    """The contents of the JSON file ``path``.

    Raises:
        DamagedFileError: it is none.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise DamagedFileError(path, "is not JSON") from None


def _read_csv(path: Path, **options: Any) -> pd.DataFrame:
    try:
        # A group of people may be called NA.
        table: pd.DataFrame = pd.read_csv(path, keep_default_na=False, na_values=[""], **options)
    except ValueError:
        raise DamagedFileError(path, "is not a table") from None
    return table
