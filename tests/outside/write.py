"""Writes the golden files that are missing. One that exists is never written again: delete it first, and say why."""

import asyncio

from tests.outside.rendered import golden_of, rendered
from tests.outside.samples import SAMPLES


async def write_missing() -> None:
    for name, sample in SAMPLES.items():
        file = golden_of(name)
        if not file.exists():
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(rendered(await sample()).encode())
            print(f"{file.name}: written")


if __name__ == "__main__":
    asyncio.run(write_missing())
