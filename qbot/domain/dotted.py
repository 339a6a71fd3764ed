"""Keys of Helm values, such as `image.tag`; a dot within a key has a backslash before it. Pure."""

import re

_TOKEN = re.compile(r"\\(.)|(\.)|([^.\\]+|\\$)")


def parts(key: str) -> list[str]:
    """The keys of the mappings on the way, outermost first; an empty one is none at all."""
    found = [""]
    for escaped, dot, plain in _TOKEN.findall(key):
        if dot:
            found.append("")
        else:
            found[-1] += escaped or plain
    return found
