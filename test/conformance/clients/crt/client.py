import os
import sys
import urllib.error
import urllib.request

from awscrt import auth, http, io

# The C library that the CRT-based SDKs share; it brings no services, so the signed request is sent by hand.
bootstrap = io.ClientBootstrap(io.EventLoopGroup(1), io.DefaultHostResolver(io.EventLoopGroup(1)))
credentials = auth.AwsCredentialsProvider.new_default_chain(bootstrap)
url = os.environ["AWS_ENDPOINT_URL_STS"]


def call():
    path = "/?Action=GetCallerIdentity&Version=2011-06-15"
    request = http.HttpRequest("GET", path, http.HttpHeaders([("host", url.removeprefix("http://"))]))
    config = auth.AwsSigningConfig(credentials_provider=credentials, region="us-east-1", service="sts")
    signed = auth.aws_sign_request(request, config).result(20)
    answer = urllib.request.urlopen(urllib.request.Request(url + path, headers=dict(signed.headers)))
    return answer.read().decode().split("<Arn>")[1].split("</Arn>")[0]


for line in sys.stdin:
    try:
        assert line == "call\n", f"no such question: {line}"
        print("ok", call(), flush=True)
    except Exception as error:
        print(f"error {type(error).__name__}: {error}".replace("\n", " "), flush=True)
