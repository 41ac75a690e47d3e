"""The base of every section of parameters, the wording of its errors, and what several share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agegender.common.errors import UserError

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


class Section(BaseModel):
    """A section of params.yaml: unknown keys, wrong types and values out of range are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def parse(cls, values: Any, where: str = "") -> Self:
        """Check ``values``, as read from YAML, and return them as this section.

        Args:
            values: a mapping from parameter to value.
            where: the section's name in params.yaml, for messages; empty for the whole file.

        Raises:
            UserError: one line that names every parameter that is wrong and why.
        """
        if not isinstance(values, Mapping):
            place = f"'{where}'" if where else "the file"
            raise UserError(f"params.yaml: {place} must be a mapping of parameters to values")
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            problems = "; ".join(_describe(problem, where, cls) for problem in error.errors())
            raise UserError(f"params.yaml: {problems}") from None


def _describe(problem: Any, where: str, section: type[BaseModel]) -> str:
    location = [str(part) for part in problem["loc"]]
    name = ".".join(([where] if where else []) + location)
    if problem["type"] == "extra_forbidden":
        siblings = _fields_at(section, location[:-1])
        return f"'{name}' is unknown; known here: {', '.join(siblings)}"
    if problem["type"] == "missing":
        return f"'{name}' is missing"
    message = problem["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "should be")
    if problem["type"] == "value_error" and isinstance(problem["input"], Mapping):
        # Of several parameters together.
        return f"'{name}': {message}"
    return f"'{name}' is {problem['input']!r}, but {message}"


def _fields_at(section: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        annotation = section.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        section = annotation
    return sorted(section.model_fields)
