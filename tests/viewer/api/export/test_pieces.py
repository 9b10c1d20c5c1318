"""Pieces are closed while a thread makes one of them."""

import threading
from collections.abc import Generator

from blockbuster import BlockBuster

from fgm.viewer.api.export.pieces import Pieces


def test_the_end_waits_for_the_piece_that_is_being_made(blockbuster: BlockBuster) -> None:
    """A generator itself refuses to be closed then: `generator already executing`."""
    blockbuster.deactivate()
    has_begun, may_go_on, steps = threading.Event(), threading.Event(), list[str]()

    def made() -> Generator[bytes]:
        try:
            has_begun.set()
            may_go_on.wait()
            steps.append("made")
            yield b"piece"
        finally:
            steps.append("closed")

    pieces = Pieces(made())
    making = threading.Thread(target=lambda: next(pieces))
    making.start()
    has_begun.wait()
    closing = threading.Thread(target=pieces.close)
    closing.start()
    may_go_on.set()
    making.join()
    closing.join()

    assert steps == ["made", "closed"]
    assert next(pieces, None) is None
