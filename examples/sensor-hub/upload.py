"""Uploads a reading. Plain boto3: it finds the credentials at the instance metadata endpoint.

Usage: upload.py HUB READING
"""

import sys

import boto3

hub, reading = sys.argv[1:]
boto3.client("s3").put_object(Bucket="snowy-readings", Key=f"hubs/{hub}/{reading}.json", Body=b'{"temperature": -4.2}')
print(f"uploaded hubs/{hub}/{reading}.json")
