"""A loopback OAI-PMH repository of prepared pages: `python -m tests.bench.work.oai_server FOLDER SECONDS`.

It answers any first request with page 0 and a token with the page it counts, in gzip (which
both contenders ask for), each after a pause of so many seconds. Its port is its first line of output; it serves
until its stdin is closed.
"""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    pages: tuple[Path, ...] = ()
    seconds = 0.0

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        token = query.get("resumptionToken", ["page|0"])[0]
        body = self.pages[int(token.partition("|")[2])].read_bytes()
        time.sleep(self.seconds)
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def main() -> None:
    """Serve a folder of gzip files, by name, until nobody holds stdin any more."""
    _Handler.pages = tuple(sorted(Path(sys.argv[1]).glob("*.xml.gz")))
    _Handler.seconds = float(sys.argv[2])
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
