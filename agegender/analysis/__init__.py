"""Where a model fails, how far two differ, and the data of the plots."""
