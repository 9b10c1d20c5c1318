"""`python -m tests.vm build` makes the virtual machine; `python -m tests.vm run -- COMMAND...` runs a command in it."""

import argparse
import os
import sys

from tests.support.vm import machine
from tests.support.vm.qemu import MachineError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=machine.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("build", help="make the image if it is missing or out of date (root)")
    run_parser = actions.add_parser("run", help="run a command in the machine")
    run_parser.add_argument(
        "--share",
        default=os.getcwd(),
        metavar="DIR",
        help="folder that the command runs in and can write to, at the same path (default: the current one)",
    )
    run_parser.add_argument(
        "--share-ro", action="append", default=[], metavar="DIR", help="folder that the command can only read"
    )
    run_parser.add_argument(
        "--forward", action="append", default=[], metavar="HERE:THERE", help="forward a port here to one in the machine"
    )
    run_parser.add_argument(
        "--timeout", type=float, default=600, metavar="S", help="seconds until the command is ended (default: 600)"
    )
    run_parser.add_argument(
        "--cgroups", default="v2", choices=("v2", "v1"), help="version that has the controllers (default: v2)"
    )
    run_parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.action == "build":
            machine.build()
            return 0
        return machine.run(
            arguments.command,
            share=arguments.share,
            share_read_only=arguments.share_ro,
            forward={int(here): int(there) for here, _, there in (pair.partition(":") for pair in arguments.forward)},
            cgroups=arguments.cgroups,
            timeout_s=arguments.timeout,
            stdout=machine.write_through(sys.stdout),
            stderr=machine.write_through(sys.stderr),
        ).status
    except (MachineError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 125


if __name__ == "__main__":
    sys.exit(main())
