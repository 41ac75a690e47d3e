"""Parameters of the stage ``download``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class Download(Section):
    """Where the photos come from."""

    source: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    sample_images: Annotated[int, Field(ge=1, le=1_000_000)]
