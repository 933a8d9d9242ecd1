// SPDX-License-Identifier: Apache-2.0
#include "live/crowd.h"

#include "apps/bots/brain.h"
#include "drivers/clock.h"
#include "drivers/udp.h"
#include "harness/random.h"

#include <stdio.h>
#include <stdlib.h>

#define STEP_US       1000u
#define TICK_US       16667u
#define BUFFER_BYTES  (256u * 1024u)
#define CALL_PACKETS  16u
#define CHAT_IN_TURNS 300u

struct member {
    muster_client *client;
    struct udp_socket *socket;
    uint64_t turn_us;
    struct brain brain;
    bool is_cut;
};

struct crowd {
    struct crowd_def def;
    uint64_t random;
    uint64_t step_us;
    uint64_t death_count;
    struct member *members;
    muster_packet_batch batch;
    muster_packet packets[CALL_PACKETS];
    uint8_t bytes[CALL_PACKETS][MUSTER_PACKET_BYTES_MAX];
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "crowd: %s\n", what);
        abort();
    }
}

static muster_netcode_time time_now(void)
{
    return (muster_netcode_time){.steady_us = clock_monotonic_us(), .unix_s = clock_unix_seconds()};
}

struct crowd *crowd_create(const struct crowd_def *def)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    require(crowd != NULL, "no memory");
    crowd->def = *def;
    crowd->random = def->seed;
    crowd->step_us = clock_monotonic_us();
    crowd->members = calloc(def->client_count, sizeof crowd->members[0]);
    require(crowd->members != NULL, "no memory");
    for (uint32_t i = 0; i < CALL_PACKETS; i++) {
        crowd->packets[i].bytes = crowd->bytes[i];
    }
    crowd->batch = (muster_packet_batch){.packets = crowd->packets, .capacity = CALL_PACKETS};
    muster_client_def client_def = muster_client_default_def();
    client_def.keeps_places = false; // nobody looks at the picture
    struct udp_def udp_def = udp_default_def();
    udp_def.call_packets_max = CALL_PACKETS;
    udp_def.receive_buffer_bytes = BUFFER_BYTES;
    udp_def.send_buffer_bytes = BUFFER_BYTES;
    for (uint32_t i = 0; i < def->client_count; i++) {
        struct member *member = &crowd->members[i];
        struct driver_error error = {0};
        require(muster_client_create(&client_def, &member->client) == MUSTER_OK, "no client");
        require(udp_open(&udp_def, &member->socket, &error) == MUSTER_OK, error.text);
        brain_init(&member->brain, def->seed, i);
        member->turn_us = crowd->step_us + (uint64_t)i * TICK_US / def->client_count;
    }
    return crowd;
}

void crowd_destroy(struct crowd *crowd)
{
    if (crowd == NULL) {
        return;
    }
    for (uint32_t i = 0; i < crowd->def.client_count; i++) {
        muster_client_destroy(crowd->members[i].client);
        udp_close(crowd->members[i].socket);
    }
    free(crowd->members);
    free(crowd);
}

void crowd_join(struct crowd *crowd, uint32_t client_index)
{
    muster_player player = {.id = {client_index + 1, crowd->def.seed}};
    uint8_t random_bytes[MUSTER_LOGIN_RANDOM_BYTES];
    uint8_t token[MUSTER_CONNECT_TOKEN_BYTES];
    snprintf(player.name, sizeof player.name, "player %u", client_index);
    clock_random_bytes(random_bytes, sizeof random_bytes);
    const muster_netcode_time now = time_now();
    require(muster_login_issue(&crowd->def.login, &player, now.steady_us, now.unix_s, random_bytes,
                token) == MUSTER_OK,
        "no token");
    require(muster_client_connect(crowd->members[client_index].client, now, token) == MUSTER_OK,
        "the token is refused");
}

void crowd_leave(struct crowd *crowd, uint32_t client_index)
{
    muster_client_leave(crowd->members[client_index].client);
}

void crowd_set_cut(struct crowd *crowd, uint32_t client_index, bool is_cut)
{
    crowd->members[client_index].is_cut = is_cut;
}

static bool is_lost(struct crowd *crowd, const struct member *member)
{
    return member->is_cut || random_next(&crowd->random) % 1000000 < crowd->def.loss_ppm;
}

// As a bot does; and now and then a word.
static void act(struct crowd *crowd, struct member *member)
{
    brain_think(&member->brain, member->client);
    const uint32_t chat = muster_client_find_message(member->client, "chat");
    if (chat != MUSTER_NONE && random_next(&crowd->random) % CHAT_IN_TURNS == 0) {
        // A client that is cut off may have a full queue.
        const muster_status status = muster_client_send(member->client, chat, "hello", 5);
        (void)status;
    }
}

static void receive(struct crowd *crowd, struct member *member)
{
    muster_packet_batch *batch = &crowd->batch;
    (void)udp_receive(member->socket, batch);
    const muster_netcode_time now = time_now();
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!is_lost(crowd, member)) {
            muster_client_receive(member->client, now, &batch->packets[i]);
        }
    }
}

static void take_what_came(struct crowd *crowd, muster_client *client)
{
    const uint32_t beaten = muster_client_find_message(client, "beaten");
    muster_client_message message;
    muster_replica_event event;
    muster_replica_view *view = muster_client_view(client);
    while (muster_client_pop_message(client, &message)) {
        crowd->death_count += message.message_index == beaten ? 1 : 0;
    }
    while (view != NULL && muster_replica_view_pop_event(view, &event)) {
    }
}

static void take_turn(struct crowd *crowd, struct member *member)
{
    receive(crowd, member);
    if (muster_client_state_of(member->client) == MUSTER_CLIENT_PLAYING) {
        act(crowd, member);
    }
    muster_packet_batch *batch = &crowd->batch;
    batch->count = 0;
    muster_client_update(member->client, time_now(), batch);
    take_what_came(crowd, member->client);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        if (!is_lost(crowd, member)) {
            const muster_packet packet = batch->packets[kept];
            batch->packets[kept++] = batch->packets[i];
            batch->packets[i] = packet;
        }
    }
    batch->count = kept;
    (void)udp_send(member->socket, batch, 0);
}

void crowd_step(struct crowd *crowd)
{
    crowd->step_us += STEP_US;
    clock_sleep_until_us(crowd->step_us);
    const uint64_t now_us = clock_monotonic_us();
    for (uint32_t i = 0; i < crowd->def.client_count; i++) {
        struct member *member = &crowd->members[i];
        if (member->turn_us <= now_us) {
            take_turn(crowd, member);
            member->turn_us += TICK_US;
            member->turn_us = member->turn_us < now_us ? now_us : member->turn_us;
        }
    }
    crowd->step_us = crowd->step_us < now_us ? now_us : crowd->step_us;
}

uint32_t crowd_playing_count(const struct crowd *crowd)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < crowd->def.client_count; i++) {
        const muster_client *client = crowd->members[i].client;
        count += muster_client_state_of(client) == MUSTER_CLIENT_PLAYING ? 1 : 0;
    }
    return count;
}

uint64_t crowd_death_count(const struct crowd *crowd)
{
    return crowd->death_count;
}

uint16_t crowd_port(const struct crowd *crowd, uint32_t client_index)
{
    return udp_local_address(crowd->members[client_index].socket).port;
}
