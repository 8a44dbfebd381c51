"""Many who sign in at the same moment, each from an address of its own and with an account of its own."""

import asyncio
import sys
import time
from dataclasses import dataclass, field


@dataclass
class Storm:
    """What became of it; times in seconds from its begin."""

    first: list = field(default_factory=list)  # when each was answered that was let in at once
    refused: int = 0  # attempts that were told to come again
    last: float = 0.0  # when the last one was in


def register(port, count):
    """Makes the accounts, one after the other."""
    for number in range(count):
        status, _ = asyncio.run(post(port, number, "/register"))
        if status != 204:
            sys.exit(f"/register answered {status}")


def sign_in(port, count):
    """All at once. Who is told to come again does so when it has been told to."""
    storm = Storm()
    asyncio.run(sign_in_all(port, count, storm))
    return storm


async def sign_in_all(port, count, storm):
    connections = [await connect(port, number) for number in range(count)]
    begun = time.monotonic()
    await asyncio.gather(*(visitor(port, number, connections[number], begun, storm) for number in range(count)))


async def visitor(port, number, connection, begun, storm):
    status, wait = await exchange(connection, number, "/sign-in")
    if status == 204:
        storm.first.append(time.monotonic() - begun)
    while status == 503:
        storm.refused += 1
        await asyncio.sleep(wait)
        status, wait = await post(port, number, "/sign-in")
    if status != 204:
        sys.exit(f"/sign-in answered {status}")
    storm.last = max(storm.last, time.monotonic() - begun)


async def post(port, number, path):
    return await exchange(await connect(port, number), number, path)


async def connect(port, number):
    """From 127.0.1.1 on: what one address may do within a quarter of an hour is bounded."""
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(f"127.0.1.{number + 1}", 0))


async def exchange(connection, number, path):
    """The status, and how long to wait where the answer says so."""
    reader, writer = connection
    form = f"address=visitor{number}%40example.com&password=correct+horse+{number}"
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n{form}".encode()
    )
    answer = (await reader.read()).decode()
    writer.close()
    head = answer.partition("\r\n\r\n")[0].lower()
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    return int(head.split()[1]), int(fields.get("retry-after", 0))
