"""The errors of the encoders."""


class ClientError(Exception):
    """The script or its request is wrong."""


class UnsupportedFormatError(Exception):
    """The encoders do not know a content type."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"Content type {content_type} is not supported: write an input_fn or output_fn for it, or use "
            "application/json, text/csv or application/x-npy."
        )
