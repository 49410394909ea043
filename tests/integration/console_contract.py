# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract for the tests: operations, schemas, examples, and the judgement of an answer by them."""
import copy
import datetime
import re

METHODS = ("get", "post", "put", "patch", "delete")
PROBLEM = "application/problem+json"


class Operation:
    def __init__(self, path, method, item):
        self.path, self.method, self.item = path, method.upper(), item
        self.id = item["operationId"]
        self.audience = item["x-sekisho-audience"]
        self.roles = item["x-sekisho-roles"]
        self.scope = item["x-sekisho-scope"]
        self.half = item["x-sekisho-session"] == "half"
        self.fresh = item.get("x-sekisho-fresh", False)
        self.everywhere = item.get("x-sekisho-everywhere", False)
        self.changes = method != "get"
        content = item.get("requestBody", {}).get("content", {})
        self.body_type = next(iter(content), None)
        self.body = content.get("application/json")
        self.query = [p for p in item["parameters"] if p["in"] == "query"]
        self.path_names = re.findall(r"\{(\w+)\}", path)

    def codes(self):
        return {code for answer in self.item["responses"].values() for code in answer.get("x-sekisho-codes", ())}


class Contract:
    def __init__(self, document):
        self.schemas = document["components"]["schemas"]
        self.operations = [Operation(path, method, item[method]) for path, item in document["paths"].items()
                           for method in METHODS if method in item]
        self.methods = {path: {m.upper() for m in METHODS if m in item} for path, item in document["paths"].items()}

    def resolve(self, schema):
        if "$ref" in schema:
            return self.schemas[schema["$ref"].rsplit("/", 1)[1]]
        return schema

    # ---- answers ----

    def faults(self, schema, value, where=""):
        """What in the value is not as the schema says."""
        schema = self.resolve(schema)
        if schema.get("x-sekisho-any"):
            return
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if value is None:
            if "null" not in kinds:
                yield f"{where}: null"
            return
        kind = next(k for k in kinds if k != "null")
        yield from getattr(self, "faults_of_" + kind)(schema, value, where)

    def faults_of_object(self, schema, value, where):
        if not isinstance(value, dict):
            yield f"{where}: no object"
            return
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}/{name}: missing"
        for name, inner in value.items():
            if name not in schema.get("properties", {}):
                yield f"{where}/{name}: not documented"
            else:
                yield from self.faults(schema["properties"][name], inner, f"{where}/{name}")

    def faults_of_array(self, schema, value, where):
        if not isinstance(value, list) or not schema.get("minItems", 0) <= len(value) <= schema["maxItems"]:
            yield f"{where}: no array of the documented size"
            return
        for index, inner in enumerate(value):
            yield from self.faults(schema["items"], inner, f"{where}/{index}")

    def faults_of_string(self, schema, value, where):
        if not isinstance(value, str):
            yield f"{where}: no string"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is not in {schema['enum']}"
        elif not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 100):
            yield f"{where}: {len(value)} characters"
        elif schema.get("format") == "date-time":
            try:
                datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
            except ValueError:
                yield f"{where}: {value!r} is no time"
        elif schema.get("format") == "id" and not re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", value):
            yield f"{where}: {value!r} is no id"

    def faults_of_integer(self, schema, value, where):
        if not isinstance(value, int) or isinstance(value, bool) or not schema["minimum"] <= value <= schema["maximum"]:
            yield f"{where}: {value!r} is no documented number"

    def faults_of_boolean(self, schema, value, where):
        if not isinstance(value, bool):
            yield f"{where}: {value!r} is not true or false"

    def judge(self, operation, answer):
        """What in the answer is not documented: a list of texts."""
        documented = operation.item["responses"].get(str(answer.status))
        if documented is None:
            return [f"status {answer.status} {answer.code or ''} is not documented"]
        content = documented.get("content", {})
        if not content:
            return [f"a body of {len(answer.body)} bytes"] if answer.body else []
        if answer.type not in content:
            return [f"content type {answer.type!r}"]
        faults = [] if answer.headers.get("cache-control") == "no-store" else ["may be cached"]
        if answer.type == PROBLEM and answer.code not in documented["x-sekisho-codes"]:
            faults.append(f"{answer.code} is not documented for {answer.status}")
        if "schema" in content[answer.type]:
            faults += list(self.faults(content[answer.type]["schema"], answer.json))
        return faults

    # ---- bad bodies ----

    def bad_bodies(self, operation, example):
        """(what, body) pairs that the schema refuses, each one step away from the example."""
        schema = self.resolve(operation.body["schema"])
        if not operation.id.startswith("agent."):  # of a later one it is passed over
            yield "an unknown member", {**example, "unknown": 1}
        yield "no object", [example]
        yield "null", None
        for name in schema.get("required", ()):
            yield f"{name} missing", {k: v for k, v in example.items() if k != name}
        for name, inner in schema.get("properties", {}).items():
            for what, value in self.bad_values(self.resolve(inner)):
                yield f"{name} {what}", {**copy.deepcopy(example), name: value}

    def bad_values(self, schema):
        if schema.get("x-sekisho-any"):
            return
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if "string" in kinds:
            yield "a number", 7
            longest = schema.get("maxLength", 26)
            if longest < 10000:
                yield "too long", "a" * (longest + 1)
            if schema.get("minLength"):
                yield "empty", ""
            yield "with a control character", "a\u0001bc"
            yield "with a 0 character", "abc\u0000d"
            if "enum" in schema or schema.get("format") not in (None, "text", "lines", "password", "login"):
                yield "of another form", "*"
        if "integer" in kinds:
            yield "text", "7"
            yield "a fraction", 1.5
            yield "too small", schema["minimum"] - 1
            yield "too large", schema["maximum"] + 1
        if "boolean" in kinds:
            yield "a number", 1
        if "array" in kinds:
            yield "an object", {}
        if "object" in kinds:
            yield "an array", []
        if "null" not in kinds:
            yield "null", None
