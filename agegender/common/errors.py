"""The one exception that speaks to the person at the keyboard."""


class UserError(Exception):
    """A mistake or a circumstance that the user can fix.

    Its message is one line: what is wrong, where, what was expected and what to do. Stages and
    the command line print it after ``error:`` and exit with status 1, without a traceback.
    """
