// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

#include "harness/failing_heap.h"
#include "replica/heading.h"

// The client's end, fed with what the server wrote and with worse.

static uint64_t seed = 1;

// All that can be asked of a view, as one number.
static uint64_t digest(const muster_replica_view *view, const muster_replica_schema *schema)
{
    uint64_t sum = muster_replica_view_tick(view) + muster_replica_view_count(view);
    muster_replica_entity entity;
    for (uint32_t index = 0; index < schema->known_count_max; index++) {
        if (!muster_replica_view_entity(view, index, &entity)) {
            continue;
        }
        sum = sum * 31 + entity.id + entity.tick + entity.kind;
        for (uint32_t f = 0; f < schema->field_count; f++) {
            uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
            (void)muster_replica_view_values(view, index, f, values);
            sum = sum * 31 + muster_replica_view_field_tick(view, index, f);
            for (int lane = 0; lane < MUSTER_REPLICA_LANE_COUNT_MAX; lane++) {
                sum = sum * 31 + values[lane];
            }
        }
    }
    return sum;
}

// The next packet that client 0 would get, not decoded yet. Some ticks have none.
static const struct scene_packet *next_packet(struct scene *scene)
{
    const muster_parallel parallel = muster_parallel_serial();
    scene->clients[0].packets[0].is_there = false;
    for (int tick = 0; tick < 20 && !scene->clients[0].packets[0].is_there; tick++) {
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        scene_keep(scene);
        scene_acknowledge(scene, 0);
        scene_send(scene, 0);
    }
    assert_true(scene->clients[0].packets[0].is_there);
    return &scene->clients[0].packets[0];
}

static void a_packet_cut_anywhere_changes_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    muster_replica_view *view = scene->clients[0].view;
    for (int tick = 0; tick < 40; tick++) {
        const struct scene_packet *packet = next_packet(scene);
        const uint64_t before = digest(view, &scene->schema);
        for (size_t cut = 0; cut < packet->length; cut++) {
            uint8_t *exact = malloc(cut + 1); // its end is watched by the address sanitizer
            assert_non_null(exact);
            memcpy(exact + 1, packet->bytes, cut);
            assert_int_not_equal(muster_replica_view_decode(view, exact + 1, cut), MUSTER_OK);
            free(exact);
        }
        assert_true(digest(view, &scene->schema) == before);
        scene->tick++; // what was sent arrives
        scene_receive(scene, 0);
        scene->tick--;
        scene_check(scene, 0);
    }
    scene_destroy(scene);
}

static void bytes_behind_a_packet_are_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    struct scene_packet packet = *next_packet(scene);
    packet.bytes[packet.length] = 0;
    assert_int_equal(
        muster_replica_view_decode(scene->clients[0].view, packet.bytes, packet.length + 1),
        MUSTER_ERR_MALFORMED);
    static uint8_t large[MUSTER_REPLICA_PACKET_BYTES_MAX + 1];
    assert_int_equal(muster_replica_view_decode(scene->clients[0].view, large, sizeof large),
        MUSTER_ERR_MALFORMED);
    scene_destroy(scene);
}

// Whatever arrives, values stay in their ranges, and a refusal leaves no trace.
static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    muster_replica_view *view = scene->clients[0].view;
    for (int round = 0; round < 60; round++) {
        const struct scene_packet *packet = next_packet(scene);
        for (int flip = 0; flip < 60; flip++) {
            uint8_t bytes[SCENE_PACKET_BYTES];
            memcpy(bytes, packet->bytes, packet->length);
            const uint32_t bit = scene_random(scene, (uint32_t)packet->length * 8);
            bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            const uint64_t before = digest(view, &scene->schema);
            const muster_status status = muster_replica_view_decode(view, bytes, packet->length);
            if (status != MUSTER_OK) {
                assert_true(digest(view, &scene->schema) == before);
            }
            for (uint32_t index = 0; index < 64; index++) {
                uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
                (void)muster_replica_view_values(view, index, SCENE_HEALTH, values);
                assert_in_range(values[0], 0, 100);
                (void)muster_replica_view_values(view, index, SCENE_YAW, values);
                assert_in_range(values[0], 0, 1023);
            }
            for (muster_replica_event event; muster_replica_view_pop_event(view, &event);) {
            }
        }
        scene->tick++;
        scene_receive(scene, 0);
        scene->tick--;
    }
    scene_destroy(scene);
}

static void a_packet_that_comes_again_changes_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    muster_replica_view *view = scene->clients[0].view;
    static struct scene_packet old[64];
    memset(old, 0, sizeof old);
    for (int tick = 0; tick < 300; tick++) {
        const struct scene_packet *packet = next_packet(scene);
        old[tick % 64] = *packet;
        scene->tick++;
        scene_receive(scene, 0);
        scene->tick--;
        const uint64_t before = digest(view, &scene->schema);
        const struct scene_packet *again = &old[scene_random(scene, 64)];
        if (again->length > 0) {
            assert_int_equal(
                muster_replica_view_decode(view, again->bytes, again->length), MUSTER_OK);
        }
        assert_true(digest(view, &scene->schema) == before);
        muster_replica_event event;
        while (muster_replica_view_pop_event(view, &event)) {
            assert_in_range(event.entity.tick, 1, 4);
        }
    }
    scene_destroy(scene);
}

// The newest tick of every field of every index.
static void record_ticks(const struct scene *scene, uint64_t (*out_ticks)[SCENE_FIELD_COUNT])
{
    for (uint32_t index = 0; index < 64; index++) {
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            out_ticks[index][f] = muster_replica_view_field_tick(scene->clients[0].view, index, f);
        }
    }
}

// The server hears of late packets too, so what is left out of them must never be built on.
static void a_late_packet_is_taken_and_turns_nothing_back(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    struct scene_client *client = &scene->clients[0];
    uint64_t before[64][SCENE_FIELD_COUNT];
    uint64_t after[64][SCENE_FIELD_COUNT];
    for (int round = 0; round < 300; round++) {
        const struct scene_packet late = *next_packet(scene);
        (void)next_packet(scene);
        scene->tick++;
        scene_receive(scene, 0);
        scene->tick--;
        record_ticks(scene, before);
        const uint64_t tick = muster_replica_view_tick(client->view);
        assert_int_equal(
            muster_replica_view_decode(client->view, late.bytes, late.length), MUSTER_OK);
        client->received[client->received_count++ % SCENE_ACKS] = late.token;
        assert_int_equal(muster_replica_view_tick(client->view), tick);
        record_ticks(scene, after);
        for (uint32_t index = 0; index < 64; index++) {
            for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
                assert_in_range(after[index][f], before[index][f], tick);
            }
        }
        for (muster_replica_event event; muster_replica_view_pop_event(client->view, &event);) {
        }
        scene_check(scene, 0);
        assert_int_equal(client->refused_count, 0);
    }
    scene_destroy(scene);
}

// What the first section of a packet's first update is based on.
static uint32_t first_base(const struct scene_packet *packet, uint32_t section_count)
{
    struct bit_reader reader;
    bit_reader_init(&reader, packet->bytes, packet->length);
    assert_int_equal(bits_get(&reader, 8 * HEADING_COUNT_BYTES), 1);
    (void)bits_get_varint(&reader);
    const uint32_t rice_bits = (uint32_t)bits_get(&reader, HEADING_RICE_BITS);
    const uint32_t first_index = (uint32_t)bits_get(&reader, HEADING_INDEX_BITS);
    struct heading_shapes shapes = {0};
    shapes.newest_age = (uint32_t)bits_get(&reader, HEADING_BASE_BITS);
    assert_int_equal(bits_get(&reader, 2), 0); // no leaves, no enters
    (void)heading_get_index(&reader, rice_bits, first_index, MUSTER_REPLICA_KNOWN_COUNT_MAX);
    const uint64_t shape = heading_get_shape(&reader, &shapes, section_count);
    assert_false(reader.is_failed);
    return heading_base(shape, 0);
}

static void what_rested_for_minutes_is_still_built_on(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 10, 1, 20.0f);
    for (int tick = 0; tick < 100; tick++) {
        scene_tick(scene);
    }
    scene->is_frozen = true;
    for (int minute = 0; minute < 3; minute++) {
        for (int tick = 0; tick < 3600; tick++) {
            scene_tick(scene);
        }
        scene->position[3].x += 0.05f;
        const struct scene_packet *packet = next_packet(scene);
        assert_int_equal(first_base(packet, 10), HEADING_BASE_OLD);
        scene->tick++;
        scene_receive(scene, 0);
        scene->tick--;
        scene_check(scene, 0);
        assert_int_equal(scene->clients[0].refused_count, 0);
    }
    scene_destroy(scene);
}

// Begins a packet by hand, up to its leaves.
static struct bit_writer begin_packet(uint8_t bytes[256], uint64_t tick, uint32_t update_count)
{
    memset(bytes, 0, 256);
    struct bit_writer writer;
    bit_writer_init(&writer, bytes, 256);
    bits_put(&writer, update_count, 8 * HEADING_COUNT_BYTES);
    bits_put_varint(&writer, tick);
    bits_put(&writer, 0, HEADING_RICE_BITS + HEADING_INDEX_BITS + HEADING_BASE_BITS);
    return writer;
}

// Whether a view takes a packet in which index 0 enters and another update or enter comes with it.
static muster_status decode_enter_and_update(muster_replica_view *view, uint32_t update_index)
{
    uint8_t bytes[256];
    struct bit_writer writer = begin_packet(bytes, muster_replica_view_tick(view) + 1, 1);
    bits_put(&writer, 0, 1); // no leaves
    bits_put(&writer, 1, 1 + HEADING_INDEX_BITS);
    bits_put(&writer, 77, 64);
    bits_put(&writer, 0, 16 + 1);
    bits_put(&writer, 1u << 3, 7); // pose
    bits_put(&writer, 5, 4);
    bits_put(&writer, 0, 1);
    struct heading_shapes shapes = {0};
    heading_put_index(&writer, 0, 0, update_index);
    heading_put_shape(&writer, &shapes, 7, heading_shape_part(3, HEADING_BASE_NONE));
    bits_put(&writer, 9, 4);
    return muster_replica_view_decode(view, bytes, bit_writer_finish(&writer));
}

// An entity enters at index 0 with all positions and its pose 0.
static muster_status decode_enter(muster_replica_view *view, uint64_t tick)
{
    uint8_t bytes[256];
    struct bit_writer writer = begin_packet(bytes, tick, 0);
    bits_put(&writer, 1 << 1, 2 + HEADING_INDEX_BITS); // no leaves
    bits_put(&writer, 5, 64);
    bits_put(&writer, 0, 16 + 1);
    bits_put(&writer, 1u | 1u << 3, 7);
    bits_put(&writer, 0, 3 * (19 + 1)); // positions and motions
    bits_put(&writer, 0, 7 + 4 + 1);    // health, pose, the end
    return muster_replica_view_decode(view, bytes, bit_writer_finish(&writer));
}

static muster_status decode_leave(muster_replica_view *view, uint64_t tick)
{
    uint8_t bytes[256];
    struct bit_writer writer = begin_packet(bytes, tick, 0);
    bits_put(&writer, 1, 1 + HEADING_INDEX_BITS);
    bits_put(&writer, 0, 2);
    return muster_replica_view_decode(view, bytes, bit_writer_finish(&writer));
}

// A section of index 0 changes by a few bits.
static muster_status decode_update(muster_replica_view *view,
    uint64_t tick,
    uint32_t section_index,
    uint32_t base,
    uint32_t bits,
    uint32_t bit_count)
{
    uint8_t bytes[256];
    struct bit_writer writer = begin_packet(bytes, tick, 1);
    bits_put(&writer, 0, 2); // no leaves, no enters
    struct heading_shapes shapes = {0};
    heading_put_index(&writer, 0, 0, 0);
    heading_put_shape(&writer, &shapes, 7, heading_shape_part(section_index, base));
    bits_put(&writer, bits, bit_count);
    return muster_replica_view_decode(view, bytes, bit_writer_finish(&writer));
}

static void what_builds_on_something_else_is_refused(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 1, 1, 20.0f);
    muster_replica_view *view = scene->clients[0].view;
    assert_int_equal(decode_update(view, 9, 3, 1, 0, 1), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_replica_view_index_end(view), 0);
    assert_int_equal(decode_enter(view, 10), MUSTER_OK);
    assert_int_equal(decode_update(view, 20, 3, 9, 0, 1), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(decode_update(view, 20, 3, HEADING_BASE_OLD, 0, 1), MUSTER_ERR_NOT_FOUND);
    assert_int_equal(muster_replica_view_field_tick(view, 0, SCENE_POSE), 10);
    assert_int_equal(decode_update(view, 20, 3, 10, 0, 1), MUSTER_OK);
    assert_int_equal(muster_replica_view_field_tick(view, 0, SCENE_POSE), 20);
    // Late, whatever they build on; and of an entity that has left.
    assert_int_equal(decode_update(view, 19, 3, 4, 0, 1), MUSTER_OK);
    assert_int_equal(decode_leave(view, 30), MUSTER_OK);
    assert_int_equal(decode_update(view, 29, 3, 9, 0, 1), MUSTER_OK);
    assert_int_equal(decode_update(view, 30, 3, 10, 0, 1), MUSTER_OK);
    assert_int_equal(muster_replica_view_count(view), 0);
    assert_int_equal(decode_update(view, 31, 3, 11, 0, 1), MUSTER_ERR_NOT_FOUND);
    scene_destroy(scene);
}

static void what_enters_at_an_index_that_was_left_since_is_not_there(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 1, 1, 20.0f);
    muster_replica_view *view = scene->clients[0].view;
    assert_int_equal(decode_leave(view, 10), MUSTER_OK);
    for (uint64_t tick = 9; tick <= 10; tick++) {
        assert_int_equal(decode_enter(view, tick), MUSTER_OK);
        assert_int_equal(muster_replica_view_count(view), 0);
        assert_int_equal(muster_replica_view_field_tick(view, 0, SCENE_POSE), 0);
    }
    assert_int_equal(decode_enter(view, 11), MUSTER_OK);
    assert_int_equal(muster_replica_view_field_tick(view, 0, SCENE_POSE), 11);
    scene_destroy(scene);
}

static void positions_and_motions_stay_in_their_ranges(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 1, 1, 20.0f);
    muster_replica_view *view = scene->clients[0].view;
    assert_int_equal(decode_enter(view, 10), MUSTER_OK);
    // One step down in the first lane, all else as it was.
    assert_int_equal(decode_update(view, 11, 0, 1, 1, 3 + 1 + 4 + 1), MUSTER_ERR_MALFORMED);
    // A whole motion of -4096 in the first lane.
    assert_int_equal(
        decode_update(view, 11, 0, 1, 0x1FFFF << 1, 1 + 17 + 4 + 1), MUSTER_ERR_MALFORMED);
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    assert_int_equal(muster_replica_view_field_tick(view, 0, SCENE_POSITION), 10);
    assert_int_equal(decode_update(view, 11, 0, 1, 5, 3 + 1 + 4 + 1), MUSTER_OK); // up
    assert_true(muster_replica_view_values(view, 0, SCENE_POSITION, values));
    assert_int_equal(values[0], 1);
    scene_destroy(scene);
}

static void an_index_comes_once_in_a_packet(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 2, 1, 20.0f);
    for (int tick = 0; tick < 10; tick++) {
        scene_tick(scene);
    }
    muster_replica_view *view = scene->clients[0].view;
    assert_int_equal(decode_enter_and_update(view, 0), MUSTER_ERR_MALFORMED);
    assert_int_equal(decode_enter_and_update(view, 1), MUSTER_OK);
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    assert_true(muster_replica_view_values(view, 0, SCENE_POSE, values));
    assert_int_equal(values[0], 5);
    assert_true(muster_replica_view_values(view, 1, SCENE_POSE, values));
    assert_int_equal(values[0], 9);
    scene_destroy(scene);
}

static void events_that_nobody_takes_make_packets_wait(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 60, 1, 40.0f);
    muster_replica_view_destroy(scene->clients[0].view);
    muster_replica_destroy(scene->replica);
    scene->schema.known_count_max = 64;
    muster_replica_def def = muster_replica_default_def();
    def.entity_capacity = SCENE_ENTITIES_MAX;
    scene_create_replica(scene, def);
    muster_status status = MUSTER_OK;
    for (int tick = 0; tick < 2000 && status == MUSTER_OK; tick++) {
        scene_spawn(scene, 1 + scene_random(scene, 59));
        const muster_parallel parallel = muster_parallel_serial();
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        const muster_replica_viewer viewer = {.viewpoint = scene->position[0]};
        muster_replica_look(scene->replica, 0, &viewer);
        for (;;) {
            uint8_t bytes[SCENE_PACKET_BYTES];
            size_t length;
            muster_replica_token token;
            muster_replica_write(scene->replica, 0, bytes, sizeof bytes, &length, &token);
            if (length == 0 || status != MUSTER_OK) {
                break;
            }
            status = muster_replica_view_decode(scene->clients[0].view, bytes, length);
            (void)muster_replica_acked(scene->replica, 0, token);
        }
    }
    assert_int_equal(status, MUSTER_ERR_FULL);
    scene_destroy(scene);
}

static void numbers_are_within_half_a_step(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 30, 1, 40.0f);
    for (int tick = 0; tick < 100; tick++) {
        scene_tick(scene);
    }
    scene->is_frozen = true;
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    muster_replica_entity entity;
    uint32_t count = 0;
    for (uint32_t index = 0; index < 64; index++) {
        if (!muster_replica_view_entity(scene->clients[0].view, index, &entity)) {
            continue;
        }
        const uint32_t slot = scene_slot(entity.id);
        float numbers[MUSTER_REPLICA_LANE_COUNT_MAX];
        assert_int_equal(entity.is_mine, slot == 0);
        assert_true(
            muster_replica_view_numbers(scene->clients[0].view, index, SCENE_POSITION, numbers));
        assert_float_equal(numbers[0], scene->position[slot].x, 0.0051f);
        assert_float_equal(numbers[2], scene->position[slot].z, 0.0051f);
        assert_float_equal(numbers[3], 0.0f, 0.0f);
        assert_true(
            muster_replica_view_motion(scene->clients[0].view, index, SCENE_POSITION, numbers));
        assert_float_equal(numbers[0], 0.0f, 0.0f);
        assert_false(muster_replica_view_motion(scene->clients[0].view, index, SCENE_YAW, numbers));
        assert_true(
            muster_replica_view_numbers(scene->clients[0].view, index, SCENE_VELOCITY, numbers));
        assert_float_equal(numbers[1], scene->velocity[slot].y, 0.016f);
        count++;
    }
    assert_int_equal(count, 30);
    float numbers[MUSTER_REPLICA_LANE_COUNT_MAX];
    assert_false(
        muster_replica_view_numbers(scene->clients[0].view, UINT32_MAX, SCENE_YAW, numbers));
    assert_int_equal(muster_replica_view_field_tick(scene->clients[0].view, 500, SCENE_YAW), 0);
    scene_destroy(scene);
}

static void create_refuses_what_is_out_of_range(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    muster_replica_view_def def = muster_replica_view_default_def();
    muster_replica_view *view = (void *)&def; // anything but NULL
    assert_int_equal(muster_replica_view_create(&def, &view), MUSTER_ERR_INVALID);
    assert_null(view);
    def.schema = &schema;
    struct failing_heap heap = {.alloc_count_max = 0};
    def.allocator = failing_heap_allocator(&heap);
    assert_int_equal(muster_replica_view_create(&def, &view), MUSTER_ERR_NO_MEMORY);
    heap.alloc_count_max = 1;
    assert_int_equal(muster_replica_view_create(&def, &view), MUSTER_OK);
    assert_in_range(heap.bytes_live, 1, muster_replica_view_memory_bytes(&def));
    muster_replica_view_destroy(view);
    assert_int_equal(heap.bytes_live, 0);
    muster_replica_view_destroy(NULL);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_cut_anywhere_changes_nothing),
        cmocka_unit_test(bytes_behind_a_packet_are_refused),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(a_packet_that_comes_again_changes_nothing),
        cmocka_unit_test(a_late_packet_is_taken_and_turns_nothing_back),
        cmocka_unit_test(what_rested_for_minutes_is_still_built_on),
        cmocka_unit_test(what_builds_on_something_else_is_refused),
        cmocka_unit_test(what_enters_at_an_index_that_was_left_since_is_not_there),
        cmocka_unit_test(positions_and_motions_stay_in_their_ranges),
        cmocka_unit_test(an_index_comes_once_in_a_packet),
        cmocka_unit_test(events_that_nobody_takes_make_packets_wait),
        cmocka_unit_test(numbers_are_within_half_a_step),
        cmocka_unit_test(create_refuses_what_is_out_of_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
