"""``python -m agegender inspect``: photos and their labels, before anything runs."""

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby

from agegender.common.errors import UserError
from agegender.download.manifest import Entry
from agegender.download.paths import local_file, local_path
from agegender.download.source import plan
from stages.common.stage import project_root

# Characters of the longest bar.
_WIDTH = 40


def inspect(arguments: argparse.Namespace) -> None:
    """Print what ``download`` would keep of a source, with the distribution of each label.

    The photos themselves are not opened: which of them are corrupt or copies, ``split`` finds out.

    Raises:
        UserError: it cannot be read, or leaves no photo with labels.
    """
    source, labels, base = arguments.source, arguments.labels, project_root()
    if "://" in source:
        raise UserError(f"{source} is an address; download it, and give the path of the file")
    table = None if labels is None else local_file(labels, base)
    entries = plan(local_path(source, base), source, table)
    kept = [entry for entry in entries if not entry.reason]
    rejected = [entry for entry in entries if entry.reason]
    others = f"{len(rejected):,} other {'file' if len(rejected) == 1 else 'files and rows'}"
    print(f"{source}: {len(kept):,} photos would be kept; {others}")
    _print_reasons(rejected)
    ages = [entry.labels["age"] for entry in kept if "age" in entry.labels]
    ranges = sum("-" in age for age in ages)
    print(f"\nage: known of {len(ages):,} photos, of {ranges:,} as a range")
    _print_bars(Counter(map(_span, sorted(ages, key=_middle))))
    for label in dict.fromkeys(label for entry in kept for label in entry.labels):
        values = Counter(entry.labels[label] for entry in kept if label in entry.labels)
        known = f"known of {values.total():,} photos"
        if label == "person":
            print(f"\nperson: {known}, {len(values):,} people; the photos of one share a split")
        elif label != "age":
            print(f"\n{label}: {known}")
            _print_bars(Counter(sorted(values.elements())))


def _print_reasons(rejected: Iterable[Entry]) -> None:
    """Print each kind of reason once, with the number of files and one of them."""

    def kind(entry: Entry) -> str:
        # Without what is of one file.
        return re.sub(r"'.*'|\(.*\)|\d+", "…", entry.reason)

    groups = [list(group) for _, group in groupby(sorted(rejected, key=kind), kind)]
    for group in sorted(groups, key=len, reverse=True):
        where = group[0].source or group[0].file
        print(f"  {len(group):>6,}  {group[0].reason}; {'such as ' * (len(group) > 1)}{where}")


def _middle(age: str) -> float:
    ends = [float(end) for end in age.split("-")]
    return sum(ends) / len(ends)


def _span(age: str) -> str:
    """A range, or the decade of an age."""
    start = int(_middle(age)) // 10 * 10
    return age if "-" in age else f"{start}-{start + 9}"


def _print_bars(counts: Counter[str]) -> None:
    for name, count in counts.items():
        bar = "█" * round(_WIDTH * count / max(counts.values()))
        print(f"  {name:<{max(map(len, counts))}}  {count:>7,}  {bar}".rstrip())
