"""Prints what is wrong with each main.tf: its attributes are those of the CloudFormation schemas in snake case, from
which the provider awscc is generated."""

import json
import re
import sys

import hcl2
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

TYPES = {
    "awscc_rolesanywhere_trust_anchor": "AWS::RolesAnywhere::TrustAnchor",
    "awscc_rolesanywhere_profile": "AWS::RolesAnywhere::Profile",
    "awscc_iam_role": "AWS::IAM::Role",
}


def snake(name):
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def schema_of(kind):
    return PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-central-1", TYPES[kind]).schema


def problems(value, schema, root, path):
    while "$ref" in schema:
        schema = root["definitions"][schema["$ref"].rsplit("/", 1)[-1]]
    if isinstance(value, str):
        # A policy is an object there, or a string with its JSON.
        is_policy = "object" in schema["type"] and "jsonencode(" in value
        if "string" not in schema["type"] and not is_policy:
            yield f"{path}: {value[:40]} is no {schema['type']}"
    elif isinstance(value, list):
        for item in value:
            yield from problems(item, schema["items"], root, f"{path}[]")
    elif isinstance(value, dict):
        choices = [schema] + schema.get("oneOf", []) + schema.get("anyOf", [])
        known = {snake(name): inner for one in choices for name, inner in one.get("properties", {}).items()}
        given = {key: item for key, item in value.items() if not key.startswith("__")}
        for name in schema.get("required", []):
            if snake(name) not in given:
                yield f"{path}.{snake(name)} is missing"
        for key, item in given.items():
            if key in known:
                yield from problems(item, known[key], root, f"{path}.{key}")
            else:
                yield f"{path}.{key} is unknown"
    elif not isinstance(value, {"integer": int, "number": int, "boolean": bool}.get(schema["type"], ())):
        yield f"{path}: {value} is no {schema['type']}"


def references(text):
    for kind, attribute in re.findall(r"\b(awscc_\w+)\.this\.(\w+)", text):
        if attribute not in [snake(name.rsplit("/", 1)[-1]) for name in schema_of(kind)["readOnlyProperties"]]:
            yield f"{kind} has no attribute {attribute}"


count = 0
for file in sys.argv[1:]:
    with open(file) as stream:
        text = stream.read()
    for resource in hcl2.loads(text)["resource"]:
        for kind, named in resource.items():
            kind = kind.strip('"')
            schema = schema_of(kind)
            count += 1
            for problem in problems(named['"this"'], schema, schema, kind):
                print(f"{file}: {problem}")
    for problem in references(text):
        print(f"{file}: {problem}")
print(json.dumps({"resources": count}))
