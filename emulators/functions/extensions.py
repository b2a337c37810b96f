"""The worker's extension packages: types that an app may annotate with, and that this host does not serve.

An app that has not imported their base cannot use them; the worker looks for it in the same way.
"""

import sys
from typing import Any

STREAMS_REFUSED = (
    "requests and answers of a web framework (azurefunctions.extensions.http) are not supported by devstack"
)


def sdk_type_refused(parameter: str, annotation: Any) -> str:
    """What is wrong with a parameter of such a type."""
    shown = getattr(annotation, "__name__", str(annotation))
    return f"the type {shown} of {parameter} (azurefunctions.extensions.bindings) is not supported by devstack"


def streams_http() -> bool:
    """Whether the app's HTTP functions take requests and answers of a web framework: all of them, or none."""
    base = _base()
    return base is not None and bool(base.HttpV2FeatureChecker.http_v2_enabled())


def is_streamed_request(annotation: Any) -> bool:
    """Whether it is the type of a request of that framework."""
    return bool(_base().RequestTrackerMeta.check_type(annotation))


def is_streamed_response(annotation: Any) -> bool:
    """Whether it is a type of answers of that framework."""
    return bool(_base().ResponseTrackerMeta.check_type(annotation))


def is_sdk_type(annotation: Any) -> bool:
    """Whether a binding with this annotation gives an object of an Azure SDK."""
    base = _base()
    return base is not None and bool(base.get_binding_registry().check_supported_type(annotation))


def takes_sdk_type(binding_type: str, annotation: Any) -> bool:
    """Whether the package that is there for a kind of binding can make the object."""
    converter = _base().get_binding_registry().get(binding_type)
    return converter is not None and bool(converter.check_input_type_annotation(annotation))


def is_settlement_client(annotation: Any) -> bool:
    """Whether a parameter that no binding names is for settling messages."""
    check = getattr(_base() and _base().get_binding_registry(), "check_supported_grpc_client_type", None)
    return check is not None and bool(check(annotation))


def _base() -> Any:
    return sys.modules.get("azurefunctions.extensions.base")
