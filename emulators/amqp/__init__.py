"""AMQP 1.0 as bytes: values, performatives, frames, message sections. It knows the wire and nothing of what is said.

- `values`, `decoding`, `encoding`: the type system. `decode(data)` gives `(value, end)` and keeps AMQP types
  that Python lacks (`UInt`, `Symbol`, `Timestamp`, …), so that what was decoded encodes to the same type again; a
  plain `int` is an AMQP long.
- `performatives`: open, attach, transfer, …, the outcomes, SASL, and the composite sections of a message, as named
  tuples with the field order of the specification. Their fields take plain ints and strings.
- `frames`: `encode_frame(channel, performative, payload)` and `FrameSplitter`, without I/O.
- `protocol`: `AmqpProtocol`, an `asyncio.Protocol` that calls `header_received` and `frame_received`, joins
  what is sent in one turn of the loop into one write, and beats.
- `message`: `split(raw)` finds the sections of a message without decoding them.

    class Client(AmqpProtocol):
        def frame_received(self, frame):
            match frame.body:
                case Transfer(handle=handle): sections = split(frame.payload)

    _, client = await loop.create_connection(Client, "localhost", 5672)
    client.send_bytes(SASL_HEADER)
    client.send(0, SaslInit(mechanism="ANONYMOUS"), kind=SASL)
    client.send(1, Transfer(handle=0, delivery_id=0, delivery_tag=b"1", message_format=0), encoded_message)

Source of every fact here: OASIS AMQP 1.0, parts 1 (types), 2 (transport), 3 (messaging) and 5 (security).
"""
