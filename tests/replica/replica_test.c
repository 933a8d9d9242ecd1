// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

#include "harness/failing_heap.h"

// The server's end, mostly together with the client's.

#define AGE_MAX 63

static uint64_t seed = 1;

static struct scene *scene_on_bad_lines(
    uint32_t entity_count, uint32_t client_count, float side_m, uint32_t loss_percent)
{
    struct scene *scene = scene_create(seed, entity_count, client_count, side_m);
    scene->loss_percent = loss_percent;
    scene->delay_ticks_min = 2; // 50 +- 15 ms each way
    scene->delay_ticks_max = 4;
    return scene;
}

// The index of a slot's entity in a client's view.
static bool find_index(const struct scene *scene, uint32_t c, uint32_t slot, uint32_t *out_index)
{
    muster_replica_entity entity;
    for (uint32_t index = 0; index < scene->schema.known_count_max; index++) {
        if (muster_replica_view_entity(scene->clients[c].view, index, &entity) &&
            entity.id == scene->id[slot]) {
            *out_index = index;
            return true;
        }
    }
    return false;
}

// Packets overtake each other and come twice, and the lines are as long as bases can be named.
static void a_client_half_a_second_away_refuses_nothing(void **state)
{
    (void)state;
    static const uint32_t delays[][2] = {{1, 9}, {14, 18}, {15, 15}, {18, 24}};
    for (int line = 0; line < 4; line++) {
        struct scene *scene = scene_create(seed, 30, 2, 60.0f);
        scene->loss_percent = 10;
        scene->repeat_percent = 10;
        scene->delay_ticks_min = delays[line][0];
        scene->delay_ticks_max = delays[line][1];
        for (int tick = 0; tick < 600; tick++) {
            scene->is_frozen = tick > 200 && tick < 400; // what is old is built on afterwards
            scene_tick(scene);
            scene_check(scene, (uint32_t)tick % 2);
        }
        assert_int_equal(muster_replica_view_count(scene->clients[0].view), 30);
        assert_int_equal(scene->clients[0].refused_count, 0);
        assert_int_equal(scene->clients[1].refused_count, 0);
        scene_destroy(scene);
    }
}

static void every_state_a_client_has_is_what_the_server_had(void **state)
{
    (void)state;
    for (uint32_t loss_percent = 0; loss_percent <= 20; loss_percent += 10) {
        struct scene *scene = scene_on_bad_lines(120, 3, 200.0f, loss_percent);
        for (int tick = 0; tick < 400; tick++) {
            scene_tick(scene);
            for (uint32_t c = 0; c < scene->client_count; c++) {
                scene_check(scene, c);
            }
        }
        assert_int_equal(muster_replica_view_count(scene->clients[0].view), 120);
        assert_int_equal(scene->clients[0].refused_count, 0);
        scene_destroy(scene);
    }
}

// How many ticks ago the server's position of an entity was last what a client has.
static uint64_t position_age(const struct scene *scene, uint32_t c, uint32_t index, uint32_t slot)
{
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    (void)muster_replica_view_values(scene->clients[c].view, index, SCENE_POSITION, values);
    for (uint64_t age = 0; age < AGE_MAX; age++) {
        const size_t row = (scene->tick - age) % SCENE_TICKS_KEPT;
        if (memcmp(values, scene->kept[row][slot][SCENE_POSITION], 3 * sizeof values[0]) == 0) {
            return age;
        }
    }
    return AGE_MAX;
}

// Ten where the compiler optimises; other builds, many times slower, show the same in two.
#ifdef __OPTIMIZE__
#define BAD_LINES_MINUTES 10
#else
#define BAD_LINES_MINUTES 2
#endif

static void assert_converges(uint32_t loss_percent, int tick_count)
{
    struct scene *scene = scene_on_bad_lines(40, 2, 60.0f, loss_percent);
    uint64_t ages[AGE_MAX + 1] = {0};
    uint64_t age_count = 0;
    for (int tick = 0; tick < tick_count; tick++) {
        scene_tick(scene);
        if (tick % 50 == 0) {
            scene_check(scene, (uint32_t)tick / 50 % 2);
        }
        muster_replica_entity entity;
        for (uint32_t index = 0; tick > 120 && tick % 7 == 0 && index < 64; index++) {
            if (muster_replica_view_entity(scene->clients[0].view, index, &entity)) {
                const uint64_t age = position_age(scene, 0, index, scene_slot(entity.id));
                ages[age]++;
                age_count++;
            }
        }
    }
    uint64_t within = 0;
    for (int age = 0; age <= 15; age++) { // 250 ms
        within += ages[age];
    }
    assert_true(within * 100 >= age_count * 99);

    scene->is_frozen = true;
    for (int tick = 0; tick < 240; tick++) {
        scene_tick(scene);
    }
    for (uint32_t slot = 0; slot < 40; slot++) {
        uint32_t index = 0;
        uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
        assert_true(find_index(scene, 0, slot, &index));
        for (uint32_t f = 0; f < SCENE_FIELD_COUNT; f++) {
            const bool is_known =
                muster_replica_view_values(scene->clients[0].view, index, f, values);
            const bool is_visible = (f != SCENE_AMMO || slot == 0) &&
                                    (f != SCENE_SECRET || slot % 3 == 0) &&
                                    (f != SCENE_PLAN || slot % 3 == scene->team[0]);
            if (f != SCENE_PLAN || scene->team[0] != 0) {
                assert_int_equal(is_known, is_visible);
            }
            for (uint32_t lane = 0; is_known && lane < scene_lane_count(f); lane++) {
                assert_int_equal(values[lane], muster_replica_value(scene->replica, slot, f, lane));
            }
        }
    }
    scene_destroy(scene);
}

static void clients_converge_after_minutes_of_bad_lines(void **state)
{
    (void)state;
    assert_converges(0, 3000);
    assert_converges(5, 3000);
    assert_converges(20, BAD_LINES_MINUTES * 3600);
}

// What was written for a client in so many ticks, without any ack.
static size_t record_bytes(struct scene *scene, uint32_t c, uint8_t *bytes, size_t capacity)
{
    const muster_parallel parallel = muster_parallel_serial();
    size_t sum = 0;
    for (int tick = 0; tick < 90; tick++) {
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        const muster_replica_viewer viewer = {
            .viewpoint = scene->position[c], .player_index = c, .team = scene->team[c]};
        muster_replica_look(scene->replica, c, &viewer);
        for (;;) {
            size_t length;
            muster_replica_token token;
            assert_true(capacity - sum >= SCENE_PACKET_BYTES);
            muster_replica_write(
                scene->replica, c, bytes + sum, SCENE_PACKET_BYTES, &length, &token);
            if (length == 0) {
                break;
            }
            sum += length;
            (void)muster_replica_acked(scene->replica, c, token);
        }
    }
    return sum;
}

// Two worlds that differ only in what client 1 may not see.
static void hidden_state_changes_no_byte(void **state)
{
    (void)state;
    enum { CAPACITY = 1 << 20 };
    uint8_t *left_bytes = malloc(CAPACITY);
    uint8_t *right_bytes = malloc(CAPACITY);
    assert_true(left_bytes != NULL && right_bytes != NULL);
    struct scene *left = scene_create(seed, 60, 2, 100.0f);
    struct scene *right = scene_create(seed, 60, 2, 100.0f);
    for (uint32_t slot = 0; slot < 60; slot++) {
        right->ammo[slot] = (uint8_t)(slot == 1 ? 0 : 77 + slot);          // the owner's
        right->secret[slot] = (uint8_t)(slot % 3 == 1 ? 0 : 55 + slot);    // a rule's
        right->plan[slot] = slot % 3 == right->team[1] ? 0 : 12345 + slot; // a team's
    }
    const size_t length = record_bytes(left, 1, left_bytes, CAPACITY);
    assert_true(length > 10000);
    assert_int_equal(record_bytes(right, 1, right_bytes, CAPACITY), length);
    assert_memory_equal(left_bytes, right_bytes, length);

    // And client 0, who may see some of it, gets other bytes.
    const size_t left_length = record_bytes(left, 0, left_bytes, CAPACITY);
    const size_t right_length = record_bytes(right, 0, right_bytes, CAPACITY);
    assert_true(left_length != right_length || memcmp(left_bytes, right_bytes, left_length) != 0);
    scene_destroy(left);
    scene_destroy(right);
    free(left_bytes);
    free(right_bytes);
}

static bool can_see_below_30(void *context, uint32_t player_index, uint32_t slot)
{
    (void)player_index;
    return slot < 30 || *(bool *)context;
}

static void a_hidden_entity_is_not_told_of_until_it_shows(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 60, 1, 60.0f);
    bool is_shown = false;
    scene->world.can_see_entity = can_see_below_30;
    scene->world.context = &is_shown;
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 30);
    is_shown = true;
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 60);
    is_shown = false;
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 30);
    scene_destroy(scene);
}

static void a_limited_client_starves_nobody(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(400, 1, 90.0f, 0);
    scene->bytes_per_s = 32000;
    uint64_t window[60] = {0};
    uint64_t before = 0;
    uint64_t age_max = 0;
    for (int tick = 0; tick < 600; tick++) {
        scene_tick(scene);
        window[tick % 60] = scene->clients[0].bytes - before;
        before = scene->clients[0].bytes;
        uint64_t second = 0;
        for (int i = 0; i < 60; i++) {
            second += window[i];
        }
        assert_in_range(second, 0, 32000);
        for (uint32_t slot = 0; tick > 360 && slot < 400; slot++) {
            uint32_t index = 0;
            assert_true(find_index(scene, 0, slot, &index));
            const uint64_t age = position_age(scene, 0, index, slot);
            age_max = age > age_max ? age : age_max;
        }
    }
    assert_true(scene->clients[0].bytes > 10 * 32000 * 8 / 10); // and uses what it is given
    assert_in_range(age_max, 1, 40);
    scene_destroy(scene);
}

static void an_entity_on_the_border_does_not_flicker(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 2, 1, 10.0f);
    scene->is_frozen = true;
    scene->position[0] = (muster_vec3){0};
    uint32_t event_count = 0;
    const muster_parallel parallel = muster_parallel_serial();
    for (int tick = 0; tick < 600; tick++) {
        const float wobble = tick % 40 < 20 ? -2.0f : 2.0f;
        scene->position[1] = (muster_vec3){1000.0f + wobble, 0.0f, 0.0f};
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        scene_acknowledge(scene, 0);
        scene_send(scene, 0);
        scene_receive(scene, 0);
        for (muster_replica_event event;
             muster_replica_view_pop_event(scene->clients[0].view, &event);) {
            event_count += event.entity.id == scene->id[1] ? 1 : 0;
        }
    }
    assert_int_equal(event_count, 1);
    scene->position[1].x = 1101.0f; // beyond the 5 %
    for (int tick = 0; tick < 30; tick++) {
        scene_tick(scene);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 1);
    scene_destroy(scene);
}

// Entities die and their slots are used again at once, over lines that lose a third.
static void a_slot_used_again_is_another_entity(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(80, 2, 80.0f, 30);
    for (int tick = 0; tick < 1500; tick++) {
        const uint32_t slot = 2 + scene_random(scene, 78);
        if (tick % 2 == 0 && tick < 1300) {
            if (scene_random(scene, 3) == 0) {
                scene->is_alive[slot] = 0;
            } else {
                scene_spawn(scene, slot);
            }
        }
        scene_tick(scene);
        scene_check(scene, 0);
        scene_check(scene, 1);
    }
    uint32_t live_count = 0;
    for (uint32_t slot = 0; slot < 80; slot++) {
        uint32_t index = 0;
        assert_int_equal(find_index(scene, 0, slot, &index), scene->is_alive[slot]);
        live_count += scene->is_alive[slot];
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), live_count);
    assert_int_equal(muster_replica_known_count(scene->replica, 0), live_count);
    scene_destroy(scene);
}

static void in_a_throng_the_nearest_are_known(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 500, 1, 800.0f);
    muster_replica_view_destroy(scene->clients[0].view);
    muster_replica_destroy(scene->replica);
    scene->schema.known_count_max = 100;
    muster_replica_def def = muster_replica_default_def();
    def.entity_capacity = SCENE_ENTITIES_MAX;
    scene_create_replica(scene, def);
    for (int tick = 0; tick < 240; tick++) {
        scene_tick(scene);
    }
    scene_check(scene, 0);
    const uint32_t count = muster_replica_view_count(scene->clients[0].view);
    assert_in_range(count, 40, 100);
    float farthest = 0.0f;
    uint32_t nearer_count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t slot = 0; slot < 500; slot++) {
            uint32_t index = 0;
            const muster_vec3 way = muster_vec3_sub(scene->position[slot], scene->position[0]);
            const float squared = muster_vec3_dot(way, way);
            const bool is_known = find_index(scene, 0, slot, &index);
            if (pass == 0 && is_known) {
                farthest = squared > farthest ? squared : farthest;
            }
            nearer_count += pass == 1 && !is_known && squared < farthest * 0.7f ? 1 : 0;
        }
    }
    assert_int_equal(nearer_count, 0);
    scene_destroy(scene);
}

// Makes a scene's replica anew, with other kinds and without visibility rules.
static void scene_without_rules(
    struct scene *scene, const muster_kind_def *kinds, uint32_t kind_count)
{
    for (uint32_t c = 0; c < scene->client_count; c++) {
        muster_replica_view_destroy(scene->clients[c].view);
    }
    muster_replica_destroy(scene->replica);
    scene->schema.fields[SCENE_SECRET].visibility = MUSTER_VISIBLE_EVERYONE;
    scene->world.can_see_fields = NULL;
    muster_replica_def def = muster_replica_default_def();
    def.entity_capacity = SCENE_ENTITIES_MAX;
    def.kinds = kinds;
    def.kind_count = kind_count;
    scene_create_replica(scene, def);
}

static void run_ticks(struct scene *scene, int tick_count)
{
    for (int tick = 0; tick < tick_count; tick++) {
        scene_tick(scene);
    }
}

// What a client has of a field's first number, or a number that no field has.
static uint32_t seen_value(const struct scene *scene, uint32_t c, uint32_t slot, uint32_t field)
{
    uint32_t index = 0;
    uint32_t values[MUSTER_REPLICA_LANE_COUNT_MAX];
    if (!find_index(scene, c, slot, &index) ||
        !muster_replica_view_values(scene->clients[c].view, index, field, values)) {
        return UINT32_MAX;
    }
    return values[0];
}

static void an_entity_that_was_quiet_is_told_of_again_when_it_changes(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(60, 2, 80.0f, 20);
    scene_without_rules(scene, NULL, 0);
    run_ticks(scene, 300);
    scene->is_frozen = true;
    run_ticks(scene, 300);

    scene->health[5] = 41;
    scene->score[6] = 4242;
    run_ticks(scene, 200);
    assert_int_equal(seen_value(scene, 0, 5, SCENE_HEALTH), 41);
    assert_int_equal(seen_value(scene, 1, 5, SCENE_HEALTH), 41);
    assert_int_equal(seen_value(scene, 1, 6, SCENE_SCORE), 4242);

    // Nothing changes but who may see it.
    assert_int_equal(seen_value(scene, 0, 9, SCENE_AMMO), UINT32_MAX);
    assert_int_equal(seen_value(scene, 0, 7, SCENE_PLAN), UINT32_MAX);
    scene->owner[9] = 1;
    run_ticks(scene, 200);
    assert_int_equal(seen_value(scene, 0, 9, SCENE_AMMO), scene->ammo[9]);
    scene->team[0] = 1; // now the viewer is of the entity's team
    run_ticks(scene, 200);
    assert_int_equal(seen_value(scene, 0, 7, SCENE_PLAN),
        muster_replica_value(scene->replica, 7, SCENE_PLAN, 0));
    scene_destroy(scene);
}

static void a_kind_is_known_no_further_than_it_reaches(void **state)
{
    (void)state;
    const muster_kind_def kinds[] = {
        {.name = "any"}, {.name = "small", .reach_m = 20.0f}, {.name = "large"}};
    struct scene *scene = scene_create(seed, 3, 1, 10.0f);
    scene_without_rules(scene, kinds, 3);
    scene->is_frozen = true;
    scene->position[0] = (muster_vec3){0};
    scene->kind[1] = 1;
    scene->kind[2] = 2;
    scene->position[1] = scene->position[2] = (muster_vec3){30.0f, 0.0f, 0.0f};
    run_ticks(scene, 60);
    uint32_t index = 0;
    assert_false(find_index(scene, 0, 1, &index));
    assert_true(find_index(scene, 0, 2, &index));
    scene->position[1].x = 19.0f;
    run_ticks(scene, 60);
    assert_true(find_index(scene, 0, 1, &index));
    scene->position[1].x = 20.8f; // within the 5 % in which nothing flickers
    run_ticks(scene, 60);
    assert_true(find_index(scene, 0, 1, &index));
    scene->position[1].x = 23.0f;
    run_ticks(scene, 60);
    assert_false(find_index(scene, 0, 1, &index));
    scene_destroy(scene);
}

// All that was taken is acknowledged at once, before the line brings it.
static void acknowledge_early(struct scene *scene, uint32_t c)
{
    for (uint32_t i = 0; i < SCENE_ACKS; i++) {
        (void)muster_replica_acked(scene->replica, c, scene->clients[c].received[i]);
    }
}

// Random, repeated and stale tokens between the true ones never make the server build on what the
// client does not have: the view would refuse the packet or show a wrong state.
static void forged_acks_change_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(50, 2, 60.0f, 20);
    for (int tick = 0; tick < 1000; tick++) {
        scene_tick(scene);
        const bool is_early = scene_random(scene, 4) == 0;
        if (is_early) {
            acknowledge_early(scene, 0);
        }
        for (int i = 0; i < 100; i++) {
            const uint32_t random = (uint32_t)random_next(&scene->random_state);
            assert_false(muster_replica_acked(scene->replica, 0, random | 1u << 31));
            if (is_early) {
                const uint32_t old = scene->clients[0].received[random % SCENE_ACKS];
                assert_false(muster_replica_acked(scene->replica, 0, old)); // again
                (void)muster_replica_lost(scene->replica, 0, old);
            }
            assert_false(muster_replica_acked(scene->replica, 1, 0));
            assert_false(muster_replica_lost(scene->replica, 1, random | 1u << 31));
        }
        scene_check(scene, 0);
        assert_int_equal(scene->clients[0].refused_count, 0);
    }
    scene_destroy(scene);
}

static int compare_newest_first(const void *a, const void *b)
{
    const uint32_t first = *(const uint32_t *)a;
    const uint32_t second = *(const uint32_t *)b;
    return first < second ? 1 : -1;
}

// Packets overtake each other, and many are acknowledged together, but the server hears of two in
// a tick and writes in between.
static void acks_may_be_spread_over_ticks_when_the_newest_comes_first(void **state)
{
    (void)state;
    const muster_parallel parallel = muster_parallel_serial();
    struct scene *scene = scene_create(seed, 30, 1, 60.0f);
    scene->delay_ticks_max = 8;
    struct scene_client *client = &scene->clients[0];
    uint32_t heard_count = 0;
    uint32_t acks[SCENE_ACKS];
    uint32_t ack_count = 0;
    uint32_t next_ack = 0;
    for (int tick = 0; tick < 1000; tick++) {
        scene_step(scene);
        muster_replica_begin_tick(scene->replica, &scene->world, &parallel);
        scene_keep(scene);
        if (next_ack == ack_count) {
            next_ack = 0;
            ack_count = client->received_count - heard_count;
            assert_in_range(ack_count, 0, SCENE_ACKS);
            for (uint32_t i = 0; i < ack_count; i++) {
                acks[i] = client->received[heard_count++ % SCENE_ACKS];
            }
            qsort(acks, ack_count, sizeof acks[0], compare_newest_first);
        }
        for (int i = 0; i < 2 && next_ack < ack_count; i++) {
            assert_true(muster_replica_acked(scene->replica, 0, acks[next_ack++]));
        }
        scene_send(scene, 0);
        scene_receive(scene, 0);
        client->ack_count = client->sent_count = 0;
        for (muster_replica_event event; muster_replica_view_pop_event(client->view, &event);) {
        }
        scene_check(scene, 0);
    }
    assert_int_equal(muster_replica_view_count(client->view), 30);
    assert_int_equal(client->refused_count, 0);
    assert_true(client->decoded_count > 500);
    scene_destroy(scene);
}

static void a_client_that_acknowledges_nothing_costs_no_one_else(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(50, 2, 60.0f, 100);
    for (int tick = 0; tick < 600; tick++) {
        scene_tick(scene);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 0);
    scene->loss_percent = 0;
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    scene_check(scene, 0);
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 50);
    scene_destroy(scene);
}

// So little memory for what is under way that most packets are forgotten before their ack comes.
static void a_forgotten_packet_counts_as_lost(void **state)
{
    (void)state;
    struct scene *scene = scene_on_bad_lines(150, 1, 60.0f, 0);
    muster_replica_view_destroy(scene->clients[0].view);
    muster_replica_destroy(scene->replica);
    muster_replica_def def = muster_replica_default_def();
    def.entity_capacity = SCENE_ENTITIES_MAX;
    def.journal_bytes = 1024;
    scene_create_replica(scene, def);
    for (int tick = 0; tick < 300; tick++) {
        scene_tick(scene);
        scene_check(scene, 0);
    }
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 150);
    assert_true(scene->clients[0].decoded_count > scene->clients[0].refused_count * 9);
    scene_destroy(scene);
}

// A motion of less than a step a tick: the integers stay for several ticks, the prediction moves.
static void what_creeps_stays_in_step(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 2, 1, 10.0f);
    scene->is_frozen = true;
    for (int tick = 0; tick < 300; tick++) {
        scene->position[1].x += 0.0026f;
        scene_tick(scene);
        scene_check(scene, 0);
    }
    uint32_t index = 0;
    assert_true(find_index(scene, 0, 1, &index));
    assert_int_equal(muster_replica_view_field_tick(scene->clients[0].view, index, SCENE_POSITION),
        scene->tick - 1);
    scene_destroy(scene);
}

static void a_client_that_comes_back_knows_nothing(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 50, 2, 60.0f);
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    const uint32_t stale = scene->clients[0].received[0];
    muster_replica_remove_client(scene->replica, 0);
    muster_replica_add_client(scene->replica, 0);
    muster_replica_view_clear(scene->clients[0].view);
    assert_int_equal(muster_replica_known_count(scene->replica, 0), 0);
    assert_false(muster_replica_acked(scene->replica, 0, stale));
    memset(scene->clients[0].packets, 0, sizeof scene->clients[0].packets);
    for (int tick = 0; tick < 60; tick++) {
        scene_tick(scene);
    }
    scene_check(scene, 0);
    assert_int_equal(muster_replica_view_count(scene->clients[0].view), 50);
    assert_true(muster_replica_count_all(scene->replica).packets >
                muster_replica_count(scene->replica, 0).packets);
    scene_destroy(scene);
}

// What shares encodings, and in which order clients are written, leaves no trace in the bytes.
static void bytes_do_not_depend_on_other_clients(void **state)
{
    (void)state;
    enum { CAPACITY = 1 << 20 };
    uint8_t *left_bytes = malloc(CAPACITY);
    uint8_t *right_bytes = malloc(CAPACITY);
    assert_true(left_bytes != NULL && right_bytes != NULL);
    struct scene *left = scene_create(seed, 60, 3, 100.0f);
    struct scene *right = scene_create(seed, 60, 3, 100.0f);
    muster_replica_destroy(right->replica);
    muster_replica_def def = muster_replica_default_def();
    def.schema = &right->schema;
    def.encoding_capacity = 64; // hardly anything is shared
    assert_int_equal(muster_replica_create(&def, &right->replica), MUSTER_OK);
    muster_replica_add_client(right->replica, 2);
    const size_t length = record_bytes(left, 2, left_bytes, CAPACITY);
    assert_int_equal(record_bytes(right, 2, right_bytes, CAPACITY), length);
    assert_memory_equal(left_bytes, right_bytes, length);
    scene_destroy(left);
    scene_destroy(right);
    free(left_bytes);
    free(right_bytes);
}

static void encodings_are_shared(void **state)
{
    (void)state;
    struct scene *scene = scene_create(seed, 100, 8, 40.0f);
    scene->world.can_see_fields = NULL;
    for (int tick = 0; tick < 300; tick++) {
        scene_tick(scene);
    }
    const muster_replica_counts counts = muster_replica_count_all(scene->replica);
    assert_true(counts.sections > 8 * 100 * 100);
    assert_true(counts.encodings * 2 < counts.sections);
    uint64_t sections = 0;
    uint64_t encodings = 0;
    for (uint32_t c = 0; c < MUSTER_CHANNEL_COUNT; c++) {
        sections += counts.channel_sections[c];
        encodings += counts.channel_encodings[c];
        assert_true(counts.channel_encoding_bits[c] >= counts.channel_encodings[c]);
    }
    assert_int_equal(sections, counts.sections);
    assert_int_equal(encodings, counts.encodings);
    assert_true(counts.channel_sections[MUSTER_CHANNEL_CRITICAL] > 0);
    scene_destroy(scene);
}

static void create_refuses_what_is_out_of_range(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    muster_replica_def def = muster_replica_default_def();
    muster_replica *replica = (void *)&def; // anything but NULL
    assert_int_equal(muster_replica_create(&def, &replica), MUSTER_ERR_INVALID); // no schema
    assert_null(replica);
    def.schema = &schema;
    const muster_replica_def good = def;
    for (int i = 0; i < 10; i++) {
        def = good;
        switch (i) {
        case 0:
            def.client_capacity = 0;
            break;
        case 1:
            def.client_capacity = MUSTER_REPLICA_CLIENT_CAPACITY_MAX + 1;
            break;
        case 2:
            def.entity_capacity = 0;
            break;
        case 3:
            def.entity_capacity = MUSTER_REPLICA_ENTITY_CAPACITY_MAX + 1;
            break;
        case 4:
            def.journal_bytes = 1023;
            break;
        case 5:
            def.journal_bytes = 3000; // no power of two
            break;
        case 6:
            def.encoding_capacity = 100;
            break;
        case 7:
            def.encoding_capacity = 32;
            break;
        case 8:
            def.interest_ticks = 0;
            break;
        default:
            def.interest_ticks = 61;
            break;
        }
        assert_int_equal(muster_replica_create(&def, &replica), MUSTER_ERR_INVALID);
        assert_int_equal(muster_replica_memory_bytes(&def), 0);
    }
}

static void memory_is_taken_at_creation_and_given_back(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    muster_replica_def def = muster_replica_default_def();
    def.schema = &schema;
    struct failing_heap heap = {0};
    def.allocator = failing_heap_allocator(&heap);
    muster_replica *replica;
    while (muster_replica_create(&def, &replica) == MUSTER_ERR_NO_MEMORY) {
        assert_null(replica);
        assert_int_equal(heap.bytes_live, 0);
        heap = (struct failing_heap){.alloc_count_max = heap.alloc_count_max + 1};
        assert_in_range(heap.alloc_count_max, 0, 5);
    }
    assert_non_null(replica);
    assert_in_range(heap.bytes_live, 1, muster_replica_memory_bytes(&def) * 11 / 10);
    muster_replica_destroy(replica);
    assert_int_equal(heap.bytes_live, 0);
    muster_replica_destroy(NULL);
}

// 1,000 clients and 11,000 entities, as documented.
static void a_large_server_takes_less_than_a_hundred_megabytes(void **state)
{
    (void)state;
    const muster_replica_schema schema = scene_schema();
    muster_replica_def def = muster_replica_default_def();
    def.schema = &schema;
    def.client_capacity = 1000;
    def.entity_capacity = 11000;
    assert_in_range(muster_replica_memory_bytes(&def), 1, 110000000);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_a_client_has_is_what_the_server_had),
        cmocka_unit_test(clients_converge_after_minutes_of_bad_lines),
        cmocka_unit_test(a_client_half_a_second_away_refuses_nothing),
        cmocka_unit_test(hidden_state_changes_no_byte),
        cmocka_unit_test(a_hidden_entity_is_not_told_of_until_it_shows),
        cmocka_unit_test(a_limited_client_starves_nobody),
        cmocka_unit_test(an_entity_on_the_border_does_not_flicker),
        cmocka_unit_test(a_slot_used_again_is_another_entity),
        cmocka_unit_test(in_a_throng_the_nearest_are_known),
        cmocka_unit_test(an_entity_that_was_quiet_is_told_of_again_when_it_changes),
        cmocka_unit_test(a_kind_is_known_no_further_than_it_reaches),
        cmocka_unit_test(forged_acks_change_nothing),
        cmocka_unit_test(acks_may_be_spread_over_ticks_when_the_newest_comes_first),
        cmocka_unit_test(a_client_that_acknowledges_nothing_costs_no_one_else),
        cmocka_unit_test(a_forgotten_packet_counts_as_lost),
        cmocka_unit_test(what_creeps_stays_in_step),
        cmocka_unit_test(a_client_that_comes_back_knows_nothing),
        cmocka_unit_test(bytes_do_not_depend_on_other_clients),
        cmocka_unit_test(encodings_are_shared),
        cmocka_unit_test(create_refuses_what_is_out_of_range),
        cmocka_unit_test(memory_is_taken_at_creation_and_given_back),
        cmocka_unit_test(a_large_server_takes_less_than_a_hundred_megabytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
