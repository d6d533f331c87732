"""strace at a process that runs, or around one that starts: a call fails at its n-th use."""

import select
import signal
import subprocess
import time

PATIENCE = 20


class Tracer:
    """Injects errors into all threads of a process; each of them counts its own uses."""

    def __init__(self, pid, log, faults):
        command = ["strace", "-f", "-p", str(pid), "-o", str(log)]
        for call, error, when in faults:
            command += ["-e", f"inject={call}:error={error}:when={when}"]
        command += ["-e", "trace=" + ",".join(call for call, _, _ in faults)]
        self.log = log
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE)
        self._wait_until_attached()

    def _wait_until_attached(self):
        said, end = b"", time.monotonic() + PATIENCE
        while b" attached" not in said:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, end - time.monotonic()))
            chunk = self.process.stderr.read1(4096) if ready else b""
            if not chunk:
                raise RuntimeError(f"strace did not attach: {said.decode()}")
            said += chunk

    def detach(self):
        """Lets the process go; how often a call was made to fail."""
        self.process.send_signal(signal.SIGINT)
        self.process.stderr.close()
        self.process.wait(PATIENCE)
        with open(self.log, errors="replace") as log:
            return sum("(INJECTED)" in line for line in log)


def started(command, log, call, error, when):
    """The command line of a process in which this call fails from its start."""
    return ["strace", "-f", "-o", str(log), "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}", *command]
