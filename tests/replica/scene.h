// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small world with walkers, replicated to a few clients over bad lines; for tests of both ends
/// together. Every state that a client decodes is compared with what the server had at that tick.

#include "muster/replica.h"
#include "muster/replica_view.h"

#include "harness/random.h"

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SCENE_ENTITIES_MAX 1024
#define SCENE_CLIENTS_MAX  8
#define SCENE_LINE_PACKETS 256 // under way to one client
#define SCENE_PACKET_BYTES 1150
#define SCENE_ACKS         64 // tokens that a client repeats
#define SCENE_TICKS_KEPT   256

/// The fields of the scene, by index.
enum {
    SCENE_POSITION,
    SCENE_HEALTH,
    SCENE_VELOCITY,
    SCENE_YAW,
    SCENE_AMMO,
    SCENE_POSE,
    SCENE_SECRET,
    SCENE_SCORE,
    SCENE_PLAN,
    SCENE_FIELD_COUNT,
};

struct scene_packet {
    uint8_t bytes[SCENE_PACKET_BYTES];
    size_t length;
    uint32_t token;
    uint64_t arrival_tick;
    bool is_there;
};

/// A token on its way back, or waiting to be given up.
struct scene_ack {
    uint32_t token;
    uint64_t arrival_tick;
};

struct scene_client {
    muster_replica_view *view;
    struct scene_packet packets[SCENE_LINE_PACKETS];
    uint32_t received[SCENE_ACKS]; // the latest tokens, a ring
    uint32_t received_count;
    struct scene_ack acks[4096]; // a ring of what is on its way back
    uint32_t ack_first;
    uint32_t ack_count;
    struct scene_ack sent[1024]; // a ring, to call packets lost after a while
    uint32_t sent_first;
    uint32_t sent_count;
    uint64_t decoded_count;
    uint64_t refused_count;
    uint64_t bytes;
};

struct scene {
    uint64_t random_state;
    uint64_t tick;
    uint32_t entity_count; // slots in use
    uint32_t client_count; // client i looks from entity i
    uint32_t loss_percent;
    uint32_t repeat_percent;  // packets that come twice
    uint32_t delay_ticks_min; // one way
    uint32_t delay_ticks_max;
    uint32_t bytes_per_s;
    float side_m;
    bool is_frozen; // nothing changes any more
    muster_replica_schema schema;
    muster_replica *replica;
    muster_replica_world world;
    struct scene_client clients[SCENE_CLIENTS_MAX];

    uint8_t is_alive[SCENE_ENTITIES_MAX];
    uint64_t id[SCENE_ENTITIES_MAX];
    uint16_t kind[SCENE_ENTITIES_MAX];
    uint16_t team[SCENE_ENTITIES_MAX];
    uint32_t owner[SCENE_ENTITIES_MAX];
    muster_vec3 position[SCENE_ENTITIES_MAX];
    muster_vec3 velocity[SCENE_ENTITIES_MAX];
    float yaw[SCENE_ENTITIES_MAX];
    uint8_t health[SCENE_ENTITIES_MAX];
    uint8_t ammo[SCENE_ENTITIES_MAX];
    uint8_t pose[SCENE_ENTITIES_MAX];
    uint8_t secret[SCENE_ENTITIES_MAX];
    uint16_t score[SCENE_ENTITIES_MAX];
    uint32_t plan[SCENE_ENTITIES_MAX];

    // What the server's integers were, by tick.
    uint32_t kept[SCENE_TICKS_KEPT][SCENE_ENTITIES_MAX][SCENE_FIELD_COUNT][3];
    uint64_t kept_id[SCENE_TICKS_KEPT][SCENE_ENTITIES_MAX];
};

static inline uint32_t scene_random(struct scene *scene, uint32_t bound)
{
    return (uint32_t)(random_next(&scene->random_state) % bound);
}

static inline float scene_unit(struct scene *scene)
{
    return (float)(random_next(&scene->random_state) >> 40) / 16777216.0f;
}

static inline void scene_add_field(muster_replica_schema *schema,
    muster_field_def field,
    muster_state_type type,
    uint32_t lane_count)
{
    assert_int_equal(muster_replica_schema_add(schema, &field, type, lane_count), MUSTER_OK);
}

/// Every encoding, channel and visibility.
static inline muster_replica_schema scene_schema(void)
{
    muster_replica_schema schema = muster_replica_default_schema();
    scene_add_field(&schema,
        (muster_field_def){.name = "position",
            .encoding = MUSTER_FIELD_POSITION,
            .min = -2048.0f,
            .max = 2048.0f,
            .precision = 0.01f,
            .channel = MUSTER_CHANNEL_CRITICAL},
        MUSTER_STATE_F32, 3);
    scene_add_field(&schema, (muster_field_def){.name = "health", .max = 100.0f, .precision = 1.0f},
        MUSTER_STATE_U8, 1);
    scene_add_field(&schema,
        (muster_field_def){.name = "velocity",
            .encoding = MUSTER_FIELD_FLOAT,
            .min = -32.0f,
            .max = 32.0f,
            .precision = 0.03125f,
            .channel = MUSTER_CHANNEL_DETAILED},
        MUSTER_STATE_F32, 3);
    scene_add_field(&schema,
        (muster_field_def){.name = "yaw",
            .encoding = MUSTER_FIELD_ANGLE,
            .precision = 0.0061359f,
            .channel = MUSTER_CHANNEL_DETAILED},
        MUSTER_STATE_F32, 1);
    scene_add_field(&schema,
        (muster_field_def){.name = "ammo",
            .max = 255.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_DETAILED,
            .visibility = MUSTER_VISIBLE_OWNER},
        MUSTER_STATE_U8, 1);
    scene_add_field(&schema,
        (muster_field_def){
            .name = "pose", .max = 15.0f, .precision = 1.0f, .channel = MUSTER_CHANNEL_COSMETIC},
        MUSTER_STATE_U8, 1);
    scene_add_field(&schema,
        (muster_field_def){.name = "secret",
            .max = 255.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_COSMETIC,
            .visibility = MUSTER_VISIBLE_RULE},
        MUSTER_STATE_U8, 1);
    scene_add_field(&schema,
        (muster_field_def){.name = "score",
            .max = 65535.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_METADATA},
        MUSTER_STATE_U16, 1);
    scene_add_field(&schema,
        (muster_field_def){.name = "plan",
            .max = 4294967040.0f,
            .precision = 1.0f,
            .channel = MUSTER_CHANNEL_METADATA,
            .visibility = MUSTER_VISIBLE_TEAM},
        MUSTER_STATE_U32, 1);
    return schema;
}

/// Player p sees the secrets of entities whose slot has the same rest by 3.
static inline bool scene_can_see_fields(void *context, uint32_t player_index, uint32_t slot)
{
    (void)context;
    return slot % 3 == player_index % 3;
}

/// Puts a new entity into a slot.
static inline void scene_spawn(struct scene *scene, uint32_t slot)
{
    scene->is_alive[slot] = 1;
    scene->id[slot] = (scene->tick + 1) << 20 | (slot + 1);
    scene->kind[slot] = (uint16_t)(slot % 7);
    scene->team[slot] = (uint16_t)(slot % 3);
    scene->owner[slot] = slot < scene->client_count ? slot + 1 : 0;
    scene->position[slot] = (muster_vec3){(scene_unit(scene) - 0.5f) * scene->side_m,
        (scene_unit(scene) - 0.5f) * scene->side_m, scene_unit(scene) * 5.0f};
    scene->velocity[slot] = (muster_vec3){0};
    scene->health[slot] = 100;
}

static inline void scene_create_replica(struct scene *scene, muster_replica_def def)
{
    def.schema = &scene->schema;
    assert_int_equal(muster_replica_create(&def, &scene->replica), MUSTER_OK);
    for (uint32_t c = 0; c < scene->client_count; c++) {
        muster_replica_view_def view_def = muster_replica_view_default_def();
        view_def.schema = &scene->schema;
        assert_int_equal(muster_replica_view_create(&view_def, &scene->clients[c].view), MUSTER_OK);
        muster_replica_add_client(scene->replica, c);
    }
}

/// A scene of walkers in a square. Lines have no loss and no delay unless changed afterwards.
static inline struct scene *scene_create(
    uint64_t seed, uint32_t entity_count, uint32_t client_count, float side_m)
{
    struct scene *scene = calloc(1, sizeof *scene);
    assert_non_null(scene);
    scene->random_state = seed;
    scene->entity_count = entity_count;
    scene->client_count = client_count;
    scene->side_m = side_m;
    scene->delay_ticks_min = 1;
    scene->delay_ticks_max = 1;
    scene->schema = scene_schema();
    for (uint32_t slot = 0; slot < entity_count; slot++) {
        scene_spawn(scene, slot);
    }
    scene->world = (muster_replica_world){
        .is_alive = scene->is_alive,
        .id = scene->id,
        .kind = scene->kind,
        .team = scene->team,
        .owner = scene->owner,
        .position = scene->position,
        .can_see_fields = scene_can_see_fields,
        .columns = {scene->position, scene->health, scene->velocity, scene->yaw, scene->ammo,
            scene->pose, scene->secret, scene->score, scene->plan},
    };
    muster_replica_def def = muster_replica_default_def();
    def.client_capacity = SCENE_CLIENTS_MAX;
    def.entity_capacity = SCENE_ENTITIES_MAX;
    scene_create_replica(scene, def);
    return scene;
}

static inline void scene_destroy(struct scene *scene)
{
    for (uint32_t c = 0; c < scene->client_count; c++) {
        muster_replica_view_destroy(scene->clients[c].view);
    }
    muster_replica_destroy(scene->replica);
    free(scene);
}

/// Walks an entity on: new speed and direction about twice a second, turning in between.
static inline void scene_walk(struct scene *scene, uint32_t slot)
{
    const float dt = 1.0f / 60.0f;
    muster_vec3 *velocity = &scene->velocity[slot];
    if (scene_random(scene, 30) == 0) {
        const float speed = 3.0f * (float)scene_random(scene, 3);
        const float x = scene_unit(scene) - 0.5f;
        const float y = scene_unit(scene) - 0.5f;
        const float scale = speed / (1e-3f + muster_sqrt(x * x + y * y));
        *velocity = (muster_vec3){x * scale, y * scale, 0.0f};
    }
    muster_vec3 *position = &scene->position[slot];
    const float half_m = scene->side_m / 2.0f;
    velocity->x = position->x > half_m ? -3.0f : (position->x < -half_m ? 3.0f : velocity->x);
    velocity->y = position->y > half_m ? -3.0f : (position->y < -half_m ? 3.0f : velocity->y);
    *position = muster_vec3_add(*position, muster_vec3_scale(*velocity, dt));
    scene->yaw[slot] += scene_random(scene, 4) == 0 ? (scene_unit(scene) - 0.5f) : 0.0f;
}

/// One step of the world.
static inline void scene_step(struct scene *scene)
{
    scene->tick++;
    scene->world.tick = scene->tick;
    scene->world.slot_count = scene->entity_count;
    for (uint32_t slot = 0; slot < scene->entity_count && !scene->is_frozen; slot++) {
        if (scene->is_alive[slot] == 0) {
            continue;
        }
        scene_walk(scene, slot);
        const uint32_t chance = scene_random(scene, 240);
        scene->health[slot] = chance == 0 ? (uint8_t)scene_random(scene, 101) : scene->health[slot];
        scene->ammo[slot] = (uint8_t)(scene->ammo[slot] - (chance == 1));
        scene->pose[slot] = chance == 2 ? (uint8_t)scene_random(scene, 16) : scene->pose[slot];
        scene->secret[slot] = (uint8_t)(scene->secret[slot] + (chance == 3));
        scene->score[slot] = (uint16_t)(scene->score[slot] + (chance == 4 ? 7 : 0));
        scene->plan[slot] = chance == 5 ? (uint32_t)random_next(&scene->random_state) % 4294967040u
                                        : scene->plan[slot];
    }
}

static inline uint32_t scene_lane_count(uint32_t field)
{
    return field == SCENE_POSITION || field == SCENE_VELOCITY ? 3 : 1;
}

static inline void scene_keep(struct scene *scene)
{
    const size_t row = scene->tick % SCENE_TICKS_KEPT;
    for (uint32_t slot = 0; slot < scene->entity_count; slot++) {
        scene->kept_id[row][slot] = scene->is_alive[slot] != 0 ? scene->id[slot] : 0;
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT && scene->is_alive[slot] != 0; f++) {
            for (uint32_t lane = 0; lane < scene_lane_count(f); lane++) {
                scene->kept[row][slot][f][lane] =
                    muster_replica_value(scene->replica, slot, f, lane);
            }
        }
    }
}

/// The slot of an id, which is part of it.
static inline uint32_t scene_slot(uint64_t id)
{
    return (uint32_t)(id & 0xFFFFF) - 1;
}

/// Compares all that a client knows with what the server had at the tick of each field.
static inline void scene_check(const struct scene *scene, uint32_t c)
{
    const muster_replica_view *view = scene->clients[c].view;
    muster_replica_entity entity;
    for (uint32_t index = 0; index < scene->schema.known_count_max; index++) {
        if (!muster_replica_view_entity(view, index, &entity)) {
            continue;
        }
        const uint32_t slot = scene_slot(entity.id);
        assert_in_range(slot, 0, scene->entity_count - 1);
        assert_int_equal(entity.kind, slot % 7);
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
            const uint64_t tick = muster_replica_view_field_tick(view, index, f);
            if (!muster_replica_view_values(view, index, f, values) ||
                tick + SCENE_TICKS_KEPT <= scene->tick) {
                continue;
            }
            const size_t row = tick % SCENE_TICKS_KEPT;
            assert_int_equal(scene->kept_id[row][slot], entity.id);
            for (uint32_t lane = 0; lane < scene_lane_count(f); lane++) {
                assert_int_equal(values[lane], scene->kept[row][slot][f][lane]);
            }
        }
    }
}

static inline uint64_t scene_arrival(struct scene *scene)
{
    const uint32_t spread = scene->delay_ticks_max - scene->delay_ticks_min + 1;
    return scene->tick + scene->delay_ticks_min + scene_random(scene, spread);
}

static inline bool scene_is_lost(struct scene *scene)
{
    return scene_random(scene, 100) < scene->loss_percent;
}

static inline bool scene_is_repeated(struct scene *scene)
{
    return scene->repeat_percent != 0 && scene_random(scene, 100) < scene->repeat_percent;
}

/// Puts a packet onto a client's line.
static inline void scene_put(struct scene_client *client, const struct scene_packet *packet)
{
    uint32_t place = 0;
    while (place < SCENE_LINE_PACKETS && client->packets[place].is_there) {
        place++;
    }
    assert_in_range(place, 0, SCENE_LINE_PACKETS - 1);
    client->packets[place] = *packet;
}

/// Writes all packets of a client for this tick onto its line.
static inline void scene_send(struct scene *scene, uint32_t c)
{
    struct scene_client *client = &scene->clients[c];
    const muster_replica_viewer viewer = {
        .viewpoint = scene->position[c],
        .player_index = c,
        .team = scene->team[c],
        .packet_overhead_bytes = 63,
        .bytes_per_s = scene->bytes_per_s,
    };
    muster_replica_look(scene->replica, c, &viewer);
    for (;;) {
        struct scene_packet packet = {.is_there = true};
        muster_replica_write(
            scene->replica, c, packet.bytes, sizeof packet.bytes, &packet.length, &packet.token);
        if (packet.length == 0) {
            assert_int_equal(packet.token, 0);
            return;
        }
        client->bytes += packet.length + 63;
        packet.arrival_tick = scene_arrival(scene);
        assert_in_range(client->sent_count, 0, 1023);
        client->sent[(client->sent_first + client->sent_count++) % 1024] =
            (struct scene_ack){packet.token, scene->tick + 24};
        if (scene_is_lost(scene)) {
            continue;
        }
        scene_put(client, &packet);
        if (scene_is_repeated(scene)) {
            packet.arrival_tick = scene_arrival(scene);
            scene_put(client, &packet);
        }
    }
}

/// Acks of the latest packets of a client go back.
static inline void scene_answer(struct scene *scene, uint32_t c)
{
    struct scene_client *client = &scene->clients[c];
    if (scene_is_lost(scene)) {
        return;
    }
    const uint64_t arrival_tick = scene_arrival(scene);
    const uint32_t count = client->received_count < 33 ? client->received_count : 33;
    for (uint32_t i = 0; i < count && client->ack_count < 4096; i++) {
        const uint32_t token = client->received[(client->received_count - 1 - i) % SCENE_ACKS];
        client->acks[(client->ack_first + client->ack_count++) % 4096] =
            (struct scene_ack){token, arrival_tick};
    }
}

/// Delivers what arrives at a client, which answers in every tick.
static inline void scene_receive(struct scene *scene, uint32_t c)
{
    struct scene_client *client = &scene->clients[c];
    for (uint32_t i = 0; i < SCENE_LINE_PACKETS; i++) {
        struct scene_packet *packet = &client->packets[i];
        if (!packet->is_there || packet->arrival_tick > scene->tick) {
            continue;
        }
        packet->is_there = false;
        const muster_status status =
            muster_replica_view_decode(client->view, packet->bytes, packet->length);
        if (status == MUSTER_OK) {
            client->received[client->received_count++ % SCENE_ACKS] = packet->token;
            client->decoded_count++;
        } else {
            assert_true(status == MUSTER_ERR_NOT_FOUND || status == MUSTER_ERR_FULL);
            client->refused_count++;
        }
    }
    scene_answer(scene, c);
}

/// Hands the server the acks that have arrived, and gives up what was not acknowledged for long.
static inline void scene_acknowledge(struct scene *scene, uint32_t c)
{
    struct scene_client *client = &scene->clients[c];
    while (client->ack_count > 0 &&
           client->acks[client->ack_first % 4096].arrival_tick <= scene->tick) {
        (void)muster_replica_acked(
            scene->replica, c, client->acks[client->ack_first++ % 4096].token);
        client->ack_count--;
    }
    while (client->sent_count > 0 &&
           client->sent[client->sent_first % 1024].arrival_tick <= scene->tick) {
        (void)muster_replica_lost(
            scene->replica, c, client->sent[client->sent_first++ % 1024].token);
        client->sent_count--;
    }
}

/// A tick of everything: the world, the server, the lines, the clients.
static inline void scene_tick(struct scene *scene)
{
    const muster_parallel parallel = muster_parallel_serial();
    scene_step(scene);
    muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
    scene_keep(scene);
    for (uint32_t c = 0; c < scene->client_count; c++) {
        scene_acknowledge(scene, c);
        scene_send(scene, c);
        scene_receive(scene, c);
        for (muster_replica_event event;
             muster_replica_view_pop_event(scene->clients[c].view, &event);) {
        }
    }
}
