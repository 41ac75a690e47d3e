"""A saved model in the formats of other runtimes, and proof that it answers the same there."""
