"""What a model's predictions are worth: metrics, intervals, groups and the data of plots."""
