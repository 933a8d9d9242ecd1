// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_process.h"

#include "apps/server/recorder.h"
#include "apps/server/server_stats.h"
#include "core/assert.h"
#include "drivers/clock.h"
#include "drivers/linux/thread.h"
#include "drivers/udp.h"
#include "drivers/workers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define RECEIVE_COUNT 64u // what stays in the cache from decryption to event
#define POLL_US_MAX   1000u

// To be woken for a packet costs more than the packet: while they come, they gather for this long.
#define GATHER_US 250u

// A world that is later than this gives the lost time up rather than running ticks without pause.
#define LATE_TICKS_MAX 8u

// How long a drain may take.
#define DRAIN_US 3000000u

#define STATS_PERIOD_US 250000u

struct server_process {
    struct server_process_def def;
    struct server *server;
    struct udp_socket *socket;
    struct workers *workers;
    pthread_t network_thread;
    pthread_t world_thread;
    bool is_network_running;
    bool is_world_running;
    muster_packet_batch received;
    muster_packet packets[RECEIVE_COUNT];
    uint8_t bytes[RECEIVE_COUNT][MUSTER_PACKET_BYTES_MAX];

    // Set by the owner, then told by the number, which the network thread says back.
    _Atomic(const struct server_links *) links;
    _Atomic uint32_t links_number;
    _Atomic uint32_t links_number_seen;
    const struct server_links *step_links; // of the network thread's step
    bool has_more_links;                   // some may have waited in it

    // One writer each, no order between them: all relaxed.
    _Atomic bool must_stop;      // by the owner
    _Atomic bool must_drain;     // by the owner
    _Atomic bool is_stopped;     // by the world thread; its release shows its last events
    _Atomic uint64_t started_us; // by the world thread
};

static bool is_set(const _Atomic bool *flag)
{
    return atomic_load_explicit(flag, memory_order_relaxed);
}

// The network thread.

// What the kernel has no room for is dropped: state goes stale, and the rest is sent again.
static void send_batch(void *context, muster_packet_batch *batch)
{
    struct server_process *process = context;
    (void)udp_send(process->socket, batch, 0);
    batch->count = 0;
}

// What carries links in this step. Whoever waits for the number knows that those before are done
// with.
static const struct server_links *current_links(struct server_process *process)
{
    const uint32_t number = atomic_load_explicit(&process->links_number, memory_order_acquire);
    const struct server_links *links = atomic_load_explicit(&process->links, memory_order_acquire);
    atomic_store_explicit(&process->links_number_seen, number, memory_order_release);
    return links;
}

static void set_socket_stats(struct server_process *process, uint64_t now_us, uint64_t *stated_us)
{
    if (now_us - *stated_us < STATS_PERIOD_US) {
        return;
    }
    *stated_us = now_us;
    muster_stats *stats = server_stats(process->server);
    const struct udp_stats udp = udp_read_stats(process->socket);
    muster_stats_set(stats, SERVER_STAT_PACKETS_IN, 0, (int64_t)udp.packets_received);
    muster_stats_set(stats, SERVER_STAT_PACKETS_OUT, 0, (int64_t)udp.packets_sent);
    muster_stats_set(stats, SERVER_STAT_PACKETS_LOST, 0, (int64_t)udp.packets_dropped);
    muster_stats_set(stats, SERVER_STAT_BYTES_IN, 0, (int64_t)udp.bytes_received);
    muster_stats_set(stats, SERVER_STAT_BYTES_OUT, 0, (int64_t)udp.bytes_sent);
    muster_stats_set(stats, SERVER_STAT_RESIDENT, 0, (int64_t)clock_resident_bytes());
    muster_stats_set(stats, SERVER_STAT_CPU, 0, (int64_t)(clock_process_cpu_ns() / 1000000));
}

static uint32_t wait_us(const struct server_process *process)
{
    const uint64_t next_us = server_network_next_us(process->server);
    const uint64_t now_us = clock_monotonic_us();
    if (next_us <= now_us || process->has_more_links) {
        return 0;
    }
    return next_us - now_us < POLL_US_MAX ? (uint32_t)(next_us - now_us) : POLL_US_MAX;
}

// Waits for something to do, and takes what has arrived meanwhile.
static void receive(struct server_process *process)
{
    const uint32_t last_count = process->received.count;
    const uint32_t idle_us = wait_us(process);
    process->received.count = 0;
    if (last_count == 0) {
        if (!udp_wait(process->socket, idle_us)) {
            return;
        }
    } else if (last_count < RECEIVE_COUNT) {
        clock_sleep_until_us(clock_monotonic_us() + (idle_us < GATHER_US ? idle_us : GATHER_US));
    }
    (void)udp_receive(process->socket, &process->received);
}

static void send_links(void *context, const muster_packet *packets, uint32_t packet_count)
{
    const struct server_process *process = context;
    const struct server_links *links = process->step_links;
    if (links != NULL) {
        links->send(links->context, packets, packet_count);
    }
}

static void step_links(
    struct server_process *process, muster_netcode_time now, const struct server_sink *sink)
{
    const struct server_links *links = process->step_links;
    process->has_more_links = false;
    if (links != NULL) {
        const muster_packet_batch *batch = links->receive(links->context);
        process->has_more_links = batch->count == batch->capacity;
        server_network_step(process->server, now, batch, sink);
    }
}

static void *network_run(void *context)
{
    struct server_process *process = context;
    const struct server_sink sink = {
        .send = send_batch, .send_links = send_links, .context = process};
    uint64_t stated_us = 0;
    clock_prefer_punctual();
    while (!is_set(&process->must_stop)) {
        receive(process);
        const muster_netcode_time now = {
            .steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
        process->step_links = current_links(process);
        server_network_step(process->server, now, &process->received, &sink);
        step_links(process, now, &sink);
        set_socket_stats(process, now.steady_us, &stated_us);
    }
    return NULL;
}

// The world thread.

static uint64_t begin_us(const struct server_process *process, uint64_t tick)
{
    return atomic_load_explicit(&process->started_us, memory_order_relaxed) +
           tick * 1000000 / process->def.game->tick_rate_hz;
}

// A tick that begins late leaves its successors less time; one that ends late is missed.
static void keep_time(struct server_process *process, uint64_t tick)
{
    muster_stats *stats = server_stats(process->server);
    const uint64_t period_us = 1000000 / process->def.game->tick_rate_hz;
    const uint64_t end_us = clock_monotonic_us();
    const uint64_t next_us = begin_us(process, tick + 1);
    muster_stats_add(stats, SERVER_STAT_TICKS, 0, 1);
    muster_stats_record(stats, SERVER_STAT_TICK_TIME, 0, end_us - begin_us(process, tick));
    if (end_us > next_us) {
        muster_stats_add(stats, SERVER_STAT_TICKS_MISSED, 0, 1);
    }
    server_tell_tick_time(process->server, end_us, end_us > next_us ? end_us - next_us : 0);
    if (end_us > next_us + LATE_TICKS_MAX * period_us) {
        atomic_fetch_add_explicit(&process->started_us, end_us - next_us, memory_order_relaxed);
    }
}

static bool is_done(struct server_process *process, uint64_t *drain_us)
{
    if (!is_set(&process->must_drain)) {
        return false;
    }
    const uint64_t now_us = clock_monotonic_us();
    if (*drain_us == 0) {
        server_drain(process->server);
        *drain_us = now_us;
    }
    return server_is_drained(process->server) || now_us - *drain_us > DRAIN_US;
}

static void *world_run(void *context)
{
    struct server_process *process = context;
    const uint64_t first_tick = server_world_now(process->server) + 1;
    const uint32_t tick_rate_hz = process->def.game->tick_rate_hz;
    uint64_t drain_us = 0;
    clock_prefer_punctual();
    atomic_store_explicit(&process->started_us,
        clock_monotonic_us() - (first_tick - 1) * 1000000 / tick_rate_hz, memory_order_relaxed);
    for (uint64_t tick = first_tick; !is_set(&process->must_stop); tick++) {
        clock_sleep_until_us(begin_us(process, tick));
        if (process->def.tick != NULL) {
            atomic_store_explicit(process->def.tick, tick, memory_order_relaxed);
        }
        server_world_tick(process->server, tick);
        keep_time(process, tick);
        if (is_done(process, &drain_us)) {
            break;
        }
    }
    server_tell_end(process->server);
    atomic_store_explicit(&process->is_stopped, true, memory_order_release);
    return NULL;
}

// Start and stop.

static muster_status open_socket(struct server_process *process, struct driver_error *out_error)
{
    const struct settings *settings = process->def.settings;
    struct udp_def def = udp_default_def();
    def.receive_buffer_bytes = (uint32_t)settings->network.receive_buffer_bytes;
    def.send_buffer_bytes = (uint32_t)settings->network.send_buffer_bytes;
    const bool is_ipv6 = strchr(settings->network.bind, ':') != NULL;
    char text[SETTING_ADDRESS_CAPACITY + 2];
    const char *format = is_ipv6 ? "[%s]" : "%s";
    (void)snprintf(text, sizeof text, format, settings->network.bind);
    if (muster_address_parse(text, &def.address) != MUSTER_OK) {
        driver_error_write(out_error, 0, "network.bind is no address: %s", text);
        return MUSTER_ERR_INVALID;
    }
    def.address.port = (uint16_t)settings->network.udp_port;
    return udp_open(&def, &process->socket, out_error);
}

// One core is left to the network and to whoever else is there: a worker that has to wait for a
// core keeps the whole tick waiting.
static uint32_t worker_count(const struct settings *settings)
{
    if (settings->game.workers > 0) {
        return (uint32_t)settings->game.workers;
    }
    const long core_count = sysconf(_SC_NPROCESSORS_ONLN);
    const long spare_count = core_count - 1;
    return spare_count < 1 ? 1 : spare_count > 64 ? 64 : (uint32_t)spare_count;
}

static muster_status open_logs(
    const struct server_process *process, struct server_def *def, struct driver_error *out_error)
{
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        const char *path = process->def.log_paths[i];
        if (path == NULL) {
            continue;
        }
        const muster_status status = recorder_open_file(path, &def->log_files[i], out_error);
        if (status != MUSTER_OK) {
            return status;
        }
    }
    return MUSTER_OK;
}

// What was begun for a server that could not be made is of no use to anybody.
static void remove_logs(const struct server_process *process, const bool *was_opened)
{
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        if (was_opened[i]) {
            (void)unlink(process->def.log_paths[i]);
        }
    }
}

static muster_status create_with_logs(
    struct server_process *process, struct server_def *def, struct driver_error *out_error)
{
    muster_status status = open_logs(process, def, out_error);
    bool was_opened[SERVER_LOG_COUNT];
    for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
        was_opened[i] = def->log_files[i] != NULL;
    }
    if (status == MUSTER_OK) {
        status = server_create(def, &process->server, out_error);
    } else {
        for (uint32_t i = 0; i < SERVER_LOG_COUNT; i++) {
            log_file_close(def->log_files[i]);
        }
    }
    if (status != MUSTER_OK) {
        remove_logs(process, was_opened);
    }
    return status;
}

static muster_status create_server(struct server_process *process, struct driver_error *out_error)
{
    struct workers_def workers_def = workers_default_def();
    workers_def.worker_count = worker_count(process->def.settings);
    const muster_status status = workers_create(&workers_def, &process->workers, out_error);
    if (status != MUSTER_OK) {
        return status;
    }
    uint8_t secret[MUSTER_NETCODE_KEY_BYTES];
    clock_random_bytes(secret, sizeof secret);
    struct server_def def = {
        .game = process->def.game,
        .settings = process->def.settings,
        .private_key = process->def.private_key,
        .secret = secret,
        .address = udp_local_address(process->socket),
        .parallel = workers_parallel(process->workers),
        .seed = process->def.seed,
        .options = process->def.options,
        .snapshot = process->def.snapshot,
        .snapshot_length = process->def.snapshot_length,
    };
    return create_with_logs(process, &def, out_error);
}

static muster_status start_threads(struct server_process *process, struct driver_error *out_error)
{
    int code = thread_start(&process->network_thread, "muster-network", network_run, process);
    process->is_network_running = code == 0;
    if (code == 0) {
        code = thread_start(&process->world_thread, "muster-world", world_run, process);
        process->is_world_running = code == 0;
    }
    if (code != 0) {
        driver_error_write(out_error, code, "cannot start a thread");
        return MUSTER_ERR_IO;
    }
    return MUSTER_OK;
}

muster_status server_process_start(const struct server_process_def *def,
    struct server_process **out_process,
    struct driver_error *out_error)
{
    MUSTER_ASSERT(def != NULL && out_process != NULL && out_error != NULL);
    *out_process = NULL;
    const muster_allocator heap = muster_heap_allocator();
    struct server_process *process =
        heap.alloc(heap.context, sizeof *process, _Alignof(struct server_process));
    if (process == NULL) {
        driver_error_write(out_error, 0, "no memory");
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(process, 0, sizeof *process);
    process->def = *def;
    for (uint32_t i = 0; i < RECEIVE_COUNT; i++) {
        process->packets[i] = (muster_packet){.bytes = process->bytes[i]};
    }
    process->received =
        (muster_packet_batch){.packets = process->packets, .capacity = RECEIVE_COUNT};

    muster_status status = open_socket(process, out_error);
    if (status == MUSTER_OK) {
        status = create_server(process, out_error);
    }
    if (status == MUSTER_OK) {
        status = start_threads(process, out_error);
    }
    if (status != MUSTER_OK) {
        server_process_stop(process);
        return status;
    }
    *out_process = process;
    return MUSTER_OK;
}

void server_process_set_links(struct server_process *process, const struct server_links *links)
{
    MUSTER_ASSERT(process != NULL);
    atomic_store_explicit(&process->links, links, memory_order_release);
    const uint32_t number =
        atomic_fetch_add_explicit(&process->links_number, 1, memory_order_release) + 1;
    while (atomic_load_explicit(&process->links_number_seen, memory_order_acquire) != number) {
        clock_sleep_until_us(clock_monotonic_us() + POLL_US_MAX);
    }
}

void server_process_drain(struct server_process *process)
{
    MUSTER_ASSERT(process != NULL);
    atomic_store_explicit(&process->must_drain, true, memory_order_relaxed);
}

bool server_process_is_stopped(const struct server_process *process)
{
    MUSTER_ASSERT(process != NULL);
    return atomic_load_explicit(&process->is_stopped, memory_order_acquire);
}

void server_process_stop(struct server_process *process)
{
    if (process == NULL) {
        return;
    }
    atomic_store_explicit(&process->must_stop, true, memory_order_relaxed);
    if (process->is_world_running) {
        pthread_join(process->world_thread, NULL);
    }
    if (process->is_network_running) {
        pthread_join(process->network_thread, NULL);
    }
    server_destroy(process->server);
    workers_destroy(process->workers);
    udp_close(process->socket);
    const muster_allocator heap = muster_heap_allocator();
    heap.free(heap.context, process, sizeof *process);
}

struct server *server_process_server(struct server_process *process)
{
    MUSTER_ASSERT(process != NULL);
    return process->server;
}

muster_address server_process_address(const struct server_process *process)
{
    MUSTER_ASSERT(process != NULL);
    return udp_local_address(process->socket);
}

uint64_t server_process_started_us(const struct server_process *process)
{
    MUSTER_ASSERT(process != NULL);
    return atomic_load_explicit(&process->started_us, memory_order_relaxed);
}
