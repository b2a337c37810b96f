"""A connection without a key is opened by the identity of the process."""

from functools import partial
from typing import TYPE_CHECKING

from engine.imports import off_the_loop

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential


async def identity(client_id: str | None) -> "DefaultAzureCredential":
    """Returns the credential of a managed identity, or of whoever has signed in; the caller closes it.

    `client_id` names the managed identity, None the one that the system assigned.
    """
    return await off_the_loop(partial(_credential, client_id))


def _credential(client_id: str | None) -> "DefaultAzureCredential":
    # Only identity-based connections pay for these imports; the request for the first token would make the second one.
    import azure.core.rest._aiohttp  # noqa: F401
    from azure.identity.aio import DefaultAzureCredential

    return DefaultAzureCredential(managed_identity_client_id=client_id)
