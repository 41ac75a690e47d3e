"""Model cards, which travel with the models: what one learned from, what it scores, where it fails.

As JSON, and as Markdown with the header that model hubs read (Mitchell and others, Model Cards for
Model Reporting, FAT* 2019; the fields are Hugging Face's).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field

from agegender.common.errors import DamagedFileError
from agegender.common.files import atomic_write, read_limited, sha256
from agegender.evaluation.scores import PRIMARY_METRICS, SCORES, Score, primary_metric
from agegender.report import prose
from agegender.report.results import Model
from agegender.report.settings import redacted
from agegender.report.templates import TEMPLATES

# Cards have about 10 kB.
MAX_BYTES = 1_000_000
Text = Annotated[str, Field(max_length=10_000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = int | float | None
# The contents of a metrics file.
Metrics = dict[Text, Number | dict[Text, Number | dict[Text, Number]]]


class OtherCardError(DamagedFileError):
    """The card next to a model is another model's."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ExportedFile(_Part):
    """A file or folder that a model was exported to.

    Attributes:
        name: of the file or folder.
        form: its format.
        weights: how kernels are stored.
        views: all, or one, without test-time augmentation.
        sha256: of each file, by path.
        differences: from Keras, the largest of each output.
    """

    name: Text
    form: Text
    weights: Text
    views: Text
    sha256: dict[Text, Sha256]
    differences: dict[Text, float]


class Card(_Part):
    """What is to be known of a model.

    Attributes:
        name: of its file, without the suffix.
        title: of the network.
        sha256: of the pipeline's model file.
        image_size: pixels a side of the photos that it takes.
        tasks: gender, age or both.
        source: of the photos.
        photos: how many were in each split.
        leaks: test photos with a copy, or another photo of the same person, in another split, which
            a published split may have.
        train_on: the splits that it was trained on.
        metrics: the contents of its metrics file, of the test split.
        failing: for each task, whom it does significantly worse for, in words.
        parameters: of its training, with the seed.
        template: where eyes, nose and mouth lie in its training photos, as shares of a side, where
            that was measured.
        license: of the photos and the model, in words.
        commit: of the code that exported it.
        file: what it was exported to.
    """

    name: Text
    title: Text
    sha256: Sha256
    image_size: Annotated[int, Field(ge=1, le=4096)]
    tasks: list[Text]
    source: Text
    photos: dict[Text, int]
    leaks: Annotated[int, Field(ge=0)] = 0
    train_on: Text
    metrics: Metrics
    failing: dict[Text, list[Text]]
    parameters: dict[Text, Any]
    template: dict[Text, Any] | None
    license: Text
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{7,64}$")] | None = None
    file: ExportedFile | None = None

    def scored(self) -> list[tuple[Score, Mapping[str, Any]]]:
        """Each score that it has, with the metrics that hold its value and interval."""
        by_task = {task: self.metrics.get(task) for task in ("gender", "age")}
        return [
            (score, values)
            for score in SCORES
            if isinstance(values := by_task[score.task], dict) and score.name in values
        ]


def make_card(
    model: Model,
    counts: Mapping[str, Any],
    parameters: Mapping[str, Any],
    template: dict[str, Any] | None,
    sha256: str,
) -> Card:
    """The card of a model.

    Args:
        model: its results.
        counts: the contents of metrics/split.json.
        parameters: of every stage, by section.
        template: see `Card`.
        sha256: of the model's file.
    """
    source = parameters["download"]["source"]
    images, seed = counts["images"], model.training["seed"]
    return Card(
        name=model.name,
        title=model.title,
        sha256=sha256,
        image_size=parameters["image_size"],
        tasks=model.tasks,
        source=redacted(source),
        photos={name: images[name] for name in ("train", "validation", "test")},
        leaks=counts["protocol"]["leaks"]["test_photos"] if "protocol" in counts else 0,
        train_on=parameters["train_on"],
        metrics=dict(model.metrics),
        failing={
            task: [
                prose.gap(primary_metric(task, model.predictions), gap)
                for gap in model.gaps(task)
                if not gap.size.includes_zero
            ]
            for task in model.tasks
        },
        parameters={**model.training, "seed": parameters["seed"] if seed is None else seed},
        template=template,
        license=_license(source, model.name),
    )


def _license(source: str, name: str) -> str:
    """The terms of a model, by the source of its photos and its name."""
    words = (
        "The model learned from portraits that this project draws; code and portraits are under "
        "the MIT license."
        if source == "sample"
        else "The photos have their own terms, and the model inherits them. UTKFace is for "
        "non-commercial research only."
    )
    if name == "vgg16":
        words += (
            " VGG16’s authors published its weights under a Creative Commons Attribution license; "
            "ImageNet’s photos are for non-commercial research."
        )
    return words


def write_card(path: Path, card: Card) -> None:
    """Write ``card`` to the JSON file ``path``, and as Markdown to the ``.md`` of that name."""
    with atomic_write(path) as temporary:
        temporary.write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    with atomic_write(path.with_suffix(".md")) as temporary:
        temporary.write_text(markdown(card), encoding="utf-8")


def read_card(path: Path) -> Card:
    """What `write_card` wrote to ``path``; nothing in it is run.

    Raises:
        DamagedFileError: it is missing, too large, or something else.
    """
    content = read_limited(path, MAX_BYTES)
    try:
        card = Card.model_validate_json(content)
        # That shows whether its metrics, which have no fixed form, can be written.
        markdown(card)
    except Exception:
        raise DamagedFileError(path, "is damaged: it is no model card") from None
    return card


def card_of(model: Path) -> Card | None:
    """The card that lies next to a model; None where there is none.

    Raises:
        OtherCardError: it is another model's.
        DamagedFileError: it is damaged.
    """
    path = model.with_suffix(".card.json")
    if not path.exists():
        return None
    card = read_card(path)
    if sha256(model) not in (card.sha256, *(card.file.sha256.values() if card.file else ())):
        raise OtherCardError(
            path, f"is the card of another model than {model}; a model travels with its own"
        )
    return card


def markdown(card: Card) -> str:
    """The card as Markdown, with the header that model hubs read."""
    header = yaml.safe_dump(_header(card), allow_unicode=True, sort_keys=False, width=100)
    baseline = card.metrics.get("baseline") or {}
    return TEMPLATES.get_template("card.md").render(card=card, header=header, baseline=baseline)


def _header(card: Card) -> dict[str, Any]:
    metrics = [
        {"type": score.name, "name": score.title, "value": values[score.name]}
        for score, values in card.scored()
        if score in PRIMARY_METRICS[score.task] and not pd.isna(values[score.name])
    ]
    dataset = {"name": card.source, "type": card.source, "split": "test"}
    task = {"type": "image-classification", "name": f"{' and '.join(card.tasks)} from a face photo"}
    return {
        **(
            {"license": "mit"}
            if card.source == "sample" and card.name != "vgg16"
            else {"license": "other", "license_name": "terms-of-the-photos-and-weights"}
        ),
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "tags": ["keras", "face", *(f"{each}-estimation" for each in card.tasks)],
        "metrics": [metric["type"] for metric in metrics],
        "model-index": [
            {
                "name": card.name,
                "results": [{"task": task, "dataset": dataset, "metrics": metrics}],
            }
        ],
    }
