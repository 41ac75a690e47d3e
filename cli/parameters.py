"""The whole of params.yaml."""

from pathlib import Path
from typing import Any, Self

from pydantic import model_validator
from ruamel.yaml import YAML, YAMLError

from agegender.analysis.parameters import Evaluate
from agegender.common.errors import UserError
from agegender.common.parameters import ImageSize, Section, Seed, Tasks, TrainOn
from agegender.custom.parameters import TrainCustom
from agegender.download.parameters import Download, DownloadWeights
from agegender.faces.parameters import Align
from agegender.preparation.parameters import Preprocess, Split
from agegender.report.parameters import Report
from agegender.vgg16.frozen.parameters import EmbedVgg16
from agegender.vgg16.parameters import TrainVgg16

PARAMETERS = Path("params.yaml")


class Document(Section):
    """Every parameter of the pipeline, one section per stage."""

    seed: Seed
    image_size: ImageSize
    tasks: Tasks
    train_on: TrainOn
    download: Download
    download_vgg16: DownloadWeights
    download_yunet: DownloadWeights
    split: Split
    preprocess: Preprocess
    align: Align
    embed_vgg16: EmbedVgg16
    train_custom: TrainCustom
    train_vgg16: TrainVgg16
    evaluate: Evaluate
    report: Report

    @model_validator(mode="after")
    def _choose_by_other_photos(self) -> Self:
        for name, training in (
            ("train_custom", self.train_custom),
            ("train_vgg16", self.train_vgg16),
        ):
            if self.train_on != "train" and (training.restore_best_weights or training.patience):
                raise ValueError(
                    f"{name}.restore_best_weights and {name}.patience choose by the validation "
                    f"photos; leave them out where train_on is {self.train_on}"
                )
        return self


def read_parameters() -> Document:
    """All of params.yaml, checked.

    Raises:
        UserError: it is missing, is not YAML, or a parameter is unknown, missing or wrong.
    """
    return parse(read_yaml(PARAMETERS))


def parse(values: Any) -> Document:
    """As `read_parameters`, of what params.yaml would hold."""
    try:
        return Document.parse(values)
    except UserError as error:
        raise UserError(f"{PARAMETERS}: {error}") from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file, by the reader that DVC uses, which knows 1e-4 for a number.

    Raises:
        UserError: it is missing, or not YAML.
    """
    try:
        return YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing here; run this in the project's folder") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
