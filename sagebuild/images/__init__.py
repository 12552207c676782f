"""The container images in which a build trains and serves.

`table` finds AWS's images in images.json, without the SageMaker SDK. `byod` plans the images that a build makes from
your Dockerfiles. `identify` finds what an image is. `containers` chooses between the two.
"""
