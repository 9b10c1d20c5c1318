"""`python -m tests.vm build`, and `python -m tests.vm run -- COMMAND...`: see README.md."""

import argparse
import os
import sys

from tests.support.vm import machine


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=machine.__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("build", help="make the image, where that is still to do")
    running = actions.add_parser("run", help="run a command in the machine")
    running.add_argument(
        "--share", default=os.getcwd(), metavar="DIR", help="writable, at the same path; it runs there"
    )
    running.add_argument("--share-ro", action="append", default=[], metavar="DIR", help="the same, read-only")
    running.add_argument("--forward", action="append", default=[], metavar="HERE:THERE", help="reach a port in it")
    running.add_argument("--timeout", type=float, default=600, metavar="S", help="end it after so many seconds")
    running.add_argument("command", nargs="+")
    given = parser.parse_args()
    try:
        if given.action == "build":
            machine.build()
            return 0
        return machine.run(
            given.command,
            share=given.share,
            share_read_only=given.share_ro,
            forward={int(here): int(there) for here, _, there in (pair.partition(":") for pair in given.forward)},
            timeout_s=given.timeout,
            stdout=machine.write_through(sys.stdout),
            stderr=machine.write_through(sys.stderr),
        ).status
    except (machine.MachineError, TimeoutError) as error:
        sys.stderr.write(f"{error}\n")
        return 125


if __name__ == "__main__":
    sys.exit(main())
