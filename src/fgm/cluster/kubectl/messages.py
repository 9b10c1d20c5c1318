"""What kubectl's messages mean: reasons in words, without what its log adds to them."""

import re
from collections.abc import Iterable, Sequence

LOST = "error: lost connection to pod"
"""Last message of a `kubectl port-forward` that has ended by itself. The reason is in the messages before, if any."""
_NO_WORDS = "Unhandled Error: "
"""Start of each error that kubectl 1.31 to 1.33 logs: it says nothing."""
_LOG_HEADER = re.compile(r"[IWEF]\d{4} [\d:.]+ +\d+ [^\]]*\] ")
"""Start of a line of kubectl's log: severity, date, time, process and line of code."""
_STRUCTURED = re.compile(r'"([^"]*)" err="((?:[^"\\]|\\.)*)"')
"""Start of a message of kubectl's log with an error: what happened, the error, and then further fields."""
_CLOSED_BY_BROWSER = re.compile(r"error copying from (remote stream|local connection) to ", re.IGNORECASE)
"""Start of the message that a connection on this machine was closed early, as a page does that is zoomed again."""
CONTEXTS = "kubectl config get-contexts lists your clusters"
NO_NETWORK = "does this machine reach the cluster's network, as through a VPN?"
_HINTS = (
    ("must be logged in", "kubectl's login has ended or is not accepted: log in as you do for kubectl"),
    ("getting credentials", "log in as you do for kubectl"),
    ("timeout", NO_NETWORK),
    ("deadline exceeded", NO_NETWORK),
    ("was refused", f"{CONTEXTS}; a proxy (proxy-url, HTTPS_PROXY) that refuses has the same message"),
    ("no such host", CONTEXTS),
    ("context", CONTEXTS),
)
"""Part of a message, and what to do then. The first one counts."""


def words_of(line: str) -> str:
    """Return the words of a message of a port-forward; "" if it says nothing to a user."""
    message = _LOG_HEADER.sub("", line, count=1).strip()
    if _CLOSED_BY_BROWSER.search(message):
        return ""
    return _STRUCTURED.sub(r"\1: \2", message).partition(" localPort=")[0].removeprefix(_NO_WORDS)


def reasons_of(messages: Iterable[str]) -> str:
    """Return all that a port-forward has printed about its end, each message once; "" if nothing."""
    different = dict.fromkeys(messages)
    return "; ".join(message for message in different if message != LOST) or "; ".join(different)


def reason_of(lines: Sequence[str]) -> str:
    """Return why kubectl has failed, and what to do: its last message, and what a login program has printed before."""
    printed = [line.strip() for line in lines if line.strip() and not _LOG_HEADER.match(line)]
    if not printed:
        return "it printed no error message"
    last, before = printed[-1].removeprefix("error: "), dict.fromkeys(printed[:-1])
    said = f" (it printed before: {'; '.join(before)})" if before else ""
    hint = next((hint for part, hint in _HINTS if part in last.casefold()), "")
    return f"{last}{said}" + (f"; {hint}" if hint else "")
