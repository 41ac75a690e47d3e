"""Random changes of photos, a function of the photos, the parameters and a key."""
