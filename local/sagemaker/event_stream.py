"""Encodes the events of a streamed answer: https://smithy.io/2.0/aws/amazon-eventstream.html."""

import struct
import zlib
from collections.abc import Mapping

_STRING = 7  # the type of a header's value


def encode_event(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Return one message of application/vnd.amazon.eventstream."""
    encoded = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", _STRING, len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(encoded) + len(payload), len(encoded))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack("!I", zlib.crc32(message))


def encode_part(payload: bytes) -> bytes:
    """Return a PayloadPart of InvokeEndpointWithResponseStream."""
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    return encode_event(headers, payload)


def encode_failure(message: str) -> bytes:
    """Return the ModelStreamError with which SageMaker ends a stream that broke off."""
    headers = {":exception-type": "ModelStreamError", ":content-type": "application/json", ":message-type": "exception"}
    escaped = message.replace("\\", "\\\\").replace('"', '\\"')
    return encode_event(headers, f'{{"Message": "{escaped}", "ErrorCode": "StreamBroken"}}'.encode())
