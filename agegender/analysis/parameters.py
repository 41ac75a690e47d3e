"""Parameters of the stage ``evaluate``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class Evaluate(Section):
    """How a model is scored on the test split."""

    bootstrap_samples: Annotated[int, Field(ge=100, le=1_000_000)]
    batch_size: Annotated[int, Field(ge=1, le=65_536)]
    corruption_photos: Annotated[int, Field(ge=0)]
    occlusion_photos: Annotated[int, Field(ge=0)]
