"""`python -m devstack`: the local cloud from the command line.

It is started by whatever `python3` a machine has. So this module and `devstack.up.python_version` parse and run
under old Pythons, and everything else is imported after the version was checked.
"""

import sys

from devstack.up import python_version


def main() -> int:
    complaint = python_version.complaint(sys.version_info[:2])
    if complaint:
        sys.stderr.write("devstack: " + complaint + "\n")
        return 1
    if sys.platform == "win32":
        sys.stderr.write("devstack: this runs on Linux and macOS; on Windows run it in WSL\n")
        return 1

    from devstack.up.commands import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
