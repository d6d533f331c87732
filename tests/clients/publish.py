"""http.client of Python: `URL LINE...` publishes each line in a request of its own, then all in one that has no length."""
import http.client
import os
import sys
from urllib.parse import urlsplit

url = urlsplit(sys.argv[1])
lines = sys.argv[2:]
fields = {"Authorization": "Bearer " + os.environ["TOKEN"]}
connection = http.client.HTTPConnection(url.netloc)


def publish(method, body, more=None):
    """One request on the kept connection; what came back, a line."""
    connection.request(method, url.path, body, {**fields, **(more or {})})
    answer = connection.getresponse()
    print(answer.status, answer.read().decode().strip(), flush=True)


for number, line in enumerate(lines):
    # The same again under its key publishes nothing.
    for _ in range(2):
        publish("POST", line.encode(), {"Idempotency-Key": f'"{line}"'})
# A generator has no length: http.client sends it in chunks, each in a write of its own.
publish("PUT", ((line + "\n").encode() for line in lines))
