"""What the project promises about speed and memory, measured against the usual way."""
