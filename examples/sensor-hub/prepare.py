"""Creates what the owner of the account provides: a bucket. Calls the backend, not the emulator."""

import os

import boto3

REGION = "eu-central-1"

boto3.client(
    "s3",
    region_name=REGION,
    endpoint_url=os.environ["BACKEND"],
    aws_access_key_id="any",
    aws_secret_access_key="any",
).create_bucket(Bucket="snowy-readings", CreateBucketConfiguration={"LocationConstraint": REGION})
