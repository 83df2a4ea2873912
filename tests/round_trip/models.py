"""botocore's models of our services, of the release that the generated crates are made from."""

import functools
import tomllib
from pathlib import Path

from botocore.loaders import Loader
from botocore.model import ServiceModel

SETTINGS = Path(__file__).parents[2] / "crates/xtask/api"
# By their names in our schemas.
PROTOCOLS = {"AwsJson10": "json", "AwsJson11": "json", "RestJson": "rest-json", "RestXml": "rest-xml", "Query": "query", "Ec2Query": "ec2"}


def settings(file):
    return tomllib.loads((SETTINGS / file).read_text())


class Models:
    def __init__(self, folder):
        self.loader = Loader(extra_search_paths=[folder], include_default_search_paths=False)
        self.catalogue = {service["name"]: service for service in settings("services.toml")["service"]}
        self.corrections = settings("corrections.toml")

    @functools.cache
    def service(self, name, protocol):
        """The model of a service in one protocol, which it may have only by our corrections."""
        entry = self.catalogue[name]
        model = self.loader.load_service_model(entry["model"], "service-2", entry["version"])
        if model["metadata"]["protocol"] != PROTOCOLS[protocol]:
            model = as_query(model, self.corrections[name])
        return ServiceModel(model, entry["model"])

    def operation(self, name, protocol, operation):
        return self.service(name, protocol).operation_model(operation)

    def left_out(self, name, protocol):
        """The operations that the generated crate leaves out by our own decision."""
        entry = self.catalogue[name]
        out = set(self.corrections.get(name, {}).get("drop", ()))
        if "operations" in entry:
            lines = (SETTINGS / entry["operations"]).read_text().splitlines()
            out |= set(self.service(name, protocol).operation_names) - {line.strip() for line in lines}
        return out


def as_query(model, corrections):
    """A model of the query protocol: its lists and maps are flattened and have names of their own.

    For SQS it equals botocore's last one of that protocol (1.31.80), but for what is newer.
    """
    metadata = {**model["metadata"], "protocol": "query", "protocols": ["query"], "xmlNamespace": corrections["xml_namespace"]}
    metadata.pop("awsQueryCompatible", None)
    names = {name: what for name, what in corrections["shapes"].items() if "query" in what}
    shapes = {name: as_query_shape(name, shape, names) for name, shape in model["shapes"].items()}
    for name, fault in corrections["faults"].items():
        if "code" in fault:
            shapes[name] = {**shapes[name], "error": {"code": fault["code"]}}
    operations = {name: as_query_operation(operation) for name, operation in model["operations"].items()}
    return {**model, "metadata": metadata, "shapes": shapes, "operations": operations}


def as_query_operation(operation):
    if "output" not in operation:
        return operation
    return {**operation, "output": {**operation["output"], "resultWrapper": f"{operation['name']}Result"}}


def as_query_shape(name, shape, names):
    own = names.get(name)
    if own and shape["type"] == "list":
        return {**shape, "flattened": True, "member": {**shape["member"], "locationName": own["query"]}}
    if own and shape["type"] == "map":
        key, value = {**shape["key"], "locationName": own["key"]}, {**shape["value"], "locationName": own["value"]}
        return {**shape, "flattened": True, "key": key, "value": value}
    if shape["type"] != "structure":
        return shape
    members = {}
    for member, reference in shape["members"].items():
        own = names.get(reference["shape"], {})
        members[member] = {**reference, "locationName": own["query"]} if "key" in own else reference
    return {**shape, "members": members}
