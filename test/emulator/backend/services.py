"""Calls services with boto3 as any program would, through the emulator. Prints a line for each step, or fails."""

import io
import os
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
s3.create_bucket(Bucket="b-1", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
s3.put_object(Bucket="b-1", Key="a b/ü+%.txt", Body=b"hash")
assert s3.get_object(Bucket="b-1", Key="a b/ü+%.txt")["Body"].read() == b"hash"
big = os.urandom(12 * 1024 * 1024)
s3.upload_fileobj(io.BytesIO(big), "b-1", "parts")
assert s3.get_object(Bucket="b-1", Key="parts")["Body"].read() == big
s3.copy_object(Bucket="b-1", Key="copy", CopySource={"Bucket": "b-1", "Key": "parts"})
listed = [one["Key"] for one in s3.list_objects_v2(Bucket="b-1")["Contents"]]
assert listed == ["a b/ü+%.txt", "copy", "parts"], listed
unsigned = boto3.client("s3", config=Config(s3={"payload_signing_enabled": False}))
unsigned.put_object(Bucket="b-1", Key="copy", Body=b"unsigned")
s3.delete_objects(Bucket="b-1", Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
print("S3: whole, in parts, unsigned, copied, listed, deleted")


def opened(url, data=None):
    # urllib would say that it is a form.
    headers = {} if data is None else {"Content-Type": "text/plain"}
    request = urllib.request.Request(url, data=data, headers=headers, method="GET" if data is None else "PUT")
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


put = s3.generate_presigned_url("put_object", Params={"Bucket": "b-1", "Key": "link"})
assert opened(put, b"by link")[0] == 200
get = s3.generate_presigned_url("get_object", Params={"Bucket": "b-1", "Key": "link"})
assert opened(get) == (200, b"by link"), opened(get)
assert opened(get.replace("link", "other"))[0] == 403
old = boto3.client("s3", config=Config(signature_version="s3")).generate_presigned_url(
    "get_object", Params={"Bucket": "b-1", "Key": "link"}
)
status, body = opened(old)
assert status == 400 and b"Please use AWS4-HMAC-SHA256" in body, (status, body)
print("S3: links of version 4, none of version 2")

sqs = boto3.client("sqs")
queue = sqs.create_queue(QueueName="jobs")["QueueUrl"]
assert queue.startswith(os.environ["AWS_ENDPOINT_URL"]), queue
sqs.send_message_batch(QueueUrl=queue, Entries=[{"Id": "1", "MessageBody": "x"}])
assert len(sqs.receive_message(QueueUrl=queue)["Messages"]) == 1
print("SQS: the URL of the queue leads through the emulator")

secrets = boto3.client("secretsmanager")
arn = secrets.create_secret(Name="app/db", SecretString="first")["ARN"]
assert arn.split(":")[4] == "111122223333", arn
secrets.put_secret_value(SecretId=arn, SecretString="second")
assert secrets.get_secret_value(SecretId="app/db")["SecretString"] == "second"
print("Secrets Manager: in the caller's account, by name and by ARN")

ssm = boto3.client("ssm")
ssm.put_parameter(Name="/app/key", Value="v", Type="String")
assert [one["Value"] for one in ssm.get_parameters(Names=["/app/key"])["Parameters"]] == ["v"]
assert len(ssm.get_parameters_by_path(Path="/app")["Parameters"]) == 1
logs = boto3.client("logs")
logs.create_log_group(logGroupName="/app")
logs.create_log_stream(logGroupName="/app", logStreamName="s")
logs.put_log_events(logGroupName="/app", logStreamName="s", logEvents=[{"timestamp": 1, "message": "x"}])
assert [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]] == ["/app"]
ecr = boto3.client("ecr")
ecr.create_repository(repositoryName="app")
assert ecr.get_authorization_token()["authorizationData"]
deploy = boto3.client("codedeploy")
deploy.create_application(applicationName="shop", computePlatform="Server")
group = {"applicationName": "shop", "deploymentGroupName": "prod"}
deploy.create_deployment_group(serviceRoleArn="arn:aws:iam::111122223333:role/x", **group)
revision = {"revisionType": "S3", "s3Location": {"bucket": "b-1", "key": "link", "bundleType": "zip"}}
deployment = deploy.create_deployment(revision=revision, **group)["deploymentId"]
assert deploy.get_deployment(deploymentId=deployment)["deploymentInfo"]["deploymentGroupName"] == "prod"
print("SSM, CloudWatch Logs, ECR, CodeDeploy")

tables = boto3.client("dynamodb")
key = [{"AttributeName": "k", "KeyType": "HASH"}]
kind = [{"AttributeName": "k", "AttributeType": "S"}]
tables.create_table(TableName="t", KeySchema=key, AttributeDefinitions=kind, BillingMode="PAY_PER_REQUEST")
tables.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": {"k": {"S": "1"}}}}])
assert tables.get_item(TableName="t", Key={"k": {"S": "1"}})["Item"] == {"k": {"S": "1"}}
print("DynamoDB")

for call in (
    lambda: s3.delete_bucket(Bucket="b-1"),
    lambda: sqs.purge_queue(QueueUrl=queue),
    lambda: secrets.delete_secret(SecretId="app/db"),
    lambda: ssm.delete_parameter(Name="/app/key"),
    lambda: logs.delete_log_group(logGroupName="/app"),
    lambda: ecr.delete_repository(repositoryName="app"),
    lambda: deploy.delete_application(applicationName="shop"),
    lambda: tables.delete_table(TableName="t"),
    lambda: boto3.client("sns").publish(TopicArn="arn:aws:sns:eu-central-1:111122223333:t", Message="x"),
):
    try:
        call()
        raise SystemExit("not denied")
    except ClientError as error:
        code = error.response["Error"]["Code"]
        assert code in ("AccessDenied", "AccessDeniedException"), error
        print(error)
