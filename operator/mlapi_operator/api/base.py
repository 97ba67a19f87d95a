"""What every type of the API is made of: strict objects, and rules that the API server and the CLI share."""

from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

CEL_RULES = "x-kubernetes-validations"


@dataclass(frozen=True)
class Rule:
    """A rule in CEL and its twin in Python: both must reach the same verdict on every value.

    As metadata of a field (`Annotated[str, Rule(...)]`) it looks at the value, as an entry of `Object.rules`
    at the whole object. Field patterns are written as rules where their message would tell a user nothing.

    Attributes:
        cel: true when the value is fine.
        message: what to change; no full stop.
        holds: the same in Python.
        field: path of the member to blame, as the manifest names it; only for rules of an object.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value as it came.

        Raises:
            PydanticCustomError: the rule does not hold.
        """
        if not self.holds(value):
            context = {"wanted": self.message, "field": self.field}
            raise PydanticCustomError("rule", "{wanted}", context)
        return value

    def schema(self) -> dict[str, str]:
        """The entry of x-kubernetes-validations."""
        rule = {"rule": self.cel, "message": self.message}
        path = "".join(f".{part}" if part.isidentifier() else f"['{part}']" for part in self.field)
        return rule | {"fieldPath": path} if path else rule

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        schema = handler(core)
        schema.setdefault(CEL_RULES, []).append(self.schema())
        return schema


@dataclass(frozen=True)
class ListMap:
    """Marks a list whose entries are told apart by one required member, as server-side apply merges them."""

    key: str

    def check(self, entries: list[Any]) -> list[Any]:
        """The list as it came.

        Raises:
            PydanticCustomError: two entries have the same key.
        """
        seen = set()
        for entry in entries:
            name = getattr(entry, self.key)
            if name in seen:
                context = {
                    "wanted": f"two entries have the {self.key} {name!r}; keep one of them",
                    "field": (),
                }
                raise PydanticCustomError("rule", "{wanted}", context)
            seen.add(name)
        return entries

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(core) | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.key]}


def is_integer(annotation: Any) -> bool:
    """Whether a field of this type holds an integer, or perhaps none."""
    if get_origin(annotation) is Annotated:
        return is_integer(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return all(part is NoneType or is_integer(part) for part in get_args(annotation))
    return annotation is int


class Object(BaseModel):
    """A JSON object with known fields, camelCase outside and snake_case inside."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        use_attribute_docstrings=True,
    )
    rules: ClassVar[tuple[Rule, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _as_the_server_reads(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        fields = {field.alias or name: field.annotation for name, field in cls.model_fields.items()}
        # The API server prunes a null member before it validates: `env:` with nothing behind is no error.
        given = {key: member for key, member in value.items() if member is not None or key not in fields}
        # It takes 1.048576e+07 for an integer, which is how Helm writes a large one.
        whole = {
            key: int(member)
            for key, member in given.items()
            if isinstance(member, float) and member.is_integer() and is_integer(fields.get(key))
        }
        return given | whole

    @model_validator(mode="after")
    def _check_rules(self) -> "Object":
        for rule in self.rules:
            rule.check(self)
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        if cls.rules:
            handler.resolve_ref_schema(schema)[CEL_RULES] = [rule.schema() for rule in cls.rules]
        return schema
