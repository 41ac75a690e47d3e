"""What a model's predictions are worth: the table of scores, intervals, and metrics files."""
