"""Copies of all data, kept beside it, and containers put back as a copy has them.

They are put back in place, so that whoever is connected lives through it: items, positions of the change feed and etags
are those of before, and sessions that have seen more are ahead of the data. A restore of Azure's makes another account
or another container, with resource ids of its own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from emulators.cosmos.account import Account
from emulators.cosmos.catalog import Catalog, ranges_from_json
from emulators.cosmos.container import Container
from emulators.cosmos.errors import CosmosError
from emulators.cosmos.store import Store

_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")


def back_up(store: Store, name: str) -> None:
    """Keep a copy of the whole account under a name. Raises 400 for no name, and 409 for one that there is."""
    file = _file(store, name)
    if file.exists():
        raise CosmosError(409, f"there is a backup {name!r} already")
    file.parent.mkdir(exist_ok=True)
    store.connection.execute("VACUUM INTO ?", (str(file),))


def restore(account: Account, name: str, containers: Collection[str] | None) -> Sequence[str]:
    """Put containers back as they were, all of the backup or those with these ids; their ids.

    Containers that were made since stay as they are. Raises 404 for a backup that there is not, and 400 for a container
    that was not in it or was made anew since.
    """
    file = _file(account.store, name)
    if not file.exists():
        raise CosmosError(404, f"there is no backup {name!r}")
    connection = account.store.connection
    connection.execute("ATTACH ? AS backup", (str(file),))
    try:
        kept = {row[0]: row[1:] for row in account.store.rows("SELECT rid, lsn, ranges FROM backup.containers")}
        chosen = _chosen(account.catalog, kept, containers)
        with account.store.transaction():
            for each in chosen:
                lsn, ranges = kept[each.rid]
                each.items.put_back("backup")
                each.unique_keys.put_back("backup")
                connection.execute("UPDATE containers SET lsn = ?, ranges = ? WHERE rid = ?", (lsn, ranges, each.rid))
    finally:
        connection.execute("DETACH backup")
    for each in chosen:
        each.lsn, each.ranges = kept[each.rid][0], ranges_from_json(kept[each.rid][1])
        each.history.forget()
    return [each.id for each in chosen]


def _chosen(catalog: Catalog, kept: Collection[str], ids: Collection[str] | None) -> Sequence[Container]:
    there = [each for database in catalog.databases.values() for each in database.containers.values()]
    chosen = [each for each in there if (each.rid in kept if ids is None else each.id in ids)]
    missing = set(ids or ()) - {each.id for each in chosen if each.rid in kept}
    if missing:
        raise CosmosError(400, f"the backup does not have {', '.join(sorted(missing))}, or as another container")
    return chosen


def _file(store: Store, name: str) -> Path:
    if store.folder is None:
        raise CosmosError(400, "what is in memory alone has no backups: --data names a folder")
    if not _NAME.fullmatch(name):
        raise CosmosError(400, f"{name!r} is no name of a backup: letters, digits and hyphens")
    return store.folder / "backups" / f"{name}.sqlite3"
