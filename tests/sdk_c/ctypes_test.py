#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drives the shared library as a managed caller does, against real worlds.

    ctypes_test.py HEADER LIBRARY MUSTER GAMES [--seed N] [test names]
"""

import argparse
import ctypes
import itertools
import json
import math
import os
import random
import signal
import socket
import sys
import time
import unittest

from header import Header
from world import World, free_port

FRAME_S = 1 / 120
WAIT_S = 30
LOGIN_MS = 20000
NONE = 2**32 - 1

ARGUMENTS = None  # of the command line
HEADER = None
SDK = None  # the library
S = {}      # its structs by name, without the prefix
C = {}      # its constants by name, without the prefix


def load(arguments):
    global ARGUMENTS, HEADER, SDK
    ARGUMENTS = arguments
    HEADER = Header(arguments.header)
    SDK = ctypes.CDLL(arguments.library)
    classes = HEADER.ctypes_structs()
    HEADER.bind(SDK, classes)
    S.update({name.removeprefix("muster_sdk_"): kind for name, kind in classes.items()})
    C.update({name.removeprefix("MUSTER_SDK_"): value for name, value in HEADER.constants.items()})


def world(game, *arguments):
    return World(ARGUMENTS.muster, ARGUMENTS.games, game, *arguments)


def make_client(**fields):
    definition = S["def"]()
    assert SDK.muster_sdk_default_def(definition) == 0
    for name, value in fields.items():
        setattr(definition, name, value)
    client = ctypes.c_void_p()
    status = SDK.muster_sdk_create(C["ABI"], definition, client)
    assert status == 0, status
    return client


def doubles(*values):
    return (ctypes.c_double * len(values))(*values)


def ask(function, kind, *arguments):
    """Calls a question whose answer is a struct; fails unless there is one."""
    answer = kind()
    status = function(*arguments, answer)
    assert status == 0, (function.__name__, status)
    return answer


def info_of(client):
    return ask(SDK.muster_sdk_get_info, S["info"], client)


def error_of(client):
    return ask(SDK.muster_sdk_last_error, S["error"], client)


def own_of(client):
    return ask(SDK.muster_sdk_get_own, S["entity"], client)


def find(function, client, name):
    index = ctypes.c_uint32(77)
    status = function(client, name, index)
    assert status == 0 or index.value == 0
    return index.value if status == 0 else status


def pop_events(client):
    event = S["event"]()
    while SDK.muster_sdk_pop_event(client, event) == 0:
        yield event.type, event.entity.index, event.entity.is_mine


def pop_message(client):
    index, length = ctypes.c_uint32(), ctypes.c_uint32()
    buffer = (ctypes.c_uint8 * C["MESSAGE_BYTES_MAX"])()
    status = SDK.muster_sdk_pop_message(client, index, buffer, len(buffer), length)
    return (index.value, bytes(buffer[:length.value])) if status == 0 else None


def entities_of(client):
    count = ctypes.c_uint32()
    room = (S["entity"] * C["ENTITY_COUNT_MAX"])()
    status = SDK.muster_sdk_get_entities(client, room, len(room), count)
    assert status == 0, status
    return room[:count.value]


def datagram_files():
    """The descriptors of this process that are UDP sockets."""
    files = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            with socket.socket(fileno=os.dup(int(name))) as copy:
                if copy.type == socket.SOCK_DGRAM:
                    files.add(int(name))
        except OSError:
            pass
    return files


class Cases(unittest.TestCase):
    def setUp(self):
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            SDK.muster_sdk_destroy(client)

    def client(self, **fields):
        client = make_client(**fields)
        self.clients.append(client)
        return client

    def joined(self, server, name=b"ada", **fields):
        client = self.client(**fields)
        self.assertEqual(0, SDK.muster_sdk_join(client, server, None, name, LOGIN_MS))
        status = SDK.muster_sdk_wait(client, LOGIN_MS)
        self.assertEqual(0, status, error_of(client).text)
        return client

    def frames_until(self, condition, *clients, each=None):
        """Updates like a game does until a condition holds."""
        end = time.monotonic() + WAIT_S
        while True:
            for client in clients:
                self.assertEqual(0, SDK.muster_sdk_update(client), error_of(client).text)
            if each is not None:
                each()
            if condition():
                return
            self.assertLess(time.monotonic(), end, "waited too long")
            time.sleep(FRAME_S)

    def fails_with(self, client, wanted):
        end = time.monotonic() + WAIT_S
        while (status := SDK.muster_sdk_update(client)) == 0:
            self.assertLess(time.monotonic(), end, "waited too long")
            time.sleep(FRAME_S)
        self.assertEqual(wanted, status)
        self.assertEqual(wanted, SDK.muster_sdk_update(client), "it stays so")
        self.assertEqual(wanted, error_of(client).status)
        return error_of(client)


class Playing(Cases):
    def test_a_player_joins_without_waiting_walks_and_leaves(self):
        with world("hello") as hello:
            client = self.client()
            self.assertEqual(C["IDLE"], info_of(client).state)
            self.assertEqual(0, SDK.muster_sdk_join(client, hello.server, None, b"ada", LOGIN_MS))
            self.assertEqual(C["LOGGING_IN"], info_of(client).state)
            self.assertEqual(NONE, info_of(client).player_index)
            self.frames_until(lambda: info_of(client).state == C["PLAYING"], client)
            self.assertEqual(60, info_of(client).tick_rate_hz)

            events = []
            self.frames_until(lambda: len(events) == 2, client,
                              each=lambda: events.extend(pop_events(client)))
            own = own_of(client)
            self.assertEqual([(C["RESET"], 0, 0), (C["ENTER"], own.index, 1)], events)
            self.assertEqual(1, info_of(client).entity_count)

            walk = find(SDK.muster_sdk_find_action, client, b"walk")
            sequence = ctypes.c_uint32()
            start_x = own.place[0]

            def act():
                status = SDK.muster_sdk_act(client, walk, doubles(0.0, 5.0), 2, sequence)
                self.assertIn(status, (0, C["ERR_FULL"]))

            self.frames_until(lambda: own_of(client).place[0] > start_x + 2.0, client, each=act)
            last = self.check_pending(client, walk)
            self.check_place(client)
            self.frames_until(lambda: info_of(client).counted_sequence == last, client)
            self.assertEqual(0, info_of(client).pending_count)

            stats = ask(SDK.muster_sdk_get_stats, S["stats"], client)
            self.assertGreater(stats.updates, 0)
            self.assertGreater(stats.bytes_received, stats.packets_received)
            self.assertEqual(0, stats.updates_refused)

            self.assertEqual(0, SDK.muster_sdk_leave(client))
            self.assertEqual(C["IDLE"], info_of(client).state)
            self.assertEqual(0, info_of(client).is_leaving)
            self.assertEqual(C["ERR_NOT_FOUND"],
                             SDK.muster_sdk_get_own(client, S["entity"]()))
            kinds = [event["event"] for event in self.events_of(hello)]
            self.assertIn("player_left", kinds)
            self.assertNotIn("player_lost", kinds)

    def events_of(self, running):
        """What the world says of its players, until one is gone."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            text = running.get("/v1/events")
            events = [dict(event, event=event.get("event") or event.get("kind") or
                           event.get("type")) for event in json.loads(text)["events"]]
            if any(event["event"] in ("player_left", "player_lost") for event in events):
                return events
            time.sleep(0.05)
        self.fail(f"nobody left: {text}")

    def check_pending(self, client, walk):
        """What has just been done waits to be counted; returns its number."""
        sequence, count = ctypes.c_uint32(), ctypes.c_uint32()
        self.frames_until(lambda: info_of(client).pending_count < C["PENDING_COUNT_MAX"], client)
        self.assertEqual(0, SDK.muster_sdk_act_by_name(client, b"walk", doubles(99.0, 1.26), 2,
                                                       sequence))
        room = (S["pending"] * C["PENDING_COUNT_MAX"])()
        self.assertEqual(C["ERR_FULL"], SDK.muster_sdk_get_pending(client, room, 0, count))
        needed = count.value
        self.assertGreater(needed, 0)
        self.assertEqual(0, SDK.muster_sdk_get_pending(client, room, len(room), count))
        self.assertEqual(needed, count.value)
        last = room[needed - 1]
        self.assertEqual((walk, sequence.value, 2),
                         (last.action_index, last.sequence, last.value_count))
        self.assertAlmostEqual(3.15, last.values[0], places=2)  # brought into range
        self.assertAlmostEqual(1.3, last.values[1], places=2)   # rounded to its step
        self.assertEqual(info_of(client).tick, last.tick)
        return last.sequence

    def check_place(self, client):
        """A place between two states is where the entity was on its way."""
        own, field = own_of(client), find(SDK.muster_sdk_find_field, client, b"position")
        numbers = (ctypes.c_double * C["LANE_COUNT_MAX"])()
        self.assertEqual(0, SDK.muster_sdk_get_numbers(client, own.index, field, numbers))
        place = (ctypes.c_float * C["LANE_COUNT_MAX"])()
        newest = info_of(client).newest_tick
        self.assertEqual(0, SDK.muster_sdk_get_place(client, own.index, float(newest), place))
        for lane in range(4):
            self.assertAlmostEqual(numbers[lane], place[lane], places=3)
        self.assertEqual(1, own.has_place)
        self.assertLessEqual(own.place[0], place[0])
        self.assertGreater(info_of(client).render_tick, 0.0)

    def test_two_players_of_one_process_see_each_other_and_talk(self):
        with world("hello") as hello:
            ada, bob = self.joined(hello.server), self.joined(hello.server, b"bob")
            self.frames_until(lambda: info_of(ada).entity_count == 2 and
                              info_of(bob).entity_count == 2, ada, bob)
            self.assertEqual([0, 1], sorted(entity.is_mine for entity in entities_of(ada)))
            self.assertEqual({entity.id for entity in entities_of(ada)},
                             {entity.id for entity in entities_of(bob)})
            self.assertNotEqual(own_of(ada).id, own_of(bob).id)

            chat = find(SDK.muster_sdk_find_message, ada, b"chat")
            text = "grüezi".encode()
            self.assertEqual(0, SDK.muster_sdk_send(
                ada, chat, (ctypes.c_uint8 * len(text))(*text), len(text)))
            self.assertEqual(0, SDK.muster_sdk_update(ada))
            heard = []
            self.frames_until(lambda: heard and heard[-1] is not None, ada, bob,
                              each=lambda: heard.append(pop_message(bob)))
            self.assertEqual((chat, text), heard[-1])

            self.assertEqual(0, SDK.muster_sdk_begin_leave(ada))
            events = []
            self.frames_until(
                lambda: info_of(ada).is_leaving == 0 and C["LEAVE"] in [e[0] for e in events],
                ada, bob, each=lambda: events.extend(pop_events(bob)))

    def test_a_player_who_joins_again_is_told_to_forget(self):
        with world("hello") as hello:
            client = self.joined(hello.server)
            events = []
            self.frames_until(lambda: len(events) == 2, client,
                              each=lambda: events.extend(pop_events(client)))
            self.assertEqual(0, SDK.muster_sdk_join(client, hello.server, None, b"ada", LOGIN_MS))
            self.assertEqual([], list(pop_events(client)))
            self.assertEqual(0, SDK.muster_sdk_wait(client, LOGIN_MS))
            del events[:]
            self.frames_until(lambda: len(events) >= 2, client,
                              each=lambda: events.extend(pop_events(client)))
            self.assertEqual([C["RESET"], C["ENTER"]], [kind for kind, _, _ in events[:2]])

    def test_events_that_nobody_takes_are_no_burden(self):
        with world("hello") as hello:
            client = self.joined(hello.server)
            self.frames_until(lambda: info_of(client).entity_count == 1, client)
            self.frames_until(lambda: True, client)
            self.assertEqual([C["RESET"]], [kind for kind, _, _ in pop_events(client)])
            self.assertEqual(1, len(entities_of(client)))

    def test_a_player_comes_back_after_silence(self):
        with world("hello") as hello:
            client = self.joined(hello.server, resume_after_ms=300)
            tick = info_of(client).newest_tick
            self.frames_until(lambda: info_of(client).newest_tick > tick + 30, client)
            hello.signal(signal.SIGSTOP)
            self.frames_until(lambda: info_of(client).state == C["RESUMING"], client)
            self.assertEqual(1, len(entities_of(client)), "the last picture stays")
            hello.signal(signal.SIGCONT)
            self.frames_until(lambda: info_of(client).state == C["PLAYING"], client)

    def test_a_player_whose_address_changes_comes_back_and_is_told_to_forget(self):
        with world("hello") as hello:
            files = datagram_files()
            client = self.joined(hello.server, resume_after_ms=1000)
            (file,) = datagram_files() - files
            events = list(pop_events(client))
            tick = info_of(client).newest_tick  # the means to resume come a little later
            self.frames_until(lambda: info_of(client).newest_tick > tick + 30, client)
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
                other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                other.setblocking(False)
                other.bind(("::", 0))
                other.connect(("::ffff:127.0.0.1", hello.port))
                os.dup2(other.fileno(), file)
            del events[:]
            self.frames_until(lambda: len(events) >= 2, client,
                              each=lambda: events.extend(pop_events(client)))
            self.assertEqual([(C["RESET"], 0), (C["ENTER"], 1)],
                             [(e[0], e[2]) for e in events[:2]])
            self.assertGreater(ask(SDK.muster_sdk_get_stats, S["stats"], client).resumes, 0)

    def test_the_tables_of_a_game_can_be_read(self):
        with world("skirmish", "--seed", "7", "--bodies", "0") as skirmish:
            client = self.joined(skirmish.server)
            info = info_of(client)
            actions = [ask(SDK.muster_sdk_get_action, S["action"], client, index)
                       for index in range(info.action_count)]
            self.assertEqual(["move", "aim", "fire"], [a.name.decode() for a in actions[:3]])
            self.assertEqual((3, 75), (actions[0].param_count, actions[0].rate_hz_max))
            params = [ask(SDK.muster_sdk_get_param, S["param"], client, 0, index)
                      for index in range(3)]
            self.assertEqual([(b"heading", 1), (b"speed", 0), (b"sprint", 0)],
                             [(p.name, p.is_real) for p in params])
            self.assertEqual((0.0, 4.0, 1.0),
                             (params[1].min, params[1].max, params[1].precision))
            messages = [ask(SDK.muster_sdk_get_message, S["message"], client, index)
                        for index in range(info.message_count)]
            self.assertEqual([(b"say", 1, 1), (b"say_team", 1, 1), (b"heard", 1, 0),
                              (b"beaten", 1, 0), (b"land", 1, 0)],
                             [(m.name, m.is_reliable, m.is_from_players) for m in messages[:5]])
            fields = {field.name.decode(): (index, field) for index, field in (
                (index, ask(SDK.muster_sdk_get_field, S["field"], client, index))
                for index in range(info.field_count))}
            self.assertEqual((3, C["POSITION"]), (fields["position"][1].lane_count,
                                                  fields["position"][1].encoding))
            self.assertEqual(C["ANGLE"], fields["heading"][1].encoding)
            self.check_fighter(client, fields)

    def counted_as(self, client, speed, sprint):
        """Whole numbers as the server will see them."""
        sequence, count = ctypes.c_uint32(), ctypes.c_uint32()
        room = (S["pending"] * C["PENDING_COUNT_MAX"])()
        self.frames_until(lambda: info_of(client).pending_count < len(room), client)
        self.assertEqual(0, SDK.muster_sdk_act_by_name(
            client, b"move", doubles(0.0, speed, sprint), 3, sequence))
        self.assertEqual(0, SDK.muster_sdk_get_pending(client, room, len(room), count))
        return room[count.value - 1].values[1:3]

    def check_fighter(self, client, fields):
        numbers = (ctypes.c_double * 4)()

        def health():
            own = S["entity"]()
            if SDK.muster_sdk_get_own(client, own) != 0:
                return None
            status = SDK.muster_sdk_get_numbers(client, own.index, fields["health"][0], numbers)
            return numbers[0] if status == 0 else None

        self.frames_until(lambda: health() == 100.0, client)
        self.assertEqual([0.0] * 3, numbers[1:])
        before = list(own_of(client).place)
        sequence = ctypes.c_uint32()
        frames = itertools.count()

        def act():
            frame = next(frames)
            way = math.remainder(frame // 60 * 1.3, math.tau)  # around what stands in the way
            if frame % 2 == 0:
                SDK.muster_sdk_act_by_name(client, b"move", doubles(way, 3.6, 0.0), 3, sequence)

        self.frames_until(lambda: math.dist(before, own_of(client).place) > 1.0, client, each=act)
        self.assertEqual([4.0, 0.0], self.counted_as(client, 3.6, 0.4))
        self.assertEqual([4.0, 1.0], self.counted_as(client, 1e300, 0.5))
        self.assertEqual([0.0, 0.0], self.counted_as(client, -math.inf, -1.0))
        say = find(SDK.muster_sdk_find_message, client, b"say")
        heard = find(SDK.muster_sdk_find_message, client, b"heard")
        self.assertEqual(0, SDK.muster_sdk_send(client, say, (ctypes.c_uint8 * 2)(*b"hi"), 2))
        taken = []
        self.frames_until(lambda: any(m and m[0] == heard for m in taken), client,
                          each=lambda: taken.append(pop_message(client)))
        self.assertTrue(any(m and m[0] == heard and m[1].endswith(b"hi") for m in taken))


class Failing(Cases):
    def test_a_login_that_cannot_be_says_why(self):
        client = self.client()
        nobody = f"127.0.0.1:{free_port()}".encode()
        self.assertEqual(0, SDK.muster_sdk_join(client, nobody, None, None, LOGIN_MS))
        error = self.fails_with(client, C["ERR_IO"])
        self.assertIn(nobody, error.text)
        self.assertEqual(C["REFUSED"], info_of(client).state)

        self.assertEqual(0, SDK.muster_sdk_join(client, b"no such host", None, None, LOGIN_MS))
        self.assertEqual(C["LOGGING_IN"], info_of(client).state)
        status = SDK.muster_sdk_wait(client, LOGIN_MS)
        self.assertIn(status, (C["ERR_NOT_FOUND"], C["ERR_INVALID"], C["ERR_IO"]))
        self.assertEqual(0, SDK.muster_sdk_join(client, nobody, None, b"\xff\xfe", LOGIN_MS))
        self.fails_with(client, C["ERR_INVALID"])  # a name is text

    def test_a_server_that_refuses_says_why(self):
        with world("hello", "--set", "gateway.guests=false") as hello:
            client = self.client()
            self.assertEqual(0, SDK.muster_sdk_join(client, hello.server, None, None, LOGIN_MS))
            error = self.fails_with(client, C["ERR_DENIED"])
            self.assertEqual((401, b"unauthorized"), (error.http_status, error.code))
            self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_send(client, 0, None, 0))
            self.assertEqual(C["ERR_DENIED"], SDK.muster_sdk_update(client), "it stays so")

    def test_a_world_that_ends_says_so(self):
        with world("hello") as hello:
            client = self.joined(hello.server)
            hello.signal(signal.SIGTERM)
            error = self.fails_with(client, C["ERR_DENIED"])
            self.assertIn(b"the server empties itself", error.text)
            self.assertEqual(C["CLOSED"], info_of(client).state)
            self.assertEqual(5, info_of(client).close_reason)
            self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_get_own(client, S["entity"]()))

    def test_a_server_that_never_answers_holds_nobody_up(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            server = f"127.0.0.1:{silent.getsockname()[1]}".encode()
            client = self.client()
            begin = time.monotonic()
            self.assertEqual(0, SDK.muster_sdk_join(client, server, None, None, 600000))
            self.assertEqual(C["ERR_TIMED_OUT"], SDK.muster_sdk_wait(client, 50))
            self.assertEqual(C["LOGGING_IN"], info_of(client).state)
            self.assertEqual(0, SDK.muster_sdk_update(client))
            self.assertEqual(0, SDK.muster_sdk_leave(client))
            self.assertEqual(C["IDLE"], info_of(client).state)
            self.assertEqual(0, SDK.muster_sdk_join(client, server, None, None, 600000))
            SDK.muster_sdk_destroy(self.clients.pop())
            self.assertLess(time.monotonic() - begin, 300)  # half of what the login may take

            short = self.client()
            self.assertEqual(0, SDK.muster_sdk_join(short, server, None, None, 100))
            self.fails_with(short, C["ERR_TIMED_OUT"])


class Misuse(Cases):
    MAY_BE_NULL = {("muster_sdk_join", "server"), ("muster_sdk_join", "api_key"),
                   ("muster_sdk_join", "name"), ("muster_sdk_destroy", "client")}

    @staticmethod
    def good_argument(param, client):
        """An argument that is no mistake, though the call may fail for another reason."""
        if param.stars == 0:
            return {"abi": C["ABI"], "token_bytes": C["TOKEN_BYTES"], "timeout_ms": 1,
                    "capacity": C["MESSAGE_BYTES_MAX"]}.get(param.name, 1)
        if param.kind == "char":
            return b"127.0.0.1:1"
        if param.kind == "muster_sdk_client":
            return ctypes.c_void_p() if param.stars == 2 else client
        short = param.kind.removeprefix("muster_sdk_")
        kind = S.get(short) or {"uint8_t": ctypes.c_uint8, "uint32_t": ctypes.c_uint32,
                                "double": ctypes.c_double, "float": ctypes.c_float}[param.kind]
        return (kind * C["ENTITY_COUNT_MAX"])()

    def check_null(self, client):
        """Each function with a NULL for each pointer in turn."""
        for function in HEADER.functions.values():
            for bad in (p for p in function.params if p.stars > 0):
                if (function.name, bad.name) in self.MAY_BE_NULL:
                    continue
                arguments = [None if param is bad else self.good_argument(param, client)
                             for param in function.params]
                status = getattr(SDK, function.name)(*arguments)
                self.assertEqual(C["ERR_INVALID"], status, (function.name, bad.name))
        SDK.muster_sdk_destroy(None)

    def test_null_is_refused_at_rest(self):
        self.check_null(self.client())

    def test_what_is_named_out_is_written_also_on_failure(self):
        for function in HEADER.functions.values():
            arguments, outs = [], []
            for param in function.params:
                argument = self.good_argument(param, None)
                if param.name.startswith("out_") and param.kind != "muster_sdk_client":
                    ctypes.memset(argument, 0xAA, ctypes.sizeof(argument._type_))
                    outs.append((param.name, argument))
                arguments.append(argument)
            if not outs or "client" not in {param.name for param in function.params}:
                continue
            status = getattr(SDK, function.name)(*arguments)
            self.assertEqual(C["ERR_INVALID"], status)
            arrays = ("out_entities", "out_actions", "out_bytes", "out_info")
            for name, argument in outs:
                if name not in arrays:
                    size = ctypes.sizeof(argument._type_)
                    self.assertEqual(bytes(size), bytes(argument)[:size], (function.name, name))

    def test_another_interface_is_refused(self):
        self.assertEqual(C["ABI"], SDK.muster_sdk_abi())
        definition, client = ask(SDK.muster_sdk_default_def, S["def"]), ctypes.c_void_p(1)
        for abi in (0, C["ABI"] + 1, NONE):
            self.assertEqual(C["ERR_VERSION"], SDK.muster_sdk_create(abi, definition, client))
            self.assertFalse(client.value)

    def test_definitions_out_of_range_are_refused(self):
        for name, value in (("margin_ticks", 17), ("send_ticks", 0), ("send_ticks", 5),
                            ("resume_after_ms", 0)):
            definition, client = ask(SDK.muster_sdk_default_def, S["def"]), ctypes.c_void_p()
            setattr(definition, name, value)
            self.assertEqual(C["ERR_INVALID"],
                             SDK.muster_sdk_create(C["ABI"], definition, client), name)

    def test_tokens_and_logins_that_are_none_are_refused(self):
        client = self.client()
        token = (ctypes.c_uint8 * 4096)()
        for length in (0, 1, C["TOKEN_BYTES"] - 1, C["TOKEN_BYTES"] + 1, NONE):
            self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_connect(client, token, length))
        status = SDK.muster_sdk_connect(client, token, C["TOKEN_BYTES"])
        self.assertIn(status, (C["ERR_MALFORMED"], C["ERR_VERSION"]))
        self.assertEqual(status, error_of(client).status)
        self.assertEqual(C["IDLE"], info_of(client).state)
        self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_join(client, None, None, None, 0))
        for texts in ((b"x" * 5000, None, None), (None, b"x" * 5000, None),
                      (None, None, b"x" * 32)):
            self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_join(client, *texts, 10))
            self.assertIn(b"too long", error_of(client).text)
        self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_wait(client, 600001))

    def test_questions_at_rest_have_no_answer(self):
        client = self.client()
        index, count = ctypes.c_uint32(), ctypes.c_uint32()
        for status in (
                SDK.muster_sdk_find_action(client, b"walk", index),
                SDK.muster_sdk_get_field(client, 0, S["field"]()),
                SDK.muster_sdk_get_entities(client, None, 0, count),
                SDK.muster_sdk_get_pending(client, None, 0, count),
                SDK.muster_sdk_get_entity(client, 0, S["entity"]()),
                SDK.muster_sdk_get_place(client, 0, 1.0, (ctypes.c_float * 4)()),
                SDK.muster_sdk_act(client, 0, None, 0, index),
                SDK.muster_sdk_pop_event(client, S["event"]())):
            self.assertEqual(C["ERR_NOT_FOUND"], status)
        self.assertIsNone(pop_message(client))

    def test_wrong_arguments_while_playing_are_refused(self):
        with world("hello") as hello:
            client = self.joined(hello.server)
            self.frames_until(lambda: info_of(client).entity_count == 1, client)
            sequence, count = ctypes.c_uint32(), ctypes.c_uint32()
            walk = find(SDK.muster_sdk_find_action, client, b"walk")
            self.assertEqual(C["ERR_NOT_FOUND"], find(SDK.muster_sdk_find_action, client, b"fly"))
            for count_given in (0, 1, 3, NONE):
                self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_act(
                    client, walk, doubles(0.0, 0.0), count_given, sequence))
            self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_act(
                client, walk, doubles(0.0, math.nan), 2, sequence))
            self.assertEqual(0, SDK.muster_sdk_act(
                client, walk, doubles(math.inf, -1e300), 2, sequence))
            for index in (1, 63, NONE):
                self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_act(
                    client, index, doubles(0.0, 0.0), 2, sequence))
                self.assertEqual(C["ERR_NOT_FOUND"],
                                 SDK.muster_sdk_get_action(client, index, S["action"]()))
                self.assertEqual(C["ERR_NOT_FOUND"],
                                 SDK.muster_sdk_get_field(client, index, S["field"]()))
                self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_get_numbers(
                    client, 0, index, (ctypes.c_double * 4)()))
                self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_get_numbers(
                    client, index, 0, (ctypes.c_double * 4)()))
                self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_get_place(
                    client, index, 1.0, (ctypes.c_float * 4)()))
                self.assertEqual(C["ERR_NOT_FOUND"], SDK.muster_sdk_send(client, index, None, 0))
            self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_get_place(
                client, 0, math.nan, (ctypes.c_float * 4)()))
            self.assertEqual(C["ERR_INVALID"], SDK.muster_sdk_send(
                client, 0, (ctypes.c_uint8 * 201)(), 201))
            self.assertEqual(C["ERR_FULL"],
                             SDK.muster_sdk_get_entities(client, None, 0, count))
            self.assertEqual(1, count.value)
            small = (ctypes.c_uint8 * C["MESSAGE_BYTES_MAX"])()
            self.assertEqual(C["ERR_FULL"], SDK.muster_sdk_pop_message(
                client, sequence, small, len(small) - 1, count))
            self.assertEqual(C["PLAYING"], info_of(client).state)

    def test_too_many_actions_are_refused(self):
        with world("hello") as hello:
            client = self.joined(hello.server)
            sequence = ctypes.c_uint32()
            statuses = [SDK.muster_sdk_act(client, 0, doubles(0.0, 0.0), 2, sequence)
                        for _ in range(C["PENDING_COUNT_MAX"] + 1)]
            self.assertEqual([0] * C["PENDING_COUNT_MAX"] + [C["ERR_FULL"]], statuses)
            self.assertEqual(0, sequence.value)

    def test_calls_at_random_never_crash(self):
        seed = ARGUMENTS.seed
        print(f"seed {seed}", file=sys.stderr)
        numbers = random.Random(seed)
        functions = [f for f in HEADER.functions.values()
                     if f.name not in ("muster_sdk_destroy", "muster_sdk_create",
                                       "muster_sdk_wait", "muster_sdk_leave")]
        with world("hello") as hello:
            client = self.joined(hello.server)
            self.check_null_questions(client)
            for step in range(3000):
                function = numbers.choice(functions)
                if function.name in ("muster_sdk_join", "muster_sdk_connect",
                                     "muster_sdk_begin_leave") and step % 50:
                    continue
                arguments = [self.random_argument(numbers, function, param, client, hello.server)
                             for param in function.params]
                status = getattr(SDK, function.name)(*arguments)
                self.assertTrue(-9 <= status <= 1, (function.name, status))
            self.assertEqual(0, SDK.muster_sdk_leave(client))

    def check_null_questions(self, client):
        """As check_null(), of what leaves a client where it is."""
        functions, HEADER.functions = HEADER.functions, {
            name: function for name, function in HEADER.functions.items()
            if name not in ("muster_sdk_join", "muster_sdk_connect", "muster_sdk_create")}
        try:
            self.check_null(client)
        finally:
            HEADER.functions = functions

    def random_argument(self, numbers, function, param, client, server):
        if param.stars == 0 and param.kind == "double":
            return numbers.choice([0.0, -1.0, 1e18, -1e300, math.inf, math.nan, 100.5])
        if param.name in ("capacity", "length", "value_count", "token_bytes"):
            return numbers.choice([0, 1, 2, 100, 201, 1024, 2048])
        if param.stars == 0:
            return numbers.choice([0, 1, 2, 15, 64, 4095, 4096, 2**31, NONE])
        if param.kind == "char":
            return numbers.choice([server, b"walk", b"position", b"chat", b"", b"\xff" * 40, None])
        if param.kind == "muster_sdk_client":
            return numbers.choice([client] * 9 + [None])
        return numbers.choice([self.good_argument(param, client)] * 9 + [None])


def main():
    parser = argparse.ArgumentParser()
    for name in ("header", "library", "muster", "games"):
        parser.add_argument(name)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("tests", nargs="*")
    arguments = parser.parse_args()
    load(arguments)
    unittest.main(argv=[sys.argv[0], *arguments.tests])


if __name__ == "__main__":
    main()
