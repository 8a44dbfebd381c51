"""A way to the database that can be made a black hole, and clients whose requests hang in it."""

import socket
import threading

import measuring


class Proxy:
    """A port that leads to a Unix socket, until it swallows all that comes: nothing is refused, nothing answers."""

    def __init__(self, to):
        self.to, self.swallows, self.swallowed = to, False, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.swallows:
                self.swallowed.append(client)  # it stays open, and nobody reads it
                continue
            server = measuring.connect(self.to)
            for way in (client, server), (server, client):
                threading.Thread(target=self.carry, args=way, daemon=True).start()

    def carry(self, source, sink):
        """What is lost cannot be made good: after it this connection is of no use."""
        lost = False
        try:
            while data := source.recv(65536):
                lost = lost or self.swallows
                if not lost:
                    sink.sendall(data)
                elif source not in self.swallowed:
                    self.swallowed.append(source)
        except OSError:
            pass  # one of the two has gone, and so does the other
        cut(source)
        cut(sink)

    def begin(self):
        self.swallows = True

    def end(self):
        """From now on connections lead to the database again; those that have lost something are closed."""
        self.swallows = False
        for connection in self.swallowed:
            cut(connection)
        self.swallowed.clear()


def cut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)  # which ends a wait for it, as closing does not
    except OSError:
        pass  # it is cut already


class Visitors:
    """Clients that ask for one page after the other, each until it has its answer."""

    def __init__(self, port, path, count):
        self.port, self.path, self.statuses, self.gone = port, path, [], threading.Event()
        self.threads = [threading.Thread(target=self.visit) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def visit(self):
        while not self.gone.is_set():
            self.statuses.append(status(self.port, self.path))

    def leave(self):
        """How often each status was answered."""
        self.gone.set()
        for thread in self.threads:
            thread.join()
        return {number: self.statuses.count(number) for number in sorted(set(self.statuses))}


def status(port, path):
    """That of the answer, of a connection of its own."""
    with measuring.connect(port) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return int(answer.split(b" ")[1])
