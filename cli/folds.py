"""``python -m agegender folds``: a cross-validation, put together from its experiments."""

import argparse
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import dvc.api
import numpy as np
import pandas as pd
import yaml
from dvc.exceptions import DvcException
from dvc.utils.flatten import flatten

from agegender.analysis.suspicious import suspicious
from agegender.analysis.writing import write
from agegender.common.errors import DamagedFileError, UserError
from agegender.common.files import atomic_write
from agegender.evaluation.bootstrap import replicate
from agegender.evaluation.metrics import by_task
from agegender.evaluation.predictions import read_predictions
from agegender.evaluation.scores import Score, scores_of
from agegender.photos.photos import read_photos
from cli.metrics import METRICS, TITLES, print_table, title, with_interval


class _Fold(NamedTuple):
    """An experiment's name and parameters, and its files as DVC keeps them."""

    name: str
    parameters: dict[str, Any]
    files: Any


def folds(arguments: argparse.Namespace) -> None:
    """Print the metrics of the cross-validations among the experiments on a revision.

    ``--suspects`` also writes the labels that all models of the newest one contradict, see
    `agegender.analysis.suspicious`.

    Raises:
        UserError: there is none.
    """
    revision, suspects = arguments.revision, arguments.suspects
    found: dict[str, dict[int, _Fold]] = {}
    for experiment in _experiments(revision):
        others = deepcopy(experiment.parameters)
        number = others["split"].pop("fold")
        same = found.setdefault(json.dumps(others, sort_keys=True), {})
        # The newest come first.
        same.setdefault(number, experiment)
    if not found:
        raise UserError(
            f"no finished experiment on {revision} is a fold of a cross-validation; `dvc exp run "
            "--queue -S split.folds=5 -S split.fold=0,1,2,3,4` and `dvc queue start` run one"
        )
    pooled = [_print_one([each[number] for number in sorted(each)]) for each in found.values()]
    if suspects:
        newest = next(filter(None, pooled), None)
        if newest is None:
            raise UserError(f"no cross-validation is finished; {suspects} is not written")
        with atomic_write(suspects) as file:
            suspicious(newest).to_csv(file, index=False, lineterminator="\n")


def _experiments(revision: str) -> Iterator[_Fold]:
    """The finished experiments that are folds, the newest first."""
    try:
        rows = dvc.api.exp_show(revs=revision)
    except DvcException as error:
        raise UserError(str(error)) from None
    for row in rows:
        name = row["Experiment"]
        if name and row["State"] == "Success" and row.get("split.folds"):
            files = dvc.api.DVCFileSystem(rev=name)
            yield _Fold(name, yaml.safe_load(files.read_text("params.yaml")), files)


def _print_one(experiments: Sequence[_Fold]) -> dict[str, pd.DataFrame]:
    """Print the metrics of a cross-validation, or which of its folds are missing.

    Returns:
        by model, its predictions of all folds together; empty if any are missing.
    """
    parameters = experiments[0].parameters
    total = parameters["split"]["folds"]
    names = ", ".join(experiment.name for experiment in experiments)
    print(f"{total}-fold cross-validation{_difference(parameters)}: {names}")
    here = {experiment.parameters["split"]["fold"] for experiment in experiments}
    if missing := sorted(set(range(total)) - here):
        print(f"Not finished: fold {', '.join(map(str, missing))} of 0 to {total - 1}\n")
        return {}
    heads, columns = [""], []
    scores: dict[Score, None] = {}
    pooled: dict[str, pd.DataFrame] = {}
    for model, path in METRICS.items():
        predictions = [_predictions(experiment, model) for experiment in experiments]
        tested = [table for table in predictions if table is not None]
        if len(tested) < total:
            print(f"{TITLES[model]} was not evaluated in every fold")
            continue
        table = pd.concat(tested).sort_values("file", ignore_index=True)
        pooled[model] = table
        scores |= dict.fromkeys(scores_of(table))
        samples, seed = parameters["evaluate"]["bootstrap_samples"], parameters["seed"]
        estimates = by_task(replicate(table, scores_of(table), samples, seed)[0].estimates())
        metrics = [json.loads(each.files.read_text(str(path))) for each in experiments]
        heads += [f"{TITLES[model]}, folds", "pooled"]
        columns += [
            {score: _over_folds(score, metrics) for score in scores_of(table)},
            {score: with_interval(score, estimates[score.task]) for score in scores_of(table)},
        ]
    rows = [[title(score), *(each.get(score, "") for each in columns)] for score in scores]
    if rows:
        print(
            f"{len(table)} photos, each tested once. Folds: mean ± standard deviation. Pooled: the "
            "score of all predictions together (95 % interval)"
        )
        print_table(heads, rows)
    print()
    return pooled


def _difference(parameters: dict[str, Any]) -> str:
    """What ``parameters`` of an experiment have other than params.yaml, apart from the folds."""
    here = flatten(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")))
    changed = [
        f"{name}={value}"
        for name, value in flatten(parameters).items()
        if name not in ("split.folds", "split.fold") and here.get(name) != value
    ]
    return f" with {', '.join(changed)}" if changed else ""


def _predictions(experiment: _Fold, model: str) -> pd.DataFrame | None:
    """A model's predictions of the fold; None if it has none, or those of other photos."""
    with TemporaryDirectory() as folder:
        predictions, tested = Path(folder, "predictions.csv"), Path(folder, "test.csv")
        try:
            experiment.files.get_file(f"predictions/{model}.csv", str(predictions))
            experiment.files.get_file("data/split/test.csv", str(tested))
            table = read_predictions(predictions)
        except (FileNotFoundError, DamagedFileError):
            return None
        return table if set(table["file"]) == set(read_photos(tested)["file"]) else None


def _over_folds(score: Score, metrics: Sequence[dict[str, Any]]) -> str:
    """The mean of a score over the folds, ± its standard deviation."""
    values = np.array([each[score.task].get(score.name) for each in metrics], dtype=np.float64)
    mean, deviation = (
        write(score, value, unit=False) for value in (values.mean(), values.std(ddof=1))
    )
    return f"{mean} ± {deviation}"
