"""Viewers that stay open after a question, so that the links of its answer work, and so that the next one is quick."""

from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import TaskGroup

from fgm.asking.sources import Source
from fgm.asking.viewer_client import AskError, ViewerClient

MAX_KEPT = 16
"""Maximum number of viewers that stay open. If there are more, the one that was asked least recently is closed."""


@dataclass(slots=True)
class _Kept:
    """A viewer that a task keeps open. `failure`: the error that ends it, for what the source adds to it."""

    opened: anyio.Event = field(default_factory=anyio.Event)
    closing: anyio.Event = field(default_factory=anyio.Event)
    closed: anyio.Event = field(default_factory=anyio.Event)
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    client: ViewerClient | None = None
    failure: AskError | None = None


class KeptViewers:
    """The viewers that are open. Each belongs to a task of its own, because calls of agents come and go."""

    def __init__(self, group: TaskGroup, *, max_kept: int = MAX_KEPT) -> None:
        self._group, self._max_kept = group, max_kept
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._users: Counter[str] = Counter()

    def has(self, source: Source) -> bool:
        """Return whether the viewer of a source is open, or about to be."""
        return source.name in self._kept

    async def client(self, source: Source) -> ViewerClient:
        """Return the client of a source's viewer; it is opened if it is not open.

        Raises: AskError if it cannot be opened.
        """
        kept = self._kept.get(source.name)
        if kept is None:
            kept = self._kept[source.name] = _Kept()
            self._group.start_soon(self._keep, source, kept, name=f"keep {source.name}")
        self._kept.move_to_end(source.name)
        while len(self._kept) > self._max_kept:
            self._kept.popitem(last=False)[1].closing.set()
        await kept.opened.wait()
        if kept.client is None:
            raise AskError(str(kept.failure or "it was closed before it was open"))
        return kept.client

    @contextmanager
    def in_use(self, source: Source) -> Iterator[None]:
        """Count the viewer of a source as one that is being asked, until the block is left."""
        self._users[source.name] += 1
        try:
            yield
        finally:
            self._users[source.name] -= 1

    async def close_unused(self, sources: Sequence[Source]) -> None:
        """Close the viewers of sources, also those that are about to be open, but none that is being asked."""
        closed = [self._kept.pop(each.name, None) for each in sources if not self._users[each.name]]
        with anyio.CancelScope(shield=True):
            for kept in closed:
                if kept is not None:
                    kept.scope.cancel()
                    await kept.closed.wait()

    async def close(self, source: Source, failure: AskError) -> AskError:
        """Close the viewer of a source that has failed; return the error, with what the source knows about it."""
        kept = self._kept.pop(source.name, None)
        if kept is None:
            return failure
        kept.failure = failure
        kept.closing.set()
        with anyio.CancelScope(shield=True):
            await kept.closed.wait()
        return kept.failure

    async def _keep(self, source: Source, kept: _Kept) -> None:
        try:
            with kept.scope:
                async with (source.open_at_port or source.open)() as client:
                    kept.client = client
                    kept.opened.set()
                    await kept.closing.wait()
                    if kept.failure is not None:
                        raise kept.failure
        except AskError as error:
            kept.failure = error
        finally:
            if self._kept.get(source.name) is kept:
                del self._kept[source.name]
            kept.opened.set()
            kept.closed.set()
