#!/usr/bin/env bash
# The packages that bring their Node, in Debian roots that have none: npm run test:packages. Builds them twice, installs the Debian package over a
# previous version, serves, restarts from its state, removes it, and runs the archive. Needs root, mmdebstrap, rpmbuild, and a Debian mirror once.
set -euo pipefail
cd "$(dirname "$0")/../.."
# CI has all of these tools.
leave_out() {
  echo "left out: $1"
  [ -z "${CI:-}" ] || exit 1
  exit 0
}
[ "$(id -u)" -eq 0 ] || leave_out 'this needs root'
# Like the tests that start systemd: on some machines, root may not mount.
unshare --mount true 2>/dev/null || { echo 'left out: this machine does not allow mounts' && exit 0; }
for tool in mmdebstrap dpkg-deb rpmbuild strip curl setpriv xz; do
  command -v "$tool" >/dev/null || leave_out "this machine has no $tool"
done
work=$(mktemp -d /var/tmp/imds-anywhere-packages.XXXXXX)
processes=()
finish() {
  [ ${#processes[@]} -eq 0 ] || kill "${processes[@]}" 2>/dev/null || true
  for root in "$work"/*/proc; do umount "$root" 2>/dev/null || true; done
  rm -rf "$work"
}
trap finish EXIT
step() { printf '\n=== %s\n' "$*"; }
fail() {
  printf 'FAILED: %s\n' "$*"
  tail -n 20 "$work"/*.log || true
  exit 1
}
# until_true COMMAND...
until_true() {
  local end=$((SECONDS + 30))
  until "$@"; do
    [ "$SECONDS" -lt "$end" ] || fail "not within 30 s: $*"
    sleep 0.2
  done
}

step 'the packages'
npm run --silent build
node scripts/package.mjs --quick --directory "$work/first" deb rpm tar >/dev/null
ls -l "$work/first"

step 'the same bytes, made again'
node scripts/package.mjs --quick --directory "$work/second" deb >/dev/null
cmp "$work"/first/*.deb "$work"/second/*.deb || fail 'they differ'
rm -r "$work/second"
package=$(echo "$work"/first/*.deb)
archive=$(echo "$work"/first/*.tar.xz)

step 'the RPM: its files, and what it needs'
rpm --query --package --list "$work"/first/*.rpm >"$work/rpm.files"
for file in /usr/bin/imds-anywhere /usr/lib/imds-anywhere/node /usr/lib/imds-anywhere/dist/serve.cache \
  /usr/lib/systemd/system/imds-anywhere.service /etc/imds-anywhere /usr/share/zsh/site-functions/_imds-anywhere; do
  grep --quiet --line-regexp "$file" "$work/rpm.files" || fail "the RPM has no $file"
done
rpm --query --package --requires "$work"/first/*.rpm | grep --quiet 'GLIBC_2.28' || fail 'the RPM does not say which glibc it needs'
[ -z "$(rpm --query --package --queryformat '[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]' "$work"/first/*.rpm | grep -v '^root:root$')" ] ||
  fail 'not all of the RPM is owned by root'

step 'a previous version'
mkdir "$work/previous"
dpkg-deb --raw-extract "$package" "$work/previous"
sed -i 's/^Version: .*/Version: 0.0.9/' "$work/previous/DEBIAN/control"
dpkg-deb --root-owner-group -Znone --build "$work/previous" "$work/previous.deb" >/dev/null
rm -r "$work/previous"

port=$(node -e "const s = require('net').createServer().listen(0, () => { console.log(s.address().port); s.close(); })")
tree="http://127.0.0.1:$port/latest"
# status_as USER: the status of the endpoint when that user asks for the credentials.
status_as() {
  local token
  token=$(setpriv --reuid "$1" --clear-groups curl --silent --request PUT --header 'x-aws-ec2-metadata-token-ttl-seconds: 60' "$tree/api/token")
  setpriv --reuid "$1" --clear-groups curl --silent --output /dev/null --write-out '%{http_code}' \
    --header "x-aws-ec2-metadata-token: $token" "$tree/meta-data/iam/security-credentials/device"
}
answers() { [ "$(status_as "$1")" = "$2" ]; }

for suite in ${SUITES:-bookworm trixie}; do
  step "$suite, without Node"
  system=.cache/hosts/$suite-minbase.tar
  if [ ! -f "$system" ]; then
    mkdir -p .cache/hosts
    mmdebstrap --quiet --format=tar --variant=minbase "$suite" "$system.new"
    mv "$system.new" "$system"
  fi
  root=$work/$suite
  mkdir "$root"
  tar --extract --file="$system" --directory="$root" --exclude='./dev/*'
  for device in null urandom; do cp --archive "/dev/$device" "$root/dev/"; done
  # The user of a connection is looked up there.
  mount -t proc proc "$root/proc"
  inside() { chroot "$root" env --ignore-environment HOME=/root PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
  # begin NAME COMMAND...: in the background, with its output in a log.
  begin() {
    local name=$1
    shift
    chroot "$root" env --ignore-environment HOME=/root PATH=/usr/local/bin:/usr/bin:/bin "$@" >"$work/$suite-$name.log" 2>&1 &
    processes+=($!)
    last=$!
  }
  # end PID: no process in the root may outlive it.
  end() { kill "$1" && { wait "$1" || true; }; }
  ! inside sh -c 'command -v node nodejs' || fail 'this root has Node'
  cp "$package" "$work/previous.deb" "$archive" "$root/root/"

  inside dpkg --install /root/previous.deb >/dev/null
  [ "$(inside imds-anywhere version)" = "$(node -p 'require("./package.json").version')" ] || fail 'it does not run'
  # Ignore options and modules for another Node.
  inside env NODE_OPTIONS=--no-such-option NODE_PATH=/nowhere imds-anywhere version >/dev/null

  begin emulator imds-anywhere emulate --dir /srv/account --listen 127.0.0.1:0
  emulator=$last
  until_true grep --quiet '^# For the SDKs' "$work/$suite-emulator.log"
  # The same key shows that state and configuration survive an upgrade.
  {
    sed -n '/^identity:/,/^roles:/p' "$work/$suite-emulator.log"
    sed -n 's/^  - roleArn: .*/&/p' "$work/$suite-emulator.log"
    printf '    imds: { listen: "127.0.0.1:%s" }\n    allow: { users: [0] }\nsocket: { path: /run/imds-anywhere.sock }\n' "$port"
    printf 'stateDirectory: /var/lib/imds-anywhere\n'
  } >"$root/etc/imds-anywhere/config.yaml"
  begin serve imds-anywhere serve /etc/imds-anywhere/config.yaml
  serve=$last
  until_true answers 0 200
  answers 65534 403 || fail "allow answers $(status_as 65534) to another user"
  session() { inside imds-anywhere credential-process --socket /run/imds-anywhere.sock --role device | grep --only-matching '"AccessKeyId":"[^"]*"'; }
  held=$(session)
  [ -n "$held" ] || fail 'credential-process has no session'
  inside imds-anywhere credential-process --no-cache --config /etc/imds-anywhere/config.yaml | grep --quiet SecretAccessKey
  # The cache was made for this very Node.
  printf '%s' "const vm = require('vm'); vm.Script = class extends vm.Script {
    constructor(source, options) { super(source, options); if (!options.cachedData || this.cachedDataRejected) process.exit(9); } };" >"$root/root/watch.cjs"
  inside /usr/lib/imds-anywhere/node --require /root/watch.cjs /usr/lib/imds-anywhere/dist/main.js serve --help >/dev/null ||
    fail 'the code cache is not used'

  echo 'upgrade, without a service to ask: the session comes from the state'
  end "$serve"
  end "$emulator"
  inside dpkg --install "/root/${package##*/}" >/dev/null
  begin serve imds-anywhere serve /etc/imds-anywhere/config.yaml
  serve=$last
  until_true answers 0 200
  [ "$(session)" = "$held" ] || fail 'the session did not outlive the upgrade'
  end "$serve"

  inside dpkg --remove imds-anywhere >/dev/null
  [ -z "$(find "$root/usr" -name '*imds-anywhere*')" ] || fail 'files are left in /usr'
  [ -f "$root/etc/imds-anywhere/config.yaml" ] || fail 'the configuration is gone'
  inside dpkg --purge imds-anywhere >/dev/null
  [ ! -e "$root/var/lib/imds-anywhere" ] || fail 'state is left'

  echo 'the archive'
  xz --decompress --stdout "$archive" | tar --extract --directory "$root/opt"
  inside sh -c 'ln -s /opt/imds-anywhere-*/imds-anywhere /usr/local/bin/ && imds-anywhere version'
  begin archive imds-anywhere serve /etc/imds-anywhere/config.yaml
  until_true grep --quiet '"serving"' "$work/$suite-archive.log"
  end "$last"
done
step 'passed'
