"""Reading a whole file, compressed with gzip or not."""

import gzip
import zlib
from pathlib import Path

from minigrad.errors import DataError

GZIP_MAGIC = b"\x1f\x8b"


def read_bytes(path: str | Path) -> bytes:
    """The content of the file at `path`, decompressed if it starts like a gzip file.

    Raises DataError if it is missing, unreadable or damaged.
    """
    try:
        content = Path(path).read_bytes()
        return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"[data] {str(path)!r} is a damaged gzip file ({error}): fetch or write it again.") from error
    except OSError as error:
        raise DataError(f"[data] cannot read {str(path)!r}: {error.strerror or error}.") from error
