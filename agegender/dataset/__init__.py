"""Face photos on their way from an archive to TFRecords; no module here imports TensorFlow."""
