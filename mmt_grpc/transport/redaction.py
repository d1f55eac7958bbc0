"""Messages without their secrets, for the rare place that must show one; Python's own `str` shows everything."""

from typing import Final, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

MASK: Final = "***"
AnyMessage = TypeVar("AnyMessage", bound=Message)


def redacted(message: AnyMessage) -> AnyMessage:
    """Return a copy in which every field marked `debug_redact` is masked, however deep it lies."""
    copy = type(message)()
    copy.CopyFrom(message)
    _mask(copy)
    return copy


def _mask(message: Message) -> None:
    for field, value in message.ListFields():
        if field.GetOptions().debug_redact:
            _mask_field(message, field)
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            for part in value if field.is_repeated else (value,):
                _mask(part)


def _mask_field(message: Message, field: FieldDescriptor) -> None:
    message.ClearField(field.name)
    if field.type == FieldDescriptor.TYPE_STRING and not field.is_repeated:
        setattr(message, field.name, MASK)
