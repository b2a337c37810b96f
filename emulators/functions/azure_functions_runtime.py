"""The engine that is Microsoft's: `azure-functions-runtime`, the code of the Python worker from Python 3.13 on.

It is entered where its host in Rust enters it: `loader` indexes an app, and `native_invocation` takes and gives the
values of the wire without gRPC and protobuf. Read at version 1.3.0, which is the one that is asked for; of what is
private there this module alone knows. HTTP streams and types of SDKs do not go by that entry.
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

import azure_functions_runtime as runtime
from azure.functions import FunctionRegister
from azure.functions.decorators.core import BindingDirection, DataType
from azure.functions.meta import Datum
from azure_functions_runtime import loader, native_invocation
from azure_functions_runtime.bindings.context import _invocation_id_local
from azure_functions_runtime.bindings.datumdef import Datum as RuntimeDatum
from azure_functions_runtime.bindings.datumdef import datum_as_proto
from azure_functions_runtime.bindings.meta import load_binding_registry
from azure_functions_runtime.bindings.retrycontext import RpcException
from azure_functions_runtime.functions import Registry
from azure_functions_runtime.handle_event import _functions
from azure_functions_runtime.http_v2 import HttpV2Registry
from azure_functions_runtime.utils.validators import validate_script_file_name

from emulators.functions import extensions
from emulators.functions.converters import integer
from emulators.functions.engine import Answer, Body, Call, Indexed, IndexingError
from emulators.functions.failures import AppError, reported
from emulators.functions.retry import RetryPolicy

_FOLDER = Path(runtime.__file__).parent


class OfficialEngine:
    """See `Engine`. Handlers that are no coroutines run in the runtime's own pool, which a process has one of."""

    def __init__(self) -> None:
        load_binding_registry()
        if runtime.get_threadpool_executor() is None:
            runtime.start_threadpool_executor()

    def load(self, script: str) -> list[Indexed]:
        try:
            validate_script_file_name(script)
            return self._indexed(loader.index_function_app(script))
        except Exception as error:
            raise IndexingError.of(error, [_FOLDER]) from error

    def index(self, app: FunctionRegister) -> list[Indexed]:
        return self._indexed(app.get_functions())

    def current_invocation(self) -> str | None:
        found: str | None = runtime.invocation_id_cv.get() or getattr(_invocation_id_local, "invocation_id", None)
        return found

    @staticmethod
    def _indexed(functions: Iterable[Any]) -> list[Indexed]:
        functions, registry = list(functions), Registry()
        sent, _ = loader.process_indexed_function(_Protos, registry, functions, str(Path.cwd()))
        return [
            Indexed(
                name=metadata.name,
                # Those that are sent say more of types of SDKs, for a host that serves them.
                raw_bindings=tuple(function.get_raw_bindings()),
                trigger_name=function.get_trigger().name,
                retry=metadata.retry_options,
                body=_body(registry.get_function(metadata.function_id)),
                unsupported=_unsupported(registry.get_function(metadata.function_id)),
            )
            for function, metadata in zip(functions, sent, strict=True)
        ]


def _body(info: Any) -> Body:
    # The runtime has one registry for a process. A process of tests has several apps with functions of one name.
    key = f"{info.function_id}/{uuid.uuid4()}"
    _functions._functions[key] = info  # noqa: SLF001

    async def attempt(call: Call) -> Answer:
        # An exception that cannot be told leaves the runtime's entry as another one.
        with reported():
            ok, returned, outputs, message, stack = await native_invocation.invocation_request_native(
                call.invocation_id,
                key,
                [(name, _to_runtime(datum)) for name, datum in call.inputs.items()],
                {name: _to_runtime(datum) for name, datum in call.trigger_metadata.items()},
                retry_count=call.retry.retry_count,
                max_retry_count=call.retry.max_retry_count,
                retry_exception=_exception_before(call),
            )
            answer = Answer(_to_wire(returned), _without_nothing(outputs)) if ok else None
        if answer is None:
            raise AppError(message, stack)
        return answer

    return attempt


def _exception_before(call: Call) -> Any:
    before = call.retry.rpc_exception
    return RpcException(before.source, before.stack_trace, before.message)


def _to_runtime(datum: Datum | None) -> Any:
    """The same value as the worker's own kind of it, which the converters of the library take as well."""
    if datum is None:
        return None
    value = datum.value
    if datum.type == "http":
        value = {name: _http_field(field) for name, field in value.items()}
    return RuntimeDatum(value, datum.type)


def _http_field(field: Any) -> Any:
    if isinstance(field, Mapping):
        return {name: _to_runtime(datum) for name, datum in field.items()}
    return _to_runtime(field)


def _to_wire(datum: Any) -> Datum | None:
    """What the worker writes on the wire. An HTTP response is taken apart by the host itself."""
    sent: Datum | None = datum if datum is None or datum.type == "http" else datum_as_proto(datum, _Protos)
    return sent


def _without_nothing(outputs: Iterable[tuple[str, Any]]) -> dict[str, Datum]:
    sent = {name: _to_wire(datum) for name, datum in outputs}
    return {name: datum for name, datum in sent.items() if datum is not None}


def _unsupported(info: Any) -> str | None:
    if info.is_http_func and HttpV2Registry.http_v2_enabled():
        return extensions.STREAMS_REFUSED
    if info.settlement_client_arg is not None:
        argument = info.settlement_client_arg
        return extensions.sdk_type_refused(argument, get_type_hints(info.func)[argument])
    deferred = [(name, each.pytype) for name, each in info.input_types.items() if each.deferred_bindings_enabled]
    return extensions.sdk_type_refused(*deferred[0]) if deferred else None


class _BindingInfo(SimpleNamespace):
    out = BindingDirection.OUT.value
    inout = BindingDirection.INOUT.value
    undefined = DataType.UNDEFINED.value


def _retry_options(*, max_retry_count: int, retry_strategy: str, **intervals: timedelta) -> RetryPolicy:
    seconds = {name: interval.total_seconds() for name, interval in intervals.items()}
    match retry_strategy:
        case "fixed_delay":
            return RetryPolicy(max_retry_count, seconds["delay_interval"], None)
        case "exponential_backoff":
            return RetryPolicy(max_retry_count, seconds["minimum_interval"], seconds["maximum_interval"])
    # As protobuf does for a name that the enumeration has not.
    raise ValueError(f'unknown enum label "{retry_strategy}"')


def _typed_data(**data: Any) -> Datum:
    ((kind, value),) = data.items()
    return integer(value) if kind == "int" else Datum(value, kind)


class _Protos:
    """What indexing and `datum_as_proto` make of the messages of the wire, as objects of the host."""

    BindingInfo = _BindingInfo
    RpcFunctionMetadata = SimpleNamespace
    RpcRetryOptions = staticmethod(_retry_options)
    TypedData = staticmethod(_typed_data)
