// SPDX-License-Identifier: Apache-2.0
#include "muster/client_driver.h"

#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/udp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

// Packets pass through a few slots on the stack of each call, so that a thousand drivers in one
// thread share the memory that is in its cache.

#define SLOT_COUNT        4u  // as many as an update of a client may fill
#define RECEIVE_CALLS_MAX 16u // so that a flood does not hold up a frame
#define BUFFER_BYTES      (256u * 1024u)
#define PORT_TRIES_MAX    16u
#define RUN_STEP_US       5000u
#define REASON_DEFAULT    "without a reason that is known here"

struct muster_client_driver {
    muster_allocator allocator;
    muster_client *client;
    struct udp_socket *socket;
    muster_address via;
    muster_address server; // whom the last packet that went through `via` was for
};

struct slots {
    muster_packet_batch batch;
    muster_packet packets[SLOT_COUNT];
    uint8_t bytes[SLOT_COUNT][MUSTER_PACKET_BYTES_MAX];
};

static void init_slots(struct slots *slots)
{
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        slots->packets[i] = (muster_packet){.bytes = slots->bytes[i]};
    }
    slots->batch = (muster_packet_batch){.packets = slots->packets, .capacity = SLOT_COUNT};
}

static muster_netcode_time time_now(void)
{
    return (muster_netcode_time){.steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
}

// What does not fit is cut.
__attribute__((format(printf, 2, 3))) static void write_error(
    muster_client_error *out_error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(out_error->text, sizeof out_error->text, format, arguments);
    va_end(arguments);
}

// Creation.

muster_client_driver_def muster_client_driver_default_def(void)
{
    return (muster_client_driver_def){.client = muster_client_default_def()};
}

// A socket that can reach both families, or IPv4 where the system has no other.
static muster_status open_any(
    struct udp_def *def, struct udp_socket **out_socket, struct driver_error *out_error)
{
    def->address.family = MUSTER_ADDRESS_IPV6;
    const muster_status status = udp_open(def, out_socket, out_error);
    if (status != MUSTER_ERR_IO) {
        return status;
    }
    def->address.family = MUSTER_ADDRESS_IPV4;
    return udp_open(def, out_socket, out_error);
}

// A port keeps its number when the socket's connection is dissolved only if it was asked for by
// number; to the server, a client with another port is another client. So a free port is found
// first and then asked for.
static muster_status open_socket(const muster_allocator *allocator,
    struct udp_socket **out_socket,
    struct driver_error *out_error)
{
    struct udp_def def = udp_default_def();
    def.call_packets_max = SLOT_COUNT;
    def.receive_buffer_bytes = BUFFER_BYTES;
    def.send_buffer_bytes = BUFFER_BYTES;
    def.allocator = *allocator;
    muster_status status = MUSTER_ERR_IO;
    for (uint32_t i = 0; i < PORT_TRIES_MAX; i++) {
        def.address = (muster_address){0};
        struct udp_socket *finder;
        status = open_any(&def, &finder, out_error);
        if (status != MUSTER_OK) {
            return status;
        }
        def.address.port = udp_local_address(finder).port;
        udp_close(finder);
        status = udp_open(&def, out_socket, out_error);
        if (status != MUSTER_ERR_IO || out_error->code != EADDRINUSE) {
            break;
        }
    }
    return status;
}

muster_status muster_client_driver_create(const muster_client_driver_def *def,
    muster_client_driver **out_driver,
    muster_client_error *out_error)
{
    MUSTER_ASSERT(def != NULL);
    MUSTER_ASSERT(out_driver != NULL);
    MUSTER_ASSERT(out_error != NULL);
    *out_driver = NULL;
    *out_error = (muster_client_error){0};

    muster_client *client;
    muster_status status = muster_client_create(&def->client, &client);
    if (status != MUSTER_OK) {
        write_error(out_error, "cannot make a client: %s", muster_status_name(status));
        return status;
    }
    const muster_allocator allocator = def->client.allocator;
    muster_client_driver *driver =
        allocator.alloc(allocator.context, sizeof *driver, _Alignof(struct muster_client_driver));
    struct udp_socket *socket = NULL;
    struct driver_error error = {.text = "no memory"};
    status = driver != NULL ? open_socket(&allocator, &socket, &error) : MUSTER_ERR_NO_MEMORY;
    if (status != MUSTER_OK) {
        write_error(out_error, "%s", error.text);
        if (driver != NULL) {
            allocator.free(allocator.context, driver, sizeof *driver);
        }
        muster_client_destroy(client);
        return status;
    }
    *driver = (muster_client_driver){
        .allocator = allocator,
        .client = client,
        .socket = socket,
        .via = def->via,
    };
    *out_driver = driver;
    return MUSTER_OK;
}

void muster_client_driver_destroy(muster_client_driver *driver)
{
    if (driver == NULL) {
        return;
    }
    muster_client_destroy(driver->client);
    udp_close(driver->socket);
    const muster_allocator allocator = driver->allocator;
    allocator.free(allocator.context, driver, sizeof *driver);
}

muster_client *muster_client_driver_client(muster_client_driver *driver)
{
    MUSTER_ASSERT(driver != NULL);
    return driver->client;
}

int muster_client_driver_file(const muster_client_driver *driver)
{
    MUSTER_ASSERT(driver != NULL);
    return udp_file(driver->socket);
}

muster_status muster_client_driver_connect(
    muster_client_driver *driver, const uint8_t token[MUSTER_CONNECT_TOKEN_BYTES])
{
    MUSTER_ASSERT(driver != NULL);
    return muster_client_connect(driver->client, time_now(), token);
}

// Running.

void muster_client_driver_receive(muster_client_driver *driver)
{
    MUSTER_ASSERT(driver != NULL);
    struct slots slots;
    init_slots(&slots);
    const muster_netcode_time now = time_now();
    for (uint32_t call = 0; call < RECEIVE_CALLS_MAX; call++) {
        const uint32_t count = udp_receive(driver->socket, &slots.batch);
        for (uint32_t i = 0; i < count; i++) {
            muster_packet *packet = &slots.packets[i];
            if (muster_address_is_equal(&packet->address, &driver->via)) {
                packet->address = driver->server;
            }
            muster_client_receive(driver->client, now, packet);
        }
        if (count < SLOT_COUNT) {
            return;
        }
    }
}

// Connects the socket to the one address that packets go to. A client that resumes may have lost
// its way to the server together with its own address, so until it is back it is connected to none.
static void follow_client(muster_client_driver *driver)
{
    muster_address address = {0};
    if (muster_client_state_of(driver->client) != MUSTER_CLIENT_RESUMING) {
        address = muster_client_server_address(driver->client);
    }
    if (address.family != MUSTER_ADDRESS_NONE && driver->via.family != MUSTER_ADDRESS_NONE) {
        address = driver->via;
    }
    const muster_address peer = udp_peer_address(driver->socket);
    if (!muster_address_is_equal(&address, &peer)) {
        // Without a way there, packets are tried one by one, and it is tried again.
        (void)!udp_connect(driver->socket, &address);
    }
}

muster_client_state muster_client_driver_send(muster_client_driver *driver)
{
    MUSTER_ASSERT(driver != NULL);
    struct slots slots;
    init_slots(&slots);
    muster_client_update(driver->client, time_now(), &slots.batch);
    if (slots.batch.count > 0) {
        follow_client(driver);
        for (uint32_t i = 0; i < slots.batch.count; i++) {
            if (driver->via.family != MUSTER_ADDRESS_NONE) {
                driver->server = slots.packets[i].address;
                slots.packets[i].address = driver->via;
            }
        }
        (void)udp_send(driver->socket, &slots.batch, 0);
    }
    return muster_client_state_of(driver->client);
}

muster_client_state muster_client_driver_update(muster_client_driver *driver)
{
    muster_client_driver_receive(driver);
    return muster_client_driver_send(driver);
}

muster_client_state muster_client_driver_run(muster_client_driver *driver, uint32_t duration_us)
{
    MUSTER_ASSERT(driver != NULL);
    const uint64_t end_us = clock_monotonic_us() + duration_us;
    for (;;) {
        const muster_client_state state = muster_client_driver_update(driver);
        const uint64_t now_us = clock_monotonic_us();
        if (now_us >= end_us || state < MUSTER_CLIENT_IDLE) {
            return state;
        }
        const uint64_t left_us = end_us - now_us;
        (void)udp_wait(driver->socket, left_us < RUN_STEP_US ? (uint32_t)left_us : RUN_STEP_US);
    }
}

void muster_client_driver_leave(muster_client_driver *driver)
{
    MUSTER_ASSERT(driver != NULL);
    muster_client_leave(driver->client);
    (void)muster_client_driver_send(driver);
    while (muster_client_is_leaving(driver->client)) {
        clock_sleep_until_us(clock_monotonic_us() + MUSTER_NETCODE_DISCONNECT_INTERVAL_US);
        (void)muster_client_driver_send(driver);
    }
}

// Failures.

static const char *reason_words(muster_close_reason reason)
{
    switch (reason) {
    case MUSTER_CLOSE_NONE:
        return "without a reason";
    case MUSTER_CLOSE_LEFT:
        return "the player has left";
    case MUSTER_CLOSE_KICKED:
        return "the player was put out";
    case MUSTER_CLOSE_REFUSED:
        return "the player is not let in";
    case MUSTER_CLOSE_FULL:
        return "there is no room";
    case MUSTER_CLOSE_DRAINING:
        return "the server empties itself";
    case MUSTER_CLOSE_REPLACED:
        return "the player has come back from elsewhere";
    case MUSTER_CLOSE_VERSION:
        return "the versions do not fit together";
    case MUSTER_CLOSE_PROTOCOL:
        return "a rule of the protocol was broken";
    case MUSTER_CLOSE_LIMIT:
        return "a limit was exceeded";
    case MUSTER_CLOSE_ENDED:
        return "the world has ended";
    case MUSTER_CLOSE_UNREACHABLE:
        return "nothing was heard for too long";
    }
    return REASON_DEFAULT; // of a server that knows more
}

muster_status muster_client_driver_failure(
    const muster_client_driver *driver, muster_client_error *out_error)
{
    MUSTER_ASSERT(driver != NULL);
    MUSTER_ASSERT(out_error != NULL);
    *out_error = (muster_client_error){0};
    const muster_status status = muster_client_failure(driver->client);
    const muster_address server = muster_client_server_address(driver->client);
    char address[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address_print(&server, address);
    const int code = udp_path_code(driver->socket);
    if (status == MUSTER_ERR_DENIED) {
        const char *text = muster_client_close_text(driver->client);
        write_error(out_error, "the server has ended the connection: %s%s%s",
            reason_words(muster_client_close_reason(driver->client)), text[0] != '\0' ? ": " : "",
            text);
    } else if (status == MUSTER_ERR_FULL) {
        write_error(out_error, "the server at UDP %s is full", address);
    } else if (status == MUSTER_ERR_TIMED_OUT && code != 0) {
        struct driver_error error;
        driver_error_write(&error, code, "no answer from UDP %s", address);
        write_error(out_error, "%s", error.text);
        return MUSTER_ERR_IO;
    } else if (status == MUSTER_ERR_TIMED_OUT) {
        write_error(out_error, "no answer from UDP %s", address);
    }
    return status;
}
