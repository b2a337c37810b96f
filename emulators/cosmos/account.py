"""The account: everything that operations work on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from emulators.clock import Clock
from emulators.cosmos.budget import Budget
from emulators.cosmos.catalog import Catalog
from emulators.cosmos.offers import Offers
from emulators.cosmos.store import Store

# The key that every emulator of Cosmos DB uses; it is public.
KEY: Final = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="

_REGION: Final = "South Central US"

# .NET refuses every query when this is empty.
_QUERY_ENGINE: Final = {
    "allowNewKeywords": True,
    "maxJoinsPerSqlQuery": 10,
    "maxQueryRequestTimeoutFraction": 0.9,
    "maxSqlQueryInputLength": 524288,
    "maxUdfRefPerSqlQuery": 10,
    "queryMaxInMemorySortDocumentCount": -1000,
    "spatialMaxGeometryPointCount": 256,
    "sqlAllowNonFiniteNumbers": False,
    "sqlDisableOptimizationFlags": 0,
    "enableSpatialIndexing": True,
    "maxInExpressionItemsCount": 2147483647,
    "maxLogicalAndPerSqlQuery": 2147483647,
    "maxLogicalOrPerSqlQuery": 2147483647,
    "maxSpatialQueryCells": 2147483647,
    "sqlAllowAggregateFunctions": True,
    "sqlAllowGroupByClause": True,
    "sqlAllowLike": True,
    "sqlAllowSubQuery": True,
    "sqlAllowScalarSubQuery": True,
    "sqlAllowTop": True,
}


@dataclass(frozen=True)
class Account:
    store: Store
    clock: Clock
    catalog: Catalog
    offers: Offers
    budget: Budget
    seed: int


def account_json(base_url: str) -> dict[str, Any]:
    """The first thing every client reads. It goes on with the addresses given here, so they are the request's own."""
    location = [{"name": _REGION, "databaseAccountEndpoint": f"{base_url}/"}]
    return {
        "_self": "",
        "id": "localhost",
        "_rid": "localhost",
        "media": "//media/",
        "addresses": "//addresses/",
        "_dbs": "//dbs/",
        "writableLocations": location,
        "readableLocations": location,
        "enableMultipleWriteLocations": False,
        "continuousBackupEnabled": False,
        "enableNRegionSynchronousCommit": False,
        "enablePerPartitionFailoverBehavior": False,
        "userReplicationPolicy": {"asyncReplication": False, "minReplicaSetSize": 1, "maxReplicasetSize": 4},
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 4},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
        "queryEngineConfiguration": json.dumps(_QUERY_ENGINE, separators=(",", ":")),
    }
