"""PyPI's `socket.io-emitter` publishes to clients of Roomcast, unchanged."""

import socket

import pytest
from redis_server import RedisServer
from socket_io_emitter import Emitter
from test_sync_client import ask, client


@pytest.fixture
def redis(tmp_path):
    """A Redis server of its own."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def nodes(start_gateway, redis):
    """Two nodes on one Redis."""
    settings = {
        "adapter.kind": "redis",
        "redis.addresses": redis.address,
        "cluster.secret": "a secret of tests, which is long enough",
    }
    return [start_gateway(settings) for _ in range(2)]


def test_a_redis_server_answers_and_ends(redis):
    """What the other tests stand on."""
    with socket.create_connection(("127.0.0.1", redis.port)) as link:
        link.sendall(b"PING\r\n")
        assert link.recv(16) == b"+PONG\r\n"
        redis.stop()
        assert link.recv(16) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", redis.port))


def test_an_emitter_publishes_to_rooms_and_to_all(nodes, redis):
    """Everybody, one room, another namespace: each client gets its own, once, in order."""
    emitter = Emitter({"host": "127.0.0.1", "port": redis.port})
    with client(nodes[0].public_url, ["websocket"]) as (a, of_a), client(nodes[1].public_url, ["polling"]) as (b, of_b):
        assert ask(a, "subscribe", "one")["ok"]
        assert ask(b, "subscribe", "two")["ok"]
        emitter.Emit("news", "€", 1.5, {"n": [None, True]})
        emitter.To("one").Emit("news", "to one")
        emitter.To("two").Emit("news", "to two")
        emitter.Of("/elsewhere").Emit("news", "not here")
        emitter.Emit("news", "last")
        for inbox, name in ((of_a, "one"), (of_b, "two")):
            assert inbox("news").next() == ("€", 1.5, {"n": [None, True]})
            assert inbox("news").next() == (f"to {name}",)
            assert inbox("news").next() == ("last",)


def test_an_emitter_publishes_to_several_rooms(nodes, redis):
    """It sends one PUBLISH a room, each with the full list: a server with members of both rooms hears two
    and delivers two, a stock one as well. Here each node has members of one."""
    emitter = Emitter({"host": "127.0.0.1", "port": redis.port})
    with client(nodes[0].public_url, ["websocket"]) as (a, of_a), client(nodes[1].public_url, ["polling"]) as (b, of_b):
        assert ask(a, "subscribe", "one")["ok"]
        assert ask(b, "subscribe", "two")["ok"]
        emitter.To("one", "two").Emit("news", "to both")
        emitter.Emit("news", "last")
        for inbox in (of_a, of_b):
            assert inbox("news").next() == ("to both",)
            assert inbox("news").next() == ("last",)
