"""For clients that speak to stand-ins, which have no certificates."""

import ssl

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Never used, but each client would load all authorities there are: 30 ms."""
