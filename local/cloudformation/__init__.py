"""CloudFormation: creates, updates, rolls back and deletes stacks through the services' APIs.

It uses moto's server and request parsing, but not moto's stacks: they neither roll back nor retain resources, and
skip unknown types silently.
"""

MOTO_NAMES = (
    "moto.cloudformation.urls.url_paths",
    "moto.core.exceptions.ServiceException",
    "moto.core.responses.ActionResult",
    "moto.core.responses.BaseResponse",
    "moto.core.responses.EmptyResult",
)


def install() -> None:
    """Replace moto's API by this one."""
    from moto.cloudformation import urls

    from local.cloudformation.api import CloudFormationResponse

    urls.url_paths.clear()
    urls.url_paths.update(
        {
            "{0}/$": CloudFormationResponse.dispatch,
            "{0}/cloudformation_(?P<region>[^/]+)/response/(?P<token>[^/]+)$": CloudFormationResponse.receive,
        }
    )
