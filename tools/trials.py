"""Train the recipes on real faces, and `best` with one ingredient changed, and keep what came out.

`python -m tools.trials SOURCE` runs every trial that has no file in docs/results/ yet, one after
the other, in a clone of the last commit in progress/trials/; stopped or killed, it goes on where it
was. A trial of a whole recipe runs the whole pipeline, and with it the only evaluation of the test
split that the recipe and seed ever has. A trial of the ablation trains one model and is scored on
the validation split alone. Two calls with other trials and another `--folder` run side by side; a
trial that tells the minutes of a model is to have the machine to itself; killed, it starts over.
"""

import argparse
import json
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from agegender.common.files import sha256
from agegender.common.parallel import available_cores
from stages.common import timings
from tools.clones import ROOT, Clone

RESULTS = ROOT / "docs/results"
FOLDER = ROOT / "progress/trials"
MODELS = ("custom", "vgg16")
SEEDS = (1, 2, 3)
# Below so many years a face hardly tells a gender, and many a label is a guess.
INFANT = 5
# The stages whose time a model's training takes, and the file by which each is known.
STAGES = {
    "custom": {"train_custom": "models/custom.keras"},
    "vgg16": {
        "embed_vgg16": "data/embeddings/index.json",
        "train_vgg16": "models/vgg16.keras",
    },
}


@dataclass(frozen=True)
class Trial:
    """A recipe with changes.

    Attributes:
        recipe: its name in recipes/.
        changes: other values than the recipe's, as params.yaml has them.
        model: the one that is trained and, if `scored`, scored on the validation split; None for
            both, through the whole pipeline.
        scored: False where nothing is kept of `model` but the minutes of its training.
    """

    recipe: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    scored: bool = True


def seeded(seed: int) -> dict[str, dict[str, Any]]:
    """Another seed of all that training draws; the splits stay as they are."""
    return {f"train_{model}": {"seed": seed} for model in MODELS}


UNCHANGED = {
    "flip": False,
    "rotation": 0,
    "shift": 0.0,
    "zoom": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "erasing": 0.0,
}
# `best` as the ablation has it: what is scored on the validation photos is not trained on them. One
# network of VGG16 takes half the time of two.
REFERENCE: dict[str, dict[str, Any]] = {
    "custom": {"train_on": "train"},
    "vgg16": {"train_on": "train", "train_vgg16": {"ensemble_size": 1}},
}
# What is changed of that, one at a time, by the name that docs/results.md has for it: other values,
# by section.
ABLATION: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
    "custom": {
        "without augmentation": {"train_custom": {"augmentation": UNCHANGED}},
        "without batch normalisation": {"train_custom": {"batch_normalization": False}},
        "without the distribution of age": {"train_custom": {"age_head": "linear"}},
        "without averaged weights": {"train_custom": {"ema_momentum": 0.0}},
        "without the mean over mirror image and sizes": {
            "train_custom": {"tta_flip": False, "tta_zooms": []}
        },
        "with a second network": {"train_custom": {"ensemble_size": 2}},
    },
    "vgg16": {
        "without the unfrozen blocks": {"train_vgg16": {"unfreeze": "none", "feature_shift": 0}},
        "without batch normalisation of the unfrozen blocks": {
            "train_vgg16": {"backbone_batch_normalization": False}
        },
        "without augmentation": {"embed_vgg16": {"views": 1}},
        "without the distribution of age": {"train_vgg16": {"age_head": "linear"}},
        "with a second network": {"train_vgg16": {"ensemble_size": 2}},
    },
}


def reference(model: str) -> str:
    """The name of the trial of `best` that the ablation's are compared with."""
    return f"{model}-reference"


def ablated(model: str, change: str) -> str:
    """The name of the trial of `best` with a change of the ablation's."""
    return f"{model}-{change.replace(' ', '-')}"


def timed(model: str) -> str:
    """The name of the trial that tells how long `best` trains a model."""
    return f"{model}-minutes"


def _together(*every: Mapping[str, Any]) -> dict[str, Any]:
    """The changes of all of these, those of one section side by side."""
    together: dict[str, Any] = {}
    for changes in every:
        for name, value in changes.items():
            section = isinstance(value, Mapping)
            together[name] = {**together.get(name, {}), **value} if section else value
    return together


TRIALS: dict[str, Trial] = {
    "source-report": Trial("source-report"),
    **{f"best-{seed}": Trial("best", seeded(seed)) for seed in SEEDS},
    **{
        name: Trial("best", _together(seeded(SEEDS[0]), REFERENCE[model], changes), model)
        for model, others in ABLATION.items()
        for name, changes in {
            reference(model): {},
            **{ablated(model, each): changes for each, changes in others.items()},
        }.items()
    },
    **{timed(model): Trial("best", seeded(SEEDS[0]), model, scored=False) for model in MODELS},
}


def measure(name: str, source: str, clone: Clone) -> dict[str, Any]:
    """Run a trial in the clone, and return what came out."""
    trial = TRIALS[name]
    clone.run("git", "checkout", "--quiet", "params.yaml")
    recipe = YAML(typ="safe").load(clone.path / f"recipes/{trial.recipe}.yaml")
    for changes in (recipe, {"download": {"source": source}}, trial.changes):
        clone.set_parameters(**changes)
    if trial.model and not trial.scored:
        train_anew(clone, trial.model)
    else:
        clone.dvc("repro", *([f"train_{trial.model}"] if trial.model else []))
    return {
        "trial": name,
        "commit": clone.run("git", "rev-parse", "HEAD").strip(),
        "sha256": _sha256(Path(source)),
        "machine": f"{platform.system()} {platform.machine()}, {processor()}",
        **gather(clone, trial.model, trial.scored),
    }


def train_anew(clone: Clone, model: str) -> None:
    """Run a model's stages whatever DVC has of them, which may have been made in company."""
    clone.dvc("repro", "preprocess", "download_vgg16")
    for stage in STAGES[model]:
        shutil.rmtree(clone.path / "progress" / stage, ignore_errors=True)
        clone.dvc("repro", "--force", "--single-item", stage)


def gather(clone: Clone, model: str | None, scored: bool = True) -> dict[str, Any]:
    """What a clone's pipeline has written of one model, or of both and the test split (None)."""
    if model and not scored:
        minutes = _minutes(clone, model)
        if missing := STAGES[model].keys() - minutes.keys():
            raise RuntimeError(f"{', '.join(sorted(missing))}: no time was kept of this result")
        return {"minutes": {model: minutes}}
    if model:
        return {
            "validation": _validation(clone, model),
            "minutes": {model: _minutes(clone, model)},
            "curves": {model: _curves(clone, model)},
        }
    return {
        "minutes": {model: _minutes(clone, model) for model in MODELS},
        "test": {model: _json(clone, f"metrics/{model}.json") for model in MODELS},
        "comparison": _json(clone, "metrics/comparison.json")["vgg16_minus_custom"],
        "split": _json(clone, "metrics/split.json"),
        "contradictions": contradictions(clone.path / "data/rejected.csv"),
        "infants": {model: _infants(clone, model) for model in MODELS},
        "groups": {model: _groups(clone, model) for model in MODELS},
    }


def processor() -> str:
    """The processor's name, with the number of cores at hand, as far as the system tells."""
    told = subprocess.run(["lscpu", "-J"], capture_output=True, text=True, check=False)
    fields = json.loads(told.stdout or '{"lscpu": []}')["lscpu"]
    names = {entry["field"]: entry["data"] for entry in fields}
    cores = available_cores()
    kind = names.get("Model name:", "unknown")
    return f"{cores} core{'s' if cores > 1 else ''} of {kind}"


def _sha256(source: Path) -> str | None:
    """Of an archive; None for a folder."""
    return None if source.is_dir() else sha256(source)


def _json(clone: Clone, name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((clone.path / name).read_text(encoding="utf-8"))
    return read


def _validation(clone: Clone, model: str) -> dict[str, Any]:
    printed = clone.run("python", "-m", "agegender", "score", model, "--json")
    # TensorFlow's own lines may stand before it.
    document = re.search(r"^\{$.*^\}$", printed, re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = json.loads(document[0] if document else "null")
    return found


def _groups(clone: Clone, model: str) -> dict[str, list[dict[str, Any]]]:
    """By task, each group of the test split with its scores."""
    tables = {
        task: pd.read_csv(clone.path / f"plots/{model}/{task}_groups.csv")
        for task in ("gender", "age")
    }
    return {task: json.loads(table.to_json(orient="records")) for task, table in tables.items()}


def contradictions(path: Path) -> dict[str, int | float]:
    """How far the labels lie apart of files that show the same photo, by a rejected.csv."""
    rejected = pd.read_csv(path)
    found = rejected["reason"].str.extract(r"^same photo as (\S+), which has other labels$")[0]
    pairs = {
        tuple(sorted((file, other)))
        for file, other in zip(rejected["file"], found, strict=True)
        if isinstance(other, str)
    }
    labels = [[file.split("_")[:2] for file in pair] for pair in pairs]
    years = [abs(int(first[0]) - int(second[0])) for first, second in labels]
    return {
        "pairs": len(pairs),
        "other_gender": sum(first[1] != second[1] for first, second in labels),
        "years_apart": round(sum(years) / len(years), 2) if years else 0.0,
    }


def _infants(clone: Clone, model: str) -> dict[str, dict[str, int | float | None]]:
    """Gender accuracy on test photos of people younger than INFANT years, and on all others."""
    predictions = pd.read_csv(clone.path / f"predictions/{model}.csv")
    young = predictions["age"] < INFANT
    return {
        name: {
            "photos": len(part),
            "accuracy": None if part.empty else round(float(part["gender_correct"].mean()), 4),
        }
        for name, part in (("younger", predictions[young]), ("others", predictions[~young]))
    }


def _curves(clone: Clone, model: str) -> dict[str, dict[str, list[float]]]:
    folder = clone.path / f"plots/training/{model}/plots/metrics"
    return {
        split.name: {
            file.stem: pd.read_csv(file, sep="\t")[file.stem].round(4).tolist()
            for file in sorted(split.glob("*.tsv"))
        }
        for split in sorted(folder.iterdir())
    }


def _minutes(clone: Clone, model: str) -> dict[str, float]:
    keys = {stage: timings.key(clone.path / file) for stage, file in STAGES[model].items()}
    records = timings.load(clone.path / "timings", keys)
    return {stage: round(record["seconds"] / 60, 1) for stage, record in records.items()}


def _clone(folder: Path) -> Clone:
    """The clone of an earlier call, or else a new one of the last commit."""
    clone = Clone(folder / "project", folder / "home")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    if (clone.path / "dvc.yaml").exists():
        clone.run("git", "fetch", "--quiet", "origin")
        clone.run("git", "checkout", "--quiet", "--force", head.stdout.decode().strip())
        return clone
    shutil.rmtree(folder, ignore_errors=True)
    return Clone.of_head(folder)


def main() -> None:
    """Run the trials that the arguments name, or all, and write docs/results/NAME.json."""
    parser = argparse.ArgumentParser("python -m tools.trials", description=__doc__)
    parser.add_argument("source", type=Path, help="folder or archive of the real faces")
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the clone")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.trials) - TRIALS.keys())
    if unknown:
        parser.error(f"there is no trial {', '.join(unknown)}; known: {', '.join(TRIALS)}")
    RESULTS.mkdir(exist_ok=True)
    clone = _clone(arguments.folder.resolve())
    for name in arguments.trials or TRIALS:
        result = RESULTS / f"{name}.json"
        if result.exists():
            print(f"{name}: {result.relative_to(ROOT)} is there")
            continue
        values = measure(name, str(arguments.source.resolve()), clone)
        result.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {values['minutes']}", flush=True)


if __name__ == "__main__":
    main()
