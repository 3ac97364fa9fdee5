#!/usr/bin/env bash
# Puts the clients of the conformance matrix, each pinned in its own directory, into .cache/conformance, and leaves alone what is
# there already. One that cannot be installed is named, and the others go on. curl, rclone and Ruby's are the system's own.
set -uo pipefail
cd "$(dirname "$0")/clients"
root=$(cd ../../../ && pwd)/.cache/conformance
export root
mkdir -p "$root"
rm -f "$root/missing"

# client NAME COMMANDS: creates NAME again, in $target, if its pinned files or the commands have changed.
client() {
  local name=$1 commands=$2 stamp
  local -x target=$root/$name
  stamp=$(cd "$name" && cat -- * <(echo "$commands") | sha256sum)
  [ "$(cat "$target/stamp" 2>/dev/null)" = "$stamp" ] && return
  rm -rf "$target" && mkdir -p "$target"
  if (cd "$name" && nice -n 10 bash -ec "$commands") >"$target/install.log" 2>&1; then
    printf '%s\n' "$stamp" >"$target/stamp"
    printf 'installed %s\n' "$name"
  else
    printf 'not installed: %s\n' "$name" | tee -a "$root/missing"
    tail -n 5 "$target/install.log"
  fi
}

javascript() {
  local npm='npm install --prefix "$target" --no-package-lock --silent'
  client javascript-v3 'cp package.json client.mjs "$target" && '"$npm"
  client javascript-v3-old 'cp package.json ../javascript-v3/client.mjs "$target" && '"$npm"
  client javascript-v2 'cp package.json client.mjs "$target" && '"$npm"
  client minio-js 'cp package.json client.mjs "$target" && '"$npm"
}

python() {
  local pip='python3 -m venv "$target" &&
    "$target/bin/python3" -m pip install --quiet --disable-pip-version-check -r requirements.txt'
  client boto3 "$pip"
  client boto3-old "$pip"
  client aws-cli-v1 "$pip"
  client crt "$pip"
  client cpp "$pip"
}

# The program as AWS ships it, inside what the Cloud Development Kit puts into Lambda layers.
cli() {
  client aws-cli-v2 'python3 -m venv "$target/venv" &&
    "$target/venv/bin/python3" -m pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt &&
    cd "$target" && tar xzf venv/lib/python*/site-packages/aws_cdk/asset_awscli_v2/_jsii/*.tgz &&
    python3 -m zipfile -e package/lib/layer.zip . && mv awscli/v2/*/dist cli && chmod +x cli/aws && rm -r package awscli venv'
}

go_programs() {
  client go-v2 'go build -o "$target/client" .'
  client go-v1 'go build -o "$target/client" .'
  client minio-go 'go build -o "$target/client" .'
}

java() {
  local maven='mvn -q -B dependency:copy-dependencies -DoutputDirectory="$target/lib" &&
    javac -d "$target" -cp "$target/lib/*" Client.java'
  client java-v2 "$maven"
  client java-v1 "$maven"
  client kotlin "$maven"
}

# Most of the time goes into the packages that the two programs share, so they are built once, unoptimised, and kept.
rust() {
  client rust 'CARGO_TARGET_DIR="$root/cargo" cargo build --quiet --locked &&
    cp "$root/cargo/debug/client" "$root/cargo/debug/object-store" "$target"'
}

for language in javascript python cli go_programs java rust; do "$language" & done
wait
[ ! -e "$root/missing" ]
