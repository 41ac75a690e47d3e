"""The parameters that both training stages share."""

from typing import Annotated

from pydantic import Field

from agegender.parameters.base import Section

Units = Annotated[int, Field(ge=1, le=65_536)]


class Training(Section):
    """How a network is trained; the defaults in params.yaml are the source report's."""

    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    dense_units: list[Units]
    threads: Annotated[int, Field(ge=1, le=256)]
