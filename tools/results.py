"""Write the tables of docs/results.md and README.md, and a picture, from what tools.trials kept.

`python -m tools.results` replaces what stands between `<!-- NAME -->` and `<!-- /NAME -->`; the
words around it are written by hand. Nothing is computed here but means and spreads over seeds.
"""

import json
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from agegender.photos.photos import SPLITS
from tools.trials import (
    ABLATION,
    INFANT,
    MODELS,
    RESULTS,
    ROOT,
    SEEDS,
    STAGES,
    ablated,
    reference,
    timed,
)

CURVES = RESULTS / "curves.svg"
UNMEASURED = "not measured yet"
NAMES = {"custom": "custom CNN", "vgg16": "VGG16"}
# Heading, task, score and digits.
SCORES = (
    ("gender accuracy", "gender", "accuracy", 3),
    ("age MAE, years", "age", "mae", 2),
    ("age CS@5", "age", "cs5", 3),
)
# What kind of errors make up the MAE: large ones weigh in the RMSE, and the median leaves them out.
ERRORS = (
    ("age RMSE, years", "age", "rmse", 2),
    ("age median error, years", "age", "median_error", 2),
)
Trials = dict[str, dict[str, Any]]


def load() -> Trials:
    """What each trial gave, by its name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(RESULTS.glob("*.json"))
    }


def test_split(trials: Trials) -> str:
    """Each recipe's and seed's scores on the test split, and the mean over seeds."""
    report, best = trials["source-report"], [trials[f"best-{seed}"] for seed in SEEDS]
    baseline = report["test"][MODELS[0]]["baseline"]
    cells = [_number(baseline[task].get(key), digits) for _, task, key, digits in SCORES]
    rows = [["baseline", "", *cells]]
    for model in MODELS:
        name = NAMES[model]
        rows.append([f"{name}, source-report", "1", *_scored(report, model)])
        rows += [
            [f"{name}, best", str(seed), *_scored(trial, model)]
            for seed, trial in zip(SEEDS, best, strict=True)
        ]
        means = _means(trials, model)
        rows.append([f"**{name}, best**", "mean", *means])
    heads = ["model, recipe", "seed", *(heading for heading, *_ in SCORES), "minutes"]
    machines = [
        f"of {recipe} on {', or '.join(sorted({trial['machine'] for trial in measured}))}"
        for recipe, measured in (("source-report", [report]), ("best", best))
    ]
    return _table(heads, rows) + f"\nMinutes are, {'; '.join(machines)}.\n"


def summary(trials: Trials) -> str:
    """Both models' means over seeds, their difference, and what they are to be held against."""
    report, first = trials["source-report"], trials[f"best-{SEEDS[0]}"]
    difference = [
        _interval(first["comparison"][task], key, digits, "+") for _, task, key, digits in SCORES
    ]
    baseline = first["test"][MODELS[0]]["baseline"]
    rows = [
        ["custom CNN, from scratch", *_means(trials, "custom")],
        ["VGG16, pre-trained", *_means(trials, "vgg16")],
        [f"VGG16 minus custom CNN, seed {SEEDS[0]}", *difference],
        *(
            [f"the source report's {NAMES[model]}, trained here", *_scored(report, model)[:-1]]
            for model in MODELS
        ),
        [
            "answering without looking",
            *(_number(baseline[task].get(key), digits) for _, task, key, digits in SCORES),
        ],
    ]
    photos = first["split"]["images"]["test"]
    return _table([f"{photos} test photos", *(heading for heading, *_ in SCORES)], rows)


def minutes(trials: Trials) -> str:
    """How long `best` trains each model with a machine to itself, by stage."""
    rows = []
    for model in MODELS:
        trial = trials.get(timed(model))
        if trial is None:
            rows.append([NAMES[model], UNMEASURED])
            continue
        stages = trial["minutes"][model]
        parts = [_number(stages.get(f"{part}_{model}"), 1) for part in ("embed", "train")]
        rows.append([NAMES[model], *parts, _whole(trial, model), trial["machine"]])
    return _table(["`best`, minutes", "embedding", "training", "together", "machine"], rows)


def comparison(trials: Trials) -> str:
    """VGG16's score minus the custom CNN's on the same photos, by seed."""
    rows = []
    for seed in SEEDS:
        difference = trials[f"best-{seed}"]["comparison"]
        scores = (*SCORES, *ERRORS)
        cells = [_interval(difference[task], key, digits, "+") for _, task, key, digits in scores]
        rows.append([str(seed), *cells])
    return _table(["seed", *(heading for heading, *_ in scores)], rows)


def ablation(trials: Trials) -> str:
    """Scores on the validation split of `best` with one ingredient changed."""
    rows = []
    for model in MODELS:
        named = {NAMES[model]: reference(model)}
        named |= {change: ablated(model, change) for change in ABLATION[model]}
        for words, name in named.items():
            trial = trials.get(name)
            cells = _values(trial["validation"][model]) if trial else [UNMEASURED]
            rows.append([words, *cells])
    return _table(["", *(heading for heading, *_ in SCORES)], rows)


def groups(trials: Trials) -> str:
    """The scores of every group of test photos, of seed 1; a negative bias is too young."""
    found = trials[f"best-{SEEDS[0]}"]["groups"]
    columns: tuple[tuple[str, str, Callable[[dict[str, Any]], str]], ...] = (
        ("accuracy", "gender", lambda row: _interval(row, "accuracy", 3)),
        ("MAE", "age", lambda row: _interval(row, "mae", 2)),
        ("bias", "age", lambda row: _number(row["bias"], 1, "+")),
    )
    heads = ["group", "photos"]
    heads += [f"{heading}, {NAMES[model]}" for heading, *_ in columns for model in MODELS]
    scores = {
        (model, task, row["by"], row["group"]): row
        for model in MODELS
        for task, rows in found[model].items()
        for row in rows
    }
    return _table(
        heads,
        [
            [f"{row['by']} {row['group']}", str(row["photos"])]
            + [
                cell(scores[model, task, row["by"], row["group"]])
                for _, task, cell in columns
                for model in MODELS
            ]
            for row in found[MODELS[0]]["age"]
        ],
    )


def data(trials: Trials) -> str:
    """What is known of the labels' own errors; the accuracies are of the first seed."""
    trial = trials[f"best-{SEEDS[0]}"]
    split = trial["split"]
    images, rejected, near = split["images"], split["rejected"], split["near_duplicates"]
    same = trial["contradictions"]
    rows = [
        ["photos in the archive", images["total"]],
        *([f"photos of the {name} split", images[name]] for name in SPLITS),
        ["left out: names without all labels", rejected["name"]],
        ["left out: photos that are the same as another, with its labels", rejected["duplicate"]],
        [
            "left out: photos that are the same, with other labels",
            rejected["contradiction"],
        ],
        ["pairs of these", same["pairs"]],
        ["pairs that differ in gender", same["other_gender"]],
        ["years between the two ages of a pair, mean", same["years_apart"]],
        ["photos that are nearly a copy of another, kept in one split with it", near["photos"]],
    ]
    for model in MODELS:
        for part, words in (("younger", f"of people under {INFANT}"), ("others", "of all others")):
            found = trial["infants"][model][part]
            words = f"gender accuracy on the {found['photos']} test photos {words}, {NAMES[model]}"
            rows.append([words, _number(found["accuracy"], 3)])
    return _table(["", ""], [[str(cell) for cell in row] for row in rows])


def draw_curves(trials: Trials, path: Path) -> None:
    """The learning curves of the ablation's references: loss and metric of each task."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import MaxNLocator

    shown = {
        "gender_loss": "gender loss",
        "gender_accuracy": "gender accuracy",
        "age_loss": "age loss",
        "age_mae": "age MAE, years",
    }
    curves = {model: trials[reference(model)]["curves"][model] for model in MODELS}
    with plt.rc_context({"svg.hashsalt": "curves", "svg.fonttype": "none", "font.size": 9}):
        figure, axes = plt.subplots(2, 4, figsize=(12, 5.2), layout="constrained")
        for row, model in zip(axes, MODELS, strict=True):
            for axis, (name, label) in zip(row, shown.items(), strict=True):
                for split, style in (("train", "--"), ("validation", "-")):
                    values = curves[model][split][name]
                    axis.plot(range(1, len(values) + 1), values, style, label=split)
                axis.set_title(f"{NAMES[model]}: {label}")
                axis.set_xlabel("epoch")
                axis.xaxis.set_major_locator(MaxNLocator(integer=True))
                axis.spines[["top", "right"]].set_visible(False)
        axes[0][0].legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


Blocks = dict[str, Callable[[Trials], str]]
PAGES: dict[Path, Blocks] = {
    ROOT / "docs/results.md": {
        "test split": test_split,
        "minutes": minutes,
        "comparison": comparison,
        "ablation": ablation,
        "groups": groups,
        "data": data,
    },
    ROOT / "README.md": {"real faces": summary},
}


def written(text: str, blocks: Blocks, trials: Trials) -> str:
    """The text of a page with each block anew."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the page has no block '{name}'")
        content = block(trials)
        text = pattern.sub(lambda match, c=content: f"{match[1]}\n{c}\n{match[2]}", text)  # type: ignore[misc]
    return text


def _means(trials: Trials, model: str) -> list[str]:
    """Each test score of `best`, the mean over seeds and the standard deviation."""
    cells = []
    for _, task, key, digits in SCORES:
        values = [trials[f"best-{seed}"]["test"][model][task][key] for seed in SEEDS]
        mean, spread = statistics.mean(values), statistics.stdev(values)
        cells.append(f"**{mean:.{digits}f}** ± {spread:.{digits}f}")
    return cells


def _scored(trial: dict[str, Any], model: str) -> list[str]:
    scores = trial["test"][model]
    cells = [_interval(scores[task], key, digits) for _, task, key, digits in SCORES]
    return [*cells, _whole(trial, model)]


def _whole(trial: dict[str, Any], model: str) -> str:
    """The minutes of all stages that a model's training takes."""
    minutes = trial["minutes"][model]
    whole = minutes.keys() == STAGES[model].keys()
    return f"{sum(minutes.values()):.0f}" if whole else "-"


def _values(scores: dict[str, Any]) -> list[str]:
    return [f"{scores[task][key]:.{digits}f}" for _, task, key, digits in SCORES]


def _interval(scores: dict[str, Any], key: str, digits: int, sign: str = "") -> str:
    low, high = scores.get(f"{key}_low"), scores.get(f"{key}_high")
    value = _number(scores.get(key), digits, sign)
    if low is None or high is None:
        return value
    return f"{value} ({low:{sign}z.{digits}f} to {high:{sign}z.{digits}f})"


def _number(value: float | None, digits: int, sign: str = "") -> str:
    return "-" if value is None else f"{value:{sign}z.{digits}f}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads)]
    lines += [[*row, *[""] * (len(heads) - len(row))] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the pages and the picture anew."""
    trials = load()
    needed = {"source-report", *(f"best-{seed}" for seed in SEEDS), *map(reference, MODELS)}
    if missing := needed - trials.keys():
        raise SystemExit(
            f"error: {RESULTS.relative_to(ROOT)} lacks {', '.join(sorted(missing))}; "
            "run `python -m tools.trials ARCHIVE` first"
        )
    pages = {
        page: written(page.read_text("utf-8"), blocks, trials) for page, blocks in PAGES.items()
    }
    draw_curves(trials, CURVES)
    for page, text in pages.items():
        page.write_text(text, "utf-8")
        print(f"{page.relative_to(ROOT)} is written")


if __name__ == "__main__":
    main()
