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


def differences(wanted, found, path=""):
    """Where two comparable values differ, in words."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for name in {**wanted, **found}:
            place = f"{path}.{name}" if path else name
            if name not in found:
                yield f"{place}: lost {wanted[name]!r}"
            elif name not in wanted:
                yield f"{place}: made up {found[name]!r}"
            else:
                yield from differences(wanted[name], found[name], place)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found)):
            yield from differences(one, other, f"{path}[{index}]")
    elif wanted != found or type(wanted) is not type(found):
        yield f"{path}: wanted {wanted!r}, found {found!r}"
