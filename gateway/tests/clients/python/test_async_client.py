"""python-socketio's asyncio client: the matrix of the Node tests, in short."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
import socketio

DEADLINE_SECONDS = 15
BINARY = bytes([0, 1, 2, 0xFF, 0x1E, 0x80])
TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgrade": ["polling", "websocket"],
}


@pytest.fixture(params=TRANSPORTS, ids=list(TRANSPORTS))
def transports(request):
    return TRANSPORTS[request.param]


def new_client(*events, namespace="/", **options):
    """A client, and a queue with the arguments of each event."""
    sio = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.2, **options)
    queues = {}

    def keep(event):
        queues[event] = asyncio.Queue()

        async def put(*args):
            queues[event].put_nowait(args)

        sio.on(event, put, namespace=namespace)

    for event in events:
        keep(event)
    return sio, queues


@asynccontextmanager
async def connected(url, transports, *events, namespace="/", auth=None):
    sio, queues = new_client(*events, namespace=namespace)
    await sio.connect(
        url, transports=transports, namespaces=[namespace], auth=auth, wait_timeout=DEADLINE_SECONDS
    )
    try:
        yield sio, queues
    finally:
        await sio.disconnect()


async def next_of(queue):
    return await asyncio.wait_for(queue.get(), DEADLINE_SECONDS)


async def ask(sio, event, data, namespace="/"):
    return await sio.call(event, data, namespace=namespace, timeout=DEADLINE_SECONDS)


async def post(gateway, path, body):
    async with aiohttp.ClientSession() as session:
        async with session.post(gateway.internal_url + path, json=body) as answer:
            return answer.status, await answer.json()


@pytest.mark.parametrize("namespace", ["/", "/custom"])
def test_events_and_acknowledgements_both_ways(echo, transports, namespace):
    async def scenario():
        events = ("auth", "message-back")
        auth = {"token": "€"}
        async with connected(echo.public_url, transports, *events, namespace=namespace, auth=auth) as (sio, queues):
            assert await next_of(queues["auth"]) == (auth,)
            await sio.emit("message", (1, {"deep": [BINARY, b""]}), namespace=namespace)
            assert await next_of(queues["message-back"]) == (1, {"deep": [BINARY, b""]})
            assert await ask(sio, "message-with-ack", (BINARY, "two"), namespace) == (BINARY, "two")

            async def answer(n):
                return n + 1

            sio.on("question", answer, namespace=namespace)
            publication = {
                "namespace": namespace,
                "to": {"connections": [sio.get_sid(namespace)]},
                "event": "question",
                "args": [41],
                "ack": {"timeout_ms": 10_000, "want": "collect", "limit": 1},
            }
            status, body = await post(echo, "/v1/publish", publication)
            assert status == 200, body
            assert [reply["args"] for reply in body["replies"]] == [[42]]

    asyncio.run(scenario())


def test_a_refusal_says_why_and_another_try_succeeds(echo, transports):
    async def scenario():
        sio, queues = new_client("connect_error", reconnection=False)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await sio.connect(
                echo.public_url, transports=transports, auth={"bad": 1}, wait_timeout=DEADLINE_SECONDS
            )
        assert await next_of(queues["connect_error"]) == ({"message": "bad token", "data": {"code": 7}},)
        await sio.connect(echo.public_url, transports=transports, auth={}, wait_timeout=DEADLINE_SECONDS)
        assert await ask(sio, "message-with-ack", "in") == "in"
        await sio.disconnect()

    asyncio.run(scenario())


def test_rooms_between_clients_across_a_restart(gateway, transports):
    async def scenario():
        sio, queues = new_client("news")
        subscribed = asyncio.Queue()

        async def subscribe():
            await sio.emit("subscribe", ["news:1", "news:2"], callback=subscribed.put_nowait)

        sio.on("connect", subscribe)
        await sio.connect(gateway.public_url, transports=transports, wait_timeout=DEADLINE_SECONDS)
        try:
            for restart in (False, True):
                if restart:
                    assert await asyncio.to_thread(gateway.restart) == 0
                assert await next_of(subscribed) == {"ok": True, "rooms": ["news:1", "news:2"]}
                async with connected(gateway.public_url, transports) as (other, _):
                    assert await ask(other, "publish", ("news:2", "news", BINARY)) == {"ok": True}
                assert await next_of(queues["news"]) == (BINARY,)
        finally:
            await sio.disconnect()

    asyncio.run(scenario())
