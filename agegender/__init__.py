"""Age estimation and gender classification from a face photo: the library.

Nothing in here knows of DVC, of params.yaml or of where files live: functions take values and
return values. The scripts in ``stages/`` join them to the pipeline of dvc.yaml.
"""
