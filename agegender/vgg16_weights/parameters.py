"""Parameters of the stage ``download_vgg16``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class DownloadVgg16(Section):
    """Where the ImageNet weights of VGG16 come from."""

    source: Annotated[str, Field(min_length=1)]
