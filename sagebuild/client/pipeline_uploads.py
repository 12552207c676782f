"""The methods of a pipeline that upload data, source code and models."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from sagebuild.client import uploads
from sagebuild.client.upload_results import Upload
from sagebuild.service import Service


class PipelineUploads:
    """The base class of `Pipeline` that holds its uploads."""

    service: Service

    def upload_data(
        self, path: str | Path, prefix: str = "train/", *, hidden: bool = False, progress: bool = True
    ) -> Upload:
        """Upload a file, or all files of a folder, to the data bucket.

        Hidden files, caches, empty files and broken links of a folder are left out, with a warning that names them.

        Parameters
        ----------
        prefix
            The key prefix in the pipeline's folder; a build reads train/ unless the parameter ``channels`` names
            another.
        hidden
            Include hidden files and folders.
        progress
            Show a progress bar.

        Returns
        -------
        Upload
            The S3 URI as text, with the attributes ``file_count``, ``size`` (bytes) and ``skipped``.

        Raises
        ------
        InputError
            There is no such file or folder, a file cannot be read, or there is nothing to upload.
        """
        return _warn_about(uploads.upload_data(self.service, Path(path), prefix, hidden=hidden, progress=progress))

    def upload_source(
        self,
        path: str | Path,
        name: str | None = None,
        *,
        dependencies: Sequence[str | Path] = (),
        docker: bool | None = None,
        hidden: bool = False,
    ) -> Upload:
        """Pack a folder into the archive that SageMaker's containers or CodeBuild unpack, and upload it.

        Parameters
        ----------
        path
            The folder of the training script or its tar.gz archive; for framework BYOD, the folder of the Dockerfiles
            or its zip archive.
        name
            The archive's name; default: the folder's name with .tar.gz or .zip.
        dependencies
            Folders and files to pack beside the script, under their own names.
        docker
            Whether it is the source of Dockerfiles. Default: if it is a zip, if the framework is BYOD, or if the folder
            contains a Dockerfile and no Python file.
        hidden
            Include hidden files and folders.

        Returns
        -------
        Upload
            The archive's name in the pipeline's folder of the code bucket, as text. ``parameters`` are the parameters
            that use it, for ``parameters.set``.

        Raises
        ------
        InputError
            It cannot be read, contains neither a script nor a Dockerfile, or has a broken link.
        """
        upload = uploads.upload_source(
            self.service,
            Path(path),
            name,
            dependencies=[Path(each) for each in dependencies],
            docker=docker,
            hidden=hidden,
        )
        return _warn_about(upload)

    def upload_model(
        self, path: str | Path, name: str | None = None, *, hidden: bool = False, progress: bool = True
    ) -> Upload:
        """Upload a trained model to the model bucket: a model.tar.gz, or the folder with its files, which is packed.

        The address contains a hash of the content, so an upload never replaces a model that is in use.

        Parameters
        ----------
        name
            The first part of the archive's name; default: that of the folder or file.
        hidden
            Include hidden files and folders.
        progress
            Show a progress bar.

        Returns
        -------
        Upload
            The S3 URI, as text. ``parameters`` are the parameters that deploy it, for ``parameters.set``.

        Raises
        ------
        InputError
            It cannot be read, is not a tar archive compressed with gzip, or contains no file.
        """
        return _warn_about(uploads.upload_model(self.service, Path(path), name, hidden=hidden, progress=progress))


def _warn_about(upload: Upload) -> Upload:
    if upload.lines:
        warnings.warn("\n".join(upload.lines), stacklevel=3)
    return upload
