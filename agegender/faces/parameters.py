"""Parameters of the stage ``align``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class Align(Section):
    """How the template of crops is measured."""

    photos: Annotated[int, Field(ge=1)]
