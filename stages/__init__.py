"""One thin script a stage of dvc.yaml: read what is declared, call the library, write outputs."""
