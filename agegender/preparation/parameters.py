"""Parameters of the stages ``split`` and ``preprocess``."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from agegender.common.parameters import Section


class Split(Section):
    """Shares of the splits, and what counts as the same photo."""

    validation: Annotated[float, Field(gt=0, lt=1)]
    test: Annotated[float, Field(gt=0, lt=1)]
    near_duplicate_correlation: Annotated[float, Field(ge=0.9, le=1)]

    @model_validator(mode="after")
    def _leave_some_for_training(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError("validation and test together should be less than 1")
        return self


class Preprocess(Section):
    """How the TFRecords are cut into shards."""

    shard_records: Annotated[int, Field(ge=1, le=100_000)]
