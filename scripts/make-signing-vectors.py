#!/usr/bin/env python3
"""Makes the signing vectors in test/vectors/sigv4-x509/.

They are the oracle for src/rolesanywhere/sigv4-x509.ts, so nothing in here comes from there: canonical request and string to
sign are built from the "signing process" page of the IAM Roles Anywhere guide with Python's own URL encoding, and the openssl
program makes keys, certificates and signatures. Every run makes new throwaway keys: TEST ONLY, they are published.

Usage: scripts/make-signing-vectors.py        (needs Python 3.9 and OpenSSL 3)
"""

import base64
import hashlib
import json
import pathlib
import subprocess
import tempfile
from urllib.parse import quote, urlsplit

OUT = pathlib.Path(__file__).resolve().parent.parent / "test" / "vectors" / "sigv4-x509"

# A serial number whose first bit is set (so its DER has a leading zero byte), a small one, and one in between.
KEYS = {
    "rsa-2048": (["RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "F1E2D3C4B5A69788796A5B4C3D2E1F0011223344"),
    "p-256": (["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "01"),
    "p-384": (["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "7FFFFFFFFFFFFFFF"),
    "p-521": (["EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "00ABCDEF"),
}

ACCOUNT = "123456789012"


def openssl(*arguments, data=None):
    return subprocess.run(["openssl", *arguments], input=data, check=True, capture_output=True).stdout


def make_authority(directory, name, issuer=None):
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    signer = ["-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key"] if issuer else []
    openssl(
        "req", "-x509", "-new", "-key", str(key), "-out", str(certificate), "-days", "36500", "-sha256", *signer,
        "-subj", f"/O=imds-anywhere test only/CN={name}", "-addext", "keyUsage=critical,keyCertSign",
    )
    return directory / name


def make_leaf(directory, kind, issuer):
    algorithm, serial = KEYS[kind]
    key, certificate = directory / f"{kind}.key", directory / f"{kind}.pem"
    openssl("genpkey", "-algorithm", *algorithm, "-out", str(key))
    openssl(
        "req", "-x509", "-new", "-key", str(key), "-out", str(certificate), "-days", "36500", "-sha256",
        "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-set_serial", f"0x{serial}",
        "-subj", f"/O=imds-anywhere test only/CN={kind}",
        "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature",
    )
    return {
        "kind": kind,
        "key": key,
        "privateKey": key.read_text(),
        "publicKey": openssl("pkey", "-in", str(key), "-pubout").decode(),
        "certificate": der(certificate),
        "serial": int(serial, 16),
    }


def der(certificate):
    return base64.b64encode(openssl("x509", "-in", str(certificate), "-outform", "DER")).decode()


def uri_encode(text):
    """RFC 3986: everything but unreserved characters; Python's quote counts the tilde among those."""
    return quote(text, safe="")


def sha256_hex(text):
    return hashlib.sha256(text.encode()).hexdigest()


def vector(name, about, leaf, chain, *, endpoint=None, region="us-east-1", partition="aws", role="Demo",
           duration=3600, session_name=None, time="20261122T120000Z"):
    arns = {
        "trustAnchorArn": f"arn:{partition}:rolesanywhere:{region}:{ACCOUNT}:trust-anchor/11111111-2222-3333-4444-555555555555",
        "profileArn": f"arn:{partition}:rolesanywhere:{region}:{ACCOUNT}:profile/66666666-7777-8888-9999-000000000000",
        "roleArn": f"arn:{partition}:iam::{ACCOUNT}:role/{role}",
    }
    suffix = {"aws-cn": "amazonaws.com.cn"}.get(partition, "amazonaws.com")
    base = urlsplit(endpoint or f"https://rolesanywhere.{region}.{suffix}")
    body = '{"durationSeconds":%d}' % duration
    if session_name:
        body = '{"durationSeconds":%d,"roleSessionName":"%s"}' % (duration, session_name)

    # Step 1: the canonical request.
    sent_path = base.path + "/sessions"
    canonical_uri = "/".join(uri_encode(segment) for segment in sent_path.split("/"))
    query = "&".join(f"{uri_encode(key)}={uri_encode(arns[key])}" for key in sorted(arns))
    headers = {
        "content-type": "application/json",
        "host": base.netloc,
        "x-amz-date": time,
        "x-amz-x509": leaf["certificate"],
    }
    if chain:
        headers["x-amz-x509-chain"] = ",".join(chain)
    signed = ";".join(sorted(headers))
    header_lines = "".join(f"{key}:{headers[key]}\n" for key in sorted(headers))
    canonical = "\n".join(["POST", canonical_uri, query, header_lines, signed, sha256_hex(body)])

    # Step 2: the string to sign.
    algorithm = "AWS4-X509-RSA-SHA256" if leaf["kind"].startswith("rsa") else "AWS4-X509-ECDSA-SHA256"
    scope = f"{time[:8]}/{region}/rolesanywhere/aws4_request"
    to_sign = "\n".join([algorithm, time, scope, sha256_hex(canonical)])

    # Steps 3 and 4: signature and Authorization.
    signature = openssl("dgst", "-sha256", "-sign", str(leaf["key"]), data=to_sign.encode()).hex()
    credential = f"{leaf['serial']}/{scope}"

    write(name, {
        "about": about,
        "privateKey": leaf["privateKey"],
        "publicKey": leaf["publicKey"],
        "certificate": leaf["certificate"],
        "chain": chain,
        "serial": str(leaf["serial"]),
        "target": {**arns, "sessionDuration": duration, **({"roleSessionName": session_name} if session_name else {})},
        **({"endpoint": endpoint} if endpoint else {}),
        "region": region,
        "time": time,
        "request": {"url": f"{base.scheme}://{base.netloc}{sent_path}?{query}", "headers": headers, "body": body},
        "algorithm": algorithm,
        "canonicalRequest": canonical,
        "stringToSign": to_sign,
        "signature": signature,
        "authorization": f"{algorithm} Credential={credential}, SignedHeaders={signed}, Signature={signature}",
    })


def write(name, content):
    (OUT / f"{name}.json").write_text(json.dumps(content, indent=2, ensure_ascii=True) + "\n")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for old in OUT.glob("*.json"):
        old.unlink()
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        root = make_authority(directory, "root")
        upper = make_authority(directory, "upper", root)
        lower = make_authority(directory, "lower", upper)
        chain = [der(f"{lower}.pem"), der(f"{upper}.pem")]
        leaves = {kind: make_leaf(directory, kind, lower) for kind in KEYS}
        for kind, leaf in leaves.items():
            vector(f"{kind}", f"{kind}, no chain", leaf, [])
            vector(f"{kind}-chain", f"{kind} with a chain of two", leaf, chain)
            vector(f"{kind}-session-name", f"{kind} with a session name", leaf, [], session_name="build-7@example", duration=900)
            vector(f"{kind}-chain-session-name", f"{kind}, both", leaf, chain[:1], session_name="a.b+c=d,e_f", duration=43200)
            vector(f"{kind}-base-path", f"{kind}, endpoint with a port and a base path", leaf, [],
                   endpoint="http://127.0.0.1:8080/base")
        vector("encoded-base-path", "a base path whose percent signs are encoded once more, and reserved characters", leaves["p-256"], [],
               endpoint="https://gateway.example:8443/team%20a/%C3%A9!(v1)/a%2Fb/x:y@z")
        vector("china", "another partition and region, at the last second of a year", leaves["p-256"], [],
               partition="aws-cn", region="cn-northwest-1", time="20261231T235959Z")
        vector("role-with-reserved-characters", "a path with signs that encodeURIComponent leaves, and every sign that a role name may have", leaves["rsa-2048"], [],
               role="team!(one)*/it's~/A_b+c=d,e.f@g-h")


if __name__ == "__main__":
    main()
