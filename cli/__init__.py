"""The command line: python -m agegender, used from the project's folder."""
