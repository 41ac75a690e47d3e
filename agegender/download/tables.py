"""Label tables: CSV files with one row per photo, and the tables of published data sets.

A table's header says what its columns are, in any order and case, see `COLUMNS`. Other columns
divide the photos into groups of people, if they have few different values.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import NamedTuple

from agegender.common.errors import UserError
from agegender.download.values import parse_age, parse_gender
from agegender.photos.labels import SPLIT_NAMES
from agegender.photos.photos import COMPUTED, NUMBERS

# What a column may be called, the best name first. `male` and `female` hold yes or no.
COLUMNS = {
    "file": (
        "file",
        "path",
        "image",
        "filename",
        "file_name",
        "img_path",
        "image_path",
        "image_name",
        "img",
    ),
    "age": ("age", "real_age"),
    "gender": ("gender", "sex", "male", "female"),
    "split": ("split",),
    "person": ("person", "identity", "subject", "user_id", "person_id", "subject_id"),
}
# Tables that are found in a source by their names: one of these, or else those of FairFace,
# Adience, APPA-REAL and AgeDB.
OWN_NAMES = ("labels.csv", "labels.tsv")
PUBLISHED_NAMES = ("fairface_label_*.csv", "fold_[0-9]_data.txt", "gt_avg_*.csv", "agedb.csv")
# A column of more different values divides nobody into groups.
MAX_GROUPS = 30
# What columns are called in files of the pipeline and in its tables; others may not have these
# names.
_TAKEN = {*NUMBERS, "file", "source", "bytes", "sha256", "reason", "person", "split"}
_TAKEN |= {"image", "thumbnail"}
_DELIMITERS = ",;\t|"


class _Form(NamedTuple):
    """How a published table differs from ours.

    ``columns`` are those that it is known by; ``files`` the paths that a row may mean, in the
    format of `str.format`, by default what stands in the column of files; ``ignored`` the columns
    that are no labels.
    """

    columns: set[str]
    files: tuple[str, ...]
    ignored: set[str]


_FORMS = (
    # https://talhassner.github.io/home/projects/Adience/Adience-data.html: aligned/ or faces/.
    _Form(
        {"user_id", "original_image", "face_id"},
        (
            "{user_id}/landmark_aligned_face.{face_id}.{original_image}",
            "{user_id}/coarse_tilt_aligned_face.{face_id}.{original_image}",
        ),
        {"x", "y", "dx", "dy", "tilt_ang", "fiducial_yaw_angle", "fiducial_score"},
    ),
    # https://chalearnlap.cvc.uab.cat/dataset/26/description: the face cut out of each photo.
    _Form(
        {"file_name", "apparent_age_avg", "real_age"},
        ("{file_name}_face.jpg",),
        {"num_ratings", "apparent_age_avg", "apparent_age_std"},
    ),
    # https://github.com/joojs/fairface
    _Form({"file", "service_test"}, (), {"service_test"}),
)


class Row(NamedTuple):
    """A row of a table.

    ``where`` it stands, for people; ``files`` are the paths that it may mean, relative to the
    table; ``labels`` what it says, by name; ``reason`` why it cannot be used, empty if it can.
    """

    where: str
    files: Sequence[str]
    labels: Mapping[str, str]
    reason: str


class Table(NamedTuple):
    """A table that was read: its rows, and how it was understood, in a line."""

    rows: list[Row]
    description: str


class _Header(NamedTuple):
    """Titles of columns: by meaning, the names of groups by title, and those that are ignored."""

    meanings: dict[str, str]
    groups: dict[str, str]
    ignored: list[str]
    files: tuple[str, ...]


def is_table(path: str) -> bool:
    """Whether a file may be a label table, by its name."""
    return _matches(path, OWN_NAMES + PUBLISHED_NAMES)


def choose_tables(paths: Iterable[str]) -> list[str]:
    """Which of the label tables of a source count: ours, or else all published ones."""
    paths = list(paths)
    return [path for path in paths if _matches(path, OWN_NAMES)] or paths


def _matches(path: str, patterns: Iterable[str]) -> bool:
    name = PurePosixPath(path).name.lower()
    return any(fnmatch(name, pattern) for pattern in patterns)


def read_table(name: str, content: bytes) -> Table:
    """Read a label table.

    Args:
        name: of the table, for people.
        content: of its file: UTF-8, UTF-16 or Windows-1252, with a header; its columns separated by
            commas, semicolons, tabs or bars.

    Raises:
        UserError: it is no table of labels.
    """
    text, encoding = _decode(content)
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        titles = [re.sub(r"[\s-]+", "_", title.strip().lower()) for title in next(lines, [])]
        rows = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines]
    except csv.Error as error:
        raise UserError(f"{name} is no table: {error}") from None
    rows = [(line, cells) for line, cells in rows if any(cells)]
    header = _understand(name, titles, [cells for _, cells in rows])
    separator = "tabs" if delimiter == "\t" else f"'{delimiter}'"
    described = [f"the label table: {len(rows):,} rows in {encoding}, separated by {separator}"]
    described += [
        f"{meaning} from {title}" for meaning, title in header.meanings.items() if title != meaning
    ]
    described += [f"groups by {', '.join(header.groups.values())}"] if header.groups else []
    described += [f"ignored: {', '.join(header.ignored)}"] if header.ignored else []
    return Table(
        [_row(f"{name}, row {line}", titles, cells, header) for line, cells in rows],
        "; ".join(described),
    )


def _decode(content: bytes) -> tuple[str, str]:
    """The text of a table, and the encoding that it was read in."""
    try:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return content.decode("utf-16"), "UTF-16"
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace"), "Windows-1252"


def _understand(name: str, titles: list[str], rows: Sequence[Sequence[str]]) -> _Header:
    """What the columns of a table mean.

    Raises:
        UserError: there is no column of files, or neither ages nor genders, or two of a name.
    """
    form = next((form for form in _FORMS if form.columns <= {*titles}), _Form(set(), (), set()))
    meanings = {
        meaning: next(title for title in synonyms if title in titles)
        for meaning, synonyms in COLUMNS.items()
        if {*synonyms} & {*titles}
    }
    found = f"its columns are {', '.join(titles)}"
    if "file" not in meanings and not form.files:
        raise UserError(f"{name} has no column of files ({', '.join(COLUMNS['file'])}); {found}")
    if not {"age", "gender"} & {*meanings}:
        raise UserError(f"{name} has neither a column age nor a column gender; {found}")
    if repeated := [title for title in titles if titles.count(title) > 1]:
        raise UserError(f"{name} has two columns '{repeated[0]}'; {found}")
    groups, ignored = {}, []
    for place, title in enumerate(titles):
        if title in meanings.values():
            continue
        values = {cells[place] for cells in rows if len(cells) > place} - {""}
        few = 0 < len(values) <= min(MAX_GROUPS, len(rows) / 2)
        if title and few and title not in form.columns | form.ignored:
            taken = title in _TAKEN or title.endswith(COMPUTED)
            groups[title] = f"{title}_" if taken else title
        else:
            ignored.append(title or "one without a title")
    return _Header(meanings, groups, ignored, form.files)


def _row(where: str, titles: Sequence[str], cells: list[str], header: _Header) -> Row:
    while len(cells) > len(titles) and not cells[-1]:
        cells.pop()
    values = dict(zip(titles, cells, strict=False))
    known = dict.fromkeys(COLUMNS, "")
    known |= {meaning: values.get(title, "") for meaning, title in header.meanings.items()}
    if len(cells) != len(titles):
        reason = f"{len(cells)} values for {len(titles)} columns"
        return Row(where, [known["file"]], {}, reason)
    files = [form.format(**values) for form in header.files] or [known["file"]]
    try:
        labels = {
            "age": parse_age(known["age"]),
            "gender": parse_gender(known["gender"], header.meanings.get("gender", "")),
            "split": _parse_split(known["split"]),
        }
    except ValueError as error:
        return Row(where, files, {}, str(error))
    if not labels["age"] and not labels["gender"]:
        return Row(where, files, {}, "neither age nor gender is known")
    labels["person"] = known["person"]
    labels |= {name: values[title] for title, name in header.groups.items()}
    words = {name: " ".join(value.split()) for name, value in labels.items() if value}
    return Row(where, files, words, "")


def _parse_split(text: str) -> str:
    if text and text.lower() not in SPLIT_NAMES:
        raise ValueError(f"the split '{text}' is not train, validation or test")
    return SPLIT_NAMES.get(text.lower(), "")
