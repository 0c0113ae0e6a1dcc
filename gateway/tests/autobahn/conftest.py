"""The tests of this folder start the echo as those of the Python clients start a gateway."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "clients/python"))
