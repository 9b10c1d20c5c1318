"""Log lines in the form of `fgm.logs`, without the module `logging`, which would double the memory of the sleeper."""

import os
import time

TEXT, JSON = "text", "json"
LEVELS = ("debug", "info", "warning", "error")
_STDERR = 2
_SHORT_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


class Log:
    """Writes log lines of a module to standard error, each with one `write`: lines of two processes do not mix."""

    def __init__(self, name: str) -> None:
        self.name, self.level, self.form = name, "info", TEXT

    def info(self, message: str, **fields: object) -> None:
        """Write a line of level INFO, if that is logged."""
        self._write("info", message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """Write a line of level WARNING, if that is logged."""
        self._write("warning", message, fields)

    def error(self, message: str, **fields: object) -> None:
        """Write a line of level ERROR."""
        self._write("error", message, fields)

    def _write(self, level: str, message: str, fields: dict[str, object]) -> None:
        if LEVELS.index(level) < LEVELS.index(self.level):
            return
        instant = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = log_line(instant, level.upper(), self.name, message, fields=fields, form=self.form)
        try:
            os.write(_STDERR, f"{line}\n".encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # nobody reads the log any more; that must not end what is logged


def log_line(instant: str, level: str, name: str, message: str, *, fields: dict[str, object], form: str) -> str:
    """Return a line without its line break. `form`: TEXT or JSON."""
    if form == JSON:
        own = {"time": instant, "level": level, "logger": name, "message": message}
        return "{" + ",".join(f"{_quoted(key)}:{_json(value)}" for key, value in {**own, **fields}.items()) + "}"
    values = "".join(f" {key}={_plain(str(value))}" for key, value in fields.items())
    return f"{instant} {level} {name} {message}{values}"


def _json(value: object) -> str:
    return str(value) if isinstance(value, int | float) else _quoted(str(value))


def _plain(text: str) -> str:
    plain = text.isprintable() and text != "" and not any(character in text for character in ' "=')
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """Return a text as a JSON string in ASCII."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[character]
    if " " <= character <= "~":
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
