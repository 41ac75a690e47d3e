"""Parameters of the stage ``preprocess``."""

from typing import Annotated

from pydantic import Field

from agegender.parameters.base import Section


class Preprocess(Section):
    """How the TFRecords are cut into shards."""

    shard_records: Annotated[int, Field(ge=1, le=100_000)]
