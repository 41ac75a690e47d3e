"""The parameters at the top level of params.yaml, which several stages share."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

Task = Literal["gender", "age"]


def _without_repeats(tasks: list[Task]) -> list[Task]:
    if len(set(tasks)) != len(tasks):
        raise ValueError("each task may stand there once")
    return tasks


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
# VGG16's five poolings need 32 pixels; beyond 512 the faces of UTKFace are only blown up.
ImageSize = Annotated[int, Field(ge=32, le=512)]
Tasks = Annotated[list[Task], Field(min_length=1), AfterValidator(_without_repeats)]
TrainOn = Literal["train", "train+validation"]
