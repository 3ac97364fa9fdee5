#!/usr/bin/env python3
"""Makes the vectors of calls that read an account, in test/vectors/sigv4-account/.

botocore builds, signs and addresses the requests, so nothing in here comes from src/account/, for which they are the oracle. The
keys are the published examples of the AWS documentation.

Usage: PYTHON scripts/make-account-vectors.py        (a Python with botocore)
"""

import contextlib
import datetime
import json
import pathlib
from unittest import mock

import botocore.awsrequest
import botocore.config
import botocore.exceptions
import botocore.session

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "vectors" / "sigv4-account"

KEYS = {
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sessionToken": "IQoJb3JpZ2luX2VjE+XAMPLE/TOKEN==",
}
UUID = "11111111-2222-3333-4444-555555555555"
SERVICES = {"GetTrustAnchor": "rolesanywhere", "GetProfile": "rolesanywhere", "ListCrls": "rolesanywhere", "GetRole": "iam",
            "GetCallerIdentity": "sts"}


def sent(operation, parameters, region, time, token, options):
    service = SERVICES[operation]
    client = botocore.session.Session().create_client(
        service,
        region_name=region,
        aws_access_key_id=KEYS["accessKeyId"],
        aws_secret_access_key=KEYS["secretAccessKey"],
        aws_session_token=KEYS["sessionToken"] if token else None,
        endpoint_url=options.get("endpoint"),
        config=botocore.config.Config(
            use_fips_endpoint=options.get("fips", False), use_dualstack_endpoint=options.get("dualStack", False)
        ),
    )
    requests = []

    def answer(request, **_):
        requests.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 400, {}, mock.Mock(stream=lambda: iter([b""])))

    client.meta.events.register(f"before-send.{service}.{operation}", answer)
    with mock.patch("botocore.auth.get_current_datetime", return_value=time), contextlib.suppress(
        botocore.exceptions.ClientError, botocore.parsers.ResponseParserError
    ):
        client._make_api_call(operation, parameters)
    request = requests[0]
    plain = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    names = ("content-type", "x-amz-date", "x-amz-security-token", "authorization")
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    return {
        "url": request.url,
        "method": request.method,
        "headers": {name: plain[name] for name in names if name in plain},
        "body": body or "",
    }


def vector(name, operation, parameters, *, partition="aws", region="eu-central-1", token=True, **options):
    time = "20261130T225900Z"
    request = sent(operation, parameters, region, datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ"), token, options)
    call = {"operation": operation, "parameters": parameters, "partition": partition, "region": region, "token": token, **options}
    OUT.joinpath(f"{name}.json").write_text(
        json.dumps({"botocore": botocore.__version__, **KEYS, "call": call, "time": time, "request": request}, indent=2) + "\n"
    )


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json"):
        old.unlink()
    vector("get-trust-anchor", "GetTrustAnchor", {"trustAnchorId": UUID})
    vector("get-trust-anchor-without-token", "GetTrustAnchor", {"trustAnchorId": UUID}, token=False)
    vector("get-trust-anchor-base-path", "GetTrustAnchor", {"trustAnchorId": UUID}, endpoint="http://127.0.0.1:8080/base%20path")
    vector("get-trust-anchor-fips", "GetTrustAnchor", {"trustAnchorId": UUID}, region="us-east-1", fips=True)
    vector("get-profile", "GetProfile", {"profileId": UUID})
    vector("get-profile-dual-stack", "GetProfile", {"profileId": UUID}, dualStack=True)
    vector("list-crls", "ListCrls", {})
    vector("list-crls-next-page", "ListCrls", {"nextToken": "a+b/c==&ü"})
    vector("get-caller-identity", "GetCallerIdentity", {})
    vector("get-role-name", "GetRole", {"RoleName": "a+b=c,d.e@f-g_h"})
    for partition, region in {"aws": "ap-south-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-east-1",
                              "aws-eusc": "eusc-de-east-1", "aws-iso": "us-iso-west-1", "aws-iso-b": "us-isob-east-1",
                              "aws-iso-e": "eu-isoe-west-1", "aws-iso-f": "us-isof-south-1"}.items():
        vector(f"get-role-{partition}", "GetRole", {"RoleName": "device"}, partition=partition, region=region)


if __name__ == "__main__":
    main()
