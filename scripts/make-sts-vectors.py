#!/usr/bin/env python3
"""Makes the AssumeRole vectors in test/vectors/sigv4-sts/.

botocore builds, signs and addresses the requests, so nothing in here comes from src/sts/, for which they are the oracle. The keys
are the published examples of the AWS documentation.

Usage: PYTHON scripts/make-sts-vectors.py        (a Python with botocore)
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

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "vectors" / "sigv4-sts"

KEYS = {
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "secretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "sessionToken": "IQoJb3JpZ2luX2VjE+XAMPLE/TOKEN==",
}
ROLE = "arn:aws:iam::210987654321:role/deploy"
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::b/é ~*\'()!/*"}]}'


def sent(parameters, region, time, **options):
    session = botocore.session.Session()
    session.set_config_variable("region", region)
    client = session.create_client(
        "sts",
        region_name=region,
        aws_access_key_id=KEYS["accessKeyId"],
        aws_secret_access_key=KEYS["secretAccessKey"],
        aws_session_token=KEYS["sessionToken"],
        endpoint_url=options.get("endpoint"),
        config=botocore.config.Config(
            use_fips_endpoint=options.get("fips", False), use_dualstack_endpoint=options.get("dualStack", False)
        ),
    )
    requests = []

    def answer(request, **_):
        requests.append(request)
        return botocore.awsrequest.AWSResponse(request.url, 400, {}, mock.Mock(stream=lambda: iter([b"<x/>"])))

    client.meta.events.register("before-send.sts.AssumeRole", answer)
    with mock.patch("botocore.auth.get_current_datetime", return_value=time):
        try:
            client.assume_role(**parameters)
        except botocore.exceptions.ClientError:
            pass
    (request,) = requests
    plain = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}
    body = request.body.decode() if isinstance(request.body, bytes) else request.body
    return {"url": request.url, "headers": plain, "body": body}


def vector(name, about, *, region="eu-central-1", time="20261122T120000Z", role=ROLE, session_name="0123abcd", duration=3600, **more):
    options = {key: more.pop(key) for key in ("endpoint", "fips", "dualStack") if key in more}
    moment = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ")
    # The order of the parameters is the order in the body.
    parameters = {"RoleArn": role, "RoleSessionName": session_name}
    if "policyArns" in more:
        parameters["PolicyArns"] = [{"arn": arn} for arn in more["policyArns"]]
    if "policy" in more:
        parameters["Policy"] = more["policy"]
    parameters["DurationSeconds"] = duration
    if "tags" in more:
        parameters["Tags"] = [{"Key": key, "Value": value} for key, value in more["tags"].items()]
    if "transitiveTagKeys" in more:
        parameters["TransitiveTagKeys"] = more["transitiveTagKeys"]
    if "externalId" in more:
        parameters["ExternalId"] = more["externalId"]
    request = sent(parameters, region, moment, **options)
    signed = {key: request["headers"][key] for key in ("content-type", "x-amz-date", "x-amz-security-token", "authorization")}
    OUT.joinpath(f"{name}.json").write_text(
        json.dumps(
            {
                "about": about,
                "botocore": botocore.__version__,
                **KEYS,
                "role": {
                    "roleArn": role,
                    "roleSessionName": session_name,
                    "sessionDuration": duration,
                    "policyArns": [],
                    "tags": {},
                    "transitiveTagKeys": [],
                    **more,
                    "sts": {"region": region, "fips": False, "dualStack": False, **options},
                },
                "time": time,
                "request": {"url": request["url"], "headers": signed, "body": request["body"]},
            },
            indent=2,
        )
        + "\n"
    )


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json"):
        old.unlink()
    vector("plain", "nothing but a role")
    vector("external-id", "every character that an external id may have", externalId="a_B+c=d,e.f@g:h/i-j")
    vector("policy", "a policy with characters that encoders treat differently", policy=POLICY)
    vector("policy-arns", "managed policies", policyArns=[f"arn:aws:iam::aws:policy/P{n}" for n in range(1, 11)])
    vector("tags", "tags of other scripts, with spaces, and empty", tags={"Team": "a b", "Straße": "ü+/=", "empty": ""},
           transitiveTagKeys=["Team", "Straße"])
    vector("everything", "all together, last second of a year", time="20261231T235959Z", duration=900, externalId="x1", policy=POLICY,
           policyArns=["arn:aws:iam::210987654321:policy/p/q"], tags={"k": "v"}, transitiveTagKeys=["k"], session_name="a.b+c=d,e_f@g")
    vector("base-path", "an endpoint with a port and a base path", endpoint="http://127.0.0.1:8080/base%20path")
    for partition, region in {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1", "aws-eusc": "eusc-de-east-1",
                              "aws-iso": "us-iso-east-1", "aws-iso-b": "us-isob-east-1", "aws-iso-e": "eu-isoe-west-1",
                              "aws-iso-f": "us-isof-south-1"}.items():
        role = f"arn:{partition}:iam::210987654321:role/deploy"
        for kind, options in {
            "": {}, "-fips": {"fips": True}, "-dual-stack": {"dualStack": True}, "-fips-dual-stack": {"fips": True, "dualStack": True},
        }.items():
            # Not every partition has every variant in botocore's tables.
            with contextlib.suppress(botocore.exceptions.EndpointVariantError):
                vector(f"{partition}{kind}", "endpoint of a partition", region=region, role=role, **options)


if __name__ == "__main__":
    main()
