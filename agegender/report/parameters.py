"""Parameters of the stage ``report``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class Report(Section):
    """What the report shows."""

    gallery_images: Annotated[int, Field(ge=0, le=100)]
