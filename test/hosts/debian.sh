#!/usr/bin/env bash
# The steps of the README on a separate machine: npm run test:hosts [-- SUITE]. Boots a Debian with systemd as process 1, builds and installs the package, and goes
# through start, session, new key, outage, migration and removal there. Needs root, mmdebstrap, systemd-nspawn (Debian's systemd-container) and a
# Debian mirror; takes about two minutes once .cache/hosts has the system. By hand, not in CI.
set -euo pipefail
cd "$(dirname "$0")/../.."
suite=${1:-trixie}
[ "$(id -u)" -eq 0 ] || { echo 'left out: this needs root'; exit 2; }
for tool in mmdebstrap systemd-nspawn dpkg-deb nsenter; do
  command -v "$tool" >/dev/null || { echo "left out: this machine has no $tool"; exit 2; }
done

system=.cache/hosts/$suite.tar
if [ ! -f "$system" ]; then
  mkdir -p .cache/hosts
  # awscli is the program that uses the endpoint.
  mmdebstrap --format=tar --variant=minbase --include=systemd,systemd-sysv,nodejs,openssl,curl,ca-certificates,awscli,procps "$suite" "$system.new"
  mv "$system.new" "$system"
fi

work=$(mktemp -d /var/tmp/imds-anywhere-host.XXXXXX)
machine=
finish() {
  if [ -n "$machine" ]; then kill -KILL "$machine" $(pgrep --parent "$machine") && wait "$machine" || true; fi
  rm -rf "$work"
}
trap finish EXIT
mkdir "$work/root"
# Devices are made by systemd-nspawn.
tar --extract --file="$system" --directory="$work/root" --exclude='./dev/*'
npm run --silent package -- --quick --directory "$work/root/root" "${PACKAGE:-deb}"
cp README.md test/hosts/steps.sh deploy/kubernetes/overlays/from-signing-helper/deployment.yaml "$work/root/root"

# systemd 256 and later want control groups of version 2 only.
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no --keep-unit --private-network --boot \
  --directory="$work/root" </dev/null >"$work/console" 2>&1 &
machine=$!
inside() {
  local first
  first=$(pgrep --parent "$machine" | head -n 1)
  nsenter --target "$first" --all --wdns=/root env --ignore-environment HOME=/root LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
for _ in $(seq 60); do
  case $(inside systemctl is-system-running 2>/dev/null || true) in running | degraded) break ;; esac
  sleep 1
done
inside systemctl --version | head -n 1
inside bash steps.sh
