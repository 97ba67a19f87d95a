"""msgspec structs made from the model's signature, and what Litestar's OpenAPI document says of them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.openapi.spec import Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition

from mlapi_runtime import schema


class Tensors(msgspec.Struct, forbid_unknown_fields=True):
    """Base of the request and the answer."""


def struct(name: str, fields: Sequence[schema.Field]) -> type[msgspec.Struct]:
    """A struct with a field for each tensor."""
    definitions = [(field.attribute, field.annotation, msgspec.field(name=field.name)) for field in fields]
    return msgspec.defstruct(name, definitions, bases=(Tensors,))


class Documentation(OpenAPISchemaPlugin):
    """Documents them whole: Litestar reads the constraints of a field, but none inside of its lists."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        return isinstance(value, type) and issubclass(value, Tensors)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        annotation = field_definition.annotation
        found = msgspec.json.schema_components((annotation,))[1][annotation.__name__]
        document: Schema = schema_creator.create_component_schema(
            field_definition, required=found["required"], property_fields={}
        )
        document.properties = found["properties"]
        document.additional_properties = False
        return document
