"""Exceptions that speak to the person at the keyboard."""

from pathlib import Path


class UserError(Exception):
    """A mistake or a circumstance that the user can fix.

    Its message is one line: what is wrong, where, what was expected and what to do. Stages and
    the command line print it after ``error:`` and exit with status 1, without a traceback.
    """


class DamagedFileError(UserError):
    """A file that an earlier step wrote is missing, or is not what that step wrote.

    The message is ``path`` and the ``problem``; stages add how to write it again.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(path, problem)
        self.path = path
        self.problem = problem

    def __str__(self) -> str:
        return f"{self.path} {self.problem}"
