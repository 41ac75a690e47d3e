"""Parameters of the stages that download."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from agegender.common.parameters import Section


class Download(Section):
    """Where the photos come from."""

    source: Annotated[str, Field(min_length=1)]
    labels: Annotated[str, Field(min_length=1)] | None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    sample_images: Annotated[int, Field(ge=1, le=1_000_000)]

    @model_validator(mode="after")
    def _label_photos_of_ones_own(self) -> Self:
        if self.labels is not None and self.source == "sample":
            raise ValueError("labels are those of a source; the sample photos have theirs")
        return self


class DownloadWeights(Section):
    """Where the weights of a published network come from."""

    source: Annotated[str, Field(min_length=1)]
