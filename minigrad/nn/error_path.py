"""Where in a model an error was raised: `in model.features.3 (Conv2d): ...`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.errors import MinigradError

if TYPE_CHECKING:
    from minigrad.nn.module import Module


def add_path(error: Exception, module: Module) -> None:
    """Say in `error`, which is leaving `module`, in which part of `module` it was raised.

    Called by every module on the way out, innermost first. Each knows the path one level further, and its message
    replaces the one before: in the end there is a single prefix, seen from the model that the user called. An error of
    ours gets it in its message; a foreign one, whose arguments are not ours to touch, as a note under the traceback.
    """
    inner, message, note = getattr(error, "raised_in", (module, str(error), None))
    path = next((name for name, part in module.named_modules() if part is inner), "")
    if path:
        where = f"in model.{path} ({type(inner).__name__})"
        if isinstance(error, MinigradError):
            error.args = (f"{where}: {message}",)
        else:
            if note is not None:
                error.__notes__.remove(note)
            note = where
            error.add_note(note)
    error.raised_in = inner, message, note  # type: ignore[attr-defined]
