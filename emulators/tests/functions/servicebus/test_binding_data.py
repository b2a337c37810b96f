"""What a function is given for its messages: as the real host gave it to the real worker."""

import base64
import json
import uuid
from typing import Any

import azure.functions as func
import pytest
from azure.functions.meta import Datum
from azure.functions.servicebus import ServiceBusMessageInConverter

from emulators.amqp.values import DecodeError, Described, Float, Int, Symbol, Timestamp
from emulators.functions.converters import converter_of, decode
from emulators.functions.servicebus.binding_data import BindingData, ConversionError, DataType
from emulators.functions.servicebus.message import BodyError, ReceivedMessage
from emulators.functions.servicebus.receiver import Delivery
from emulators.tests.functions.corpus import datum, invocation
from emulators.tests.functions.servicebus.messages import TOKEN, delivery, received

pytestmark = pytest.mark.usefixtures("engine")

LOCK = "2026-11-23T07:25:04.8889156+00:00"


def binding_data(data_type: DataType = DataType.UNDEFINED) -> BindingData:
    return BindingData("message", data_type, "127.0.0.1", "127.0.0.1-dd425065-12b8-4912-98af-1d5bb46d5ac9")


def seen(message: ReceivedMessage, data_type: DataType = DataType.UNDEFINED) -> func.ServiceBusMessage:
    """The message as a function sees it."""
    inputs, metadata = binding_data(data_type).single(message, None)
    result: func.ServiceBusMessage = decode("serviceBusTrigger", inputs["message"], metadata)
    return result


def all_seen(messages: list[ReceivedMessage], data_type: DataType = DataType.UNDEFINED) -> list[Any]:
    inputs, metadata = binding_data(data_type).batch(messages, None)
    result: list[Any] = decode("serviceBusTrigger", inputs["message"], metadata)
    return result


def comparable(metadata: dict[str, Datum]) -> dict[str, tuple[Any, Any]]:
    """Times lose the digits that AMQP does not carry."""
    shown = {}
    for name, each in metadata.items():
        value = json.loads(each.value) if each.type == "json" else each.value
        if "Time" in name or "Expires" in name:
            value = value[:22]
        if name == "Client":
            value["Identifier"] = "one of its own"
        shown[name] = (each.type, value)
    return shown


@pytest.mark.verified("trace", feature="Service Bus trigger: whole messages")
@pytest.mark.parametrize(("function", "earlier"), [("handle_command", 0), ("notify", 2)])
def test_a_message_makes_what_the_real_host_sent(function: str, earlier: int) -> None:
    request = invocation(function, 1)["request"]
    sent = {name: datum(each) for name, each in request["trigger_metadata"].items()}
    session = sent.get("SessionId")
    said = comparable(sent)
    message = received(
        base64.b64decode(request["input_data"][0]["data"]["bytes"]),
        earlier=earlier,
        application_properties=said["ApplicationProperties"][1],
        message_id=sent["MessageId"].value,
        group_id=None if session is None else session.value,
        correlation_id=sent["CorrelationId"].value,
        content_type=sent["ContentType"].value,
        subject=sent["Subject"].value,
        token=uuid.UUID(sent["LockToken"].value).bytes_le,
    )
    inputs, metadata = binding_data(DataType.BINARY).single(message, LOCK if session else None)
    assert datum(request["input_data"][0]["data"]) == inputs["message"]
    # 07:24:04.888 in one trace, .890 in the other: to the second they are the same.
    for name in ("EnqueuedTime", "EnqueuedTimeUtc", "ExpiresAt", "ExpiresAtUtc"):
        assert json.loads(sent[name].value)[:19] == json.loads(metadata[name].value)[:19]
    unlike = {"EnqueuedTime", "EnqueuedTimeUtc", "ExpiresAt", "ExpiresAtUtc"}
    built = comparable(metadata)
    assert {name: each for name, each in said.items() if name not in unlike} == {
        name: each for name, each in built.items() if name not in unlike
    }


class TestAttributes:
    @pytest.mark.verified("trace", feature="func.ServiceBusMessage")
    def test_every_attribute_that_the_host_gives_is_there(self) -> None:
        message = seen(
            received(
                b"body",
                earlier=2,
                sequence_number=5,
                message_id="m5",
                group_id="S2",
                correlation_id="c1",
                content_type="text/plain",
                subject="sub",
                to="somewhere",
                reply_to="q2",
                reply_to_group_id="S3",
                annotations={"x-opt-deadletter-source": "orders", "x-opt-partition-key": "S2"},
                application_properties={"a": "b"},
            )
        )
        assert (b"body", "m5", "S2", "S2", "c1", "text/plain", "sub", "sub", "somewhere", "q2", "S3", "orders") == (
            message.get_body(),
            message.message_id,
            message.session_id,
            message.partition_key,
            message.correlation_id,
            message.content_type,
            message.subject,
            message.label,
            message.to,
            message.reply_to,
            message.reply_to_session_id,
            message.dead_letter_source,
        )
        assert (3, 5, str(TOKEN)) == (message.delivery_count, message.sequence_number, message.lock_token)
        assert {"a": "b"} == message.application_properties == message.user_properties

    @pytest.mark.verified("trace", feature="func.ServiceBusMessage")
    def test_times_are_naive_and_some_attributes_are_always_none(self) -> None:
        message = seen(received())
        assert "2026-11-23T07:24:04.888000" == message.enqueued_time_utc.isoformat()  # type: ignore[union-attr]
        assert "2026-11-23T08:24:04.888000" == message.expires_at_utc.isoformat()  # type: ignore[union-attr]
        assert {None} == {
            message.locked_until,
            message.time_to_live,
            message.scheduled_enqueue_time_utc,
            message.enqueued_sequence_number,
            message.state,
            message.dead_letter_reason,
            message.dead_letter_error_description,
            message.session_id,
            message.transaction_partition_key,
        }

    @pytest.mark.verified("docs", feature="func.ServiceBusMessage")
    def test_a_message_without_a_time_to_live_never_expires(self) -> None:
        assert "9999-12-31T23:59:59.999999" == seen(received(ttl=None)).expires_at_utc.isoformat()  # type: ignore[union-attr]

    @pytest.mark.verified("trace", feature="func.ServiceBusMessage: dead letters")
    def test_the_reason_of_a_dead_letter_is_among_the_properties(self) -> None:
        said = {"DeadLetterReason": "MaxDeliveryCountExceeded", "DeadLetterErrorDescription": "after 10 attempts"}
        message = seen(received(application_properties=said))
        assert (said, None) == (message.application_properties, message.dead_letter_reason)

    @pytest.mark.verified("trace", feature="func.ServiceBusMessage: application properties")
    def test_properties_arrive_as_the_json_of_their_types(self) -> None:
        message = seen(
            received(
                application_properties={
                    "s": "str",
                    "int": Int(5),
                    "long": 2**40,
                    "dbl": 1.5,
                    "float": Float(0.5),
                    "nan": float("nan"),
                    "yes": True,
                    "guid": uuid.UUID("0f8fad5b-d9cb-469f-a165-70867728950e"),
                    "at": Timestamp(1795418644500),
                    "ts": Described(Symbol("com.microsoft:timespan"), 37_230_000_000),
                    "day": Described(Symbol("com.microsoft:timespan"), -864_000_000_001_0),
                    "off": Described(Symbol("com.microsoft:datetime-offset"), 639_310_000_000_000_000),
                    "uri": Described(Symbol("com.microsoft:uri"), "https://example.org/"),
                    "bin": b"abc",
                    "nul": None,
                    "date": "2026-01-02T03:04:05.000Z",
                }
            )
        )
        assert {
            "s": "str",
            "int": 5,
            "long": 2**40,
            "dbl": 1.5,
            "float": 0.5,
            "nan": "NaN",
            "yes": True,
            "guid": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "at": "2026-11-23T07:24:04.5Z",
            "ts": "01:02:03",
            "day": "-10.00:00:00.0000010",
            "off": "2026-11-23T03:06:40+00:00",
            "uri": "https://example.org/",
            "bin": "YWJj",
            "nul": None,
            "date": "2026-01-02T03:04:05.000Z",
        } == message.application_properties

    @pytest.mark.verified("docs", feature="func.ServiceBusMessage")
    @pytest.mark.parametrize(
        ("sent", "expected"), [("m", "m"), (TOKEN, str(TOKEN)), (7, "7"), (b"\x01\xff", "01ff"), (None, None)]
    )
    def test_message_ids_of_every_type_are_texts(self, sent: Any, expected: str | None) -> None:
        assert expected == seen(received(message_id=sent)).message_id

    @pytest.mark.verified("trace", feature="func.ServiceBusMessage: metadata")
    def test_metadata_tells_of_the_session_lock_only(self) -> None:
        inputs, metadata = binding_data(DataType.BINARY).single(received(group_id="S"), LOCK)
        message: func.ServiceBusMessage = decode("serviceBusTrigger", inputs["message"], metadata)
        assert message.metadata is not None
        assert {"SessionLockedUntil": LOCK} == message.metadata["MessageSession"]


class TestBodies:
    @pytest.mark.verified("trace", feature="Service Bus trigger: dataType")
    def test_binary_is_exact_and_text_loses_what_is_no_utf_8(self) -> None:
        message = received(b"not json \xff\x00")
        assert b"not json \xff\x00" == seen(message, DataType.BINARY).get_body()
        assert "not json \ufffd\x00".encode() == seen(message).get_body() == seen(message, DataType.STRING).get_body()

    @pytest.mark.verified("trace", feature="Service Bus trigger: dataType")
    def test_a_text_is_never_re_written(self) -> None:
        assert (
            b'{"a": 1.0, "at": "2026-01-02T03:04:05.000Z"}'
            == seen(received(b'{"a": 1.0, "at": "2026-01-02T03:04:05.000Z"}')).get_body()
        )

    @pytest.mark.verified("docs", feature="Service Bus trigger: empty bodies")
    @pytest.mark.parametrize("data_type", list(DataType))
    def test_an_empty_body_is_empty_bytes(self, data_type: DataType) -> None:
        assert b"" == seen(received(b""), data_type).get_body()

    @pytest.mark.verified("docs", feature="Service Bus trigger: AMQP value and sequence bodies fail")
    @pytest.mark.parametrize(
        ("message", "kind"), [({"value": "text"}, "Value"), ({"sequences": ([1, 2], [3])}, "Sequence")]
    )
    def test_a_body_that_is_no_bytes_cannot_be_bound(self, message: dict[str, Any], kind: str) -> None:
        with pytest.raises(BodyError, match=f"{kind} cannot be retrieved using the Body property"):
            binding_data(DataType.BINARY).single(received(None, **message), None)

    @pytest.mark.verified("docs", feature="Service Bus trigger: what is no message fails")
    def test_bytes_that_are_no_message_are_an_error(self) -> None:
        with pytest.raises(DecodeError):
            ReceivedMessage.of(Delivery(1, TOKEN.bytes_le, b"nonsense"))


class TestJsonBodiesOverwriteMetadata:
    EVIL = (
        b'{"messageId":"EVIL","SessionId":"X","deliveryCount":"7","subject":{"o":1},"num":12,"list":[1],"nul":null,'
        b'"yes":true,"dbl":1.50,"one":1.0,"big":1e20,"tiny":0.00001,"dt":"2026-01-02T03:04:05.5Z"}'
    )

    @pytest.mark.verified("trace", feature="Service Bus trigger: a JSON body overwrites the metadata")
    def test_top_level_properties_take_the_place_of_what_the_broker_said(self) -> None:
        inputs, metadata = binding_data().single(received(self.EVIL, message_id="m", group_id="S"), LOCK)
        message: func.ServiceBusMessage = decode("serviceBusTrigger", inputs["message"], metadata)
        assert ("EVIL", "X", 7) == (message.message_id, message.session_id, message.delivery_count)
        assert message.metadata is not None
        expected = {
            "num": "12",
            "yes": "True",
            "dbl": "1.5",
            "one": "1",
            "big": "1E+20",
            "tiny": "1E-05",
            "dt": "01/02/2026 03:04:05",
            "Subject": {"o": 1},
        }
        assert expected == {name: message.metadata[name] for name in expected}
        assert not {"list", "nul", "messageId"} & set(message.metadata)

    @pytest.mark.verified("trace", feature="Service Bus trigger: a JSON body overwrites the metadata")
    def test_binary_leaves_the_metadata_alone(self) -> None:
        message = seen(received(self.EVIL, message_id="m", group_id="S"), DataType.BINARY)
        assert ("m", "S", 1) == (message.message_id, message.session_id, message.delivery_count)

    @pytest.mark.verified("trace", feature="Service Bus trigger: a JSON body overwrites the metadata")
    @pytest.mark.parametrize("body", [b'{"sequenceNumber":"abc"}', b'{"UserProperties":"boom"}'])
    def test_a_property_of_another_type_fails_every_delivery(self, body: bytes) -> None:
        with pytest.raises(ValueError, match="in trigger metadata"):
            seen(received(body))

    @pytest.mark.verified("trace", feature="Service Bus trigger: a JSON body overwrites the metadata")
    @pytest.mark.parametrize("body", [b'[{"messageId":"EVIL"}]', b'"messageId"', b'{"messageId":', b"", b"{"])
    def test_other_bodies_do_not(self, body: bytes) -> None:
        assert "m" == seen(received(body, message_id="m")).message_id


class TestBatches:
    MESSAGES = (
        {"message_id": "1", "correlation_id": "c1", "application_properties": {"n": 1}, "sequence_number": 1},
        {"message_id": "2", "application_properties": {}, "sequence_number": 2, "earlier": 1},
        {"message_id": "3", "correlation_id": "c3", "application_properties": {"n": 3}, "sequence_number": 3},
    )

    def messages(self, body: bytes = b'{"at":"2026-01-02T03:04:05.000Z"}') -> list[ReceivedMessage]:
        return [received(body, **each) for each in self.MESSAGES]

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    @pytest.mark.parametrize(
        ("data_type", "kind", "body"),
        [
            (DataType.BINARY, "collection_bytes", b'{"at":"2026-01-02T03:04:05.000Z"}'),
            (DataType.STRING, "collection_string", b'{"at":"2026-01-02T03:04:05.000Z"}'),
        ],
    )
    def test_bodies_are_exact_with_a_data_type(self, data_type: DataType, kind: str, body: bytes) -> None:
        inputs, _ = binding_data(data_type).batch(self.messages(), None)
        assert inputs["message"] is not None
        assert kind == inputs["message"].type
        assert [body] * 3 == [message.get_body() for message in all_seen(self.messages(), data_type)]

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    def test_without_a_data_type_bodies_are_json_with_their_dates_re_written(self) -> None:
        bodies = [json.loads(message.get_body()) for message in all_seen(self.messages())]
        assert [{"at": "2026-01-02T03:04:05Z"}] * 3 == bodies

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    def test_columns_of_texts_shift_over_what_is_missing_and_others_do_not(self) -> None:
        messages = all_seen(self.messages(), DataType.BINARY)
        assert ["1", "2", "3"] == [message.message_id for message in messages]
        assert ["c1", "c3", None] == [message.correlation_id for message in messages]
        assert [1, 2, 3] == [message.sequence_number for message in messages]
        assert [1, 2, 1] == [message.delivery_count for message in messages]
        assert [{"n": 1}, {}, {"n": 3}] == [message.application_properties for message in messages]
        assert {"2026-11-23T07:24:04.888000"} == {message.enqueued_time_utc.isoformat() for message in messages}

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    def test_the_columns_of_metadata_have_the_types_of_the_trace(self) -> None:
        _, metadata = binding_data(DataType.BINARY).batch(self.messages(), LOCK)
        assert "collection_sint64" == metadata["SequenceNumberArray"].type
        assert ("json", "[1,2,1]") == (metadata["DeliveryCountArray"].type, metadata["DeliveryCountArray"].value)
        assert "UserProperties" not in metadata
        assert metadata["PartitionKeyArray"] == metadata["TransactionPartitionKeyArray"]
        assert {"SessionLockedUntil": LOCK} == json.loads(metadata["MessageSession"].value)

    @pytest.mark.verified("trace", feature="Service Bus trigger: batches")
    def test_one_body_that_is_no_json_fails_the_whole_batch_without_a_data_type(self) -> None:
        messages = [*self.messages(), received(b"no json")]
        with pytest.raises(ConversionError, match=r"Exception binding parameter 'message'.*Json\.NET"):
            binding_data().batch(messages, None)

    @pytest.mark.verified("docs", feature="Service Bus trigger: empty bodies")
    def test_an_empty_text_vanishes_from_a_batch_and_fails_it(self) -> None:
        with pytest.raises(IndexError):
            all_seen([received(b""), received(b"a")], DataType.STRING)


def test_deliveries_without_a_lock_token_have_none() -> None:
    assert delivery(token=b"1").lock_token is None
    assert "" == received(token=b"1").lock_token


@pytest.mark.verified("sdk", feature="func.ServiceBusMessage")
@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "2026-11-23T07:24:04",
        "2026-11-23T07:24:04.8",
        "2026-11-23T07:24:04.888",
        "2026-11-23T07:24:04.8881967",
        "9999-12-31T23:59:59.9999999",
        "0001-01-01T00:00:00",
        "2026-11-23T07:24:04Z",
        "2026-11-23T07:24:04.8881967+00:00",
        "11/23/2026 07:24:04Z",
        "nonsense",
        "2026-13-23T07:24:04",
        "2026-11-23T07:24",
    ],
)
def test_times_are_read_as_the_library_reads_them(text: str | None) -> None:
    def read(converter: Any) -> Any:
        try:
            return converter._parse_datetime(text)
        except ValueError as error:
            return type(error)

    assert read(ServiceBusMessageInConverter) == read(converter_of("serviceBusTrigger"))


@pytest.mark.verified("docs", feature="Service Bus trigger: bodies nested deeply")
@pytest.mark.parametrize("depth", [400, 1_000, 100_000])
def test_a_body_reaches_the_function_however_deeply_it_is_nested(depth: int) -> None:
    body = b'{"subject":' * depth + b"1" + b"}" * depth
    message = received(body, subject="Placed")
    for kind in (DataType.UNDEFINED, DataType.STRING, DataType.BINARY):
        inputs, metadata = BindingData("m", kind, "", "").single(message, None)
        datum = inputs["m"]
        assert datum is not None
        assert len(body) == len(datum.value)
        assert "MessageId" not in metadata


@pytest.mark.verified("docs", feature="Service Bus trigger: bodies nested deeply")
def test_a_batch_of_json_fails_for_a_body_that_nobody_can_read() -> None:
    with pytest.raises(ConversionError, match="nested too deeply"):
        BindingData("m", DataType.UNDEFINED, "", "").batch([received(b"[" * 100_000)], None)
