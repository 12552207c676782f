"""CloudFormation: stacks that are created, updated, rolled back and deleted as AWS does it, through the services' APIs.

moto's own stacks are not used: they neither roll back nor retain, and skip what they do not know. Its server and its
parsing of requests are.
"""

MOTO_NAMES = (
    "moto.cloudformation.urls.url_paths",
    "moto.core.exceptions.ServiceException",
    "moto.core.responses.ActionResult",
    "moto.core.responses.BaseResponse",
    "moto.core.responses.EmptyResult",
)


def install() -> None:
    """Put this API in place of moto's."""
    from moto.cloudformation import urls

    from local.cloudformation.api import CloudFormationResponse

    urls.url_paths.clear()
    urls.url_paths.update(
        {
            "{0}/$": CloudFormationResponse.dispatch,
            "{0}/cloudformation_(?P<region>[^/]+)/response/(?P<token>[^/]+)$": CloudFormationResponse.receive,
        }
    )
