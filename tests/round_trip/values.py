"""Random values of a botocore shape, whatever it is, as far as the protocol can say them."""

import datetime
import random
import string

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
# A hundred and thirty years of milliseconds.
LATEST = 4_102_444_800_000
# But for backslashes: botocore does not escape them in the quoted items of a list.
PRINTABLE = string.ascii_letters + string.digits + " !\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"
WORDS = string.ascii_letters + string.digits + " \t\n<>&\"'/\\é€😀%+=.,;-_:?#@"
INTEGERS = (0, 1, -1, 7, 2**31 - 1, -(2**31))
LONGS = (*INTEGERS, 2**53 + 1, 2**63 - 1, -(2**63))
FLOATS = (0.0, 1.5, -2.25, 5.0, 0.1, 1e-9, 1.7976931348623157e308, 123456789.12345679, float("inf"), float("-inf"), float("nan"))
EVENTS = "application/vnd.amazon.eventstream"
XML = ("rest-xml", "query", "ec2")


class Values:
    """Makes one input or output. `full`: every member is set; otherwise required ones are, and others by chance.

    Always set is also what botocore makes up if it is not there: payloads, streams of events, maps of headers, length and type, the
    status.
    """

    def __init__(self, seed, protocol, direction, full):
        self.random = random.Random(seed)
        self.protocol = protocol
        self.direction = direction
        self.full = full
        self.turns = {}
        # A form has no way to say that something is there and empty.
        self.can_be_empty = not (direction == "request" and protocol in ("query", "ec2"))
        self.words = WORDS
        if protocol in ("json", "rest-json"):
            self.words += "\r\0\x1f\x7f"
        elif (direction, protocol) != ("request", "rest-xml"):
            # botocore writes it as it is, and XML's readers take it for a line's end.
            self.words += "\r"

    def of(self, shape):
        """A value for a whole input or output; nothing if there is no shape."""
        if shape is None:
            return {}
        # The type of such an answer is the protocol's, though Lambda's model has a member for it.
        self.streams_events = any(member.serialization.get("eventstream") for member in shape.members.values())
        return self.structure(shape, (), top=True)

    def value(self, shape, place, within):
        kind = shape.type_name
        if kind in ("structure", "list", "map"):
            return getattr(self, kind)(shape, within, place=place)
        return getattr(self, kind)(shape, place)

    def structure(self, shape, within, place="body", top=False):
        if within.count(shape.name) > 1:
            return None
        within = (*within, shape.name)
        union = shape.is_tagged_union and not shape.serialization.get("eventstream")
        names = self.next_of_union(shape) if union else list(shape.members)
        needed = names if self.full or union else [name for name in names if self.is_needed(shape, name)]
        members = self.members(shape, names, needed, within, top)
        if not members and not top and not self.can_be_empty:
            # All were left out by chance.
            members = self.members(shape, names, names, within, top)
        return members if members or top or self.can_be_empty else None

    def is_needed(self, shape, name):
        serialization = shape.members[name].serialization
        made_up = (
            shape.serialization.get("payload") == name
            or serialization.get("eventstream")
            or serialization.get("eventpayload")
            or serialization.get("location") in ("headers", "statusCode")
            or serialization.get("name") in ("Content-Length", "Content-Type")
        )
        return name in shape.required_members or made_up

    def members(self, shape, names, needed, within, top):
        """`None` if one that is needed cannot be said, because it would hold itself without end."""
        members = {}
        for name in names:
            if name not in needed and self.random.random() < 0.5:
                continue
            member = shape.members[name]
            place = self.place(shape, name) if top else "body"
            value = self.events(member, within) if member.serialization.get("eventstream") else self.value(member, place, within)
            if value is not None:
                members[name] = value
            elif name in shape.required_members or shape.is_tagged_union:
                return None
        return members

    def place(self, shape, name):
        if shape.serialization.get("payload") == name:
            return "payload"
        return shape.members[name].serialization.get("location", "body")

    def next_of_union(self, shape):
        """One member; all of them in turn."""
        turn = self.turns[shape.name] = self.turns.get(shape.name, -1) + 1
        names = list(shape.members)
        return [names[turn % len(names)]]

    def events(self, shape, within):
        """A stream of events: each kind twice."""
        kinds = [(name, kind) for name, kind in shape.members.items() if not kind.metadata.get("exception")]
        return [{name: self.structure(kind, within)} for name, kind in kinds * 2]

    def list(self, shape, within, place="body"):
        flattened = shape.serialization.get("flattened")
        least = 0 if self.can_be_empty and place == "body" and not (flattened and self.protocol in XML) else 1
        count = self.random.randint(least, 3) if not self.full else 2 if len(within) < 4 else 1
        if self.full and getattr(shape.member, "is_tagged_union", False):
            count = len(shape.member.members) if len(within) < 4 else 1
        items = [self.value(shape.member, place, within) for _ in range(count)]
        items = [item for item in items if item is not None]
        return items if items or least == 0 else None

    def map(self, shape, within, place="body"):
        flattened = shape.serialization.get("flattened")
        least = 0 if self.can_be_empty and place == "body" and not (flattened and self.protocol in XML) else 1
        count = 2 if self.full else self.random.randint(least, 3)
        keys = {self.key(shape.key, place) for _ in range(count)}
        entries = {key: self.value(shape.value, place, within) for key in sorted(keys)}
        entries = {key: value for key, value in entries.items() if value is not None}
        return entries if entries or least == 0 else None

    def key(self, shape, place):
        if place == "headers":
            return "".join(self.random.choices(string.ascii_lowercase + string.digits + "-_", k=self.random.randint(1, 8)))
        return self.string(shape, "key")

    def string(self, shape, place):
        if shape.enum:
            return self.random.choice(shape.enum)
        if shape.serialization.get("hostLabel"):
            return "".join(self.random.choices(string.digits, k=12))
        if shape.serialization.get("name") == "Content-Type" and place == "header" and self.streams_events:
            return EVENTS
        if place in ("header", "headers"):
            return self.text(PRINTABLE, 1).strip() or "x"
        # A label is never empty.
        return self.text(self.words, 1 if place in ("uri", "key") else self.least(place))

    def least(self, place):
        """A request whose whole body is empty has none."""
        return 1 if self.full or (place == "payload" and self.direction == "request") else 0

    def text(self, letters, least):
        return "".join(self.random.choices(letters, k=self.random.randint(least, 12)))

    character = string

    def integer(self, shape, place):
        # Above 300, botocore takes it for an error.
        return self.random.randint(200, 299) if place == "statusCode" else self.random.choice((*INTEGERS, self.random.randint(0, 10**6)))

    def long(self, shape, place):
        return self.random.choice((*LONGS, self.random.randint(0, 10**12)))

    def float(self, shape, place):
        return self.random.choice((*FLOATS, self.random.uniform(-1e6, 1e6)))

    double = float

    def boolean(self, shape, place):
        return self.random.random() < 0.5

    def blob(self, shape, place):
        return self.random.randbytes(self.random.randint(self.least(place), 20))

    def timestamp(self, shape, place):
        millis = self.random.randrange(LATEST)
        # An HTTP date has no fractions, and botocore cuts them off in every header.
        if place == "header" or shape.serialization.get("timestampFormat") == "rfc822":
            millis -= millis % 1000
        return EPOCH + datetime.timedelta(milliseconds=millis)
