// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

// Rules of the two ends that a run with many entities hides: what a late packet may still change,
// when an index may name another entity, how long few updates wait, and what a limit allows.

#define PACKET_BYTES MUSTER_REPLICA_PACKET_BYTES_MAX
#define NOT_KNOWN    UINT32_MAX

struct packet {
    uint8_t bytes[PACKET_BYTES];
    size_t length;
    muster_replica_token token;
};

// A world that only changes where a test says so, with client 0 in it.
static struct scene *still_scene(uint32_t entity_count)
{
    struct scene *scene = scene_create(1, entity_count, 1, 20.0f);
    scene->is_frozen = true;
    return scene;
}

static void begin_tick(struct scene *scene)
{
    const muster_parallel parallel = muster_parallel_serial();
    scene_step(scene);
    muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
    const muster_replica_viewer viewer = {.viewpoint = scene->position[0],
        .team = scene->team[0],
        .packet_overhead_bytes = 63,
        .bytes_per_s = scene->bytes_per_s};
    muster_replica_look(scene->replica, 0, &viewer);
}

static void write_packet(struct scene *scene, struct packet *packet)
{
    muster_replica_write(
        scene->replica, 0, packet->bytes, sizeof packet->bytes, &packet->length, &packet->token);
}

// Ticks until there is a packet.
static struct packet next_packet(struct scene *scene)
{
    struct packet packet = {.length = 0};
    for (uint32_t i = 0; i < 120 && packet.length == 0; i++) {
        begin_tick(scene);
        write_packet(scene, &packet);
    }
    assert_true(packet.length > 0);
    return packet;
}

static muster_status arrives(struct scene *scene, const struct packet *packet)
{
    muster_replica_event event;
    const muster_status status =
        muster_replica_view_decode(scene->clients[0].view, packet->bytes, packet->length);
    while (muster_replica_view_pop_event(scene->clients[0].view, &event)) {
    }
    return status;
}

static void is_acked(struct scene *scene, const struct packet *packet)
{
    assert_true(muster_replica_acked(scene->replica, 0, packet->token));
}

// Sends until there is nothing to tell, with every packet arriving and acknowledged.
static void catch_up(struct scene *scene)
{
    for (uint32_t i = 0; i < 60; i++) {
        struct packet packet;
        begin_tick(scene);
        for (write_packet(scene, &packet); packet.length > 0; write_packet(scene, &packet)) {
            assert_int_equal(arrives(scene, &packet), MUSTER_OK);
            is_acked(scene, &packet);
        }
    }
}

// The index of a slot's entity in the client's view, NOT_KNOWN if it is not known.
static uint32_t index_of(const struct scene *scene, uint32_t slot)
{
    const muster_replica_view *view = scene->clients[0].view;
    muster_replica_entity entity;
    for (uint32_t i = 0; i < muster_replica_view_index_end(view); i++) {
        if (muster_replica_view_entity(view, i, &entity) && entity.id == scene->id[slot]) {
            return i;
        }
    }
    return NOT_KNOWN;
}

// Packets arrive and are acknowledged until a slot's entity is known, or is not any more.
static void deliver_until(struct scene *scene, uint32_t slot, bool is_known)
{
    for (uint32_t i = 0; i < 60 && (index_of(scene, slot) != NOT_KNOWN) != is_known; i++) {
        const struct packet packet = next_packet(scene);
        assert_int_equal(arrives(scene, &packet), MUSTER_OK);
        is_acked(scene, &packet);
    }
    assert_int_equal(index_of(scene, slot) != NOT_KNOWN, is_known);
}

static void remove_entity(struct scene *scene, uint32_t slot)
{
    scene->is_alive[slot] = 0;
}

// Puts an entity beside the client that belongs to nobody.
static void add_stranger(struct scene *scene, uint32_t slot)
{
    scene_spawn(scene, slot);
    scene->owner[slot] = 0;
    scene->position[slot] = scene->position[0];
    scene->position[slot].x += 1.0f;
}

// Late packets.

// The client's own entity, of which it knows the ammunition, goes; a stranger gets its index. The
// packet that first told of the own one comes last of all.
static void a_late_first_word_of_an_entity_adds_nothing_to_its_successor(void **state)
{
    (void)state;
    for (uint32_t comes_before_successor = 0; comes_before_successor < 2;
         comes_before_successor++) {
        struct scene *scene = still_scene(2);
        scene->is_alive[1] = 0;
        scene->ammo[0] = 77;
        const struct packet late = next_packet(scene);
        assert_true(muster_replica_lost(scene->replica, 0, late.token));
        catch_up(scene);
        const uint32_t index = index_of(scene, 0);
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        const muster_replica_view *view = scene->clients[0].view;
        assert_true(muster_replica_view_values(view, index, SCENE_AMMO, values));
        assert_int_equal(values[0], 77);

        remove_entity(scene, 0);
        catch_up(scene);
        assert_int_equal(muster_replica_view_count(view), 0);
        if (comes_before_successor != 0) {
            assert_int_equal(arrives(scene, &late), MUSTER_OK);
            assert_int_equal(muster_replica_view_count(view), 0);
        }
        add_stranger(scene, 1);
        catch_up(scene);
        assert_int_equal(index_of(scene, 1), index);
        if (comes_before_successor == 0) {
            assert_int_equal(arrives(scene, &late), MUSTER_OK);
        }
        assert_int_equal(index_of(scene, 1), index);
        assert_int_equal(muster_replica_view_count(view), 1);
        assert_false(muster_replica_view_values(view, index, SCENE_AMMO, values));
        assert_int_equal(muster_replica_view_field_tick(view, index, SCENE_AMMO), 0);
        scene_destroy(scene);
    }
}

// A difference for two entities is under way while one of them goes, and another gets its index:
// what it says of the one that is still there counts.
static void of_a_late_packet_counts_what_is_not_outdated(void **state)
{
    (void)state;
    for (uint32_t has_successor = 0; has_successor < 2; has_successor++) {
        struct scene *scene = still_scene(3);
        catch_up(scene);
        const muster_replica_view *view = scene->clients[0].view;
        const uint32_t gone_index = index_of(scene, 1);
        const uint32_t kept_index = index_of(scene, 2);
        scene->health[1] = 50;
        scene->health[2] = 60;
        const struct packet late = next_packet(scene);
        const uint64_t late_tick = scene->tick;

        remove_entity(scene, 1);
        deliver_until(scene, 1, false);
        if (has_successor != 0) {
            add_stranger(scene, 1);
            deliver_until(scene, 1, true);
            assert_int_equal(index_of(scene, 1), gone_index);
        }
        assert_int_equal(arrives(scene, &late), MUSTER_OK);
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        assert_true(muster_replica_view_values(view, kept_index, SCENE_HEALTH, values));
        assert_int_equal(values[0], 60);
        assert_true(muster_replica_view_field_tick(view, kept_index, SCENE_HEALTH) >= late_tick);
        if (has_successor != 0) {
            assert_true(muster_replica_view_values(view, gone_index, SCENE_HEALTH, values));
            assert_int_equal(values[0], 100);
        } else {
            assert_false(muster_replica_view_values(view, gone_index, SCENE_HEALTH, values));
        }
        scene_destroy(scene);
    }
}

// Indices.

static void an_index_is_used_again_once_its_leave_is_acknowledged(void **state)
{
    (void)state;
    struct scene *scene = still_scene(2);
    const muster_replica_view *view = scene->clients[0].view;
    const uint32_t generation_count = 2 * scene->schema.known_count_max;
    for (uint32_t i = 0; i < generation_count; i++) {
        add_stranger(scene, 1);
        deliver_until(scene, 1, true);
        remove_entity(scene, 1);
        deliver_until(scene, 1, false);
    }
    assert_true(muster_replica_view_index_end(view) <= 3);
    assert_int_equal(muster_replica_known_count(scene->replica, 0), 1);
    scene_destroy(scene);
}

static void an_index_is_not_used_again_before_its_leave_is_acknowledged(void **state)
{
    (void)state;
    struct scene *scene = still_scene(3);
    remove_entity(scene, 2);
    catch_up(scene);
    const muster_replica_view *view = scene->clients[0].view;
    const uint64_t gone_id = scene->id[1];
    const uint32_t gone_index = index_of(scene, 1);
    scene->health[1] = 10;
    const struct packet update = next_packet(scene);
    remove_entity(scene, 1);
    const struct packet leave = next_packet(scene); // is lost
    is_acked(scene, &update);                       // and says nothing of the leave
    add_stranger(scene, 2);
    struct packet packet = next_packet(scene);
    assert_int_equal(arrives(scene, &packet), MUSTER_OK);
    is_acked(scene, &packet);
    assert_int_not_equal(index_of(scene, 2), gone_index);

    // The leave is told again until it is acknowledged.
    muster_replica_entity entity;
    for (uint32_t i = 0; i < 20 && muster_replica_view_entity(view, gone_index, &entity); i++) {
        assert_int_equal(entity.id, gone_id);
        packet = next_packet(scene);
        assert_int_equal(arrives(scene, &packet), MUSTER_OK);
    }
    assert_false(muster_replica_view_entity(view, gone_index, &entity));
    (void)muster_replica_acked(scene->replica, 0, leave.token);
    scene_destroy(scene);
}

// The acknowledgement of what was said of an entity comes when its index is another one's.
static void a_late_acknowledgement_says_nothing_of_a_successor(void **state)
{
    (void)state;
    struct scene *scene = still_scene(3);
    remove_entity(scene, 2);
    catch_up(scene);
    const uint32_t index = index_of(scene, 1);
    scene->health[1] = 10;
    const struct packet update = next_packet(scene);
    assert_int_equal(arrives(scene, &update), MUSTER_OK);
    remove_entity(scene, 1);
    deliver_until(scene, 1, false);
    add_stranger(scene, 2);
    (void)next_packet(scene); // tells of it, and is lost
    is_acked(scene, &update);
    assert_false(muster_replica_acked(scene->replica, 0, update.token));
    deliver_until(scene, 2, true);
    assert_int_equal(index_of(scene, 2), index);
    scene_destroy(scene);
}

// Company.

// Packets in a second, in which all entities move.
static uint32_t packets_in_a_second(struct scene *scene)
{
    uint32_t packet_count = 0;
    for (uint32_t i = 0; i < 60; i++) {
        for (uint32_t slot = 0; slot < scene->entity_count; slot++) {
            scene->position[slot].z += 0.02f;
        }
        struct packet packet;
        begin_tick(scene);
        for (write_packet(scene, &packet); packet.length > 0; write_packet(scene, &packet)) {
            assert_int_equal(arrives(scene, &packet), MUSTER_OK);
            is_acked(scene, &packet);
            packet_count++;
        }
        // Nothing is older than the two ticks that it may wait.
        const uint32_t index = index_of(scene, 0);
        if (index != NOT_KNOWN) {
            const uint64_t tick =
                muster_replica_view_field_tick(scene->clients[0].view, index, SCENE_POSITION);
            assert_true(tick + 2 >= scene->tick);
        }
    }
    return packet_count;
}

static void few_updates_wait_two_ticks_for_company(void **state)
{
    (void)state;
    for (uint32_t entity_count = 1; entity_count <= 3; entity_count++) {
        struct scene *scene = still_scene(entity_count);
        catch_up(scene);
        assert_in_range(packets_in_a_second(scene), 19, 21);
        scene_destroy(scene);
    }
}

static void some_updates_wait_a_tick_for_company(void **state)
{
    (void)state;
    const uint32_t entity_counts[] = {4, 15};
    for (uint32_t i = 0; i < 2; i++) {
        struct scene *scene = still_scene(entity_counts[i]);
        catch_up(scene);
        assert_in_range(packets_in_a_second(scene), 29, 31);
        scene_destroy(scene);
    }
}

static void many_updates_wait_for_nobody(void **state)
{
    (void)state;
    struct scene *scene = still_scene(16);
    catch_up(scene);
    assert_in_range(packets_in_a_second(scene), 59, 61);
    scene_destroy(scene);
}

static void who_is_not_heard_gets_every_fourth_packet(void **state)
{
    (void)state;
    struct scene *scene = still_scene(16);
    catch_up(scene);
    uint32_t packet_counts[3] = {0};
    for (uint32_t i = 0; i < 150; i++) {
        for (uint32_t slot = 0; slot < scene->entity_count; slot++) {
            scene->position[slot].z += 0.02f;
        }
        struct packet packet;
        begin_tick(scene);
        for (write_packet(scene, &packet); packet.length > 0; write_packet(scene, &packet)) {
            packet_counts[i < 30 ? 0 : (i < 90 ? 1 : 2)]++;
            if (i >= 89) {
                is_acked(scene, &packet);
            }
        }
    }
    assert_in_range(packet_counts[0], 30, 34);
    assert_in_range(packet_counts[1], 15, 22);
    assert_in_range(packet_counts[2], 54, 64);
    scene_destroy(scene);
}

static void on_a_line_that_loses_packets_few_updates_wait_for_nobody(void **state)
{
    (void)state;
    struct scene *scene = still_scene(1);
    catch_up(scene);
    scene->health[0] = 10;
    const struct packet packet = next_packet(scene);
    assert_true(muster_replica_lost(scene->replica, 0, packet.token));
    assert_in_range(packets_in_a_second(scene), 58, 61);
    (void)packets_in_a_second(scene);
    assert_in_range(packets_in_a_second(scene), 19, 21); // a good second is behind it
    scene_destroy(scene);
}

// Limits.

// In no second may a client get more than its limit, however much there is to tell and however
// large its packets may be. In every tick some entities are replaced by others, which takes more
// bytes than there are.
static void assert_limit_is_kept(uint32_t bytes_per_s)
{
    struct scene *scene = scene_create(7, 400, 1, 60.0f);
    scene->bytes_per_s = bytes_per_s;
    uint32_t sent[60] = {0};
    uint64_t window_bytes = 0;
    uint64_t all_bytes = 0;
    for (uint32_t i = 0; i < 600; i++) {
        struct packet packet;
        for (uint32_t k = 0; k < 40; k++) {
            scene_spawn(scene, 1 + scene_random(scene, scene->entity_count - 1));
        }
        begin_tick(scene);
        window_bytes -= sent[i % 60];
        sent[i % 60] = 0;
        for (write_packet(scene, &packet); packet.length > 0; write_packet(scene, &packet)) {
            assert_int_equal(arrives(scene, &packet), MUSTER_OK);
            is_acked(scene, &packet);
            sent[i % 60] += (uint32_t)packet.length + 63;
        }
        window_bytes += sent[i % 60];
        all_bytes += sent[i % 60];
        assert_true(window_bytes <= bytes_per_s);
    }
    assert_true(all_bytes > (uint64_t)bytes_per_s * 10 * 8 / 10); // and it is made use of
    scene_destroy(scene);
}

static void a_limit_is_kept_in_every_second(void **state)
{
    (void)state;
    assert_limit_is_kept(36000);
    assert_limit_is_kept(20000);
    assert_limit_is_kept(42000);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_late_first_word_of_an_entity_adds_nothing_to_its_successor),
        cmocka_unit_test(of_a_late_packet_counts_what_is_not_outdated),
        cmocka_unit_test(an_index_is_used_again_once_its_leave_is_acknowledged),
        cmocka_unit_test(an_index_is_not_used_again_before_its_leave_is_acknowledged),
        cmocka_unit_test(a_late_acknowledgement_says_nothing_of_a_successor),
        cmocka_unit_test(few_updates_wait_two_ticks_for_company),
        cmocka_unit_test(some_updates_wait_a_tick_for_company),
        cmocka_unit_test(many_updates_wait_for_nobody),
        cmocka_unit_test(who_is_not_heard_gets_every_fourth_packet),
        cmocka_unit_test(on_a_line_that_loses_packets_few_updates_wait_for_nobody),
        cmocka_unit_test(a_limit_is_kept_in_every_second),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
