"""Parameters of the stage ``download_yunet``."""

from typing import Annotated

from pydantic import Field

from agegender.common.parameters import Section


class DownloadYunet(Section):
    """Where the weights of YuNet come from."""

    source: Annotated[str, Field(min_length=1)]
