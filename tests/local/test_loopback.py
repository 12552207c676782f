"""The engine's own clients get their answers in their own thread, through the whole of botocore."""

import io
import threading
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local import loopback

_account: ContextVar[str] = ContextVar("account", default="none")


class Application:
    """Remembers the last request; has each object but one."""

    seen: dict[str, Any]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "HTTP_HOST", "HTTP_X_AMZ_META_TEAM")
        own = {"thread": threading.current_thread(), "account": _account.get()}
        self.seen = {name: environ.get(name) for name in names} | own | {"body": environ["wsgi.input"].read(length)}
        if environ["PATH_INFO"].endswith("/absent"):
            start_response("404 NOT FOUND", [("Content-Type", "application/xml")])
            return [b"<Error><Code>NoSuchKey</Code>", b"<Message>There is none.</Message></Error>"]
        start_response("200 OK", [("ETag", '"tag"'), ("x-amz-meta-team", "owls")])
        return iter([b"con", b"tent"] if environ["REQUEST_METHOD"] == "GET" else [])


@pytest.fixture
def application() -> Application:
    return Application()


@pytest.fixture
def s3(application: Application, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of an address at which nothing listens."""
    monkeypatch.setattr(loopback, "_application", application)
    session: Any = boto3.session.Session("key", "secret", region_name="eu-west-1")
    session.events.register("before-send", loopback.answer)
    config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
    return session.client("s3", endpoint_url="http://127.0.0.1:1", config=config)


@pytest.mark.parametrize("body", [b"text", bytearray(b"text"), io.BytesIO(b"text"), "text"], ids=type)
def test_a_request_arrives_as_over_a_connection(s3: Any, application: Application, body: Any) -> None:
    answer = s3.put_object(Bucket="bucket", Key="a b/ü?.csv", Body=body, Metadata={"team": "owls"}, Tagging="a=b")
    assert answer["ETag"] == '"tag"'
    seen = application.seen
    assert (seen["REQUEST_METHOD"], seen["HTTP_HOST"], seen["body"]) == ("PUT", "127.0.0.1:1", b"text")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/bucket/a b/ü?.csv"
    assert seen["HTTP_X_AMZ_META_TEAM"] == "owls"


def test_the_query_of_a_request_arrives(s3: Any, application: Application) -> None:
    s3.get_object(Bucket="bucket", Key="key", VersionId="1+2 3")
    assert application.seen["QUERY_STRING"] == "versionId=1%2B2%203"


def test_an_answer_comes_as_over_a_connection(s3: Any) -> None:
    answer = s3.get_object(Bucket="bucket", Key="key")
    assert answer["Metadata"] == {"team": "owls"}
    assert [answer["Body"].read(size) for size in (4, 9, 1)] == [b"cont", b"ent", b""]
    again = s3.get_object(Bucket="bucket", Key="key")["Body"]
    assert list(again.iter_chunks(5)) == [b"conte", b"nt"]


def test_a_refusal_is_botocore_s_error(s3: Any) -> None:
    with pytest.raises(ClientError, match=r"NoSuchKey.* There is none\."):
        s3.get_object(Bucket="bucket", Key="absent")


def test_the_application_works_in_the_same_thread_without_the_account_of_the_caller(
    s3: Any, application: Application
) -> None:
    token = _account.set("of the caller")
    s3.head_object(Bucket="bucket", Key="key")
    assert application.seen["thread"] is threading.current_thread()
    assert (application.seen["account"], _account.get()) == ("none", "of the caller")
    _account.reset(token)
