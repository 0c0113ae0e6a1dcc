"""The HTTP API as its own document says it, judged by schemathesis.

Valid and invalid requests are made from /v1/openapi.json, by a fixed seed, while clients are
connected. No answer may be a 5xx, have a status, type, header or field that the document
does not have, refuse what it allows or take what it forbids. What is allowed to differ,
and why, is in contract.toml.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from company import company

FOLDER = Path(__file__).parent
LONG = bool(os.environ.get("ROOMCAST_TEST_LONG"))
EXAMPLES = 200 if LONG else 10
DEADLINE_SECONDS = 2400 if LONG else 400
SECRET = "s3cret"
ALL_SCOPES = ["publish", "rooms", "connections", "read"]
NAMESPACES = """
[[namespaces]]
name = "/"
[[namespaces]]
name = "/orders"
"""


@pytest.fixture
def start(start_gateway, tmp_path):
    """Starts a gateway with two namespaces, and with keys: `{id: scopes}`."""

    def start(keys=None):
        digest = hashlib.sha256(SECRET.encode()).hexdigest()
        tables = [
            f'[[internal.keys]]\nid = "{name}"\nsha256 = "{digest}"\nscopes = {json.dumps(scopes)}\n'
            for name, scopes in (keys or {}).items()
        ]
        config = tmp_path / "roomcast.toml"
        config.write_text(NAMESPACES + "".join(tables))
        return start_gateway({"node.shards": 2}, config=config)

    return start


def bearer(key):
    return f"Bearer rk_{key}_{SECRET}"


def schemathesis(gateway, report, *options, document=None, authorization=None):
    """Runs it on the document of the gateway, or on another file; what it says, and its report."""
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file=contract.toml",
        "run",
        str(document or gateway.internal_url + "/v1/openapi.json"),
        f"--url={gateway.internal_url}",
        "--seed=2026",
        f"--max-examples={EXAMPLES}",
        f"--report-json-path={report}",
        *options,
    ]
    # Nothing is remembered from one run to the next: the seed alone decides.
    storage = {"HYPOTHESIS_STORAGE_DIRECTORY": str(report.parent / "hypothesis")}
    env = os.environ | storage | {"CONTRACT_URL": gateway.internal_url}
    if authorization:
        command.append(f"--header=Authorization:{authorization}")
        env["CONTRACT_AUTHORIZATION"] = authorization
    ended = subprocess.run(
        command, cwd=FOLDER, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_SECONDS
    )
    return ended, json.loads(report.read_text()) if report.exists() else None


def assert_kept(ended, report):
    """Nothing was found, and every operation was tried and answered in both ways."""
    print(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    assert report["complete"] and not report["failures"] and not report["errors"], report
    # It leaves out the path that the document came from, but for HEAD.
    assert report["operations"]["tested"] == report["operations"]["total"] == 22, report["operations"]


def accepted(report):
    """How often each operation took a valid request."""
    return {
        operation: sum(phase["accepted"] for phase in phases.values())
        for operation, phases in report["valid_rates"].items()
    }


def test_the_open_api_keeps_its_document(start, tmp_path):
    gateway = start()
    with company(gateway):
        ended, report = schemathesis(gateway, tmp_path / "report.json")
        assert_kept(ended, report)
        assert all(accepted(report).values()), accepted(report)
    assert gateway.alive


def test_with_keys_it_keeps_its_document_too(start, tmp_path):
    gateway = start({"all": ALL_SCOPES})
    authorization = bearer("all")
    with company(gateway, {"Authorization": authorization}):
        options = [] if LONG else ["--phases=examples,fuzzing,stateful"]
        ended, report = schemathesis(gateway, tmp_path / "report.json", *options, authorization=authorization)
        assert_kept(ended, report)
        assert all(accepted(report).values()), accepted(report)
    assert SECRET not in gateway.output


def test_a_key_without_the_scope_gets_what_the_document_says(start, tmp_path):
    gateway = start({"reader": ["read"]})
    options = ["--phases=coverage" if LONG else "--phases=fuzzing"]
    ended, report = schemathesis(gateway, tmp_path / "report.json", *options, authorization=bearer("reader"))
    print(ended.stdout)
    assert ended.returncode == 0, ended.stderr
    opened = {operation for operation, times in accepted(report).items() if times}
    assert not any(operation.startswith("POST") for operation in opened), opened
    assert "GET /v1/rooms" in opened


def without_a_status(document):
    del document["paths"]["/v1/publish"]["post"]["responses"]["202"]


def without_a_field(document):
    page = document["components"]["schemas"]["RoomPage"]
    del page["properties"]["next"]
    page["required"].remove("next")


def with_a_limit_that_is_none(document):
    for parameter in document["paths"]["/v1/rooms"]["get"]["parameters"]:
        if parameter.get("name") == "limit":
            parameter["schema"] |= {"default": 5, "maximum": 10}


@pytest.mark.parametrize(
    "change, path, says",
    [
        (without_a_status, "/v1/publish", "Undocumented status code"),
        (without_a_field, "/v1/rooms", "Response violates schema"),
        (with_a_limit_that_is_none, "/v1/rooms", "Schema-violating request accepted"),
    ],
    ids=["status", "field", "limit"],
)
def test_a_document_that_is_wrong_is_found_out(start, tmp_path, change, path, says):
    gateway = start()
    document = requests.get(gateway.internal_url + "/v1/openapi.json", timeout=20).json()
    change(document)
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(document))
    phase = "--phases=examples" if change is without_a_status else "--phases=coverage"
    ended, _ = schemathesis(gateway, tmp_path / "report.json", f"--include-path={path}", phase, document=wrong)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert says in ended.stdout, ended.stdout
