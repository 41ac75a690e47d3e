"""Files that people share through Google Drive."""

from pathlib import Path

import gdown
import requests
from gdown.exceptions import DownloadError, FileURLRetrievalError
from gdown.parse_url import parse_url

from agegender.common.console import transfer
from agegender.common.errors import UserError

# The archive 'Aligned&Cropped Faces' that https://susanqq.github.io/UTKFace/ links to.
UTKFACE_ID = "0BxYys69jI14kYVM3aVhKS1VhRUk"
UTKFACE_PAGE = "https://susanqq.github.io/UTKFace/"

_SECONDS = (15, 60)
_RETRIES = 5


def drive_id(address: str) -> str | None:
    """The id of the shared file that ``address`` links to; None if it links elsewhere."""
    return parse_url(address)[0]


def fetch_shared(file_id: str, folder: Path, name: str, page: str) -> Path:
    """Download the shared file ``file_id`` and return its path in ``folder``.

    Args:
        file_id: as Google Drive's links name it.
        folder: for this file alone; what a broken download left there is used.
        name: of the file, for messages.
        page: where a person finds the file, for messages.

    Raises:
        UserError: Google Drive does not hand it out, or cannot be reached.
    """
    output = folder / "whole"
    by_hand = f"fetch it with a browser from {page} and give the file's path"
    try:
        with transfer(name) as progress:

            def show(done: int, total: int | None) -> None:
                progress.total = total
                progress.advance(done - progress.done)

            gdown.download(
                id=file_id,
                output=str(output),
                quiet=True,
                use_cookies=False,
                resume=True,
                progress=show,
                timeout=_SECONDS,
                retries=_RETRIES,
            )
    except FileURLRetrievalError as error:
        raise UserError(
            f"Google Drive does not hand out {name}: {_reason(error)}; "
            f"try again in a day, or {by_hand}"
        ) from None
    except requests.HTTPError as error:
        status = error.response.status_code
        raise UserError(f"Google Drive refuses {name} (HTTP {status}); {by_hand}") from None
    except (DownloadError, requests.RequestException) as error:
        raise UserError(
            f"{name} did not come from Google Drive: {_reason(error)}; "
            f"running this again goes on with what has come, or {by_hand}"
        ) from None
    return output


def _reason(error: Exception) -> str:
    """The message that gdown wraps in advice of its own, in one line."""
    text = str(error).removeprefix("Failed to retrieve file url:").strip()
    return " ".join(text.split("\n\n")[0].split()).rstrip(".")
