"""The last steps of a pipeline. Plain boto3: it finds the credentials at the instance metadata endpoint."""

import boto3
from botocore.exceptions import ClientError

boto3.client("s3").put_object(Bucket="snowy-artifacts", Key="builds/shop-1.zip", Body=b"the artifact")
print("uploaded builds/shop-1.zip")

deployment = boto3.client("codedeploy").create_deployment(
    applicationName="shop",
    deploymentGroupName="prod",
    revision={
        "revisionType": "S3",
        "s3Location": {"bucket": "snowy-artifacts", "key": "builds/shop-1.zip", "bundleType": "zip"},
    },
)
print("deploying", deployment["deploymentId"])

secrets = boto3.client("secretsmanager")
secrets.rotate_secret(SecretId="shop/database")
print("rotated shop/database")

# May rotate the secret, may not read it.
try:
    secrets.get_secret_value(SecretId="shop/database")
except ClientError as error:
    print(error)
