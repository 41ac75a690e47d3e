"""``python -m agegender``: the command line of the project, which lives in ``cli/``."""

from cli.main import main

if __name__ == "__main__":
    main()
