"""The service's errors: an HTTP status, a substatus and a message, as clients see them."""

from __future__ import annotations

from typing import Final

CODES: Final = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    408: "RequestTimeout",
    409: "Conflict",
    410: "Gone",
    412: "PreconditionFailed",
    413: "RequestEntityTooLarge",
    424: "FailedDependency",
    429: "TooManyRequests",
    449: "RetryWith",
    500: "InternalServerError",
    501: "NotImplemented",
    503: "ServiceUnavailable",
}

# Substatus values that clients act upon.
PARTITION_KEY_MISMATCH: Final = 1001
READ_SESSION_NOT_AVAILABLE: Final = 1002
PARTITION_KEY_RANGE_GONE: Final = 1002
OWNER_NOT_FOUND: Final = 1003
CROSS_PARTITION_QUERY_NOT_SERVABLE: Final = 1004
COLLECTION_RID_MISMATCH: Final = 1024
REQUEST_RATE_TOO_LARGE: Final = 3200


class CosmosError(Exception):
    """A request that the service refuses. `retry_after_ms` becomes `x-ms-retry-after-ms`."""

    def __init__(self, status: int, message: str, *, substatus: int = 0, retry_after_ms: int | None = None) -> None:
        super().__init__(f"{status}/{substatus}: {message}")
        self.status = status
        self.substatus = substatus
        self.message = message
        self.retry_after_ms = retry_after_ms

    @property
    def code(self) -> str:
        return CODES.get(self.status, "InternalServerError")


def bad_request(message: str, substatus: int = 0) -> CosmosError:
    return CosmosError(400, message, substatus=substatus)


def not_found() -> CosmosError:
    return CosmosError(404, "Entity with the specified id does not exist in the system.")


def resource_not_found() -> CosmosError:
    return CosmosError(404, "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found")


def owner_not_found() -> CosmosError:
    return CosmosError(404, "Owner resource does not exist", substatus=OWNER_NOT_FOUND)


def read_session_not_available() -> CosmosError:
    return CosmosError(
        404,
        "The read session is not available for the input session token.",
        substatus=READ_SESSION_NOT_AVAILABLE,
    )


def conflict() -> CosmosError:
    return CosmosError(409, "Entity with the specified id already exists in the system.")


def unique_key_conflict() -> CosmosError:
    return CosmosError(409, "Unique index constraint violation.")


def precondition_failed() -> CosmosError:
    return CosmosError(412, "Operation cannot be performed because one of the specified precondition is not met.")


def too_large() -> CosmosError:
    return CosmosError(413, "Request size is too large")


def partition_key_mismatch() -> CosmosError:
    return bad_request(
        "PartitionKey extracted from document doesn't match the one specified in the header. "
        "Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
        PARTITION_KEY_MISMATCH,
    )


def partition_key_range_gone() -> CosmosError:
    return CosmosError(
        410,
        "The requested partition key range is not available: it was split.",
        substatus=PARTITION_KEY_RANGE_GONE,
    )


def request_rate_too_large(retry_after_ms: int) -> CosmosError:
    return CosmosError(
        429,
        "Request rate is large. More Request Units may be needed, so no changes were made. "
        "Please retry this request later. Learn more: http://aka.ms/cosmosdb-error-429",
        substatus=REQUEST_RATE_TOO_LARGE,
        retry_after_ms=retry_after_ms,
    )


def not_supported(feature: str) -> CosmosError:
    return CosmosError(501, f"devstack does not support {feature}.")
