#!/usr/bin/env python3
"""install_suite.py DIR: makes a virtual environment in DIR with PyPI autobahntestsuite 25.10.1 (a Python 2 program)
turned by lib2to3 into one that CPython 3.8-3.12 runs. Only the fuzzingclient mode is made to work.

How: every source file is read as latin-1, so that the suite's byte strings become str of the same ordinals; one class at
the border to autobahn 0.10.9 (itself fine on Python 3) turns them into bytes on the way out and back on the way in."""
import glob, os, re, shutil, subprocess, sys, tarfile, tempfile

dest = os.path.abspath(sys.argv[1])
run = lambda *a, **k: subprocess.check_call(list(a), **k)
py = os.path.join(dest, "bin", "python")
if os.path.exists(py):
    run = lambda *a, **k: subprocess.check_call(list(a), **k) if "install" not in a else 0
else:
    run(sys.executable, "-m", "venv", dest)
pip = [py, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
run(*pip, "--no-deps", "autobahn==0.10.9", "txaio==2.1.0")
run(*pip, "six==1.17.0", "setuptools==65.5.0", "wheel", "twisted==24.11.0", "jinja2", "pyopenssl", "service_identity", "wsaccel==0.6.7")
tmp = tempfile.mkdtemp()
run(py, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:", "--no-build-isolation", "-d", tmp, "autobahntestsuite==25.10.1")
tarfile.open(glob.glob(tmp + "/*.tar.gz")[0]).extractall(tmp)
src = glob.glob(tmp + "/autobahntestsuite-*/autobahntestsuite")[0]
site = glob.glob(dest + "/lib/python3*/site-packages")[0]
out = os.path.join(site, "autobahntestsuite")
shutil.rmtree(out, ignore_errors=True)
shutil.copytree(src, out)
from lib2to3.refactor import RefactoringTool, get_fixers_from_package
tool = RefactoringTool([f for f in get_fixers_from_package("lib2to3.fixes") if not f.endswith(("fix_set_literal", "fix_buffer", "fix_idioms", "fix_ws_comma"))])
keep = ["__init__.py", "_version.py", "caseset.py", "report.py", "fuzzing.py", "spectemplate.py"] + ["case/" + os.path.basename(f) for f in glob.glob(out + "/case/*.py")]
for f in glob.glob(out + "/**/*.py", recursive=True):
    if os.path.relpath(f, out) not in keep:
        os.remove(f)
BORDER = '''
def _b(x):
   return x.encode("latin-1") if isinstance(x, str) else x


class Border(WebSocketClientProtocol):

   def sendFrame(self, opcode, payload=b"", fin=True, rsv=0, mask=None, payload_len=None, chopsize=None, sync=False):
      payload = _b(payload)
      if payload_len is not None:
         payload = (payload * (payload_len // len(payload) + 1))[:payload_len]
      WebSocketClientProtocol.sendFrame(self, opcode, payload, fin, rsv, _b(mask), None, chopsize, sync)

   def sendMessage(self, payload, isBinary=False, *a, **k):
      WebSocketClientProtocol.sendMessage(self, _b(payload), isBinary, *a, **k)

   def sendPing(self, payload=None):
      WebSocketClientProtocol.sendPing(self, _b(payload))

   def sendPong(self, payload=None):
      WebSocketClientProtocol.sendPong(self, _b(payload))

   def sendCloseFrame(self, code=None, reasonUtf8=None, isReply=False):
      WebSocketClientProtocol.sendCloseFrame(self, code, _b(reasonUtf8), isReply)

   def sendMessageFrame(self, payload, sync=False):
      return WebSocketClientProtocol.sendMessageFrame(self, _b(payload), sync)

   def sendMessageFrameData(self, payload, sync=False):
      return WebSocketClientProtocol.sendMessageFrameData(self, _b(payload), sync)

   def sendData(self, data, sync=False, chopsize=None):
      WebSocketClientProtocol.sendData(self, _b(data), sync, chopsize)

   def _onMessage(self, payload, isBinary):
      self.onMessage(payload.decode("latin-1"), isBinary)

   def _onPing(self, payload):
      self.onPing(payload.decode("latin-1"))

   def onPing(self, payload):
      self.sendPong(payload)

   def _onPong(self, payload):
      self.onPong(payload.decode("latin-1"))


'''
for f in glob.glob(out + "/**/*.py", recursive=True):
    rel = os.path.relpath(f, out)
    text = re.sub(r"^#.*coding[:=].*\n", "\n", open(f, "rb").read().decode("latin-1").replace("\r\n", "\n"), flags=re.M)
    text = str(tool.refactor_string(text + "\n", f))
    text = text.replace("(object, Case, )", "(Case, )").replace("binascii.b2a_hex(", "_hex(").replace("binascii.hexlify(", "_hex(")
    if rel.startswith("case/"):
        if rel.endswith("case12_x_x.py"):
            text = text.replace("def onMessage(self, msg, binary):\n", "def onMessage(self, msg, binary):\n   msg = msg.encode('latin-1')\n")
        else:
            text = re.sub(r"\.encode\([\"']utf-?8[\"']\)", ".encode('utf-8', 'surrogatepass').decode('latin-1')", text)
        text = text.replace("v.validate(vss[:i])", "v.validate(vss[:i].encode('latin-1'))")
        text = text.replace("len(self.payload) / self.p", "len(self.payload) // self.p")
        text = text.replace("pickle.dumps(obj1) == pickle.dumps(obj2)", "obj1 == obj2")
        text = re.sub(r"^(\s*)implements\(.*\)\n", r"\1pass\n", text, flags=re.M).replace("from zope.interface import implements\n", "")
    if rel == "fuzzing.py":
        text = text.replace("class FuzzingClientProtocol(FuzzingProtocol, WebSocketClientProtocol)", BORDER + "class FuzzingClientProtocol(FuzzingProtocol, Border)")
        text = text.replace("WebSocketClientProtocol.connection", "Border.connection")
        text = text.replace("p = ''.join(payload)", "p = b''.join(payload)")
        text = text.replace("   try:\n      if len(data) > maxlen", "   try:\n      data = data.encode('latin-1') if isinstance(data, str) else data\n      if len(data) > maxlen")
        text = text.replace("data[:maxlen] + ellipses\n      else:\n         dd = data", "data[:maxlen] + ellipses.encode()\n      else:\n         dd = data")
        text = text.replace("produceHtml = True", "produceHtml = False").replace("json.dumps(case, ", "json.dumps(case, default = repr, ")
    if rel == "report.py":  # HTML pages are left out
        text = 'CSS_COMMON = CSS_DETAIL_REPORT = CSS_MASTER_REPORT = JS_MASTER_REPORT = ""\n'
    if rel == "__init__.py":
        text = ("import builtins\nfrom ._version import __version__\nversion = __version__\n"
                "builtins._hex = lambda d: (d.encode('latin-1') if isinstance(d, str) else bytes([d]) if isinstance(d, int) else d).hex()\n")
    open(f, "w", encoding="utf-8").write(text)
open(os.path.join(out, "wstest.py"), "w").write('''
import argparse, json
def run():
   a = argparse.ArgumentParser()
   a.add_argument("-m"); a.add_argument("-s")
   a = a.parse_args()
   from twisted.internet import reactor
   from . import fuzzing
   fuzzing.startClient(json.load(open(a.s)))
   reactor.run()
''')
run(py, "-c", "import autobahntestsuite.fuzzing as f; print(len(f.Cases), 'cases')")
shutil.rmtree(tmp)
