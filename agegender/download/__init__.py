"""Photos from an archive, a folder or an address into one flat folder with a manifest."""
