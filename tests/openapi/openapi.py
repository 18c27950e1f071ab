#!/usr/bin/python3
"""tests/openapi/openapi.py: fcgi/openapi.json against the schema of OpenAPI 3.1, and against an instance.

Each operation has `x-requests`, a list of requests that can be sent as they stand: status (what the answer must be),
and as needed path, query, headers and body (any JSON, or type and text for a body that is none). A string that begins
with $ stands for something that is made for the request: $job (delayed), $held, $cancelled, $workflow, $plan,
$operation, $signature (of the body). An operation without one for its success, or for one of 400, 404, 409 and 422
that it tells of, fails, unless x-not-run has the status with the reason; 401, 403 and 415 are asked for by this program itself.

	openapi.py document FILE SCHEMA
	openapi.py run FILE BASE TOKENS KEY    TOKENS: a JSON file, token by scope ("all": all three); KEY: the webhook's
	openapi.py record FILE BASE TOKENS KEY prints the answers as JSON, for the examples in the document
"""
import hashlib
import hmac
import itertools
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

import jsonschema

METHODS = ("get", "post", "put", "patch", "delete")
ASKED_FOR = ("400", "404", "409", "422")
NO_SECRET = urllib.request.build_opener(urllib.request.ProxyHandler({}))
count, failed = 0, 0


def check(what, faults):
    """One line of TAP; faults: why not, as texts."""
    global count, failed
    count += 1
    faults = list(faults)
    failed += bool(faults)
    print(f"{'not ok' if faults else 'ok'} {count} - {what}")
    for fault in faults:
        print("# " + str(fault).replace("\n", "\n# "))


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.root = json.load(file)
        self.resolver = jsonschema.RefResolver("", self.root)

    def find(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.resolver.resolve(node["$ref"])[1]
        return node

    def operations(self):
        for path, item in self.root["paths"].items():
            for method in METHODS:
                if method in item:
                    yield method, path, item[method]

    def faults(self, value, schema):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        for error in validator.iter_errors(value):
            yield f"{error.json_path}: {error.message[:300]}"
        yield from self.unknown(value, schema, "$")

    def unknown(self, value, schema, at):
        """Members that the document does not name, where it names any."""
        schema = self.find(schema)
        if isinstance(value, list) and isinstance(schema, dict) and "items" in schema:
            for i, element in enumerate(value):
                yield from self.unknown(element, schema["items"], f"{at}[{i}]")
        if not isinstance(value, dict) or not isinstance(schema, dict) or "properties" not in schema:
            return
        for name, member in value.items():
            if name in schema["properties"]:
                yield from self.unknown(member, schema["properties"][name], f"{at}.{name}")
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self.unknown(member, schema["additionalProperties"], f"{at}.{name}")
            elif "additionalProperties" not in schema:
                yield f"{at}.{name}: the document does not tell of it"


def walk(node, at="#"):
    yield at, node
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, member in items:
        yield from walk(member, f"{at}/{name}")


def example_faults(document, content):
    """What is wrong with the examples of a content object."""
    for kind, media in content.items():
        values = [media["example"]] if "example" in media else [e["value"] for e in media.get("examples", {}).values()]
        if not values:
            yield f"{kind} has no example"
        for value in values:
            for fault in document.faults(value, media.get("schema", {})):
                yield f"the example of {kind}: {fault}"


def check_document(path, schema_path):
    document = Document(path)
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    validator = jsonschema.Draft202012Validator(schema)
    check("the document is OpenAPI 3.1", (f"{e.json_path}: {e.message[:300]}" for e in validator.iter_errors(document.root)))

    def schema_faults():
        for at, node in walk(document.root):
            if not (at.endswith("/schema") or re.fullmatch(r"#/components/schemas/[^/]+", at)):
                continue
            for e in jsonschema.Draft202012Validator(jsonschema.Draft202012Validator.META_SCHEMA).iter_errors(node):
                yield f"{at}: {e.message[:200]}"

    def ref_faults():
        for at, node in walk(document.root):
            if isinstance(node, dict) and isinstance(node.get("$ref"), str):
                try:
                    document.find(node)
                except jsonschema.RefResolutionError as error:
                    yield f"{at}: {error}"

    check("every schema is one of JSON Schema 2020-12", schema_faults())
    check("every reference leads somewhere", ref_faults())
    ids = [operation.get("operationId") for _, _, operation in document.operations()]
    check("every operation has a name of its own", [i for i in set(ids) if i is None or ids.count(i) > 1])
    for method, path, operation in document.operations():
        check(f"{method.upper()} {path} has examples that fit", operation_faults(document, operation))


def operation_faults(document, operation):
    told = set(operation["responses"])
    asked = {str(r["status"]) for r in operation.get("x-requests", ())}
    if not any(status.startswith("2") for status in asked):
        yield "x-requests has none that succeeds"
    for status in sorted(told & set(ASKED_FOR) - asked - set(operation.get("x-not-run", ()))):
        yield f"x-requests has none that is answered {status}"
    for status in sorted(asked - told):
        yield f"x-requests has one that is answered {status}, which is not told of"
    if "requestBody" in operation:
        body = document.find(operation["requestBody"])
        yield from (f"request: {f}" for f in example_faults(document, body["content"]))
    for status, response in operation["responses"].items():
        yield from (f"{status}: {f}" for f in example_faults(document, document.find(response).get("content", {})))


class Instance:
    def __init__(self, base, tokens_path, key):
        self.base, self.key = base, key.encode()
        with open(tokens_path, encoding="utf-8") as file:
            self.tokens = json.load(file)
        self.number = itertools.count(1)

    def send(self, method, path, query=None, headers=None, body=None, token="all"):
        """status, headers, bytes."""
        url = self.base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        request = urllib.request.Request(url, data=body, method=method.upper(), headers=headers or {})
        if token:
            request.add_header("Authorization", "Bearer " + self.tokens[token])
        try:
            answer = NO_SECRET.open(request, timeout=20)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            is_stream = answer.headers.get_content_type() == "text/event-stream"
            return answer.status, answer.headers, answer.readline() if is_stream else answer.read()

    def call(self, path, body=None, headers=None):
        data = json.dumps(body if body is not None else {}).encode()
        status, _, answer = self.send(
            "post", "/api/v1/workflow" + path, headers={"Content-Type": "application/json", **(headers or {})}, body=data)
        if status != 200:
            raise RuntimeError(f"POST {path}: {status} {answer!r}")
        return json.loads(answer)

    def new_job(self):
        n = next(self.number)
        body = {"user_id": "openapi", "sync_id": f"openapi-{n}"}
        return self.call("/phase/2", body, {"X-Delay": "1h"})

    def make(self, name, body):
        if name == "$signature":
            return "sha256=" + hmac.new(self.key, body, hashlib.sha256).hexdigest()
        job = self.new_job()
        if name == "$workflow":
            return job["workflow_id"]
        if name in ("$held", "$cancelled"):
            self.call(f"/jobs/{job['job_id']}/" + ("hold" if name == "$held" else "cancel"))
        if name in ("$job", "$held", "$cancelled"):
            return job["job_id"]
        plan = self.call("/plans", {"verb": "hold", "where": f"id={job['job_id']}"})["plan"]["plan"]
        if name == "$plan":
            return plan
        if name == "$operation":
            return self.call(f"/plans/{plan}/apply", {"reason": "an example"})["plan"]["operation"]
        raise KeyError(name)

    def fill(self, node, body=b""):
        if isinstance(node, dict):
            return {key: self.fill(value, body) for key, value in node.items()}
        if isinstance(node, list):
            return [self.fill(value, body) for value in node]
        return self.make(node, body) if isinstance(node, str) and re.fullmatch(r"\$[a-z]+", node) else node

    def request(self, method, path, entry, token="all"):
        body, headers = None, {}
        if "body" in entry:
            body = json.dumps(self.fill(entry["body"])).encode()
            headers["Content-Type"] = "application/json"
        if "text" in entry:
            body = entry["text"].encode()
            headers["Content-Type"] = entry.get("type", "application/json")
        headers.update(self.fill(entry.get("headers", {}), body or b""))
        for name, value in self.fill(entry.get("path", {})).items():
            path = path.replace("{" + name + "}", urllib.parse.quote(str(value), safe=""))
        if body is None and method == "post":
            body = b""
        return self.send(method, path, self.fill(entry.get("query", {})), headers, body, token)


def answer_faults(document, operation, wanted, answer):
    status, headers, body = answer
    if status != wanted:
        yield f"answered {status}, not {wanted}: {body[:300]!r}"
        return
    response = document.find(operation["responses"].get(str(status), {}))
    content, kind = response.get("content", {}), headers.get_content_type()
    if kind not in content:
        yield f"{status} came as {kind}, of which the document does not tell"
        return
    for name, header in response.get("headers", {}).items():
        if header.get("required") and name not in headers:
            yield f"{status} came without {name}"
    if kind.endswith("json"):
        yield from document.faults(json.loads(body), content[kind].get("schema", {}))


def scopes_of(operation):
    return [scope for way in operation.get("security", ()) for scopes in way.values() for scope in scopes]


def own_requests(operation):
    """What is asked for at each operation alike: (status, entry, token)."""
    good = next((r for r in operation.get("x-requests", ()) if r["status"] == 200), {})
    plain = {key: value for key, value in good.items() if key != "headers"}
    if "401" in operation["responses"]:
        yield 401, plain, None
    if "403" in operation["responses"] and scopes_of(operation):
        yield 403, plain, next(s for s in ("submit", "read", "operate") if s not in scopes_of(operation))
    if "415" in operation["responses"] and scopes_of(operation):
        yield 415, {**{k: v for k, v in plain.items() if k != "body"}, "text": "a=1", "type": "text/plain"}, "all"


def run(path, base, tokens, key, record):
    document, instance, answers = Document(path), Instance(base, tokens, key), {}
    for method, route, operation in document.operations():
        entries = [(r["status"], r, "all" if scopes_of(operation) else None) for r in operation.get("x-requests", ())]
        for status, entry, token in entries + list(own_requests(operation)):
            answer = instance.request(method, route, entry, token)
            kind = answer[1].get_content_type()
            answers.setdefault(f"{method} {route}", {}).setdefault(f"{status} {kind}", answer[2].decode())
            if not record:
                what = entry.get("summary") or " ".join(f"{k}={v}" for k, v in entry.get("query", {}).items())
                check(f"{method.upper()} {route} {status} {what}".rstrip(), answer_faults(document, operation, status, answer))
        if not record and not entries:
            check(f"{method.upper()} {route}", ["there is no example to be run"])
    if record:
        json.dump(answers, sys.stdout, indent=1)


def main():
    verb, *args = sys.argv[1:]
    if verb == "document":
        check_document(*args)
    else:
        run(*args, verb == "record")
    if verb != "record":
        print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
