#!/usr/bin/env bash
# The steps of test/hosts/debian.sh in its machine. A failing step ends it, unless later steps do not need it.
set -euo pipefail
EMULATOR=http://127.0.0.1:8700
CONFIG=/etc/imds-anywhere/config.yaml
faults=0
wrong() {
  printf 'WRONG: %s\n' "$*"
  faults=$((faults + 1))
}
step() { printf '\n=== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  journalctl --no-pager --unit imds-anywhere --lines 30 || true
  exit 1
}
# until_true SECONDS COMMAND...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "not within its time: $*"
    sleep 0.5
  done
}
says() { [[ $(systemctl show --property StatusText --value imds-anywhere) == $1 ]]; }
emulator() {
  systemctl reset-failed emulator 2>/dev/null || true
  systemd-run --quiet --unit=emulator imds-anywhere emulate --dir /srv/account --listen "${EMULATOR#http://}" --grant-seconds 40
  until_true 20 curl --silent --fail --output /dev/null "$EMULATOR/_emulator"
}
identity() {
  (
    eval "$(imds-anywhere env --config "$CONFIG")"
    # AWS CLI v2 from before August 2025, as Debian has it, puts the path behind the address as it is.
    export AWS_EC2_METADATA_SERVICE_ENDPOINT=${AWS_EC2_METADATA_SERVICE_ENDPOINT%/}/
    AWS_ENDPOINT_URL_STS=$EMULATOR aws sts get-caller-identity --query Arn --output text
  )
}
# The lines of the README's block for systemd that begin with a word.
readme() { sed -n '/^### systemd, in five minutes/,/^###* Kubernetes/p' README.md | sed -n '/^```sh/,/^```/p' | grep "^$1"; }
# new_identity NAME: NAME.pem with its chain, and NAME.key, as the account's CA issues them.
new_identity() {
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n' >extensions
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" \
    -subj '/O=Example/OU=Devices/CN=device-0001' 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA /srv/account/intermediate-ca.pem -CAkey /srv/account/intermediate-ca.key \
    -CAcreateserial -days 30 -extfile extensions 2>/dev/null >"$1.pem"
  cat /srv/account/intermediate-ca.pem >>"$1.pem"
}

step 'install the package'
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet=2 ./imds-anywhere_*.deb >/dev/null
imds-anywhere version
! systemctl --quiet is-active imds-anywhere || fail 'it runs without a configuration'

step 'an account'
mkdir -p /srv
emulator
new_identity device
printed() { sed -n "s/^[- ]*$1: *\([^ ]*\)$/\1/p" /tmp/printed | head -n 1; }
journalctl --no-pager --output cat --unit emulator >/tmp/printed

step "the README's lines for systemd"
readme install | while read -r line; do echo "$line" && bash -c "$line"; done
sed -i -e "s|trustAnchorArn: .*|trustAnchorArn: $(printed trustAnchorArn)|" -e "s|profileArn: .*|profileArn: $(printed profileArn)|" \
  -e "s|# endpoint: .*|endpoint: $EMULATOR|" -e "s|roleArn: .*:role/Uploader|roleArn: $(printed roleArn)|" \
  -e '/^  - name: reader/,/^$/d' "$CONFIG"
imds-anywhere check-config "$CONFIG" || echo "check-config ended with $?"
readme 'systemctl enable' | bash
until_true 30 says '1 of 1 role fresh*'
systemctl --no-pager --lines 0 status imds-anywhere | grep Status
identity

step 'errors so far: none'
[ -z "$(journalctl --no-pager --quiet --priority err --unit imds-anywhere)" ] || fail 'there are errors in the journal'

step 'a certificate renewed with the same key: no restart'
serial() { openssl x509 -in "$1" -noout -serial | cut -d= -f2 | tr A-F a-f; }
used() { curl --silent "$EMULATOR/_emulator/events" | tr A-F a-f | grep --quiet "$(serial "$1")"; }
openssl x509 -req -in device.csr -CA /srv/account/intermediate-ca.pem -CAkey /srv/account/intermediate-ca.key \
  -CAcreateserial -days 30 -extfile extensions 2>/dev/null >renewed.pem
cat /srv/account/intermediate-ca.pem >>renewed.pem
install -m 644 renewed.pem /etc/imds-anywhere/device.pem
until_true 60 used renewed.pem

step 'a new key'
new_identity next
install -m 644 next.pem /etc/imds-anywhere/device.pem
install -m 600 next.key /etc/imds-anywhere/device.key
sleep 5
identity
if used next.pem; then
  echo 'followed without a restart'
else
  journalctl --no-pager --output cat --unit imds-anywhere --since -5s | tail -n 3
  systemctl restart imds-anywhere
  until_true 60 used next.pem
  echo 'followed after a restart'
fi
until_true 30 says '1 of 1 role fresh*'
identity

step 'an outage'
systemctl stop emulator
# answers STATUS: the endpoint answers a request for the credentials with this status.
answers() {
  local token tree=http://127.0.0.1:9911/latest role
  token=$(curl --silent --request PUT --header 'x-aws-ec2-metadata-token-ttl-seconds: 60' $tree/api/token)
  role=$(printed roleArn)
  curl --silent --output /dev/null --write-out '%{http_code}' --header "x-aws-ec2-metadata-token: $token" \
    "$tree/meta-data/iam/security-credentials/${role##*/}" | grep --quiet "$1"
}
answers 200 || fail 'the held session is not served'
until_true 90 answers 503
sleep 2
echo 'journalctl -p err:'
journalctl --no-pager --priority err --unit imds-anywhere --since -60s | head -n 5
[ -n "$(journalctl --no-pager --quiet --priority err --unit imds-anywhere --since -60s)" ] ||
  wrong 'journalctl -p err shows nothing of the outage'

step 'the end of the outage'
emulator
until_true 60 says '1 of 1 role fresh*'
identity

step "from a unit of the helper, by the lines that migrate prints"
systemctl disable --quiet --now imds-anywhere
cat >/etc/systemd/system/aws-helper.service <<UNIT
[Unit]
Description=credentials
[Service]
ExecStart=/usr/local/bin/aws_signing_helper serve --certificate /etc/imds-anywhere/device.pem --private-key /etc/imds-anywhere/device.key \\
  --trust-anchor-arn $(printed trustAnchorArn) --profile-arn $(printed profileArn) --role-arn $(printed roleArn) --endpoint $EMULATOR --port 9911
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
imds-anywhere migrate /etc/systemd/system/aws-helper.service >migrated.yaml
install -m 644 migrated.yaml "$CONFIG"
sed -n '/^# Run as root/,/^#$/s/^#   //p' migrated.yaml >migrated.sh
[ -s migrated.sh ] || fail 'migrate prints no lines for root'
bash -ex migrated.sh
until_true 30 says '1 of 1 role fresh*'
# The helper serves no region, so the programs get one.
AWS_REGION=eu-central-1 identity

step "from a manifest of the helper's container"
systemctl disable --quiet --now imds-anywhere
install -d /identity
install -m 644 next.pem /identity/tls.crt
install -m 600 next.key /identity/tls.key
sed -e "s|arn:.*:trust-anchor/.*|$(printed trustAnchorArn)|" -e "s|arn:.*:profile/.*|$(printed profileArn)|" \
  -e "s|arn:.*:role/.*|$(printed roleArn)|" deployment.yaml >manifest.yaml
imds-anywhere migrate manifest.yaml >"$CONFIG"
sed -i "s|^rolesAnywhere:|&\n  endpoint: $EMULATOR|" "$CONFIG"
systemd-run --quiet --unit=from-container imds-anywhere serve "$CONFIG"
until_true 30 answers 200
AWS_REGION=eu-central-1 identity
systemctl stop from-container

step 'remove, purge'
apt-get remove --yes --quiet=2 imds-anywhere >/dev/null
! systemctl --quiet is-active imds-anywhere || fail 'it still runs'
[ -z "$(find /usr -name '*imds-anywhere*' -not -path '*/completions/*')" ] || fail 'files are left in /usr'
[ -f /etc/imds-anywhere/device.key ] || fail 'the key is gone'
apt-get purge --yes --quiet=2 imds-anywhere >/dev/null
[ -z "$(find /var/lib/private /var/log/private -name '*imds-anywhere*' 2>/dev/null)" ] || fail 'state is left'
step "$faults wrong"
[ "$faults" -eq 0 ]
