// SPDX-License-Identifier: Apache-2.0
#include "sim/sim.h"

#include "sim/bridge.h"

#include "apps/server/recorder.h"
#include "apps/server/server_state.h"
#include "core/bytes.h"
#include "harness/packets.h"
#include "muster/random.h"

#include <stdio.h>
#include <stdlib.h>

// Time goes in steps of a millisecond. In each, what has arrived is delivered, then whoever is due
// acts: the world at its tick, each client at its own phase of it.

#define STEP_US      1000u
#define START_US     1000000u
#define START_UNIX_S 1000000u
#define PORT_SERVER  7777u
#define PORT_CLIENT  10000u
#define LINK_UP      0u // link 2 i of client i
#define LINK_DOWN    1u
#define RANDOM_TOKEN 1u

#define LINK_PACKET_COUNT 64u
#define LINK_NUMBER_MAX   9999u // of clients; higher ones are injected

struct sim_client {
    muster_client *client;
    uint32_t address_count; // how often it has moved
    bool is_cut;
    bool is_link;
};

/// Packets of links on their way to the server; a ticket is longer than a slot of a socket.
struct link_packets {
    muster_packet_batch batch;
    muster_packet slots[LINK_PACKET_COUNT];
    uint8_t bytes[LINK_PACKET_COUNT][MUSTER_LINK_TICKET_BYTES];
};

struct sim {
    struct sim_def def;
    struct server *server;
    struct settings settings;
    muster_impairment *network;
    struct bridge *bridge;
    struct link_packets arrived_links;
    struct sim_client *clients;
    muster_netcode_time now;
    uint64_t tick;
    uint64_t login_count;
    muster_login login;
    struct packets arrived;
    struct packets sent;
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "sim: %s\n", what);
        abort();
    }
}

static muster_address client_address(const struct sim *sim, uint32_t client_index)
{
    const uint32_t moved = sim->clients[client_index].address_count;
    return packets_address((uint8_t)(2 + moved), (uint16_t)(PORT_CLIENT + client_index));
}

static muster_impairment_rules rules_of(const char *text)
{
    muster_impairment_rules rules;
    char error[MUSTER_IMPAIRMENT_ERROR_BYTES];
    const muster_status status = muster_impairment_parse(text, &rules, error);
    require(status == MUSTER_OK, error);
    return rules;
}

static void create_server(struct sim *sim)
{
    struct configuration *configuration = malloc(sizeof *configuration);
    require(configuration != NULL, "no memory");
    configuration_init(configuration);
    sim->settings = configuration->settings;
    if (sim->def.resume_window_us > 0) {
        sim->settings.gateway.resume_window_us = sim->def.resume_window_us;
    }
    free(configuration);
    sim->login = muster_login_default();
    sim->login.protocol_id = server_protocol_id(sim->def.game);
    sim->login.address_count = 1;
    sim->login.addresses[0] = packets_address(1, PORT_SERVER);
    for (uint32_t i = 0; i < sizeof sim->login.private_key; i++) {
        sim->login.private_key[i] = (uint8_t)(sim->def.seed + i);
    }
    struct server_def server_def = {
        .game = sim->def.game,
        .settings = &sim->settings,
        .private_key = sim->login.private_key,
        .secret = sim->login.private_key,
        .address = sim->login.addresses[0],
        .parallel = sim->def.parallel,
        .seed = sim->def.seed,
    };
    struct driver_error error = {0};
    muster_status status = MUSTER_OK;
    if (sim->def.record_path != NULL) {
        status = recorder_open_file(
            sim->def.record_path, &server_def.log_files[SERVER_LOG_RECORD], &error);
    }
    require(status == MUSTER_OK, error.text);
    status = server_create(&server_def, &sim->server, &error);
    require(status == MUSTER_OK, error.text);
}

static bridge_send send_from_bridge;
static bridge_send arrive_from_link;

static void create_bridge(struct sim *sim)
{
    const struct bridge_def def = {
        .login = sim->login,
        .send_client = send_from_bridge,
        .send_server = arrive_from_link,
        .context = sim,
    };
    sim->bridge = bridge_create(&def);
    struct link_packets *links = &sim->arrived_links;
    for (uint32_t i = 0; i < LINK_PACKET_COUNT; i++) {
        links->slots[i].bytes = links->bytes[i];
    }
    links->batch = (muster_packet_batch){.packets = links->slots, .capacity = LINK_PACKET_COUNT};
}

struct sim *sim_create(const struct sim_def *def)
{
    struct sim *sim = calloc(1, sizeof *sim);
    require(sim != NULL, "no memory");
    sim->def = *def;
    if (sim->def.parallel.run == NULL) {
        sim->def.parallel = muster_parallel_serial();
    }
    sim->now = (muster_netcode_time){.steady_us = START_US, .unix_s = START_UNIX_S};
    (void)packets_reset(&sim->arrived);
    (void)packets_reset(&sim->sent);
    create_server(sim);
    create_bridge(sim);

    muster_impairment_def network_def = muster_impairment_default_def();
    network_def.seed = def->seed;
    network_def.link_count = 2 * def->client_count;
    network_def.packet_count = 1024 + 512 * def->client_count;
    if (def->network != NULL) {
        network_def.rules = rules_of(def->network);
    }
    require(muster_impairment_create(&network_def, &sim->network) == MUSTER_OK, "no network");
    sim->clients = calloc(def->client_count, sizeof sim->clients[0]);
    require(sim->clients != NULL, "no memory");
    for (uint32_t i = 0; i < def->client_count; i++) {
        muster_client_def client_def = muster_client_default_def();
        if (def->resume_window_us > 0) {
            client_def.resume_window_us = def->resume_window_us;
        }
        if (def->send_ticks > 0) {
            client_def.send_ticks = def->send_ticks;
        }
        require(
            muster_client_create(&client_def, &sim->clients[i].client) == MUSTER_OK, "no client");
    }
    return sim;
}

void sim_destroy(struct sim *sim)
{
    if (sim == NULL) {
        return;
    }
    for (uint32_t i = 0; i < sim->def.client_count; i++) {
        muster_client_destroy(sim->clients[i].client);
    }
    free(sim->clients);
    muster_impairment_destroy(sim->network);
    bridge_destroy(sim->bridge);
    server_destroy(sim->server);
    free(sim);
}

muster_login sim_tokens(const struct sim *sim)
{
    return sim->login;
}

void sim_make_token(struct sim *sim,
    const muster_login *login,
    uint32_t index,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES])
{
    muster_player player = {.id = {index + 1, sim->def.seed}, .tier = index % 3};
    snprintf(player.name, sizeof player.name, "player %u", index);
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    sim->login_count++;
    for (uint32_t i = 0; i < sizeof random_bytes; i += 8) {
        const muster_random_key key = {.seed = sim->def.seed,
            .entity = index,
            .tick = sim->login_count,
            .purpose = RANDOM_TOKEN};
        bytes_store_u64(random_bytes + i, muster_random(key, i));
    }
    const uint64_t issue = sim->now.steady_us * 1000 + sim->login_count;
    require(muster_login_issue(login, &player, issue, sim->now.unix_s, random_bytes, out_token) ==
                MUSTER_OK,
        "no token");
}

void sim_login(struct sim *sim, uint32_t client_index)
{
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    sim_make_token(sim, &sim->login, client_index, token);
    require(muster_client_connect(sim->clients[client_index].client, sim->now, token) == MUSTER_OK,
        "the token is refused");
}

// Between the ends.

// A network that is full loses packets, as any does.
static void push(struct sim *sim, uint32_t link, const uint8_t *bytes, uint32_t length)
{
    const muster_status status =
        muster_impairment_push(sim->network, sim->now.steady_us, link, bytes, length);
    require(status == MUSTER_OK || status == MUSTER_ERR_FULL, "the network refuses a packet");
}

// What is on its way to a client that has gone over to the other way is lost.
static void send_to_client(struct sim *sim, const muster_packet *packet, bool is_link)
{
    const uint32_t client_index = packet->address.port - PORT_CLIENT;
    const muster_address address = client_address(sim, client_index);
    if (!sim->clients[client_index].is_cut && sim->clients[client_index].is_link == is_link &&
        muster_address_is_equal(&address, &packet->address)) {
        push(sim, 2 * client_index + LINK_DOWN, packet->bytes, packet->length);
    }
}

static void answer(struct sim *sim, const muster_packet *packet)
{
    if (sim->def.answer != NULL) {
        sim->def.answer(sim, packet);
    }
}

// Called by the server's network side for what goes out.
static void send_to_clients(void *context, muster_packet_batch *batch)
{
    struct sim *sim = context;
    for (uint32_t i = 0; i < batch->count; i++) {
        const muster_packet *packet = &batch->packets[i];
        if (packet->address.port - PORT_CLIENT < sim->def.client_count) {
            send_to_client(sim, packet, false);
        } else {
            answer(sim, packet); // to a packet that was injected
        }
    }
    batch->count = 0;
}

static void send_to_links(void *context, const muster_packet *packets, uint32_t packet_count)
{
    struct sim *sim = context;
    for (uint32_t i = 0; i < packet_count; i++) {
        if (muster_address_link(&packets[i].address) <= LINK_NUMBER_MAX) {
            bridge_receive_server(sim->bridge, sim->now, &packets[i]);
        } else {
            answer(sim, &packets[i]);
        }
    }
}

static void step_server(struct sim *sim)
{
    const struct server_sink sink = {
        .send = send_to_clients, .send_links = send_to_links, .context = sim};
    server_network_step(sim->server, sim->now, &sim->arrived.batch, &sink);
    sim->arrived.batch.count = 0;
    if (sim->arrived_links.batch.count > 0) {
        server_network_step(sim->server, sim->now, &sim->arrived_links.batch, &sink);
        sim->arrived_links.batch.count = 0;
    }
}

static void send_from_bridge(void *context, const muster_packet *packet)
{
    send_to_client(context, packet, true);
}

static void arrive_from_link(void *context, const muster_packet *packet)
{
    struct sim *sim = context;
    if (sim->arrived_links.batch.count == LINK_PACKET_COUNT) {
        step_server(sim);
    }
    muster_packet *slot = &sim->arrived_links.slots[sim->arrived_links.batch.count++];
    require(packet->length <= MUSTER_LINK_TICKET_BYTES, "a packet is too long for a link");
    slot->address = packet->address;
    slot->length = packet->length;
    memcpy(slot->bytes, packet->bytes, packet->length);
}

static void arrive_at_server(
    struct sim *sim, const muster_address *from, const uint8_t *bytes, uint32_t length)
{
    if (sim->arrived.batch.count == PACKETS_CAPACITY) {
        step_server(sim);
    }
    muster_packet *packet = &sim->arrived.slots[sim->arrived.batch.count++];
    packet->address = *from;
    packet->length = length;
    memcpy(packet->bytes, bytes, length);
}

static void deliver_to_bridge(
    struct sim *sim, uint32_t client_index, const muster_impairment_packet *packet)
{
    uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
    memcpy(bytes, packet->bytes, packet->length);
    const muster_packet copy = {
        .address = client_address(sim, client_index), .length = packet->length, .bytes = bytes};
    bridge_receive_client(sim->bridge, sim->now, &copy);
}

static void deliver(struct sim *sim)
{
    muster_impairment_packet packet;
    while (muster_impairment_pop(sim->network, sim->now.steady_us, &packet)) {
        const uint32_t client_index = packet.link / 2;
        if (sim->clients[client_index].is_cut) {
            continue;
        }
        if (packet.link % 2 == LINK_UP && sim->clients[client_index].is_link) {
            deliver_to_bridge(sim, client_index, &packet);
            continue;
        }
        if (packet.link % 2 == LINK_UP) {
            const muster_address from = client_address(sim, client_index);
            arrive_at_server(sim, &from, packet.bytes, packet.length);
            if (sim->def.tap != NULL) {
                const muster_packet copy = sim->arrived.slots[sim->arrived.batch.count - 1];
                sim->def.tap(sim, &copy);
            }
            continue;
        }
        uint8_t bytes[MUSTER_PACKET_BYTES_MAX];
        memcpy(bytes, packet.bytes, packet.length);
        muster_packet received = {.address = sim->login.addresses[0], .length = packet.length};
        received.bytes = bytes;
        muster_client_receive(sim->clients[client_index].client, sim->now, &received);
    }
}

static void step_client(struct sim *sim, uint32_t client_index)
{
    struct sim_client *client = &sim->clients[client_index];
    if (sim->def.behaviour != NULL &&
        muster_client_state_of(client->client) == MUSTER_CLIENT_PLAYING) {
        sim->def.behaviour(sim, client_index, client->client);
    }
    sim->sent.batch.count = 0;
    muster_client_update(client->client, sim->now, &sim->sent.batch);
    for (uint32_t i = 0; i < sim->sent.batch.count && !client->is_cut; i++) {
        push(sim, 2 * client_index + LINK_UP, sim->sent.slots[i].bytes, sim->sent.slots[i].length);
    }
}

void sim_run_ms(struct sim *sim, uint32_t ms)
{
    const uint64_t tick_us = 1000000 / sim->def.game->tick_rate_hz;
    for (uint32_t i = 0; i < ms; i++) {
        const uint64_t before_us = sim->now.steady_us - START_US;
        sim->now.steady_us += STEP_US;
        const uint64_t after_us = sim->now.steady_us - START_US;
        sim->now.unix_s = START_UNIX_S + after_us / 1000000;
        deliver(sim);
        if (after_us / tick_us > before_us / tick_us) {
            server_world_tick(sim->server, ++sim->tick);
        }
        step_server(sim);
        bridge_update(sim->bridge, sim->now);
        for (uint32_t k = 0; k < sim->def.client_count; k++) {
            const uint64_t phase_us = (uint64_t)k * 2741 % tick_us;
            if ((after_us + phase_us) / tick_us > (before_us + phase_us) / tick_us) {
                step_client(sim, k);
            }
        }
    }
}

// Faults.

void sim_move_client(struct sim *sim, uint32_t client_index)
{
    sim->clients[client_index].address_count++;
}

void sim_set_link(struct sim *sim, uint32_t client_index, bool is_link)
{
    sim->clients[client_index].is_link = is_link;
}

void sim_cut_links(struct sim *sim)
{
    bridge_cut(sim->bridge);
}

uint32_t sim_link_count(const struct sim *sim)
{
    return bridge_link_count(sim->bridge);
}

void sim_set_cut(struct sim *sim, uint32_t client_index, bool is_cut)
{
    sim->clients[client_index].is_cut = is_cut;
}

void sim_set_network(struct sim *sim, const char *rules)
{
    const muster_impairment_rules parsed = rules_of(rules);
    for (uint32_t i = 0; i < 2 * sim->def.client_count; i++) {
        require(muster_impairment_set_rules(sim->network, i, &parsed) == MUSTER_OK, "no rules");
    }
}

void sim_set_client_network(struct sim *sim, uint32_t client_index, const char *rules)
{
    const muster_impairment_rules parsed = rules_of(rules);
    for (uint32_t i = 2 * client_index; i < 2 * client_index + 2; i++) {
        require(muster_impairment_set_rules(sim->network, i, &parsed) == MUSTER_OK, "no rules");
    }
}

uint64_t sim_too_long_count(struct sim *sim, uint32_t client_index)
{
    return muster_impairment_get_stats(sim->network, 2 * client_index + LINK_DOWN).packets_too_long;
}

void sim_stall_network(struct sim *sim, uint32_t tick_count)
{
    for (uint32_t i = 0; i < tick_count; i++) {
        server_world_tick(sim->server, ++sim->tick);
    }
}

void sim_drain(struct sim *sim)
{
    server_drain(sim->server);
}

void sim_inject(struct sim *sim, const muster_address *from, const uint8_t *bytes, uint32_t length)
{
    if (from->family == MUSTER_ADDRESS_LINK) {
        uint8_t copy[MUSTER_LINK_TICKET_BYTES] = {0};
        require(length <= sizeof copy, "a packet is too long for a link");
        if (length > 0) {
            memcpy(copy, bytes, length);
        }
        const muster_packet packet = {.address = *from, .length = length, .bytes = copy};
        arrive_from_link(sim, &packet);
        return;
    }
    arrive_at_server(sim, from, bytes, length);
}

// Questions.

muster_client *sim_client(struct sim *sim, uint32_t client_index)
{
    return sim->clients[client_index].client;
}

struct server *sim_server(struct sim *sim)
{
    return sim->server;
}

uint64_t sim_tick(const struct sim *sim)
{
    return sim->tick;
}

muster_netcode_time sim_now(const struct sim *sim)
{
    return sim->now;
}

uint32_t sim_playing_count(struct sim *sim)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->def.client_count; i++) {
        count += muster_client_state_of(sim->clients[i].client) == MUSTER_CLIENT_PLAYING ? 1 : 0;
    }
    return count;
}

uint64_t sim_gateway_counter(struct sim *sim, muster_gateway_counter which)
{
    return (uint64_t)muster_stats_read(
        server_stats(sim->server), SERVER_STAT_GATEWAY, (uint32_t)which);
}

uint64_t sim_link_counter(struct sim *sim, muster_netcode_counter which)
{
    return (uint64_t)muster_stats_read(
        server_stats(sim->server), SERVER_STAT_LINKS, (uint32_t)which);
}

muster_impairment_stats sim_network_stats(const struct sim *sim)
{
    muster_impairment_stats sum = {0};
    for (uint32_t i = 0; i < 2 * sim->def.client_count; i++) {
        const muster_impairment_stats link = muster_impairment_get_stats(sim->network, i);
        sum.packets_pushed += link.packets_pushed;
        sum.packets_popped += link.packets_popped;
        sum.packets_lost += link.packets_lost;
        sum.packets_burst_lost += link.packets_burst_lost;
        sum.packets_dropped += link.packets_dropped;
        sum.packets_duplicated += link.packets_duplicated;
        sum.packets_reordered += link.packets_reordered;
        sum.bytes_popped += link.bytes_popped;
    }
    return sum;
}

uint64_t sim_update_age_us(struct sim *sim, uint32_t client_index)
{
    const uint64_t tick_us = 1000000 / sim->def.game->tick_rate_hz;
    const uint64_t newest_tick = muster_client_newest_tick(sim->clients[client_index].client);
    return sim->now.steady_us - (START_US + newest_tick * tick_us);
}

static bool find_entity(const muster_replica_view *view, uint64_t id, uint32_t *out_index)
{
    for (uint32_t i = 0; i < muster_replica_default_schema().known_count_max; i++) {
        muster_replica_entity entity;
        if (muster_replica_view_entity(view, i, &entity) && entity.id == id) {
            *out_index = i;
            return true;
        }
    }
    return false;
}

static bool field_is_right(struct sim *sim,
    const muster_replica_view *view,
    uint32_t index,
    uint32_t slot,
    uint32_t field_index,
    bool is_mine)
{
    const muster_replica *replica = sim->server->world.replica;
    const muster_field_def *field = &sim->def.game->fields[field_index];
    const bool is_for_me = field->visibility == MUSTER_VISIBLE_EVERYONE || is_mine;
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    const bool is_known = muster_replica_view_values(view, index, field_index, values);
    if (is_known != is_for_me) {
        fprintf(stderr, "sim: field %s is %sknown\n", field->name, is_known ? "" : "not ");
        return false;
    }
    const uint32_t lane_count = field->encoding == MUSTER_FIELD_POSITION ? 3 : 1;
    for (uint32_t lane = 0; lane < lane_count && is_known; lane++) {
        const uint32_t right = muster_replica_value(replica, slot, field_index, lane);
        if (values[lane] != right) {
            fprintf(stderr, "sim: field %s is %u, not %u\n", field->name, values[lane], right);
            return false;
        }
    }
    return true;
}

bool sim_view_is_right(struct sim *sim, uint32_t client_index, float distance)
{
    muster_client *client = sim->clients[client_index].client;
    const muster_replica_view *view = muster_client_view(client);
    const muster_instance *instance = sim->server->world.instance;
    const muster_world_view *world = muster_instance_view(instance);
    const uint32_t player_index = muster_client_player_index(client);
    const muster_player *player = muster_instance_player(instance, player_index);
    if (player == NULL || player->entity_slot == MUSTER_NONE) {
        fprintf(stderr, "sim: client %u has no entity\n", client_index);
        return false;
    }
    const muster_vec3 place = world->position[player->entity_slot];
    for (uint32_t slot = 0; slot < world->slot_count; slot++) {
        const muster_vec3 way = muster_vec3_sub(world->position[slot], place);
        const bool is_near = muster_vec3_dot(way, way) <= distance * distance;
        const bool is_moving = muster_vec3_dot(world->velocity[slot], world->velocity[slot]) > 0.0f;
        if (!world->is_alive[slot] || !is_near || (is_moving && slot != player->entity_slot)) {
            continue;
        }
        uint32_t index;
        bool is_right = find_entity(view, world->id[slot], &index);
        for (uint32_t f = 0; f < sim->def.game->field_count && is_right; f++) {
            is_right = field_is_right(sim, view, index, slot, f, slot == player->entity_slot);
        }
        if (!is_right) {
            fprintf(stderr, "sim: client %u is wrong about entity %u\n", client_index, slot);
            return false;
        }
    }
    return true;
}

bool sim_player_place(struct sim *sim, uint32_t client_index, float out_place[2])
{
    const muster_instance *instance = sim->server->world.instance;
    const uint32_t player_index = muster_client_player_index(sim->clients[client_index].client);
    if (player_index == MUSTER_NONE) {
        return false;
    }
    const muster_player *player = muster_instance_player(instance, player_index);
    if (player == NULL || player->entity_slot == MUSTER_NONE) {
        return false;
    }
    const muster_vec3 place = muster_instance_view(instance)->position[player->entity_slot];
    out_place[0] = place.x;
    out_place[1] = place.y;
    return true;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    const muster_random_key key = {.seed = hash, .entity = value};
    return muster_random(key, 0);
}

uint64_t sim_fingerprint(struct sim *sim)
{
    const struct network *network = &sim->server->network;
    uint64_t hash = mix(sim->tick, muster_instance_hash(sim->server->world.instance));
    for (uint32_t i = 0; i < MUSTER_GATEWAY_COUNTER_COUNT; i++) {
        hash = mix(hash, muster_gateway_counters(network->gateway)[i]);
    }
    for (uint32_t i = 0; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        hash = mix(hash, muster_gateway_netcode_counters(network->gateway)->values[i]);
    }
    for (uint32_t i = 0; i < sim->def.client_count; i++) {
        const muster_client_stats stats = muster_client_stats_of(sim->clients[i].client);
        hash = mix(hash, stats.updates);
        hash = mix(hash, stats.refreshes << 32 | stats.resumes);
        hash = mix(hash, stats.bytes_received);
        hash = mix(hash, stats.bytes_sent);
        hash = mix(hash, stats.rtt_us);
    }
    return hash;
}
