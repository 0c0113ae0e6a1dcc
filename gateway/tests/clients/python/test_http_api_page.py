"""docs/http-api.md: every curl line of it, run as it stands, answers as the page shows.

Only the ports are replaced by those of a gateway of this test. Ids, addresses and times of
the page stand for the ones of the run: where the page says one again, the run's is meant.
"""

import json
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import socketio
import websocket

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "http-api.md").read_text()
DOCUMENT = json.loads((DOCS / "openapi.json").read_text())
PAGES_HOST = "127.0.0.1:9090"
SOCKET_IO, PLAIN = "sWanAiaOoZAVWQY1OtGN", "sWanBk3uN0pQz7RtY2Lw"
DEADLINE_SECONDS = 15

# What is different in each run: ids that the page's node made begin with its tag.
NODE = "sWan"
VARYING_TEXTS = {"next", "address", "internal", "version"}
VARYING_NUMBERS = {"connected_at_ms", "started_at_ms", "heard_at_ms", "shard"}

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


def examples(part):
    """The commands of a part of the page, each with the answer that follows it and its kind."""
    blocks = BLOCK.findall(part)
    found = []
    for index, (kind, text) in enumerate(blocks):
        if kind == "sh" and "curl" in text:
            assert index + 1 < len(blocks), f"no answer behind {text}"
            found.append((text, *blocks[index + 1]))
    return found


def parts():
    """The page's part about keys, and the rest."""
    before, keys, after = re.split(r"^(?=## Keys$|## Publish$)", PAGE, flags=re.M)
    return keys, before + after


class Run:
    """Runs the page's commands in their order on one gateway."""

    def __init__(self, gateway, learned=()):
        self.host = urlsplit(gateway.internal_url).netloc
        self.learned = dict(learned)

    def check(self, command, kind, shown):
        assert PAGES_HOST in command, command
        for said, meant in self.learned.items():
            command = command.replace(said, meant)
        ended = subprocess.run(
            ["bash", "-c", command.replace(PAGES_HOST, self.host)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE_SECONDS,
        )
        output = ended.stdout.decode()
        assert ended.returncode == 0, f"{command}: {ended.stderr.decode()}"
        if kind == "text":
            assert output == shown, command
        else:
            assert kind == "http", command
            self.compare_answers(output, shown)

    def compare_answers(self, output, shown):
        (status, head, body), (shown_status, shown_head, shown_body) = answer_of(output), answer_of(shown)
        assert status == shown_status, output
        assert shown_head.items() <= head.items(), output
        if shown_head["content-type"].startswith("text/") or not shown_body.strip():
            assert body.strip() == shown_body.strip()
            return
        lines, shown_lines = body.strip().splitlines(), shown_body.strip().splitlines()
        assert len(lines) == len(shown_lines), output
        for line, shown_line in zip(lines, shown_lines):
            self.compare(json.loads(line), json.loads(shown_line), "")

    def compare(self, value, shown, name):
        """The same keys, types and values, but for what varies."""
        assert type(value) is type(shown), f"{name}: {value!r}, and the page has {shown!r}"
        if isinstance(value, dict):
            assert value.keys() == shown.keys(), (value, shown)
            for key in value:
                self.compare(value[key], shown[key], key)
        elif isinstance(value, list):
            assert len(value) == len(shown), (value, shown)
            for one, other in zip(value, shown):
                self.compare(one, other, name)
        elif isinstance(shown, str) and (shown.startswith(NODE) or name in VARYING_TEXTS):
            assert self.learned.setdefault(shown, value) == value, f"{name}: {value}, and the page has {shown}"
        elif name not in VARYING_NUMBERS:
            assert value == shown, name


def answer_of(text):
    """Status line, headers and body of what `curl -i` shows; what has no headers before it is an error."""
    head, _, body = text.replace("\r\n", "\n").partition("\n\n")
    status, *headers = head.splitlines()
    return status, dict(line.split(": ", 1) for line in headers), body


@pytest.fixture
def clients(gateway):
    """The two clients that the page speaks of, by their ids there."""
    with ExitStack() as ends:
        sio = socketio.SimpleClient()
        sio.connect(gateway.public_url, wait_timeout=DEADLINE_SECONDS)
        ends.callback(sio.disconnect)
        sio.client.on("seen?", lambda order: ("yes", order))
        assert sio.call("subscribe", ["orders:42", "orders:43"], timeout=DEADLINE_SECONDS)["ok"]
        url = gateway.public_url.replace("http", "ws", 1) + "/ws"
        plain = websocket.create_connection(url, timeout=DEADLINE_SECONDS)
        ends.callback(plain.close)
        hello = json.loads(plain.recv())
        plain.send(json.dumps({"type": "subscribe", "id": 1, "rooms": ["orders:42", "news"]}))
        assert json.loads(plain.recv())["type"] == "ok"
        yield {SOCKET_IO: sio.sid, PLAIN: hello["id"]}


def test_every_command_of_the_page_answers_as_shown(gateway, clients):
    run = Run(gateway, clients)
    commands = examples(parts()[1])
    assert len(commands) >= 18
    for command, kind, shown in commands:
        run.check(command, kind, shown)


def test_the_commands_with_keys_do_too(start_gateway, tmp_path):
    keys, _ = parts()
    config = tmp_path / "roomcast.toml"
    config.write_text(next(text for kind, text in BLOCK.findall(keys) if kind == "toml"))
    run = Run(start_gateway(config=config))
    commands = examples(keys)
    assert len(commands) == 3
    for command, kind, shown in commands:
        run.check(command, kind, shown)


def test_every_path_has_a_command():
    commands = [command for command, _, _ in examples(PAGE)]
    for path in DOCUMENT["paths"]:
        pattern = re.compile(PAGES_HOST + re.sub(r"\{\w+\}", "[^/? ]+", path) + r"[\s?']")
        assert any(pattern.search(command) for command in commands), path


def test_the_page_has_every_code_field_and_parameter():
    schemas = DOCUMENT["components"]["schemas"]
    codes = dict(re.findall(r"^\| `(\w+)` \| (\d{3}) \|", PAGE, re.M))
    assert sorted(codes) == sorted(schemas["Problem"]["properties"]["code"]["enum"])
    for responses in (operation["responses"] for item in DOCUMENT["paths"].values() for operation in item.values()):
        for status, response in responses.items():
            for code in response.get("$ref", "").removeprefix("#/components/responses/").removesuffix(".head").split("."):
                assert codes.get(code, status) == status, code
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M))
    for name in ("Publication", "To", "Ack", "AckSummary", "JoinOrLeave", "Disconnect", "Connection"):
        missing = schemas[name]["properties"].keys() - rows
        assert not missing, f"{name}: {missing}"
    for item in DOCUMENT["paths"].values():
        named = {parameter.get("name") for parameter in item.get("get", {}).get("parameters", [])}
        assert named - {None, "room", "id"} <= rows


def test_a_page_that_is_wrong_is_found_out(gateway, clients):
    command, kind, shown = examples(parts()[1])[0]
    for said, wrong in [("202 Accepted", "200 OK"), ('"position":null', '"position":"1-1"'), ("order-42-paid", "order-43")]:
        assert said in shown
        with pytest.raises(AssertionError):
            Run(gateway, clients).check(command, kind, shown.replace(said, wrong))


def test_links_within_the_page_lead_somewhere():
    heads = {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^#+ (.*)$", PAGE, re.M)}
    for link in re.findall(r"\]\(#([\w-]+)\)", PAGE):
        assert link in heads, link
