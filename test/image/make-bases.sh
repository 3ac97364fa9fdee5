#!/bin/sh
# Makes the two bases of docker/Dockerfile from this machine's own files, for where no registry of images can be reached:
#   make-bases.sh NODE DIRECTORY
# writes DIRECTORY/runtime (Node and its libraries, laid out as in the distroless image) and DIRECTORY/build (that, npm and a shell).
set -eu
node=$1 out=$2

# Copies programs and the libraries they are linked with, links followed, to where they were.
with_libraries() {
  root=$1
  shift
  for program in "$@"; do
    { echo "$program"; ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true; }
  done | sort -u | while read -r file; do
    mkdir -p "$root$(dirname "$file")"
    cp -L "$file" "$root$file"
  done
}

skeleton() {
  mkdir -p "$1/etc" "$1/tmp" "$1/nodejs/bin"
  chmod 1777 "$1/tmp"
  printf 'root:x:0:0::/root:\nnonroot:x:65532:65532::/home/nonroot:\n' >"$1/etc/passwd"
  printf 'root:x:0:\nnonroot:x:65532:\n' >"$1/etc/group"
  printf 'hosts: files dns\n' >"$1/etc/nsswitch.conf"
  cp "$node" "$1/nodejs/bin/node"
  with_libraries "$1" $(ldd "$node" | grep -o '/[^ ]*')
  # What resolves names is opened while it runs.
  for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
    found=$(ldconfig -p | grep -o "/.*/$library" | head -n 1)
    with_libraries "$1" "$found"
  done
}

skeleton "$out/runtime"
skeleton "$out/build"
with_libraries "$out/build" /bin/sh /bin/cp /bin/mkdir /bin/chmod /usr/bin/env
mkdir -p "$out/build/usr/lib/node_modules" "$out/build/root"
cp -R "$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")" "$out/build/usr/lib/node_modules/npm"
ln -s /nodejs/bin/node "$out/build/usr/bin/node"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$out/build/usr/bin/npm"
if [ -d /etc/ssl/certs ]; then
  mkdir -p "$out/build/etc/ssl/certs" && cp -L /etc/ssl/certs/ca-certificates.crt "$out/build/etc/ssl/certs/"
fi
