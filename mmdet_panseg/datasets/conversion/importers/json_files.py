"""Reading of JSON files, with file and line of what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmdet_panseg.datasets.errors import AnnotationFileError


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: The file; a byte order mark at its beginning does not matter.

    Returns:
        Its content.

    Raises:
        AnnotationFileError: If it cannot be read or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except json.JSONDecodeError as error:
        raise AnnotationFileError(
            f"'{path}', line {error.lineno}: is not valid JSON ({error.msg}); it may be cut off: export it again, or "
            'remove it.'
        ) from error
    except UnicodeDecodeError as error:
        raise AnnotationFileError(f"'{path}': is no text in UTF-8 ({error.reason}); export it again.") from error
    except RecursionError as error:
        raise AnnotationFileError(f"'{path}': is nested too deep; export it again.") from error
    except OSError as error:
        raise AnnotationFileError(f"'{path}': cannot be read ({error.strerror}); correct its permissions.") from error
