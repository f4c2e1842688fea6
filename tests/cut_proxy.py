"""A way to a server that can be cut without a word: both ends keep their connections, and nothing comes through.

    with CutProxy(server.port) as proxy:
        ... connect to 127.0.0.1:proxy.port ...
        proxy.cut()     # what is connected now stays silent for ever; new connections too, until heal()
    proxy.cut_before(b"SELECT 1")  # the first connection that says so, before the server hears it
"""

import contextlib
import selectors
import socket
import threading


class CutProxy:
    def __init__(self, port: int):
        self.target = ("127.0.0.1", port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        self.pairs = []  # (client, server, its own cut)
        self.silent = False
        self.words = None
        self.stopped = False
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.listener.close()
        with self.lock:
            for client, server, cut in self.pairs:
                cut.set()
                for one in (client, server):
                    with contextlib.suppress(OSError):
                        one.close()

    def cut(self):
        self.silent = True
        self.cut_those(lambda client_port: True)

    def heal(self):
        """For new connections."""
        self.silent = False

    def cut_before(self, words: bytes):
        self.words = words

    def _is_cut_by(self, data):
        with self.lock:
            found = self.words is not None and self.words in data
            if found:
                self.words = None
            return found

    def cut_those(self, chosen):
        """Cut the connections that come to the server from a port that CHOSEN says yes to."""
        with self.lock:
            for _, server, cut in self.pairs:
                if not cut.is_set() and chosen(server.getsockname()[1]):
                    cut.set()

    def _accept(self):
        while not self.stopped:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(self.target)
            except OSError:
                if self.stopped:
                    return
                client.close()
                continue
            cut = threading.Event()
            if self.silent:
                cut.set()
            with self.lock:
                self.pairs.append((client, server, cut))
            threading.Thread(target=self._pass, args=(client, server, cut), daemon=True).start()

    def _pass(self, client, server, cut):
        ways = {client: server, server: client}
        with selectors.DefaultSelector() as ready:
            for one in ways:
                ready.register(one, selectors.EVENT_READ)
            while not cut.is_set():
                for key, _ in ready.select(0.05):
                    if cut.is_set():
                        return
                    try:
                        data = key.fileobj.recv(65536)
                        if key.fileobj is client and self._is_cut_by(data):
                            cut.set()
                            return
                        if data:
                            ways[key.fileobj].sendall(data)
                    except OSError:
                        data = b""
                    if not data:
                        client.close()
                        server.close()
                        return
