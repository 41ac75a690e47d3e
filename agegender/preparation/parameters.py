"""Parameters of the stages ``split`` and ``preprocess``."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from agegender.common.parameters import Section


class Split(Section):
    """Who is in which split, and what counts as the same photo."""

    file: Annotated[str, Field(min_length=1)]
    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    folds: Annotated[int, Field(ge=0, le=100)]
    fold: Annotated[int, Field(ge=0)]
    near_duplicate_correlation: Annotated[float, Field(ge=0.9, le=1)]

    @model_validator(mode="after")
    def _leave_some_for_training(self) -> Self:
        if self.folds == 1:
            raise ValueError("folds should be 0, for none, or at least 2")
        if self.fold and self.fold >= self.folds:
            raise ValueError(f"fold should be less than folds, which is {self.folds}")
        test = 1 / self.folds if self.folds else self.test
        if self.validation + test >= 1:
            name = "the fold to test" if self.folds else "test"
            raise ValueError(f"validation and {name} together should be less than 1")
        return self


class Preprocess(Section):
    """How the TFRecords are cut into shards."""

    shard_records: Annotated[int, Field(ge=1, le=100_000)]
