"""Creates what the owner of the accounts provides: buckets, application, secret. Calls the backend, not the emulator."""

import os

import boto3

REGION = "eu-central-1"


def owner(service, account="111122223333"):
    client = boto3.client(
        service,
        region_name=REGION,
        endpoint_url=os.environ["BACKEND"],
        aws_access_key_id="any",
        aws_secret_access_key="any",
    )
    # moto keeps accounts apart by this header, which the emulator sends, too.
    account_header = lambda request, **_: request.headers.add_header("x-moto-account-id", account)
    client.meta.events.register("before-sign", account_header)
    return client


PLACE = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
owner("s3").create_bucket(Bucket="snowy-artifacts", **PLACE)
owner("s3", "444455556666").create_bucket(Bucket="snowy-releases", **PLACE)
owner("codedeploy").create_application(applicationName="shop", computePlatform="Server")
owner("codedeploy").create_deployment_group(
    applicationName="shop",
    deploymentGroupName="prod",
    serviceRoleArn="arn:aws:iam::111122223333:role/codedeploy",
)
owner("secretsmanager").create_secret(Name="shop/database", SecretString="first")
