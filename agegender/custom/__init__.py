"""The custom CNN, trained from scratch."""
