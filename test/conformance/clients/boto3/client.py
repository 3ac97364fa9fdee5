import os
import sys

import boto3

# Releases from before July 2023 do not know the variable of the endpoint.
session = boto3.Session()
sts = session.client("sts", endpoint_url=os.environ["AWS_ENDPOINT_URL_STS"])

for line in sys.stdin:
    try:
        assert line == "call\n", f"no such question: {line}"
        print("ok", sts.get_caller_identity()["Arn"], flush=True)
    except Exception as error:
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
