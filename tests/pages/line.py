# SPDX-License-Identifier: Apache-2.0

"""A line to a server that is slow, loses, or breaks: what a long way does to TCP.

    with Line(world.public_port, delay_s=0.03, loss=0.02, seed=1) as line:
        browser.open(f"http://127.0.0.1:{line.port}/play")
        line.cut()      # all connections break, and no new one comes about
        line.mend()

A lost segment holds up all that is behind it until it was sent again, as in a stream.
"""

import asyncio
import random
import threading

CHUNK_BYTES = 1400
AGAIN_S = 0.06  # until a lost segment is there after all


class Line:
    """Passes connections on to a port of this machine."""

    def __init__(self, port, delay_s=0.0, loss=0.0, seed=1):
        self.to_port = port
        self.delay_s = delay_s
        self.loss = loss
        self.random = random.Random(seed)
        self.port = 0
        self.is_cut = False
        self.writers = set()
        self.server = None
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        self.port = self.call(self.listen())
        return self

    def __exit__(self, *_):
        self.cut()
        self.call(self.end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def listen(self):
        self.server = await asyncio.start_server(self.accept, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    async def end(self):
        self.server.close()
        await self.server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    def cut(self):
        self.is_cut = True
        self.call(self.break_all())

    def mend(self):
        self.is_cut = False

    async def break_all(self):
        for writer in list(self.writers):
            writer.transport.abort()

    async def accept(self, reader, writer):
        if self.is_cut:
            writer.transport.abort()
            return
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
        self.writers |= {writer, back_writer}
        await asyncio.gather(self.carry(reader, back_writer), self.carry(back_reader, writer))
        self.writers -= {writer, back_writer}

    async def carry(self, reader, writer):
        """One way: each chunk comes after the delay, and never before the one in front of it."""
        queue = asyncio.Queue()
        sender = asyncio.ensure_future(self.send(queue, writer))
        last_s = 0.0
        try:
            while chunk := await reader.read(CHUNK_BYTES):
                is_lost = self.random.random() < self.loss
                due_s = self.loop.time() + self.delay_s + (AGAIN_S if is_lost else 0.0)
                last_s = max(last_s, due_s)
                queue.put_nowait((last_s, chunk))
        except OSError:
            writer.transport.abort()
        queue.put_nowait((last_s, b""))
        await sender

    async def send(self, queue, writer):
        try:
            while True:
                due_s, chunk = await queue.get()
                await asyncio.sleep(max(0.0, due_s - self.loop.time()))
                if not chunk:
                    break
                writer.write(chunk)
                await writer.drain()
            writer.close()
        except OSError:
            writer.transport.abort()
