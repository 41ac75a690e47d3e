"""What of an address or a path may stand in messages and in a report that is sent around."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from agegender.common.errors import UserError


def redact_url(address: str) -> str:
    """``address`` without what may be secret in it: user, password, query, fragment.

    Raises:
        UserError: it is no address.
    """
    try:
        parts = urlsplit(address)
    except ValueError as error:
        raise UserError(f"this is no address: {error}") from None
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def redact_source(source: str) -> str:
    """A source of photos without secrets or folders: a path's last name, an address redacted."""
    return redact_url(source) if "://" in source else PurePosixPath(source).name or source
