"""Fixtures of the Python client tests."""

from contextlib import ExitStack

import pytest

from support import Gateway, program_from


@pytest.fixture
def start_gateway():
    """Starts gateways with settings; all are stopped after the test, which must succeed."""
    with ExitStack() as stops:

        def start(settings=None, **options):
            gateway = Gateway(settings, **options)
            stops.callback(gateway.stop)
            return gateway

        yield start


@pytest.fixture
def gateway(start_gateway):
    """A gateway with default settings on ports of its own."""
    return start_gateway()


@pytest.fixture
def echo(start_gateway):
    """The example backend (gateway/examples/echo.rs) on ports of its own."""
    return start_gateway(program=program_from("ROOMCAST_ECHO_BIN"))
