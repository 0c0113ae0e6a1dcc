"""What schemathesis has to be told about this API: the values behind the document's
formats, JSON lines, what JSON Schema cannot say, and a check of its own for batches.

It is loaded by contract.toml, in the process of `schemathesis run`.
"""

import json
import os

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

LINES = "application/x-ndjson"
SOMEBODY = "somebody-who-is-connected"
A_CURSOR = "a-cursor-of-this-list"
A_NODE = "node"
NAME_BYTES_MAX = 255
AUDIENCE_MAX = 1000
# Clients that do not answer would hold up a publish for as long as it says.
ACK_TIMEOUT_MS_MAX = 300


# The declared ones, and one that is not.
schemathesis.openapi.format("namespace", st.sampled_from(["/", "/orders", "/", "/nobody"]))
schemathesis.openapi.format("cursor", st.just(A_CURSOR))
schemathesis.openapi.format("node-tag", st.just(A_NODE))
schemathesis.openapi.format("connection-id", st.sampled_from([SOMEBODY, "nobody"]))


@schemathesis.serializer(LINES)
def write_lines(_context, items):
    """One item a line; what is no array (a negative case) is one line by itself."""
    items = items if isinstance(items, list) else [items]
    return "".join(json.dumps(item) + "\n" for item in items).encode()


@schemathesis.deserializer(LINES)
def read_lines(_context, response):
    return [json.loads(line) for line in response.content.splitlines()]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.path_parameters.get("id") == SOMEBODY:
        items = first_page("/v1/connections", limit=1)["items"]
        case.path_parameters["id"] = items[0]["id"] if items else "nobody"
    if case.query.get("cursor") == A_CURSOR:
        case.query["cursor"] = first_page(case.path, limit=1)["next"]
        if not case.query["cursor"]:
            del case.query["cursor"]
    if case.query.get("node") == A_NODE:
        nodes = first_page("/v1/nodes")["items"]
        case.query["node"] = nodes[0]["node"] if nodes else A_NODE
    if case.meta.generation.mode.is_negative:
        return
    if "node" in case.query or "shard" in case.query:
        case.query.pop("servers", None)
    for body in case.body if isinstance(case.body, list) else [case.body]:
        if isinstance(body, dict):
            mend(body)


def first_page(path, **query):
    """The first page of a list as it is at the moment."""
    headers = {"Authorization": os.environ.get("CONTRACT_AUTHORIZATION", "")}
    page = requests.get(os.environ["CONTRACT_URL"] + path, params=query, headers=headers, timeout=20)
    return page.json() if page.ok else {"items": [], "next": None}


def mend(body):
    """Makes a body valid in what JSON Schema cannot say and the text of the document does."""
    attachments = body.get("attachments")
    if attachments:
        body.pop("data", None)
        body["args"] = [{"_placeholder": True, "num": number} for number in range(len(attachments))]
    for audience in (body.get(name, {}) for name in ("to", "select", "except")):
        left = AUDIENCE_MAX
        for name in ("rooms", "users", "connections"):
            if name in audience:
                audience[name] = [within(text) for text in audience[name][:left]]
                left -= len(audience[name])
    if "ack" in body:
        body.pop("fallback", None)
    for name in ("id", "key"):
        if name in body:
            body[name] = within(body[name])
    if "rooms" in body:
        body["rooms"] = [within(room) for room in body["rooms"]]
    if "ack" in body:
        body["ack"]["timeout_ms"] = min(body["ack"].get("timeout_ms", ACK_TIMEOUT_MS_MAX), ACK_TIMEOUT_MS_MAX)


def within(name):
    """A name cut to what may stand behind `~user:` as well."""
    most = NAME_BYTES_MAX - len("~user:")
    return name.encode("utf-8", "surrogatepass")[:most].decode("utf-8", "ignore")


@schemathesis.check
def bad_items_are_refused(context, response, case):
    """A batch that breaks the document is refused, or one of its items is."""
    if case.path != "/v1/publish/batch" or not case.meta or not case.meta.is_negative_at(ParameterLocation.BODY):
        return
    if response.status_code not in (200, 207):
        return
    if case.media_type == LINES:
        items = [json.loads(line) for line in response.content.splitlines()]
    else:
        items = response.json()["items"]
    assert any(item["status"] >= 400 for item in items), "no item of a bad batch was refused"
