"""Runs the suite's fuzzing client. Usage: client.py SUITE URL REPORTS CASE...

SUITE is the folder that convert.py has filled, CASE an id or a pattern such as `1.*`.
REPORTS gets an `index.json`: what each case that ran came to.
"""

import sys
import warnings

warnings.simplefilter("ignore")  # the suite is old
suite, url, reports, *cases = sys.argv[1:]
sys.path.insert(0, suite)

from autobahntestsuite import fuzzing  # noqa: E402
from twisted.internet import error, reactor  # noqa: E402
from twisted.python import log  # noqa: E402


def stop_at_a_fault(event):
    """A fault of the suite itself would leave it waiting for ever for its next case."""
    if event["isError"]:
        print(log.textFromEventDict(event), file=sys.stderr)
        try:
            reactor.stop()
        except error.ReactorNotRunning:
            pass


log.addObserver(stop_at_a_fault)

both = fuzzing.FuzzingFactory.createReports
fuzzing.FuzzingFactory.createReports = lambda self, *_: both(self, False, True)  # JSON alone

fuzzing.startClient(
    {
        "outdir": reports,
        "servers": [{"agent": "roomcast", "url": url}],
        "cases": cases,
        "exclude-cases": [],
        "exclude-agent-cases": {},
    }
)
reactor.run()
