"""The parameters that both training stages share."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agegender.common.parameters import Section, Seed

Units = Annotated[int, Field(ge=1, le=65_536)]
LearningRate = Annotated[float, Field(gt=0, le=10)]
Zoom = Annotated[float, Field(ge=0.5, le=2)]
Weight = Annotated[float, Field(gt=0, le=1000)]


class Training(Section):
    """How a network is trained."""

    seed: Seed | None
    ensemble_size: Annotated[int, Field(ge=1, le=32)]
    dense_units: list[Units]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    batch_normalization: bool
    age_head: Literal["linear", "distribution"]
    age_estimate: Literal["expectation", "median"]
    age_label_sigma: Annotated[float, Field(gt=0, le=50)]
    tta_flip: bool
    tta_zooms: list[Zoom]
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: LearningRate
    schedule: Literal["constant", "cosine"]
    warmup_epochs: Annotated[int, Field(ge=0, le=100_000)]
    weight_decay: Annotated[float, Field(ge=0, le=10)]
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]
    gender_weight: Weight
    age_weight: Weight
    balance: Annotated[float, Field(ge=0, le=1)]
    ema_momentum: Annotated[float, Field(ge=0, lt=1)]
    restore_best_weights: bool
    patience: Annotated[int, Field(ge=0, le=100_000)]
    precision: Literal["float32", "bfloat16"]
    intra_op_threads: Annotated[int, Field(ge=1, le=256)]
    strategy: Literal["auto", "mirrored", "multi_worker"]

    def seed_or(self, seed: int) -> int:
        """The section's own seed; where it has none, this one."""
        return seed if self.seed is None else self.seed

    @model_validator(mode="after")
    def _warm_up_before_the_end(self) -> Self:
        if self.warmup_epochs and self.schedule == "constant":
            raise ValueError("warmup_epochs needs schedule: cosine")
        if self.warmup_epochs >= self.epochs:
            raise ValueError("warmup_epochs should be less than epochs")
        return self
