"""Wrong documents of the options beyond the contract's groups, and what a person is told of each."""

from typing import Any

from tests.unit.wrong_documents import Document, of, scikit

SERVERLESS = {"memory": 2, "concurrency": 5}
AUTOSCALING = {"minimum": 1, "maximum": 4, "target": 100}
STRATEGIES = "parameter_server, mpi, smdistributed, torch_distributed"


def scaled(**parts: Any) -> Document:
    return scikit(hostinstancetype="ml.m5.large", autoscaling=AUTOSCALING | parts)


def distributed(**parts: Any) -> Document:
    return of("PYTORCH", distribution=parts)


# ruff: noqa: E501
# fmt: off
WRONG_OPTIONS: list[tuple[Document | str, ...]] = [
    # Training
    (scikit(environment=["A=1"]),
     'environment is ["A=1"]; it must be an object.'),
    (scikit(environment={"A B": "1"}),
     'environment has the name "A B"; it must be a variable\'s name of at most 512 letters, digits and underscores.'),
    (scikit(environment={"A": "x" * 513}),
     f'environment.A is "{"x" * 56}...; it must be a string, number or boolean of at most 512 characters.'),
    (scikit(environment={f"V{number}": "1" for number in range(101)}),
     "environment has 101 entries; it may have 100 at most."),
    (scikit(trafficencryption="yes"),
     'trafficencryption is "yes"; it must be true or false.'),
    (scikit(checkpoints=True),
     "checkpoints is true; it must be an object."),
    (scikit(checkpoints={"uri": "models/checkpoints"}),
     'checkpoints.uri is "models/checkpoints"; it must be an S3 address such as s3://bucket/folder/.'),
    (scikit(checkpoints={"path": "checkpoints"}),
     'checkpoints.path is "checkpoints"; it must be an absolute path such as /opt/ml/checkpoints.'),
    (scikit(checkpoints={"url": "s3://bucket/"}),
     "checkpoints.url is not known; there are uri, path."),
    (scikit(spot=True),
     "spot is true, which needs spotmaxwait, at least the 4 hours of trainmaxrun."),
    (scikit(spot=True, spotmaxwait=2),
     "spotmaxwait is 2; it must be at least trainmaxrun, which is 4."),
    (scikit(spotmaxwait=8),
     "spotmaxwait is for a training with spot true; this document's spot is false."),
    (scikit(spot=True, spotmaxwait=673),
     "spotmaxwait is 673; it must be a number of hours from 0.001 to 672."),
    (of("AMAZON", algorithm="kmeans", spot=True, spotmaxwait=5),
     "spotmaxwait is 5; it must be at most 1 for framework AMAZON without checkpoints."),
    (scikit(keepalive=21601),
     "keepalive is 21601; it must be a whole number of seconds from 0 to 21600."),
    (scikit(keepalive=-1),
     "keepalive is -1; it must be a whole number of seconds from 0 to 21600."),
    (scikit(volumekmskey="my key"),
     'volumekmskey is "my key"; it must be a KMS key\'s id, ARN or alias.'),
    (scikit(outputkmskey=5),
     "outputkmskey is 5; it must be a KMS key's id, ARN or alias."),
    (scikit(hostkmskey=""),
     'hostkmskey is ""; it must be a KMS key\'s id, ARN or alias.'),
    # Network
    (scikit(subnets=["subnet-1"]),
     "subnets needs securitygroups; give both, or neither."),
    (scikit(securitygroups=["sg-1"]),
     "securitygroups needs subnets; give both, or neither."),
    (scikit(subnets="subnet-1", securitygroups=["sg-1"]),
     'subnets is "subnet-1"; it must be an array.'),
    (scikit(subnets=["vpc-1"], securitygroups=["sg-1"]),
     'subnets[0] is "vpc-1"; it must be a subnet\'s id such as subnet-0123abcd.'),
    (scikit(subnets=["subnet-1"], securitygroups=[f"sg-{number}" for number in range(6)]),
     "securitygroups has 6 entries; it may have 5 at most."),
    (scikit(networkisolation=1),
     "networkisolation is 1; it must be true or false."),
    (scikit(networkisolation=True, requirementsfile="requirements.txt"),
     "requirementsfile needs a network to install from; give requirementsfile or networkisolation."),
    (scikit(networkisolation=True, channels={"code": {"path": "code/"}}),
     "channels.code is the script's own with networkisolation; give yours another name."),
    # Distribution
    (scikit(distribution={"strategy": "mpi"}),
     "'distribution' belongs to frameworks TENSORFLOW, MXNET, PYTORCH, CHAINER, HUGGINGFACE; this document's framework is SCIKIT."),
    (distributed(),
     f"distribution.strategy is missing; it must be one of {STRATEGIES}."),
    (distributed(strategy="horovod"),
     f'distribution.strategy is "horovod"; it must be one of {STRATEGIES}.'),
    (distributed(strategy="parameter_server"),
     "distribution.strategy is parameter_server; it must be one of mpi, smdistributed, torch_distributed for framework PYTORCH."),
    (of("CHAINER", distribution={"strategy": "smdistributed"}),
     "distribution.strategy is smdistributed; it must be mpi for framework CHAINER."),
    (distributed(strategy="torch_distributed", processes=4),
     "distribution has processes, which are for strategy mpi; its strategy is torch_distributed."),
    (of("MXNET", distribution={"strategy": "parameter_server", "options": "-x A"}),
     "distribution has options, which are for mpi and smdistributed; its strategy is parameter_server."),
    # Endpoint
    (scikit(serverless={"memory": 2048, "concurrency": 5}),
     "serverless.memory is 2048; it must be a whole number of GB from 1 to 6."),
    (scikit(serverless={"memory": 2}),
     "serverless.concurrency is missing; it must be a whole number from 1 to 200."),
    (scikit(serverless=SERVERLESS | {"concurrency": 201}),
     "serverless.concurrency is 201; it must be a whole number from 1 to 200."),
    (scikit(serverless=SERVERLESS | {"provisioned": 6}),
     "serverless has provisioned 6 and concurrency 5; provisioned must not be more."),
    (scikit(serverless=SERVERLESS, asynchronous={}),
     "asynchronous is not for serverless endpoints; give asynchronous or serverless."),
    (scikit(serverless=SERVERLESS, subnets=["subnet-1"], securitygroups=["sg-1"]),
     "subnets is not for serverless endpoints; give subnets or serverless."),
    (scikit(serverless=SERVERLESS, networkisolation=True, pipeline=[{"image": "a:1"}]),
     "networkisolation is not for serverless endpoints; give networkisolation or serverless.",
     "pipeline is not for serverless endpoints; give pipeline or serverless."),
    (scikit(asynchronous={"concurrency": 1001}),
     "asynchronous.concurrency is 1001; it must be a whole number from 1 to 1000."),
    (scikit(asynchronous={"errortopic": "failures"}),
     'asynchronous.errortopic is "failures"; it must be the ARN of an SNS topic.'),
    (scikit(asynchronous={"outputs": "s3://bucket/"}),
     "asynchronous.outputs is not known; did you mean 'output'?"),
    (scaled(minimum=5),
     "autoscaling goes from 5 to 4; minimum must not be more than maximum."),
    (scaled(minimum=0),
     "autoscaling.minimum is 0; it must be at least 1, unless asynchronous is given."),
    (scaled(target=0),
     "autoscaling has target 0; it must be more than 0."),
    (scaled(scaleincooldown="long"),
     'autoscaling.scaleincooldown is "long"; it must be a whole number of seconds from 0 to 86400.'),
    (scikit(autoscaling=AUTOSCALING),
     "hostinstancetype is ml.t2.medium, which autoscaling cannot scale; give another family, such as ml.m5.large."),
    (scikit(autoscaling={"minimum": 1, "maximum": 2}),
     "autoscaling.target is missing; it must be a number."),
    (scikit(pipeline=[{"image": "a:1", "artifacts": "model.tar.gz"}]),
     'pipeline[0].artifacts is "model.tar.gz"; it must be the S3 address of a model.tar.gz.'),
]
