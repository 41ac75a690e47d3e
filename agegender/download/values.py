"""Ages and genders as people write them in tables."""

import re

from agegender.photos.labels import GENDERS, MAX_AGE

# Where an open range ends, such as 60+ or 70-120: few people are older, and an even label up to
# MAX_AGE would be one of people who hardly exist.
OPEN_END = 90
_UNKNOWN = {"", "-", "?", "n/a", "na", "nan", "none", "null", "u", "unknown"}
_GENDERS = {
    "male": {"0", "0.0", "m", "male", "man", "boy"},
    "female": {"1", "1.0", "f", "female", "woman", "girl"},
}
# In a column that is called male or female.
_YES, _NO = ("1", "1.0", "yes", "true"), ("0", "0.0", "-1", "no", "false")
_NUMBER = re.compile(r"(\d{1,4})(?:[.,](\d+))?")
_RANGE = re.compile(
    r"(\d{1,4})\s*[-\u2013]\s*(\d{1,4})|[(\[]\s*(\d{1,4})\s*[,-]\s*(\d{1,4})\s*[)\]]"
)
_OPEN = re.compile(r"(\d{1,4})\s*\+|(?:more than|over|>=?|\u2265)\s*(\d{1,4})", re.IGNORECASE)


def parse_age(text: str) -> str:
    """An age in years, ``31``, or a range, ``25-32``; empty where ``text`` says it is unknown.

    Raises:
        ValueError: it is neither, with the reason.
    """
    text = text.strip()
    if text.casefold() in _UNKNOWN:
        return ""
    if match := _NUMBER.fullmatch(text):
        years, decimals = int(match[1]), (match[2] or "").rstrip("0")
        low = high = years + bool(decimals)
        written = f"{years}.{decimals}" if decimals else str(years)
    elif match := _RANGE.fullmatch(text):
        low, high = (int(age) for age in match.groups() if age)
        written = f"{low}-{high}" if low != high else str(low)
    elif match := _OPEN.fullmatch(text):
        low, high = int(match[1] or match[2]), MAX_AGE + 1
    else:
        raise ValueError(f"the age '{text}' is no number and no range")
    if low > MAX_AGE or high < low:
        raise ValueError(f"the age '{text}' is not within 0 to {MAX_AGE}")
    if high > MAX_AGE:
        return f"{low}-{OPEN_END}" if low < OPEN_END else str(low)
    return written


def parse_gender(text: str, title: str = "gender") -> str:
    """One of `GENDERS`; empty where ``text`` says that it is unknown.

    Args:
        text: a word, or 0 for male and 1 for female, as in UTKFace.
        title: of its column: in one called ``male`` or ``female``, 1 says that the person is.

    Raises:
        ValueError: it is none, with the reason.
    """
    word = text.strip().casefold()
    if word in _UNKNOWN:
        return ""
    if title in GENDERS and word in (*_YES, *_NO):
        return GENDERS[(title == "female") == (word in _YES)]
    for gender in GENDERS:
        if word in _GENDERS[gender]:
            return gender
    raise ValueError(f"the gender '{text.strip()}' is none of 0, 1, m, f, male, female, man, woman")
