#!/usr/bin/env bash
# Puts the clients of the conformance matrix, each pinned in its own directory, into .cache/conformance, and leaves alone what is
# there already. One that cannot be installed is named, and the others go on; the matrix tells then what is missing.
set -uo pipefail
cd "$(dirname "$0")/clients"
root=$(cd ../../.. && pwd)
failed=()

# client NAME FILE...: makes NAME anew where its pinned files have changed, by the function given in `with`.
client() {
  local name=$1 target="$root/.cache/conformance/$1" stamp
  stamp=$(cd "$name" && cat ../../install.sh -- * | sha256sum)
  [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$target" && mkdir -p "$target"
  printf 'installing %s\n' "$name"
  if (cd "$name" && nice -n 10 bash -c "set -e; $with" install "$target") >"$target/install.log" 2>&1; then
    printf '%s\n' "$stamp" >"$target/stamp"
  else
    tail -n 5 "$target/install.log"
    failed+=("$name")
  fi
}

with='cp package.json "$1" && cp -- *.mjs "$1" && npm install --prefix "$1" --no-package-lock --silent'
client javascript-v3
client javascript-v2
client minio-js
with='cp package.json "$1" && cp ../javascript-v3/client.mjs "$1" && npm install --prefix "$1" --no-package-lock --silent'
client javascript-v3-old

with='python3 -m venv "$1" && "$1/bin/python3" -m pip install --quiet --disable-pip-version-check -r requirements.txt'
client boto3
client boto3-old
client aws-cli-v1
client crt
client cpp
# The program as AWS ships it, inside what the Cloud Development Kit puts into Lambda layers.
with="$with"' && cd "$1" && tar xzf lib/python*/site-packages/aws_cdk/asset_awscli_v2/_jsii/*.tgz &&
  python3 -c "import shutil; shutil.unpack_archive(\"package/lib/layer.zip\", \".\")" && chmod +x awscli/v2/*/dist/aws &&
  mv awscli/v2/*/dist cli && rm -r package awscli lib'
client aws-cli-v2

with='go build -o "$1/client" .'
client go-v2
client go-v1
client minio-go

with='mvn -q -B dependency:copy-dependencies -DoutputDirectory="$1/lib" && javac -d "$1" -cp "$1/lib/*" Client.java'
client java-v2
client java-v1

[ ${#failed[@]} -eq 0 ] && exit
printf 'not installed: %s\n' "${failed[*]}"
exit 1
