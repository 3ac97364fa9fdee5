# A host of its own: a network with nothing but loopback, an empty /run, this user as root, and an emulator in the place of AWS.
# scene.sh SHELL BLOCK: runs the block in the directory that it is in, where its files are.
set -eu
umask 077
ip link set lo up
mount -t tmpfs tmpfs /run
mkdir /run/imds-anywhere
mkdir -p bin home/.aws
export HOME="$PWD/home" PATH="$PWD/bin:$PATH"
printf '#!/bin/sh\nexec "%s" "%s/main.js" "$@"\n' "$NODE" "$DIST" >bin/imds-anywhere
ln -s "$NODE" bin/node
chmod +x bin/imds-anywhere
ln -s "$DIST" dist

imds-anywhere emulate --dir account --listen 127.0.0.1:9555 >emulator.yaml 2>emulator.log &
until grep -q AWS_ENDPOINT_URL_STS emulator.yaml; do sleep 0.1; done
cp account/device.pem account/device.key .
value() { sed -n "s/^ *-* *$1: //p" emulator.yaml; }
TRUST_ANCHOR=$(value trustAnchorArn) PROFILE=$(value profileArn) ROLE=$(value roleArn)
export TRUST_ANCHOR PROFILE ROLE AWS_ENDPOINT_URL_STS=http://127.0.0.1:9555
cat >config.yaml <<EOF
identity: { certificate: device.pem, privateKey: device.key }
rolesAnywhere: { endpoint: $AWS_ENDPOINT_URL_STS, trustAnchorArn: $TRUST_ANCHOR, profileArn: $PROFILE }
roles:
  - { name: uploader, roleArn: $ROLE, imds: { region: eu-central-1 } }
container:
  tokens: [{ client: app, roles: [uploader], file: /run/imds-anywhere/app.token }]
socket: {}
admin: { listen: 127.0.0.1:9910, socket: /run/imds-anywhere/admin.sock }
EOF
if [ "$GIVEN" = helper ]; then
  helper="--certificate $PWD/device.pem --private-key $PWD/device.key --trust-anchor-arn $TRUST_ANCHOR \
   --profile-arn $PROFILE --role-arn $ROLE --endpoint $AWS_ENDPOINT_URL_STS"
  printf '[profile helper]\ncredential_process = aws_signing_helper credential-process %s\n' "$helper" >home/.aws/config
  printf '[Service]\nExecStart=/usr/bin/aws_signing_helper serve %s\n' "$helper" | sed "s|$PWD|/etc/pki|g" >aws-credentials.service
fi

if [ "$GIVEN" = daemon ]; then
  imds-anywhere serve config.yaml >daemon.out 2>daemon.log &
  until grep -q 'role session granted' daemon.log; do sleep 0.1; done
fi
exec "$1" "$2"
