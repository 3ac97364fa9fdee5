# curl as a script would use it: token, role, document, and a signature of its own.
set -eu
imds=$AWS_EC2_METADATA_SERVICE_ENDPOINT
token=$(curl -sSf -X PUT "$imds/latest/api/token" -H 'X-aws-ec2-metadata-token-ttl-seconds: 21600')
read_path() { curl -sSf "$imds/latest/meta-data/$1" -H "X-aws-ec2-metadata-token: $token"; }
if [ "$1" = region ]; then
  read_path placement/region
  exit
fi
role=$(read_path iam/security-credentials/)
document=$(read_path "iam/security-credentials/$role")
field() { printf %s "$document" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
curl -sSf "$AWS_ENDPOINT_URL_STS/?Action=GetCallerIdentity&Version=2011-06-15" \
  --aws-sigv4 aws:amz:us-east-1:sts --user "$(field AccessKeyId):$(field SecretAccessKey)" \
  -H "X-Amz-Security-Token: $(field Token)" | sed 's/.*<Arn>\(.*\)<\/Arn>.*/\1/'
