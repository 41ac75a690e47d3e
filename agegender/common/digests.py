"""Files with their SHA-256, by which damage is found."""

import hashlib
import json
from pathlib import Path

from agegender.common.errors import UserError


def sha256(path: Path) -> str:
    """The SHA-256 of the file ``path``, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(index: Path, remedy: str) -> None:
    """Compare files with what ``index``, a JSON file beside them, lists under ``sha256``.

    Raises:
        UserError: a file is missing or has another content, or the index is no such file; with
            ``remedy``, what to do then.
    """
    try:
        listed = json.loads(index.read_text(encoding="utf-8"))["sha256"]
        files = {index.with_name(name): digest for name, digest in listed.items()}
    except FileNotFoundError:
        raise UserError(f"{index} is missing; {remedy}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{index} is damaged; {remedy}") from None
    for file, digest in files.items():
        if not file.is_file():
            raise UserError(f"{file} is missing; {remedy}")
        if sha256(file) != digest:
            raise UserError(f"{file} is damaged; {remedy}")
