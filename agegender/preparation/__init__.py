"""From raw photos to splits without leaks and photos of one size."""
