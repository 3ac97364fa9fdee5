import os
import sys

import boto3

session = boto3.Session()
sts = None


def call():
    # With container credentials it asks for them when a client is made. Releases from before July 2023 do not know the variable of
    # the endpoint.
    global sts
    sts = sts or session.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_STS"])
    return sts.get_caller_identity()["Arn"]


for line in sys.stdin:
    try:
        assert line == "call\n", f"no such question: {line}"
        print("ok", call(), flush=True)
    except Exception as error:
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
