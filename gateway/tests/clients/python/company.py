"""Clients that stay: two Socket.IO, one plain, each in rooms, each back when it was sent away."""

import json
import threading
import time
from contextlib import contextmanager

import requests
import socketio
import websocket

ROOMS = ["orders:42", "orders:43", "é"]
DEADLINE_SECONDS = 20
AGAIN_SECONDS = 0.05


@contextmanager
def company(gateway, headers=None):
    """Three connected clients while the block runs: two in `/`, one in `/orders`."""
    stop = threading.Event()
    stays = [
        (stay_socket_io, (gateway.public_url, "/", ["websocket"], stop)),
        (stay_socket_io, (gateway.public_url, "/orders", ["polling"], stop)),
        (stay_plain, (gateway.public_url, stop)),
    ]
    threads = [threading.Thread(target=stay, args=args, daemon=True) for stay, args in stays]
    for thread in threads:
        thread.start()
    try:
        for namespace, members in {"/": 2, "/orders": 1}.items():
            await_members(gateway, namespace, members, headers)
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)


def await_members(gateway, namespace, members, headers):
    deadline = time.monotonic() + DEADLINE_SECONDS
    url = gateway.internal_url + "/v1/rooms/orders:42"
    while True:
        answer = requests.get(url, params={"namespace": namespace}, headers=headers, timeout=DEADLINE_SECONDS).json()
        if answer.get("members") == members:
            return
        assert time.monotonic() < deadline, f"not all clients came into their rooms: {answer}"
        time.sleep(AGAIN_SECONDS)


def stay_socket_io(url, namespace, transports, stop):
    """A stock client that acknowledges whatever it is asked."""
    while not stop.is_set():
        gone = threading.Event()
        sio = socketio.Client(reconnection=False)
        sio.on("*", lambda *_: "here", namespace=namespace)
        sio.on("connect", lambda: sio.emit("subscribe", ROOMS, namespace=namespace), namespace=namespace)
        sio.on("disconnect", lambda *_: gone.set(), namespace=namespace)
        try:
            sio.connect(url, transports=transports, namespaces=[namespace], wait_timeout=DEADLINE_SECONDS)
            while not gone.wait(AGAIN_SECONDS) and not stop.is_set():
                pass
        except socketio.exceptions.ConnectionError:
            stop.wait(AGAIN_SECONDS)
        finally:
            sio.disconnect()


def stay_plain(url, stop):
    """A bare WebSocket that reads what comes."""
    while not stop.is_set():
        try:
            ws = websocket.create_connection(url.replace("http", "ws", 1) + "/ws", timeout=DEADLINE_SECONDS)
            ws.send(json.dumps({"type": "subscribe", "rooms": ROOMS}))
            ws.settimeout(AGAIN_SECONDS)
            while not stop.is_set():
                try:
                    ws.recv()
                except websocket.WebSocketTimeoutException:
                    pass
            ws.close()
        except (OSError, websocket.WebSocketException):
            stop.wait(AGAIN_SECONDS)
