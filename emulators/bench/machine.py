"""What the figures were measured on, and when."""

import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path


def facts() -> Mapping[str, str]:
    return {
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def resident_bytes(pid: int) -> int:
    """What the process holds in memory now (RSS). Raises OSError where there is no /proc, or no such process."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def processor_seconds(pid: int) -> float:
    """What the process has taken of the processors since it began. Raises as `resident_bytes` does."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """The processes that a process has started. Raises as `resident_bytes` does."""
    return [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text(encoding="ascii").split()
    ]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"
