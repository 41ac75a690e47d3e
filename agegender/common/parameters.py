"""The base of every section of parameters, the wording of its errors, and what several share."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from agegender.common.errors import UserError

Task = Literal["gender", "age"]

# What parameters were once called.
RENAMED = {
    "age_spread": "age_label_sigma",
    "average_decay": "ema_momentum",
    "base_batch_normalization": "backbone_batch_normalization",
    "base_learning_rate": "backbone_learning_rate",
    "best_epoch": "restore_best_weights",
    "convolutions": "convs_per_block",
    "members": "ensemble_size",
    "mirror": "tta_flip",
    "near_duplicate_bits": "near_duplicate_correlation",
    "shift_cells": "feature_shift",
    "threads": "intra_op_threads",
    "zooms": "tta_zooms",
}


def _without_repeats(tasks: list[Task]) -> list[Task]:
    if len(set(tasks)) != len(tasks):
        raise ValueError("each task may be listed once")
    return tasks


Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]
# VGG16's five poolings need 32 pixels; beyond 512 the faces of UTKFace are only blown up.
ImageSize = Annotated[int, Field(ge=32, le=512)]
Tasks = Annotated[list[Task], Field(min_length=1), AfterValidator(_without_repeats)]
TrainOn = Literal["train", "train+validation"]


class Section(BaseModel):
    """A section of parameters: unknown keys, wrong types and values out of range are rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @classmethod
    def parse(cls, values: Any, where: str = "") -> Self:
        """Check ``values``, as read from YAML, and return them as this section.

        Messages name the section as ``where``; all sections together have no name.

        Raises:
            UserError: one line that names every parameter that is wrong and why.
        """
        if not isinstance(values, Mapping):
            place = f"'{where}'" if where else "the file"
            raise UserError(f"{place} must be a mapping of parameters to values")
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise UserError("; ".join(_describe(error, where, cls))) from None


def _describe(error: ValidationError, where: str, section: type[BaseModel]) -> list[str]:
    """What is wrong, a phrase each."""
    phrases, renamed = [], set()
    # The unknown ones first: a new name is not missing where the old one stands.
    for problem in sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden"):
        location = [str(part) for part in problem["loc"]]
        parent, name = ".".join([*filter(None, [where]), *location[:-1]]), location[-1:]
        whole = ".".join(filter(None, [parent, *name]))
        if problem["type"] == "extra_forbidden":
            known = _fields_at(section, location[:-1])
            new = RENAMED.get(location[-1])
            if new in known:
                renamed.add((parent, new))
                phrases.append(f"{parent}: '{location[-1]}' is now '{new}'")
            else:
                phrases.append(f"'{whole}' is unknown; known here: {', '.join(known)}")
        elif problem["type"] == "missing":
            if (parent, *name) not in renamed:
                phrases.append(f"'{whole}' is missing")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            message = message.replace("Input should be", "should be")
            if problem["type"] == "value_error" and isinstance(problem["input"], Mapping):
                # Of several parameters together.
                phrases.append(f"'{whole}': {message}")
            else:
                phrases.append(f"'{whole}' is {problem['input']!r}, but {message}")
    return phrases


def _fields_at(section: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        annotation = section.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        section = annotation
    return sorted(section.model_fields)
