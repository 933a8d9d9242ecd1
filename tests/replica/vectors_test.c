// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

// Reads docs/protocol/vectors/replication.txt: a schema, and packets of some entities over some
// ticks, each followed by what it brought to a client. The server must write the same bytes and the
// client read the same values. `replica_vectors_test print` prints the file.

#define TICK_COUNT 100
#define SLOT_COUNT 5
#define LINE_BYTES 4096

static const char *path = MUSTER_SOURCE_DIR "/docs/protocol/vectors/replication.txt";

static struct scene *scripted_scene(void)
{
    struct scene *scene = scene_create(1, SLOT_COUNT, 1, 30.0f);
    scene->is_frozen = true;
    for (uint32_t slot = 0; slot < SLOT_COUNT; slot++) {
        scene->is_alive[slot] = slot < 3;
        scene->position[slot] = (muster_vec3){(float)slot * 10.0f, 1.5f, 0.25f};
        scene->plan[slot] = 1000000 * slot;
    }
    return scene;
}

static void live_again(struct scene *scene, uint32_t slot, float x)
{
    scene->is_alive[slot] = 1;
    scene->id[slot] = (scene->tick + 1) << 20 | (slot + 1);
    scene->position[slot] = (muster_vec3){x, -2.0f, 0.0f};
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

static void print_hex(const char *word, const uint8_t *bytes, size_t length)
{
    printf("%s ", word);
    for (size_t i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
}

// What the newest packet has brought.
static void print_news(muster_replica_view *view)
{
    muster_replica_event event;
    while (muster_replica_view_pop_event(view, &event)) {
        printf("%s %u %llu %u %u\n", event.type == MUSTER_REPLICA_ENTER ? "enter" : "leave",
            event.entity.index, (unsigned long long)event.entity.id, event.entity.kind,
            event.entity.is_mine ? 1 : 0);
    }
    for (uint32_t index = 0; index < muster_replica_view_index_end(view); index++) {
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
            const uint64_t tick = muster_replica_view_field_tick(view, index, f);
            if (muster_replica_view_values(view, index, f, values) &&
                tick == muster_replica_view_tick(view)) {
                printf("value %u %u %llu %u %u %u\n", index, f, (unsigned long long)tick, values[0],
                    values[1], values[2]);
            }
        }
    }
}

static void print_vectors(void)
{
    struct scene *scene = scripted_scene();
    uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t length;
    printf("# schema BYTES, then for each tick: packet BYTES (none if there is none), and what it "
           "brought:\n"
           "# enter INDEX ID KIND MINE, leave INDEX ID KIND MINE, value INDEX FIELD TICK LANE LANE "
           "LANE\n");
    if (muster_replica_schema_encode(&scene->schema, bytes, sizeof bytes, &length) == MUSTER_OK) {
        print_hex("schema", bytes, length);
    }
    for (int tick = 0; tick < TICK_COUNT; tick++) {
        const struct scene_packet packet = scripted_tick(scene);
        print_hex("packet", packet.bytes, packet.length);
        if (packet.length > 0 && muster_replica_view_decode(scene->clients[0].view, packet.bytes,
                                     packet.length) == MUSTER_OK) {
            print_news(scene->clients[0].view);
        }
    }
    scene_destroy(scene);
}

static size_t parse_hex(const char *text, uint8_t *bytes, size_t capacity)
{
    size_t length = 0;
    unsigned byte;
    while (length < capacity && sscanf(text + 2 * length, "%2x", &byte) == 1) {
        bytes[length++] = (uint8_t)byte;
    }
    return length;
}

static void check_schema_line(const struct scene *scene, const char *text)
{
    uint8_t expected[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    uint8_t bytes[MUSTER_REPLICA_SCHEMA_BYTES_MAX];
    size_t length;
    assert_int_equal(
        muster_replica_schema_encode(&scene->schema, bytes, sizeof bytes, &length), MUSTER_OK);
    assert_int_equal(parse_hex(text, expected, sizeof expected), length);
    assert_memory_equal(bytes, expected, length);
}

static void check_packet_line(struct scene *scene, const char *text)
{
    uint8_t expected[SCENE_PACKET_BYTES];
    const struct scene_packet packet = scripted_tick(scene);
    assert_int_equal(parse_hex(text, expected, sizeof expected), packet.length);
    assert_memory_equal(packet.bytes, expected, packet.length);
    if (packet.length > 0) { // some ticks have no packet
        assert_int_equal(
            muster_replica_view_decode(scene->clients[0].view, expected, packet.length), MUSTER_OK);
    }
}

static void check_value_line(const struct scene *scene, const char *text)
{
    unsigned index;
    unsigned field;
    unsigned tick;
    unsigned lanes[3];
    assert_int_equal(
        sscanf(text, "%u %u %u %u %u %u", &index, &field, &tick, &lanes[0], &lanes[1], &lanes[2]),
        6);
    const muster_replica_view *view = scene->clients[0].view;
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    assert_true(muster_replica_view_values(view, index, field, values));
    assert_int_equal(muster_replica_view_field_tick(view, index, field), tick);
    for (int lane = 0; lane < 3; lane++) {
        assert_int_equal(values[lane], lanes[lane]);
    }
}

static void check_event_line(
    const struct scene *scene, muster_replica_event_type type, const char *text)
{
    unsigned index;
    unsigned long long id;
    unsigned kind;
    unsigned is_mine;
    assert_int_equal(sscanf(text, "%u %llu %u %u", &index, &id, &kind, &is_mine), 4);
    muster_replica_event event;
    assert_true(muster_replica_view_pop_event(scene->clients[0].view, &event));
    assert_int_equal(event.type, type);
    assert_int_equal(event.entity.index, index);
    assert_int_equal(event.entity.id, id);
    assert_int_equal(event.entity.kind, kind);
    assert_int_equal(event.entity.is_mine, is_mine);
}

static void both_ends_agree_with_the_documented_vectors(void **state)
{
    (void)state;
    struct scene *scene = scripted_scene();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[LINE_BYTES];
    int packet_count = 0;
    int value_count = 0;
    int event_count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "schema ", 7) == 0) {
            check_schema_line(scene, line + 7);
        } else if (strncmp(line, "packet ", 7) == 0) {
            check_packet_line(scene, line + 7);
            packet_count++;
        } else if (strncmp(line, "value ", 6) == 0) {
            check_value_line(scene, line + 6);
            value_count++;
        } else if (strncmp(line, "enter ", 6) == 0) {
            check_event_line(scene, MUSTER_REPLICA_ENTER, line + 6);
            event_count++;
        } else if (strncmp(line, "leave ", 6) == 0) {
            check_event_line(scene, MUSTER_REPLICA_LEAVE, line + 6);
            event_count++;
        }
    }
    fclose(file);
    assert_int_equal(packet_count, TICK_COUNT);
    assert_true(value_count > 200);
    assert_true(event_count >= 8);
    scene_destroy(scene);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) {
        print_vectors();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ends_agree_with_the_documented_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
