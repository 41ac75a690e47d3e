"""The whole of params.yaml."""

from typing import Self

from pydantic import model_validator

from agegender.analysis.parameters import Evaluate
from agegender.common.parameters import ImageSize, Section, Seed, Tasks, TrainOn
from agegender.custom.parameters import TrainCustom
from agegender.download.parameters import Download, DownloadWeights
from agegender.faces.parameters import Align
from agegender.preparation.parameters import Preprocess, Split
from agegender.report.parameters import Report
from agegender.vgg16.frozen.parameters import EmbedVgg16
from agegender.vgg16.parameters import TrainVgg16


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
