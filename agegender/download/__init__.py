"""Photos and their labels from an archive, a folder or an address into one flat folder."""
