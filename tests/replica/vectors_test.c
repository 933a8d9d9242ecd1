// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

// Reads docs/protocol/vectors/replication.txt: a schema, and packets of three entities over some
// ticks, each followed by values that a client has then. The server must write the same bytes and
// the client read the same values. `replica_vectors_test print` prints the file.

#define TICK_COUNT 14
#define LINE_BYTES 4096

static const char *path = MUSTER_SOURCE_DIR "/docs/protocol/vectors/replication.txt";

static struct scene *scripted_scene(void)
{
    struct scene *scene = scene_create(1, 3, 1, 30.0f);
    scene->is_frozen = true;
    for (uint32_t slot = 0; slot < 3; slot++) {
        scene->position[slot] = (muster_vec3){(float)slot * 10.0f, 1.5f, 0.25f};
        scene->plan[slot] = 1000000 * slot;
    }
    return scene;
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
    scene->health[0] = tick > 5 ? 80 : 100;
    scene->score[2] = (uint16_t)(tick / 4 * 7);
    scene_step(scene);
    muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
    const muster_replica_viewer viewer = {.viewpoint = scene->position[0], .team = 1};
    muster_replica_look(scene->replica, 0, &viewer);
    struct scene_packet packet = {.is_there = true};
    muster_replica_write(
        scene->replica, 0, packet.bytes, sizeof packet.bytes, &packet.length, &packet.token);
    (void)muster_replica_acked(scene->replica, 0, scene->clients[0].received[0]);
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

static void print_values(const muster_replica_view *view)
{
    muster_replica_entity entity;
    for (uint32_t index = 0; muster_replica_view_entity(view, index, &entity); index++) {
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
            if (muster_replica_view_values(view, index, f, values)) {
                printf("value %u %u %llu %u %u %u\n", index, f,
                    (unsigned long long)muster_replica_view_field_tick(view, index, f), values[0],
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
    printf("# schema BYTES, then for each tick: packet BYTES (none if there is none), and what a "
           "client knows after it:\n"
           "# value INDEX FIELD TICK LANE LANE LANE\n");
    if (muster_replica_schema_encode(&scene->schema, bytes, sizeof bytes, &length) == MUSTER_OK) {
        print_hex("schema", bytes, length);
    }
    for (int tick = 0; tick < TICK_COUNT; tick++) {
        const struct scene_packet packet = scripted_tick(scene);
        print_hex("packet", packet.bytes, packet.length);
        if (packet.length > 0 && muster_replica_view_decode(scene->clients[0].view, packet.bytes,
                                     packet.length) == MUSTER_OK) {
            print_values(scene->clients[0].view);
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

static void both_ends_agree_with_the_documented_vectors(void **state)
{
    (void)state;
    struct scene *scene = scripted_scene();
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char line[LINE_BYTES];
    int packet_count = 0;
    int value_count = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "schema ", 7) == 0) {
            check_schema_line(scene, line + 7);
        } else if (strncmp(line, "packet ", 7) == 0) {
            check_packet_line(scene, line + 7);
            packet_count++;
        } else if (strncmp(line, "value ", 6) == 0) {
            check_value_line(scene, line + 6);
            value_count++;
        }
    }
    fclose(file);
    assert_int_equal(packet_count, TICK_COUNT);
    assert_true(value_count > 50);
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
