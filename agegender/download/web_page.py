"""Web pages that are served in place of a file: notices, login forms, errors."""

import re

_BEGINNING = re.compile(
    r"(<\?xml[^>]*>|<!--.*?-->|\s)*<(!doctype html|html|head|title|body|script)"
)
_QUOTA = re.compile(r"quota|too many users have viewed or downloaded|too many (accesses|requests)")
_LOGIN = re.compile(r"type\s*=\s*[\"']?password|log ?in\b|sign[ -]?in\b")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.DOTALL | re.IGNORECASE)


def describe_page(head: bytes, content_type: str = "") -> str | None:
    """What kind of web page begins with ``head``; None if it is none.

    Args:
        head: the first bytes of a file; some ten thousand are enough.
        content_type: what the server calls it.
    """
    text = head.decode("utf-8", "replace").lstrip("\ufeff")
    lower = text.lower()
    named_so = "html" in content_type.lower() and b"\0" not in head
    if not (named_so or _BEGINNING.match(lower)):
        return None
    if _QUOTA.search(lower):
        return "a notice that too many people have fetched it; try again in a day"
    if _LOGIN.search(lower):
        return "a login form; fetch the file with a browser and give its path"
    title = _TITLE.search(text)
    words = " ".join(title[1].split()) if title else ""
    shown = "".join(character for character in words[:60] if character.isprintable())
    return f"a web page ('{shown}')" if shown else "a web page"
