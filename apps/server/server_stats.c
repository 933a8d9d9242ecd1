// SPDX-License-Identifier: Apache-2.0
#include "apps/server/server_stats.h"

#define DECIMALS_US 6 // of a second
#define DECIMALS_MS 3
#define DECIMALS_NS 9

static const uint64_t time_bounds_us[] = {
    250, 500, 1000, 2000, 4000, 6000, 8000, 10000, 12000, 14000, 16667, 33333, 100000};
#define TIME_BOUND_COUNT (sizeof time_bounds_us / sizeof time_bounds_us[0])

static const char *const phases[SERVER_PHASE_COUNT] = {"input", "step", "replicate"};
static const char *const channels[MUSTER_CHANNEL_COUNT] = {
    "critical", "detailed", "cosmetic", "metadata"};
static const char *const directions[2] = {"up", "down"};
static const char *const http_events[SERVER_HTTP_COUNT] = {
    "connection", "connection_refused", "request", "refused", "failed"};

static muster_stat_def counter(const char *name, const char *help)
{
    return (muster_stat_def){.name = name, .help = help, .kind = MUSTER_STAT_COUNTER};
}

static muster_stat_def gauge(const char *name, const char *help)
{
    return (muster_stat_def){.name = name, .help = help, .kind = MUSTER_STAT_GAUGE};
}

static muster_stat_def times(const char *name, const char *help)
{
    return (muster_stat_def){
        .name = name,
        .help = help,
        .kind = MUSTER_STAT_HISTOGRAM,
        .decimals = DECIMALS_US,
        .bounds = time_bounds_us,
        .bound_count = TIME_BOUND_COUNT,
    };
}

static muster_stat_def labelled(muster_stat_def def,
    const char *label_name,
    const char *const *label_values,
    uint32_t series_count)
{
    def.label_name = label_name;
    def.label_values = label_values;
    def.series_count = series_count;
    return def;
}

static void fill_world(muster_stat_def *defs)
{
    defs[SERVER_STAT_TICKS] = counter("muster_ticks_total", "Ticks that have run.");
    defs[SERVER_STAT_TICKS_MISSED] =
        counter("muster_ticks_missed_total", "Ticks that ended after the next should have begun.");
    defs[SERVER_STAT_TICK_TIME] =
        times("muster_tick_seconds", "Time from a tick's begin to its last encoded byte.");
    defs[SERVER_STAT_PHASE_TIME] =
        labelled(times("muster_tick_phase_seconds", "Time of each phase of a tick."), "phase",
            phases, SERVER_PHASE_COUNT);
    defs[SERVER_STAT_PLAYERS] = gauge("muster_players", "Players in the world.");
    defs[SERVER_STAT_ENTITIES] = gauge("muster_entities", "Entities in the world.");
    defs[SERVER_STAT_FRAME_BYTES] = counter("muster_frame_bytes_total", "Bytes of closed frames.");
    defs[SERVER_STAT_STATE_BYTES] =
        counter("muster_state_bytes_total", "Bytes of entity state encoded for clients.");
    defs[SERVER_STAT_CHANNEL_BYTES] =
        labelled(counter("muster_channel_bytes_total",
                     "Bytes of entity state by channel: sections, at the mean length of those "
                     "that were encoded within the same second."),
            "channel", channels, MUSTER_CHANNEL_COUNT);
    defs[SERVER_STAT_STATE_UPDATES] =
        counter("muster_state_updates_total", "Entity updates encoded for clients.");
    defs[SERVER_STAT_SECTIONS] =
        counter("muster_state_sections_total", "Sections of entity state written for clients.");
    defs[SERVER_STAT_ENCODINGS] = counter(
        "muster_state_encodings_total", "Sections that had to be encoded; others were shared.");
    defs[SERVER_STAT_INPUTS_DROPPED] =
        counter("muster_inputs_dropped_total", "Inputs that found no room in the inbox.");
    defs[SERVER_STAT_EVENTS_LOST] =
        counter("muster_events_lost_total", "Events that nobody took in time.");
    defs[SERVER_STAT_RECORD_FAILED] = gauge("muster_record_failed",
        "1 when the frame log was sealed before the end, as by a full disk.");
}

// A game without tasks has a line all the same, which stays at zero.
static void fill_tasks(struct server_stat_table *table, const muster_game *game)
{
    muster_stat_def *defs = table->defs;
    table->task_count =
        game->task_count < MUSTER_STAT_SERIES_MAX ? game->task_count : MUSTER_STAT_SERIES_MAX;
    table->tasks[0] = "none";
    for (uint32_t i = 0; i < table->task_count; i++) {
        table->tasks[i] = game->tasks[i].name;
    }
    defs[SERVER_STAT_TASK_TIME] =
        labelled(counter("muster_task_seconds_total", "Time of the game's tasks."), "task",
            table->tasks, table->task_count > 0 ? table->task_count : 1);
    defs[SERVER_STAT_TASK_TIME].decimals = DECIMALS_NS;
    defs[SERVER_STAT_PHYSICS_TIME] = counter("muster_physics_seconds_total", "Time of physics.");
    defs[SERVER_STAT_PHYSICS_TIME].decimals = DECIMALS_NS;
}

static void fill_network(struct server_stat_table *table)
{
    muster_stat_def *defs = table->defs;
    defs[SERVER_STAT_CONNECTIONS] = gauge("muster_connections", "Connections that are open.");
    defs[SERVER_STAT_GATEWAY] = labelled(
        counter("muster_gateway_events_total", "What the gateway let through and refused."),
        "event", table->gateway, MUSTER_GATEWAY_COUNTER_COUNT);
    defs[SERVER_STAT_NETCODE] = labelled(
        counter("muster_netcode_packets_total", "Received packets, by what became of them."),
        "kind", table->netcode, MUSTER_NETCODE_COUNTER_COUNT);
    defs[SERVER_STAT_LINKS] = labelled(
        counter("muster_link_packets_total", "Received packets of links, by what became of them."),
        "kind", table->netcode, MUSTER_NETCODE_COUNTER_COUNT);
    defs[SERVER_STAT_PACKETS_IN] = counter("muster_packets_received_total", "Datagrams received.");
    defs[SERVER_STAT_PACKETS_OUT] = counter("muster_packets_sent_total", "Datagrams sent.");
    defs[SERVER_STAT_PACKETS_LOST] =
        counter("muster_packets_overrun_total", "Datagrams that found a full receive buffer.");
    defs[SERVER_STAT_BYTES_IN] =
        counter("muster_received_bytes_total", "UDP payload bytes received.");
    defs[SERVER_STAT_BYTES_OUT] = counter("muster_sent_bytes_total", "UDP payload bytes sent.");
    defs[SERVER_STAT_LINK_FULL] = labelled(
        counter("muster_link_full_total", "Records that found a full ring between threads."),
        "direction", directions, 2);
    defs[SERVER_STAT_HTTP] = labelled(
        counter("muster_http_events_total",
            "Connections and requests over HTTP; refused are answers of 400 to 499, failed above."),
        "event", http_events, SERVER_HTTP_COUNT);
    defs[SERVER_STAT_SOCKETS] = gauge("muster_websockets", "WebSockets that are open.");
    defs[SERVER_STAT_SOCKET_EVENTS] = labelled(
        counter("muster_websocket_events_total", "What WebSockets have done and were refused."),
        "event", table->sockets, HTTP_SOCKET_COUNTER_COUNT);
    defs[SERVER_STAT_SOCKET_BYTES] =
        labelled(counter("muster_websocket_bytes_total", "Bytes of messages over WebSocket."),
            "direction", directions, 2);
    defs[SERVER_STAT_CERTIFICATE] = gauge("muster_tls_certificate_remaining_seconds",
        "Time until the TLS certificate expires; 0 once it has, -1 without TLS.");
    defs[SERVER_STAT_RESIDENT] = gauge("muster_resident_bytes", "Memory of the process in RAM.");
    defs[SERVER_STAT_CPU] = counter("muster_cpu_seconds_total", "CPU time of the process.");
    defs[SERVER_STAT_CPU].decimals = DECIMALS_MS;
}

muster_status server_stats_create(struct server_stat_table *table,
    const muster_game *game,
    const muster_allocator *allocator,
    muster_stats **out_stats)
{
    for (int i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        table->gateway[i] = muster_gateway_counter_name((muster_gateway_counter)i);
    }
    for (int i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        table->netcode[i] = muster_netcode_counter_name((muster_netcode_counter)i);
    }
    for (int i = 0; i < HTTP_SOCKET_COUNTER_COUNT; i++) {
        table->sockets[i] = http_socket_counter_name((enum http_socket_counter)i);
    }
    fill_world(table->defs);
    fill_tasks(table, game);
    fill_network(table);
    muster_stats_def def = muster_stats_default_def();
    def.stats = table->defs;
    def.stat_count = SERVER_STAT_COUNT;
    def.allocator = *allocator;
    return muster_stats_create(&def, out_stats);
}
