"""Data capture: writes requests and answers of an endpoint to S3, as JSON lines.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html has the path of a file and the
form of a line.
"""

import base64
import json
import random
import threading
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from local.sagemaker.objects import ObjectError, Objects
from local.sagemaker.resources import Json

_MODES = {"Input": "endpointInput", "Output": "endpointOutput"}


class DataCapture:
    """The DataCaptureConfig of an endpoint configuration.

    Parameters
    ----------
    settings
        The DataCaptureConfig.
    endpoint, variant
        The names in the path of a file.
    objects
        S3 in the role of the model.
    """

    def __init__(self, settings: Json, endpoint: str, variant: str, objects: Objects) -> None:
        self._settings, self._objects = settings, objects
        self._folder = f"{settings['DestinationS3Uri'].rstrip('/')}/{endpoint}/{variant}"
        wanted = {option["CaptureMode"] for option in settings["CaptureOptions"]}
        self._modes = [mode for mode in _MODES if wanted & {mode, "InputAndOutput"}]
        types: Json = settings.get("CaptureContentTypeHeader") or {}
        self._texts = {
            **dict.fromkeys(types.get("CsvContentTypes") or (), "CSV"),
            **dict.fromkeys(types.get("JsonContentTypes") or (), "JSON"),
        }

    def record(self, parts: dict[str, tuple[str, bytes]], inference_id: str | None) -> None:
        """Write a request and its answer in the background, if the sample includes it.

        SageMaker collects records for some minutes before it writes a file; this engine writes a file for each.

        Parameters
        ----------
        parts
            The content types and bodies, by "Input" and "Output".
        """
        if random.random() * 100 < self._settings["InitialSamplingPercentage"]:
            moment = datetime.now(UTC)
            line = json.dumps(self._describe(parts, inference_id, moment), ensure_ascii=False)
            threading.Thread(target=self._write, args=(line, moment), name="data capture", daemon=True).start()

    def _describe(self, parts: dict[str, tuple[str, bytes]], inference_id: str | None, moment: datetime) -> Json:
        event = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"}
        return {
            "captureData": {_MODES[mode]: self._encode(mode, *parts[mode]) for mode in self._modes},
            "eventMetadata": event | ({"inferenceId": inference_id} if inference_id else {}),
            "eventVersion": "0",
        }

    def _encode(self, mode: str, content_type: str, body: bytes) -> Json:
        encoding = self._texts.get(content_type.partition(";")[0].strip().lower(), "BASE64")
        data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
        return {"observedContentType": content_type, "mode": mode.upper(), "data": data, "encoding": encoding}

    def _write(self, line: str, moment: datetime) -> None:
        name = f"{moment:%Y/%m/%d/%H/%M-%S}-{moment.microsecond // 1000:03}-{uuid.uuid4()}.jsonl"
        with suppress(ObjectError):  # as on AWS, invocations succeed; the audit shows that the role may not write
            self._objects.store(f"{line}\n".encode(), f"{self._folder}/{name}")
