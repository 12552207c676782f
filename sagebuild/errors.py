"""Every error that sagebuild raises on purpose, as one tree."""


class SagebuildError(Exception):
    """Any error that sagebuild raises on purpose."""


class ParameterError(SagebuildError):
    """The parameter document asks for something that cannot be built."""


class ImageNotFoundError(ParameterError):
    """No container image exists for what was asked."""
