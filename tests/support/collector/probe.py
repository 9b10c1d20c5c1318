"""A probe of a daemon's health, as a kubelet sends it."""

import anyio


async def probe(address: tuple[str, int], path: str) -> int:
    """Return the status of the answer."""
    async with await anyio.connect_tcp(*address) as stream:
        await stream.send(f"GET {path} HTTP/1.1\r\n\r\n".encode())
        return int((await stream.receive()).split()[1])
