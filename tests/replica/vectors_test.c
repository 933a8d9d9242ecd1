// SPDX-License-Identifier: Apache-2.0
#include "replica/codec.h"
#include "replica/scene.h"

// Writes docs/protocol/vectors/replication.txt anew and compares: packets of some scenes, each with
// what it brought to a client. The same bytes must come from the server, and the same entities from
// the client. `replica_vectors_test print` prints the file.

#define SCRIPT_TICKS   100
#define SCRIPT_SLOTS   5
#define BAD_LINE_TICKS 140
#define BAD_LINE_SLOTS 16
#define FALSE_ACK_TICK 120
#define HOSTILE_TICKS  50
#define LINE_BYTES     8192

static const char *path = MUSTER_SOURCE_DIR "/docs/protocol/vectors/replication.txt";

static const char *about =
    "# What came to one client in three scenes: over a good line, over one that loses, delays and\n"
    "# repeats packets, and over one on which somebody changes bits of copies.\n"
    "#   schema BYTES                    a scene begins\n"
    "#   number FIELD VALUE BITS         an integer of a lane, and the F32 that it stands for\n"
    "#   packet BYTES                    in the order of arrival; a tick may have none\n"
    "#   refused REASON                  by the client; it brought nothing\n"
    "#   enter INDEX ID KIND MINE        what the packet brought\n"
    "#   leave INDEX ID KIND MINE\n"
    "#   value INDEX FIELD TICK LANE...  a value of the newest tick\n"
    "#   state HASH                      FNV-1a of all that is known, as u32: for each index that\n"
    "#                                   holds an entity the index, low and high half of the id,\n"
    "#                                   kind, mine, and for each field its tick and, if that is\n"
    "#                                   not 0, its lanes\n";

static void live_again(struct scene *scene, uint32_t slot, float x)
{
    scene->is_alive[slot] = 1;
    scene->id[slot] = (scene->tick + 1) << 20 | (slot + 1);
    scene->position[slot] = (muster_vec3){x, -2.0f, 0.0f};
}

static struct scene *scripted_scene(void)
{
    struct scene *scene = scene_create(1, SCRIPT_SLOTS, 1, 30.0f);
    scene->is_frozen = true;
    for (uint32_t slot = 0; slot < SCRIPT_SLOTS; slot++) {
        scene->is_alive[slot] = slot < 3;
        scene->position[slot] = (muster_vec3){(float)slot * 10.0f, 1.5f, 0.25f};
        scene->plan[slot] = 1000000 * slot;
    }
    return scene;
}

// What happens beside the motion: the player's own entity is hurt and shoots; another leaves, and
// one that comes gets its index; one jumps; one goes beyond each channel's radius and back.
static void happen(struct scene *scene, uint64_t tick)
{
    scene->health[0] = tick > 5 ? 80 : 100;
    scene->ammo[0] = (uint8_t)(tick / 7);
    scene->secret[0] = (uint8_t)(tick / 11);
    scene->pose[1] = (uint8_t)(tick / 20);
    if (tick == 10) {
        scene->is_alive[2] = 0;
    } else if (tick == 14) {
        live_again(scene, 3, 5.0f);
    } else if (tick == 18) {
        live_again(scene, 4, -5.0f);
    } else if (tick == 24) {
        scene->position[3].x = -2000.0f;
    } else if (tick == 40) {
        scene->position[3].x = 200.0f;
    } else if (tick == 60) {
        live_again(scene, 4, 8.0f); // another one in the same slot
    }
}

// Whether packets of a tick are acknowledged: some are not, for so long that the states that they
// build on are no longer numbered one by one.
static bool is_acked(uint64_t tick)
{
    return tick < 20 || tick > 56;
}

// A tick of the script. Returns the packet, whose ack comes after the next tick's is written.
static struct scene_packet scripted_tick(struct scene *scene)
{
    const muster_parallel parallel = muster_parallel_serial();
    const uint64_t tick = scene->tick + 1;
    scene->position[1].x += 0.055f;
    scene->position[2].y += tick > 4 ? 0.1f : 0.0f;
    scene->velocity[1].x = 3.3f;
    scene->yaw[1] += 0.02f;
    scene->score[2] = (uint16_t)(tick / 4 * 7);
    happen(scene, tick);
    scene_step(scene);
    muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
    const muster_replica_viewer viewer = {.viewpoint = scene->position[0], .team = 1};
    muster_replica_look(scene->replica, 0, &viewer);
    struct scene_packet packet = {.is_there = true};
    muster_replica_write(
        scene->replica, 0, packet.bytes, sizeof packet.bytes, &packet.length, &packet.token);
    if (is_acked(tick)) {
        (void)muster_replica_acked(scene->replica, 0, scene->clients[0].received[0]);
    }
    scene->clients[0].received[0] = packet.token;
    return packet;
}

static void print_hex(FILE *file, const char *word, const uint8_t *bytes, size_t length)
{
    fprintf(file, "%s ", word);
    for (size_t i = 0; i < length; i++) {
        fprintf(file, "%02x", bytes[i]);
    }
    fprintf(file, "\n");
}

static void print_schema(FILE *file, const struct scene *scene)
{
    uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t length;
    assert_int_equal(
        muster_replica_schema_encode(&scene->schema, bytes, sizeof bytes, &length), MUSTER_OK);
    print_hex(file, "schema", bytes, length);
}

// Some integers of each field, and what they stand for.
static void print_numbers(FILE *file, const struct scene *scene)
{
    struct layout layout;
    layout_init(&layout, &scene->schema);
    for (uint32_t f = 0; f < layout.field_count; f++) {
        const struct layout_field *field = &layout.fields[f];
        for (uint32_t i = 0; i <= 8; i++) {
            const uint32_t value = (uint32_t)((uint64_t)field->value_max * i / 8);
            const float number = codec_dequantise(field, value);
            uint32_t bits;
            memcpy(&bits, &number, sizeof bits);
            fprintf(file, "number %u %u %08x\n", f, value, bits);
        }
    }
}

static void print_events(FILE *file, muster_replica_view *view)
{
    muster_replica_event event;
    while (muster_replica_view_pop_event(view, &event)) {
        fprintf(file, "%s %u %llu %u %u\n", event.type == MUSTER_REPLICA_ENTER ? "enter" : "leave",
            event.entity.index, (unsigned long long)event.entity.id, event.entity.kind,
            event.entity.is_mine ? 1 : 0);
    }
}

static void print_values(FILE *file, const muster_replica_view *view)
{
    for (uint32_t index = 0; index < muster_replica_view_index_end(view); index++) {
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
            const uint64_t tick = muster_replica_view_field_tick(view, index, f);
            if (muster_replica_view_values(view, index, f, values) &&
                tick == muster_replica_view_tick(view)) {
                fprintf(file, "value %u %u %llu %u %u %u\n", index, f, (unsigned long long)tick,
                    values[0], values[1], values[2]);
            }
        }
    }
}

static void hash_word(uint32_t *hash, uint32_t word)
{
    for (uint32_t i = 0; i < 4; i++) {
        *hash = (*hash ^ (word >> 8 * i & 0xFF)) * 16777619u;
    }
}

static void hash_fields(uint32_t *hash, const muster_replica_view *view, uint32_t index)
{
    for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        hash_word(hash, (uint32_t)muster_replica_view_field_tick(view, index, f));
        const bool is_known = muster_replica_view_values(view, index, f, values);
        for (uint32_t lane = 0; is_known && lane < scene_lane_count(f); lane++) {
            hash_word(hash, values[lane]);
        }
    }
}

static uint32_t hash_view(const muster_replica_view *view)
{
    uint32_t hash = 2166136261u;
    for (uint32_t index = 0; index < muster_replica_view_index_end(view); index++) {
        muster_replica_entity entity;
        if (muster_replica_view_entity(view, index, &entity)) {
            hash_word(&hash, index);
            hash_word(&hash, (uint32_t)entity.id);
            hash_word(&hash, (uint32_t)(entity.id >> 32));
            hash_word(&hash, entity.kind);
            hash_word(&hash, entity.is_mine ? 1 : 0);
            hash_fields(&hash, view, index);
        }
    }
    return hash;
}

static void print_script(FILE *file)
{
    struct scene *scene = scripted_scene();
    muster_replica_view *view = scene->clients[0].view;
    print_schema(file, scene);
    print_numbers(file, scene);
    for (int tick = 0; tick < SCRIPT_TICKS; tick++) {
        const struct scene_packet packet = scripted_tick(scene);
        if (packet.length == 0) {
            continue;
        }
        print_hex(file, "packet", packet.bytes, packet.length);
        assert_int_equal(muster_replica_view_decode(view, packet.bytes, packet.length), MUSTER_OK);
        print_events(file, view);
        print_values(file, view);
    }
    scene_destroy(scene);
}

// Entities die and others take their slots; late packets speak of those before.
static void churn(struct scene *scene)
{
    const uint64_t tick = scene->tick + 1;
    const uint32_t slot = 1 + (uint32_t)(tick / 6) % (BAD_LINE_SLOTS - 1);
    if (tick % 6 == 0) {
        scene->is_alive[slot] = 0;
    } else if (tick % 6 == 3) {
        scene_spawn(scene, slot);
    }
}

// Returns whether the client has taken the packet.
static bool print_arrival(FILE *file, muster_replica_view *view, const struct scene_packet *packet)
{
    print_hex(file, "packet", packet->bytes, packet->length);
    const muster_status status = muster_replica_view_decode(view, packet->bytes, packet->length);
    if (status != MUSTER_OK) {
        const bool is_malformed = status == MUSTER_ERR_MALFORMED;
        assert_true(is_malformed || status == MUSTER_ERR_NOT_FOUND);
        fprintf(file, "refused %s\n", is_malformed ? "malformed" : "not_found");
    }
    print_events(file, view);
    fprintf(file, "state %08x\n", hash_view(view));
    return status == MUSTER_OK;
}

// A copy of a packet with one bit changed, or two.
static struct scene_packet damaged(struct scene *scene, const struct scene_packet *packet)
{
    struct scene_packet copy = *packet;
    for (uint32_t i = 0; i <= scene->tick % 2; i++) {
        const uint32_t bit = scene_random(scene, (uint32_t)packet->length * 8);
        copy.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    return copy;
}

static void print_arrivals(FILE *file, struct scene *scene, bool is_hostile)
{
    struct scene_client *client = &scene->clients[0];
    for (uint32_t i = 0; i < SCENE_LINE_PACKETS; i++) {
        struct scene_packet *packet = &client->packets[i];
        if (!packet->is_there || packet->arrival_tick > scene->tick) {
            continue;
        }
        packet->is_there = false;
        if (is_hostile) {
            const struct scene_packet copy = damaged(scene, packet);
            (void)print_arrival(file, client->view, &copy);
        }
        if (print_arrival(file, client->view, packet)) {
            client->received[client->received_count++ % SCENE_ACKS] = packet->token;
        }
    }
}

// The server is told that the client has what it has not.
static void acknowledge_falsely(struct scene *scene)
{
    const struct scene_client *client = &scene->clients[0];
    for (uint32_t i = 0; i < client->sent_count; i++) {
        (void)muster_replica_acked(
            scene->replica, 0, client->sent[(client->sent_first + i) % 1024].token);
    }
}

static void print_line(FILE *file, struct scene *scene, uint64_t tick_count, bool is_hostile)
{
    const muster_parallel parallel = muster_parallel_serial();
    print_schema(file, scene);
    while (scene->tick < tick_count) {
        churn(scene);
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        scene_acknowledge(scene, 0);
        if (scene->tick == FALSE_ACK_TICK) {
            acknowledge_falsely(scene);
        }
        scene_send(scene, 0);
        print_arrivals(file, scene, is_hostile);
        scene_answer(scene, 0);
    }
    scene_destroy(scene);
}

static void print_bad_line(FILE *file)
{
    struct scene *scene = scene_create(7, BAD_LINE_SLOTS, 1, 90.0f);
    scene->loss_percent = 25;
    scene->repeat_percent = 5;
    scene->delay_ticks_max = 5;
    print_line(file, scene, BAD_LINE_TICKS, false);
}

static void print_hostile_line(FILE *file)
{
    struct scene *scene = scene_create(8, BAD_LINE_SLOTS, 1, 90.0f);
    print_line(file, scene, HOSTILE_TICKS, true);
}

static void print_vectors(FILE *file)
{
    fprintf(file, "%s", about);
    print_script(file);
    print_bad_line(file);
    print_hostile_line(file);
}

static void both_ends_agree_with_the_documented_vectors(void **state)
{
    (void)state;
    FILE *made = tmpfile();
    FILE *file = fopen(path, "r");
    assert_non_null(made);
    assert_non_null(file);
    print_vectors(made);
    rewind(made);
    char line[LINE_BYTES];
    char expected[LINE_BYTES];
    while (fgets(expected, sizeof expected, file) != NULL) {
        assert_non_null(fgets(line, sizeof line, made));
        assert_string_equal(line, expected);
    }
    assert_null(fgets(line, sizeof line, made));
    fclose(file);
    fclose(made);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        print_vectors(stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_agree_with_the_documented_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
