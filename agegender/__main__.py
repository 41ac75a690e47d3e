"""``python -m agegender``: the command line of the project, which lives in ``cli/``."""

from stages.common import environment

if __name__ == "__main__":
    environment.seal()

    from cli.main import main

    main()
