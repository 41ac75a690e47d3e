"""What params.yaml may say: one module a section, each a pydantic model."""
