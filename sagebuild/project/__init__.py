"""A project: a folder that describes a pipeline, with its parameters, source code and data.

`file` reads `sagebuild.yaml`, whose text `yaml_text` parses.
"""
