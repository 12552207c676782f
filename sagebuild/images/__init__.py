"""Which container image a build trains and serves in.

`table` resolves AWS's own images from images.json, without the SDK. `byod` plans the images that a build makes from a
person's Dockerfiles. `containers` chooses between the two.
"""
