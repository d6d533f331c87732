"""The decoders of the clients give the same whatever way the bytes come."""

import json
import struct
import unittest

from checker import Gap, Message
from framings import Events, Frames, Objects

ID = ("01932f5a0c2e", 15)
GAP = '{"missed":3,"stream":"same","next":"01932f5a0c2e_19"}'
LONG = "ä" * 40_000
EXPECTED = [Message(ID, "a message\twith a tab"), Gap(3, "same", ("01932f5a0c2e", 19)), Message(("01932f5a0c2e", 19), "")]


def frame(text, opcode=1):
    payload = text.encode()
    if len(payload) < 126:
        head = struct.pack(">BB", 0x80 | opcode, len(payload))
    elif len(payload) < 65_536:
        head = struct.pack(">BBH", 0x80 | opcode, 126, len(payload))
    else:
        head = struct.pack(">BBQ", 0x80 | opcode, 127, len(payload))
    return head + payload


def line(**fields):
    return json.dumps({"id": None, "text": ""} | fields).encode() + b"\n"


FRAMES = b"".join([
    frame("01932f5a0c2e_15\ta message\twith a tab"), frame("!\t" + GAP), frame("\t17 disconnected"), frame("!\t{\"heartbeat\":1}"),
    frame("ping", 9), frame("01932f5a0c2e_19\t")])
EVENTS = (b"retry: 2000\n\nid: 01932f5a0c2e_15\ndata: a message\twith a tab\n\n: comment\n\nevent: gap\ndata: " + GAP.encode() +
          b"\n\nevent: notice\ndata: 17 disconnected\n\nevent: heartbeat\ndata: 1\n\nid: 01932f5a0c2e_19\ndata: \n\n")
OBJECTS = (line(id="01932f5a0c2e_15", text="a message\twith a tab", kind="message") + line(kind="gap", **json.loads(GAP)) +
           line(kind="notice", text="17 disconnected") + line(kind="heartbeat") + line(id="01932f5a0c2e_19", kind="message"))


class Decoders(unittest.TestCase):
    def test_each_gives_the_same_at_every_split(self):
        for decoder, data in ((Frames, FRAMES), (Events, EVENTS), (Objects, OBJECTS)):
            for split in range(len(data) + 1):
                reader = decoder()
                self.assertEqual(reader.feed(data[:split]) + reader.feed(data[split:]), EXPECTED, (decoder, split))

    def test_frames_of_each_length_are_read(self):
        for size in (0, 1, 100, 125, 126, 65_000, 70_000):
            text = "x" * size
            self.assertEqual(Frames().feed(frame("e_1\t" + text)), [Message(("e", 1), text)])
        self.assertEqual(Frames().feed(frame("e_1\t" + LONG)), [Message(("e", 1), LONG)])

    def test_pings_and_a_close_are_seen(self):
        reader = Frames()
        reader.feed(frame("a", 9) + frame("b", 9) + frame("", 8))
        self.assertEqual((reader.pings, reader.closed), ([b"a", b"b"], True))

    def test_half_a_message_is_none(self):
        for decoder, data in ((Frames, FRAMES), (Events, EVENTS), (Objects, OBJECTS)):
            self.assertEqual(len(decoder().feed(data[:-1])), 2, decoder)


if __name__ == "__main__":
    unittest.main()
