"""Turns the Autobahn test suite, Python 2 code, into Python 3 code beside its library of then.

Usage: convert.py <unpacked source>/autobahntestsuite <target>/autobahntestsuite
Made for the suite's 25.10.1; runs on a Python with lib2to3 (3.11, 3.12). Files are read as
Latin-1, so that every string literal keeps the bytes it had: the cases hold bytes in texts,
and `_b` and `_rx` turn them into bytes and back where they meet the library.
"""

import re
import shutil
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")  # lib2to3 is deprecated
from lib2to3.refactor import RefactoringTool, get_fixers_from_package  # noqa: E402

HEAD = "# coding=utf-8\nfrom autobahntestsuite.py3compat import _hex, _b\n"

COMPAT = '''import binascii
def _b(x): return x.encode("latin1") if isinstance(x, str) else bytes(x)
def _hex(x): return binascii.b2a_hex(_b(x)).decode()
'''

INIT = "from ._version import __version__\nversion = __version__\n"

BIN_LOG_DATA = '''def binLogData(data, maxlen = 64):
   data = _b(data)
   return binascii.b2a_hex(data[:maxlen]).decode() + (" ..." if len(data) > maxlen else "")
'''

ASCII_LOG_DATA = '''def asciiLogData(data, maxlen = 64, replace = False):
   data = _b(data)
   try:
      return data[:maxlen].decode("utf8") + (" ..." if len(data) > maxlen else "")
   except Exception:
      return "0x" + binLogData(data, maxlen)
'''

# Where the cases meet the library: bytes below, texts of bytes above. Sections 12 and 13 have bytes.
BRIDGE = '''   MAX_WIRE_LOG_DATA = 256

   def _rx(self, data):
      name = self.runCase.__class__.__name__ if self.runCase else ""
      return data if name.startswith(("Case12", "Case13")) else _b(data).decode("latin1")
   def sendFrame(self, opcode, payload = b"", *a, **k):
      n = k.pop("payload_len", None)
      if n is not None:
         payload = _b(payload); payload = (payload * (n // len(payload) + 1))[:n]
      return WebSocketClientProtocol.sendFrame(self, opcode, _b(payload), *a, **k)
   def sendMessage(self, payload, *a, **k):
      return WebSocketClientProtocol.sendMessage(self, _b(payload), *a, **k)
   def sendMessageFrameData(self, payload, *a, **k):
      return WebSocketClientProtocol.sendMessageFrameData(self, _b(payload), *a, **k)
   def sendCloseFrame(self, code = None, reasonUtf8 = None, isReply = False):
      reason = None if reasonUtf8 is None else _b(reasonUtf8)
      return WebSocketClientProtocol.sendCloseFrame(self, code = code, reasonUtf8 = reason, isReply = isReply)
   def onPing(self, payload):
      if self.runCase:
         self.runCase.onPing(self._rx(payload))
      WebSocketClientProtocol.onPing(self, payload)
'''

# (pattern, replacement) in `fuzzing.py`; each has to be found.
FUZZING = [
    (r"def binLogData\(data, maxlen = 64\):.*?return dd\n", BIN_LOG_DATA),
    (r"def asciiLogData\(data.*?return '0x' \+ binLogData\(data, maxlen\)\n", ASCII_LOG_DATA),
    (r"p = ''\.join\(payload\)", "p = b''.join(_b(x) for x in (payload if isinstance(payload, list) else [payload]))"),
    (r"binascii\.b2a_hex\(frameHeader\.mask\)", "_hex(frameHeader.mask)"),
    (r"self\.runCase\.onMessage\(msg, binary\)", "self.runCase.onMessage(self._rx(msg), binary)"),
    (r"self\.runCase\.onPong\(payload\)", "self.runCase.onPong(self._rx(payload))"),
    (r"   MAX_WIRE_LOG_DATA = 256\n", BRIDGE),
    (r"import os, json, binascii", "import os, json, binascii\nimport collections"),
    (
        r"json\.dumps\((res|caseReport|case)\b",
        r"json.dumps(\1, default=lambda o: o.decode('latin1') if isinstance(o, bytes) else str(o)",
    ),
]


def python_3(tool, text, name):
    """What lib2to3 does by itself."""
    lines = text.split("\n")
    for index in range(min(2, len(lines))):
        if lines[index].startswith("#") and "coding" in lines[index]:
            lines[index] = "#"
    return str(tool.refactor_string("\n".join(lines).rstrip("\n") + "\n", name))


def case(text, name):
    """What it cannot know about the cases."""
    text = text.replace("binascii.b2a_hex(", "_hex(")
    text = re.sub(r"\(object, *(Case\w*) *,? *\)", r"(\1,)", text)
    text = text.replace("from zope.interface import implements\n", "")
    text = text.replace("   implements(interfaces.IPushProducer)\n", "")
    if name == "case10_1_1.py":
        text = text.replace("len(self.payload) / ", "len(self.payload) // ")
    if name == "case6_x_x.py":
        text = re.sub(r'\.encode\("utf-8"\)', '.encode("utf-8").decode("latin1")', text)
        text = re.sub(r"\.validate\(([^()]*(?:\([^()]*\))?[^()]*)\)", r".validate(_b(\1))", text)
    return text


def fuzzing(text):
    """What it cannot know about the client."""
    for pattern, replacement in FUZZING:
        by = replacement if r"\1" in replacement else lambda _, literal=replacement: literal
        text, found = re.subn(pattern, by, text, flags=re.DOTALL)
        if not found:
            sys.exit(f"fuzzing.py is not that of the version this was made for: no {pattern}")
    return text


def main(source, target):
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    tool = RefactoringTool(get_fixers_from_package("lib2to3.fixes"))
    for path in sorted(target.rglob("*.py")):
        text = python_3(tool, path.read_text(encoding="latin1"), str(path))
        if path.parent.name == "case":
            text = case(text, path.name)
        if path == target / "fuzzing.py":
            text = fuzzing(text)
        path.write_text(HEAD + text, encoding="utf-8")
    (target / "py3compat.py").write_text(COMPAT)
    (target / "__init__.py").write_text(INIT)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
