#!/usr/bin/env python3
"""Fills in the requests of test/vectors/service-requests.json.

Each case there has a service, an operation and its input, written by hand. botocore is the oracle for the request of it: it
makes and signs the request, and nothing is sent. The key is published: TEST ONLY.

Usage: scripts/make-request-vectors.py        (needs the boto3 of test/emulator/requirements.txt)
"""

import copy
import json
import pathlib

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.config import Config

FILE = pathlib.Path(__file__).resolve().parent.parent / "test" / "vectors" / "service-requests.json"
REGION = "eu-west-1"
ENDPOINT = "http://127.0.0.1:9919"


class Sent(Exception):
    """Carries the request instead of sending it."""


def request_of(service, operation, parameters):
    client = botocore.session.get_session().create_client(
        service,
        region_name=REGION,
        endpoint_url=ENDPOINT,
        aws_access_key_id="ASIATESTONLYAAAAAAAA",
        aws_secret_access_key="test-only",
        aws_session_token="test-only",
        config=Config(parameter_validation=False, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )

    def stop(request, **_):
        raise Sent(request)

    client.meta.events.register("before-send", stop)
    try:
        client._make_api_call(operation, copy.deepcopy(parameters))
    except Sent as sent:
        return wire_form(sent.args[0])
    raise RuntimeError(f"{service} {operation} sent nothing")


# What changes from run to run, or with the machine.
LEFT_OUT = {"x-amz-date", "authorization", "user-agent", "amz-sdk-invocation-id", "amz-sdk-request", "x-amz-security-token"}


def wire_form(request):
    body = request.body or b""
    body = body.read() if hasattr(body, "read") else body
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    return {
        "method": request.method,
        "target": request.url[len(ENDPOINT):],
        "headers": {name.lower(): text(value) for name, value in request.headers.items() if name.lower() not in LEFT_OUT},
        "body": text(body),
    }


cases = json.loads(FILE.read_text())
for case in cases:
    case["request"] = request_of(case["service"], case["operation"], case["input"])
FILE.write_text(json.dumps(cases, indent=2) + "\n")
print(f"{len(cases)} requests")
