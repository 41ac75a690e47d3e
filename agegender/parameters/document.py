"""The whole of params.yaml."""

from typing import Self

from pydantic import model_validator

from agegender.parameters.base import Section
from agegender.parameters.common import ImageSize, Seed, Tasks, TrainOn
from agegender.parameters.download import Download
from agegender.parameters.download_vgg16 import DownloadVgg16
from agegender.parameters.embed_vgg16 import EmbedVgg16
from agegender.parameters.evaluate import Evaluate
from agegender.parameters.preprocess import Preprocess
from agegender.parameters.report import Report
from agegender.parameters.split import Split
from agegender.parameters.train_custom import TrainCustom
from agegender.parameters.train_vgg16 import TrainVgg16


class Document(Section):
    """Every parameter of the pipeline, a section a stage."""

    seed: Seed
    image_size: ImageSize
    tasks: Tasks
    train_on: TrainOn
    download: Download
    download_vgg16: DownloadVgg16
    split: Split
    preprocess: Preprocess
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
            if self.train_on != "train" and (training.best_epoch or training.patience):
                raise ValueError(
                    f"{name}.best_epoch and {name}.patience choose by the validation photos; leave "
                    f"them out where train_on is {self.train_on}"
                )
        return self
