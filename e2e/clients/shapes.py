"""Holds every answer to the service's own model, which botocore carries.

botocore itself forgives: it drops members that it does not know and takes a number for a string. Here
each answer is compared with the output shape of its operation as it came over the wire.
"""

import json
import pathlib
import re
import sys

ANSWERS = {}
OPERATIONS = pathlib.Path(__file__).parents[2] / "docs" / "compatibility.md"


def watch(client):
    """Checks all answers of a client from now on."""
    client.meta.events.register("before-parse.dynamodb", _answered)


def all_were_seen():
    """Ends the program if an operation that works was never answered."""
    works = re.findall(r"^\| \*\*(\w+)\*\* \|", OPERATIONS.read_text(), re.MULTILINE)
    missing = set(works) - set(ANSWERS)
    if not works or missing:
        sys.exit(f"of {len(works)} operations, these were never asked for: {sorted(missing)}")


def _answered(operation_model, response_dict, **_):
    if response_dict["status_code"] >= 300:
        return
    name = operation_model.name
    ANSWERS[name] = ANSWERS.get(name, 0) + 1
    body = response_dict["body"]
    try:
        if operation_model.output_shape is None:
            if body:
                raise ValueError("it has none")
            return
        _check(operation_model.output_shape, json.loads(body), name)
    except ValueError as error:
        sys.exit(f"the model of {name} does not have this answer: {error}\n  {body!r}")


def _check(shape, value, path):
    kinds = {
        "structure": dict,
        "map": dict,
        "list": list,
        "string": str,
        "blob": str,
        "boolean": bool,
        "integer": int,
        "long": int,
        "float": (int, float),
        "double": (int, float),
        "timestamp": (int, float),
    }
    is_kind = isinstance(value, kinds[shape.type_name])
    if not is_kind or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise ValueError(f"{path} is to be a {shape.type_name}, not {value!r}")
    if shape.type_name == "structure":
        _check_structure(shape, value, path)
    elif shape.type_name == "map":
        for key, member in value.items():
            _check(shape.key, key, f"{path} key")
            _check(shape.value, member, f"{path}[{key!r}]")
    elif shape.type_name == "list":
        for at, member in enumerate(value):
            _check(shape.member, member, f"{path}[{at}]")
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        raise ValueError(f"{path} is none of {shape.enum}: {value!r}")


def _check_structure(shape, value, path):
    unknown = [name for name in value if name not in shape.members]
    absent = [name for name in shape.required_members if name not in value]
    if unknown or absent:
        raise ValueError(f"{path} has {unknown}, which are unknown, and lacks {absent}")
    if shape.name == "AttributeValue" and len(value) != 1:
        raise ValueError(f"{path} is to have one type, not {list(value)}")
    for name, member in value.items():
        _check(shape.members[name], member, f"{path}.{name}")
