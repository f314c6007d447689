"""The official client's types as strict judges of JSON.

As they are, the types let much pass: unknown keys, numbers for strings, lists that nobody looks into. A `Judge`
rewrites the schema that pydantic has for a type, so that none of that does.
"""

import json

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator, ValidationError

# What no JSON is: open files, and paths to files.
NOT_JSON = ("is-instance", "lax-or-strict")

# Parts of a schema that describe no values of their own.
ASIDE = ("metadata", "serialization", "config", "expected", "cls")


# The tag of what has none.
MISSING = "no type"


class Judge:
    """Says what keeps JSON from being of a type."""

    def __init__(self, kind, is_request=False):
        """`kind` is one of the client's types; one for requests allows response objects too, which no JSON is."""
        schema = dict(TypeAdapter(kind).core_schema)  # the client puts off making it, reading makes it
        definitions = schema.get("definitions", ())
        self.named = {definition["ref"]: definition for definition in definitions}
        self.not_json = NOT_JSON + ("model",) * is_request
        self.validator = SchemaValidator(self.strict(schema))

    def faults(self, value):
        """What is wrong with a value, a sentence each."""
        try:
            self.validator.validate_json(json.dumps(value), strict=True)
            return []
        except ValidationError as error:
            # Each member of a union complains. Who got furthest was meant.
            found = error.errors(include_url=False, include_context=False, include_input=False)
            furthest = max(len(fault["loc"]) for fault in found)
            told = [fault for fault in found if len(fault["loc"]) == furthest][:3]
            return [f"{'.'.join(map(str, fault['loc'])) or 'body'}: {fault['msg']}" for fault in told]

    def strict(self, schema):
        """The same schema, but strict."""
        if isinstance(schema, list):
            return [self.strict(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        kind = schema.get("type")
        if kind == "json-or-python":
            return self.strict(schema["json_schema"])
        if kind == "union":
            return self.union(schema)
        parts = {key: part if key in ASIDE else self.strict(part) for key, part in schema.items()}
        if kind == "generator":  # an iterable, which pydantic would read lazily, so never
            parts["type"] = "list"
        elif kind == "typed-dict" and schema.get("extra_behavior") != "allow":  # a JSON schema may have any keys
            parts["extra_behavior"] = "forbid"
        elif kind == "model":
            parts["config"] = {**schema.get("config", {}), "extra_fields_behavior": "forbid"}
        return parts

    def union(self, schema):
        """A union of what JSON can be, told apart by `type` or `role` where all members have one."""
        members = [member for member in schema["choices"] if self.is_json(member)]
        strict = [self.strict(member) for member in members]
        for key in ("type", "role"):
            tags = [self.tags(member, key) for member in members]
            if all(tags):
                return tagged(key, tags, strict)
        return either(strict)

    def is_json(self, schema):
        schema = self.resolved(schema)
        if schema["type"] == "union":
            return any(self.is_json(member) for member in schema["choices"])
        return schema["type"] not in self.not_json

    def tags(self, schema, key):
        """The values that this field may have, with `None` if it may be missing."""
        fields = self.resolved(schema)
        while fields.get("type") == "model":
            fields = fields["schema"]
        field = fields.get("fields", {}).get(key)
        if field is None:
            return []
        value, is_optional = field["schema"], field["type"] == "typed-dict-field" and not field["required"]
        while value["type"] in ("nullable", "default"):
            value = value["schema"]
        return value.get("expected", []) + [None] * is_optional

    def resolved(self, schema):
        while schema["type"] == "definition-ref":
            schema = self.named[schema["schema_ref"]]
        return schema


def tagged(key, tags, members):
    named = {}
    for own, member in zip(tags, members):
        for tag in own:
            named.setdefault(tag, []).append(member)
    missing = named.pop(None, None)
    # Some have the same tag, such as messages of different speakers.
    choices = {tag: either(own) for tag, own in named.items()}
    if missing is None:
        return {"type": "tagged-union", "choices": choices, "discriminator": key}
    choices[MISSING] = either(missing)

    def tag(value):
        return (value.get(key) or MISSING) if isinstance(value, dict) else None

    return {"type": "tagged-union", "choices": choices, "discriminator": tag}


def either(members):
    if len(members) == 1:
        return members[0]
    return {"type": "union", "choices": [(member, member["type"]) for member in members]}
