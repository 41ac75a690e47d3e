"""Draw people into a folder with a label table: ``python -m portraits FOLDER``."""

import argparse
from pathlib import Path

from portraits.album import draw_album


def main() -> None:
    """Draw what the arguments say."""
    parser = argparse.ArgumentParser("python -m portraits", description=__doc__)
    parser.add_argument("folder", type=Path, help="where photos/ and labels.csv go")
    parser.add_argument("--people", type=int, default=200, help="number of people")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    arguments = parser.parse_args()
    draw_album(arguments.folder, arguments.people, arguments.seed)
    print(f"{arguments.people:,} people drawn, with labels.csv: {arguments.folder}")


if __name__ == "__main__":
    main()
