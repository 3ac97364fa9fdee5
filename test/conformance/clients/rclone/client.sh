# It keeps no client between two runs; the provider is what it calls every store that is not a well-known one.
exec rclone lsd :s3: --s3-provider Other --s3-env-auth --s3-endpoint "$AWS_ENDPOINT_URL_S3" --s3-region us-east-1 \
  --retries 1 --low-level-retries 1 --quiet
