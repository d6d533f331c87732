"""What clients read, as messages and gaps: pure decoders, which are fed bytes as they come."""

import json
import struct

from checker import Gap, Message

# RFC 6455 §5.2.
TEXT, CLOSE, PING = 0x1, 0x8, 0x9


def parse_id(text):
    """`EPOCH_NUMBER` as the pair that the checker compares."""
    epoch, _, number = text.partition("_")
    return epoch, int(number)


def gap_of(said):
    """The gap that this object tells of."""
    following = said["next"]
    return Gap(said["missed"], said["stream"], None if following is None else parse_id(following))


class Frames:
    """The frames of a WebSocket whose address had `?ids=1`."""

    def __init__(self):
        self.rest = b""
        # Payloads of pings that want an answer.
        self.pings = []
        # True behind a Close.
        self.closed = False

    def feed(self, more):
        data, at, events = self.rest + more, 0, []
        while len(data) - at >= 2:
            opcode, size, begin = data[at] & 0xF, data[at + 1] & 0x7F, at + 2
            if size == 126:
                begin += 2
                if len(data) < begin:
                    break
                size, = struct.unpack_from(">H", data, begin - 2)
            elif size == 127:
                begin += 8
                if len(data) < begin:
                    break
                size, = struct.unpack_from(">Q", data, begin - 8)
            at_end = begin + size
            if len(data) < at_end:
                break
            self.frame(opcode, data[begin:at_end], events)
            at = at_end
        self.rest = data[at:]
        return events

    def frame(self, opcode, payload, events):
        if opcode == TEXT:
            id, _, text = payload.decode().partition("\t")
            if id == "!":
                said = json.loads(text)
                if "missed" in said:
                    events.append(gap_of(said))
            elif id:
                events.append(Message(parse_id(id), text))
        elif opcode == PING:
            self.pings.append(payload)
        elif opcode == CLOSE:
            self.closed = True


class Events:
    """An event stream."""

    def __init__(self):
        self.rest = b""

    def feed(self, more):
        *blocks, self.rest = (self.rest + more).split(b"\n\n")
        return [event for block in blocks if (event := self.event(block.decode())) is not None]

    def event(self, block):
        fields = dict(line.partition(":")[::2] for line in block.split("\n"))
        # One space behind the colon is not part of the value.
        kind, data, id = (fields.get(field, "").removeprefix(" ") for field in ("event", "data", "id"))
        if kind == "gap":
            return gap_of(json.loads(data))
        return Message(parse_id(id), data) if id and not kind else None


class Objects:
    """Lines of JSON."""

    def __init__(self):
        self.rest = b""

    def feed(self, more):
        *lines, self.rest = (self.rest + more).split(b"\n")
        return [event for line in lines if line and (event := self.event(json.loads(line))) is not None]

    def event(self, said):
        if said["kind"] == "message":
            return Message(parse_id(said["id"]), said["text"])
        return gap_of(said) if said["kind"] == "gap" else None
