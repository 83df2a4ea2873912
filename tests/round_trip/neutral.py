"""Values in the neutral JSON of the echo, and what makes two values differ."""

import base64
import math
from email.utils import format_datetime, parsedate_to_datetime

from values import EPOCH


def neutral(shape, value):
    """A value of botocore in neutral JSON: instants in epoch seconds, blobs in base64."""
    kind = shape.type_name
    if shape.serialization.get("eventstream"):
        return [neutral_members(shape, event) for event in value]
    if kind == "structure":
        return neutral_members(shape, value)
    if kind == "list":
        return [neutral(shape.member, item) for item in value]
    if kind == "map":
        return {key: neutral(shape.value, inner) for key, inner in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if is_text_to_us(shape):
        return format_datetime(value, usegmt=True)
    if kind == "timestamp":
        return millis(value) / 1000
    if kind in ("float", "double") and not math.isfinite(value):
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}[repr(value)]
    return value


def neutral_members(shape, value):
    return {name: neutral(shape.members[name], inner) for name, inner in value.items()}


def is_text_to_us(shape):
    """AWS's model of S3 says that `Expires` is text, which S3 gives back as it came; botocore alone makes it a timestamp."""
    return shape.name == "Expires"


def millis(instant):
    return round((instant - EPOCH).total_seconds() * 1000)


def comparable(shape, value):
    """A value of either side such that equal ones are equal. Unknown members stay, so that they are seen."""
    kind = shape.type_name
    if shape.serialization.get("eventstream"):
        return [{name: comparable(shape.members[name], inner) for name, inner in event.items()} for event in value]
    if kind == "structure" and isinstance(value, dict):
        return {name: comparable(shape.members[name], inner) if name in shape.members else inner for name, inner in value.items()}
    if kind == "list" and isinstance(value, list):
        return [comparable(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: comparable(shape.value, inner) for key, inner in value.items()}
    if is_text_to_us(shape) and isinstance(value, str):
        value = parsedate_to_datetime(value)
    if kind == "timestamp":
        return f"{round(value * 1000) if isinstance(value, (int, float)) else millis(value)} ms"
    if kind == "blob" and not isinstance(value, str):
        return base64.b64encode(value).decode()
    if kind in ("float", "double"):
        return repr(float(value))
    return value


def differences(expected, found, path=""):
    """Describes where two comparable values differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in {**expected, **found}:
            position = f"{path}.{name}" if path else name
            if name not in found:
                yield f"{position}: lost {expected[name]!r}"
            elif name not in expected:
                yield f"{position}: made up {found[name]!r}"
            else:
                yield from differences(expected[name], found[name], position)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found)):
            yield from differences(one, other, f"{path}[{index}]")
    elif expected != found or type(expected) is not type(found):
        yield f"{path}: expected {expected!r}, found {found!r}"
