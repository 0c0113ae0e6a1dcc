"""python-socketio's threaded client: the matrix of the Node tests, in short."""

import threading
from contextlib import contextmanager

import pytest
import requests
import socketio

DEADLINE_SECONDS = 15
BINARY = bytes([0, 1, 2, 0xFF, 0x1E, 0x80])
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}


class Inbox:
    """The arguments of one event, each time it comes."""

    def __init__(self):
        self._came = threading.Condition()
        self._items = []

    def put(self, *args):
        with self._came:
            self._items.append(args)
            self._came.notify_all()

    def next(self):
        with self._came:
            assert self._came.wait_for(lambda: self._items, DEADLINE_SECONDS), "no event in time"
            return self._items.pop(0)


@contextmanager
def client(url, transports, *, namespaces=("/",), **options):
    """A client that has connected, and its inboxes by event."""
    sio = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
    inboxes = {}

    def inbox(event, namespace="/"):
        if (event, namespace) not in inboxes:
            inboxes[event, namespace] = Inbox()
            sio.on(event, inboxes[event, namespace].put, namespace=namespace)
        return inboxes[event, namespace]

    for namespace in namespaces:
        inbox("auth", namespace)
        inbox("message-back", namespace)
    inbox("news")
    sio.connect(
        url, transports=transports, namespaces=list(namespaces), wait_timeout=DEADLINE_SECONDS, **options
    )
    try:
        yield sio, inbox
    finally:
        sio.disconnect()


def ask(sio, event, data, namespace="/"):
    return sio.call(event, data, namespace=namespace, timeout=DEADLINE_SECONDS)


def post(gateway, path, body):
    return requests.post(gateway.internal_url + path, json=body, timeout=2 * DEADLINE_SECONDS)


@pytest.fixture(params=TRANSPORTS, ids=list(TRANSPORTS))
def transports(request):
    return TRANSPORTS[request.param]


def test_events_and_acknowledgements_come_back(echo, transports):
    with client(echo.public_url, transports, auth={"token": "abc"}) as (sio, inbox):
        assert inbox("auth").next() == ({"token": "abc"},)
        sio.emit("message", (1, "€ 😀", {"nested": [None, 1.5]}))
        assert inbox("message-back").next() == (1, "€ 😀", {"nested": [None, 1.5]})
        sio.emit("message", (BINARY, {"deep": [b"", BINARY]}))
        assert inbox("message-back").next() == (BINARY, {"deep": [b"", BINARY]})
        assert ask(sio, "message-with-ack", ("one", BINARY)) == ("one", BINARY)
        assert sio.transport() == transports[-1]


def test_two_namespaces_share_a_connection(echo, transports):
    with client(echo.public_url, transports, namespaces=("/", "/custom")) as (sio, inbox):
        sio.emit("message", "custom", namespace="/custom")
        assert inbox("message-back", "/custom").next() == ("custom",)
        assert ask(sio, "message-with-ack", "root") == "root"
        assert sio.get_sid("/custom") != sio.get_sid("/")


def test_a_client_acknowledges_a_publication(echo, transports):
    with client(echo.public_url, transports) as (sio, _):
        sio.on("question", lambda n, data: ({"n": n}, data))
        answer = post(
            echo,
            "/v1/publish",
            {
                "to": {"connections": [sio.get_sid()]},
                "event": "question",
                "args": [7, {"_placeholder": True, "num": 0}],
                "attachments": ["AAEC/w=="],
                "ack": {"timeout_ms": 10_000, "want": "collect", "limit": 10},
            },
        )
        assert answer.status_code == 200, answer.text
        body = answer.json()
        assert (body["matched"], body["acked"], body["timed_out"]) == (1, 1, 0)
        assert body["replies"] == [
            {
                "connection": sio.get_sid(),
                "args": [{"n": 7}, {"_placeholder": True, "num": 0}],
                "attachments": ["AAEC/w=="],
            }
        ]


def test_a_refusal_says_why_and_another_try_succeeds(echo, transports):
    sio = socketio.Client(reconnection=False)
    refusals = Inbox()
    sio.on("connect_error", refusals.put)
    with pytest.raises(socketio.exceptions.ConnectionError):
        sio.connect(echo.public_url, transports=transports, auth={"bad": 1}, wait_timeout=DEADLINE_SECONDS)
    assert refusals.next() == ({"message": "bad token", "data": {"code": 7}},)
    sio.connect(echo.public_url, transports=transports, auth={"good": 1}, wait_timeout=DEADLINE_SECONDS)
    assert ask(sio, "message-with-ack", "in") == "in"
    sio.disconnect()


def test_rooms(gateway, transports):
    with client(gateway.public_url, transports) as (sio, inbox):
        assert ask(sio, "subscribe", "orders:42") == {"ok": True, "rooms": ["orders:42"]}
        refused = ask(sio, "subscribe", "~x")
        assert (refused["ok"], refused["error"]["code"], refused["error"]["room"]) == (False, "forbidden", "~x")
        publication = {"to": {"rooms": ["orders:42"]}, "event": "news", "args": [{"id": 42}]}
        assert post(gateway, "/v1/publish", publication).status_code == 202
        assert inbox("news").next() == ({"id": 42},)
        assert ask(sio, "publish", ("orders:42", "news", BINARY)) == {"ok": True}
        assert inbox("news").next() == (BINARY,)
        assert ask(sio, "unsubscribe", ["orders:42"]) == {"ok": True, "rooms": ["orders:42"]}
        assert ask(sio, "message", 1)["error"]["code"] == "no_backend"


def test_clients_come_back_after_a_restart(gateway, transports):
    connections = Inbox()
    sio = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
    sio.on("connect", lambda: sio.emit("subscribe", "restart", callback=connections.put))
    news = Inbox()
    sio.on("news", news.put)
    sio.connect(gateway.public_url, transports=transports, wait_timeout=DEADLINE_SECONDS)
    try:
        assert connections.next()[0]["ok"]
        assert gateway.restart() == 0
        assert connections.next()[0]["ok"]
        post(gateway, "/v1/publish", {"to": {"rooms": ["restart"]}, "event": "news", "args": [1]})
        assert news.next() == (1,)
    finally:
        sio.disconnect()


def test_a_backend_disconnects_for_good_or_to_come_back(gateway, transports):
    connections, ends = Inbox(), Inbox()
    sio = socketio.Client(reconnection_delay=0.05, reconnection_delay_max=0.2)
    sio.on("connect", connections.put)
    sio.on("disconnect", ends.put)
    sio.connect(gateway.public_url, transports=transports, wait_timeout=DEADLINE_SECONDS)
    try:
        connections.next()
        select = {"connections": [sio.get_sid()]}
        post(gateway, "/v1/disconnect", {"select": select, "reconnect": True})
        ends.next()
        connections.next()
        select = {"connections": [sio.get_sid()]}
        post(gateway, "/v1/disconnect", {"select": select, "reconnect": False})
        assert ends.next() == (sio.reason.SERVER_DISCONNECT,)
        assert not sio.connected
    finally:
        sio.disconnect()
