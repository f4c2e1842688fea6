"""A long link: what passes arrives later, and each connection has only so many bytes on the way.

    with DelayProxy(server.port, delay=0.040, window=256 * 1024) as proxy:
        ... connect to 127.0.0.1:proxy.port ...

A connection's rate is at most window / delay in each direction, as TCP's is on a real link of that round trip: a byte is on
the way from the moment it is read until its acknowledgement would be back.
"""

import collections
import multiprocessing
import selectors
import socket
import sys
import time

READ_BYTES = 65536


class Pipe:
    """One direction of a connection."""

    def __init__(self, source, target, delay, window):
        self.source, self.target, self.window = source, target, window
        self.delays = delay  # a value that another process may change
        self.waiting = collections.deque()  # (when it arrives, bytes)
        self.unacknowledged = collections.deque()  # (when the acknowledgement is back, size)
        self.on_the_way = 0
        self.ended = self.closed = False

    @property
    def delay(self):
        return self.delays.value

    def settle(self, now):
        while self.unacknowledged and self.unacknowledged[0][0] <= now:
            self.on_the_way -= self.unacknowledged.popleft()[1]

    def take(self, now):
        """False: nothing was there, or there is no room for it."""
        self.settle(now)
        room = self.window - self.on_the_way
        if self.ended or room <= 0:
            return False
        try:
            data = self.source.recv(min(room, READ_BYTES))
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self.waiting.append((now + self.delay / 2, data))
            self.unacknowledged.append((now + self.delay, len(data)))
            self.on_the_way += len(data)
        else:
            self.ended = True
        return bool(data)

    def give(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            when, data = self.waiting.popleft()
            try:
                sent = self.target.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.ended = True
                self.waiting.clear()
                break
            if sent < len(data):  # the receiver is slow: the window stays taken
                self.waiting.appendleft((when, data[sent:]))
                self.unacknowledged = collections.deque(
                    (max(back, now + self.delay / 2), size) for back, size in self.unacknowledged
                )
                return
        if self.ended and not self.waiting and not self.closed:
            self.closed = True
            try:
                self.target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def next_event(self, now):
        """When something happens by itself; None: when bytes come."""
        times = []
        if self.waiting:
            times.append(max(self.waiting[0][0], now + 0.001))
        if self.unacknowledged and self.on_the_way >= self.window:
            times.append(self.unacknowledged[0][0])
        return min(times, default=None)


def serve(listener, target_port, delay, window):
    """Never returns."""
    selector = selectors.DefaultSelector()
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    pipes = {}  # socket that is read: its pipe
    while True:
        now = time.monotonic()
        for source, pipe in list(pipes.items()):
            while pipe.take(now):
                pass
            pipe.give(now)
            full = pipe.ended or pipe.on_the_way >= pipe.window
            registered = source in selector.get_map()
            if full and registered:
                selector.unregister(source)
            elif not full and not registered:
                selector.register(source, selectors.EVENT_READ)
            other = pipes[pipe.target]
            if pipe.closed and other.closed:
                for one in (pipe.source, pipe.target):
                    if one in selector.get_map():
                        selector.unregister(one)
                    del pipes[one]
                    one.close()
        events = [event for pipe in pipes.values() if (event := pipe.next_event(now)) is not None]
        ready = selector.select(max(0.0, min(events) - time.monotonic()) if events else None)
        for key, _ in ready:
            if key.fileobj is not listener:
                continue
            client, _ = listener.accept()
            server = socket.create_connection(("127.0.0.1", target_port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.setblocking(False)
            pipes[client] = Pipe(client, server, delay, window)
            pipes[server] = Pipe(server, client, delay, window)


class DelayProxy:
    """A process of its own: DELAY is the round trip in seconds, WINDOW the bytes that a connection may have on the way."""

    def __init__(self, target_port, delay=0.040, window=256 * 1024):
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        context = multiprocessing.get_context("fork")
        self.delay = context.Value("d", delay)  # .value may be set while it runs
        self.process = context.Process(target=serve, args=(listener, target_port, self.delay, window), daemon=True)
        self.process.start()
        listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.join()


if __name__ == "__main__":
    with DelayProxy(int(sys.argv[1]), float(sys.argv[2]) / 1000, int(sys.argv[3])) as running:
        print(running.port, flush=True)
        sys.stdin.read()
