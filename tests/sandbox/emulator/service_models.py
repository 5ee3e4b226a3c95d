"""Requests checked against AWS's own service models, which botocore carries."""

import json
import re
from functools import cache
from urllib.parse import parse_qsl

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.session import Session
from botocore.validate import ParamValidator

# Prefix of `X-Amz-Target` to botocore's name.
_TARGETS = {
    "AWSEvents": "events",
    "AmazonSSM": "ssm",
    # The proxy's own: a service of the REST protocol has no target.
    "access-analyzer": "accessanalyzer",
    "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101": "cloudtrail",
    "DynamoDB_20120810": "dynamodb",
    "secretsmanager": "secretsmanager",
    "StarlingDoveService": "config",
}
QUERY_SERVICES = ("iam", "sns", "sts")
# What the query protocol says of every request.
_ENVELOPE = ("Action", "Version")
_NUMBERS = {"integer": int, "long": int, "float": float, "double": float}


class Request:
    """One request to a known service, and what its model says against it."""

    def __init__(self, service: str, operation: str, problems: list[str]) -> None:
        self.service = service
        self.operation = operation
        self.problems = problems


def check(authorization: str, target: str, body: bytes) -> Request | None:
    """Checks a request; None where the service is none of those with a model here."""
    if target:
        prefix, operation = target.rsplit(".", 1)
        service = _TARGETS.get(prefix)
        if service is None:
            return None
        return Request(service, operation, _check_json(service, operation, body))
    service = _signed_service(authorization)
    if service not in QUERY_SERVICES:
        return None
    form = dict(parse_qsl(body.decode(), keep_blank_values=True))
    operation = form.get("Action", "")
    for name in _ENVELOPE:
        form.pop(name, None)
    return Request(service, operation, _check_form(service, operation, form))


def _signed_service(authorization: str) -> str:
    scope = re.search(r"Credential=[^/]+/[^/]+/[^/]+/([^/]+)/aws4_request", authorization)
    return scope.group(1) if scope else ""


@cache
def _model(service: str) -> ServiceModel:
    return ServiceModel(Session().get_component("data_loader").load_service_model(service, "service-2"), service)


def _operation(service: str, name: str) -> OperationModel | None:
    model = _model(service)
    return model.operation_model(name) if name in model.operation_names else None


def _check_json(service: str, name: str, body: bytes) -> list[str]:
    operation = _operation(service, name)
    if operation is None:
        return [f"{service} has no operation {name}"]
    try:
        parameters = json.loads(body or b"{}")
    except ValueError:
        return ["the body is not JSON"]
    return _problems(operation.input_shape, parameters)


def _check_form(service: str, name: str, form: dict[str, str]) -> list[str]:
    operation = _operation(service, name)
    if operation is None:
        return [f"{service} has no operation {name}"]
    left = dict(form)
    problems: list[str] = []
    parameters = _unflatten(operation.input_shape, "", left, problems) or {}
    problems += [f"unknown parameter {name}" for name in sorted(left)]
    return problems + _problems(operation.input_shape, parameters)


def _unflatten(shape: Shape, prefix: str, left: dict[str, str], problems: list[str]):
    """Takes what belongs to a shape out of the form; None where there is nothing of it."""
    if not any(name == prefix or not prefix or name.startswith(prefix + ".") for name in left):
        return None
    if isinstance(shape, StructureShape):
        found = {
            name: _unflatten(member, f"{prefix}.{name}" if prefix else name, left, problems)
            for name, member in shape.members.items()
        }
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(shape, ListShape):
        if left.get(prefix) == "":
            left.pop(prefix)
            return []
        items = []
        while (item := _unflatten(shape.member, f"{prefix}.member.{len(items) + 1}", left, problems)) is not None:
            items.append(item)
        return items
    if isinstance(shape, MapShape):
        entries = {}
        # SNS calls them `Name` and `Value`.
        named = shape.key.serialization.get("name", "key")
        holding = shape.value.serialization.get("name", "value")
        while True:
            entry = f"{prefix}.entry.{len(entries) + 1}"
            key = _unflatten(shape.key, f"{entry}.{named}", left, problems)
            if key is None:
                return entries
            entries[key] = _unflatten(shape.value, f"{entry}.{holding}", left, problems)
    return _scalar(shape, prefix, left.pop(prefix, None), problems)


def _scalar(shape: Shape, place: str, text: str | None, problems: list[str]):
    if text is None:
        return None
    if shape.type_name == "boolean":
        if text not in ("true", "false"):
            problems.append(f"{place}: `{text}` is no boolean")
        return text == "true"
    if shape.type_name in _NUMBERS:
        try:
            return _NUMBERS[shape.type_name](text)
        except ValueError:
            problems.append(f"{place}: `{text}` is no number")
            return None
    return text


def _problems(shape: Shape | None, parameters: object) -> list[str]:
    if shape is None:
        return [f"takes no parameters, got {sorted(parameters)}"] if parameters else []
    if not isinstance(parameters, dict):
        return ["the parameters are no structure"]
    report = ParamValidator().validate(parameters, shape)
    problems = [line for line in report.generate_report().split("\n") if line] if report.has_errors() else []
    return problems + list(_broken_constraints(shape, parameters, ""))


def _broken_constraints(shape: Shape, value: object, place: str):
    """What botocore's validator leaves to the service: unknown members, greatest sizes, enums, patterns."""
    rules = shape.metadata
    size = value if isinstance(value, (int, float)) else len(value) if isinstance(value, (str, list, dict)) else None
    if size is not None and "max" in rules and size > rules["max"]:
        yield f"{place}: greater or longer than {rules['max']}"
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in value.items():
            if name not in shape.members:
                yield f"{place}: unknown member {name}"
            else:
                yield from _broken_constraints(shape.members[name], member, f"{place}.{name}")
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for position, item in enumerate(value):
            yield from _broken_constraints(shape.member, item, f"{place}[{position}]")
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            yield from _broken_constraints(shape.key, key, f"{place} key")
            yield from _broken_constraints(shape.value, item, f"{place}.{key}")
    elif isinstance(value, str) and shape.type_name == "string":
        if shape.enum and value not in shape.enum:
            yield f"{place}: `{value}` is not one of {shape.enum}"
        pattern = _pattern(rules.get("pattern"))
        if pattern and not pattern.fullmatch(value):
            yield f"{place}: `{value}` does not match {pattern.pattern}"


@cache
def _pattern(text: str | None) -> re.Pattern | None:
    """The model's pattern; None where there is none, or where it needs Unicode classes that Python's `re` lacks."""
    if text is None or r"\p{" in text:
        return None
    try:
        return re.compile(text)
    except re.error:
        return None
