// SPDX-License-Identifier: Apache-2.0
#include "games/skirmish_scene.h"

#include <stdio.h>

// Writes tests/games/skirmish_land.txt anew and compares. The page that plays makes the same land
// and moves the player's own fighter over it ahead of the server; its tests read the same file.
// `games_skirmish_land_test print` prints it.

#define LAND        0xC0FFEE11u
#define CAMPS       64u
#define POINTS      1000u
#define SAMPLE_SIDE 257u
#define LINE_BYTES  256

#define WALK_TICKS  900u
#define WALK_SHARE  6u // of the ticks of a walk that are written
#define LEG_TICKS   90u
#define STAND_TICKS 60u

static const char *path = MUSTER_SOURCE_DIR "/tests/games/skirmish_land.txt";

static const char *about =
    "# The land of skirmish, and walks over it. Numbers in hexadecimal are the bits of an F32.\n"
    "#   land NUMBER CAMPS                                what follows from a land's number:\n"
    "#   sample COLUMN ROW HEIGHT\n"
    "#   camp INDEX X Y\n"
    "#   box X Y Z HALF_X HALF_Y HALF_Z HEADING\n"
    "#   world NUMBER CAMPS                               what physics makes of another one:\n"
    "#   ground X Y HEIGHT                                x and y in decimal\n"
    "#   walk X Y Z VELOCITY_Z                            where a fighter stands\n"
    "#   move HEADING SPEED SPRINT                        what it does in each tick from here on\n"
    "#   at TICK X Y Z                                    where it is after so many ticks\n";

static uint32_t bits_of(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

// A host that has a land and nothing else.

static FILE *box_file; // the game's functions have no context of their own

static uint64_t fixed_random(
    const muster_world *world, uint64_t entity, uint32_t purpose, uint32_t index)
{
    (void)world;
    (void)entity;
    assert_int_equal(purpose, PURPOSE_LAND);
    return index == 0 ? (uint64_t)LAND << 32 : 0;
}

static int64_t fixed_option(const muster_world *world, uint32_t option_index)
{
    (void)world;
    assert_int_equal(option_index, OPTION_CAMPS);
    return CAMPS;
}

static muster_status print_box(muster_world *world, const muster_space_box *box)
{
    (void)world;
    fprintf(box_file, "box %08x %08x %08x %08x %08x %08x %08x\n", bits_of(box->centre.x),
        bits_of(box->centre.y), bits_of(box->centre.z), bits_of(box->half_size.x),
        bits_of(box->half_size.y), bits_of(box->half_size.z), bits_of(box->heading));
    return MUSTER_OK;
}

static void print_land(FILE *file)
{
    const muster_space_api space = {.box_add = print_box};
    const muster_host host = {.random = fixed_random, .option = fixed_option, .space = &space};
    fprintf(file, "land %u %u\n", LAND, CAMPS);
    for (uint32_t i = 0; i < POINTS; i++) {
        const uint32_t column = i * 97 % SAMPLE_SIDE;
        const uint32_t row = i * 31 % SAMPLE_SIDE;
        const float x = -2048.0f + 16.0f * (float)column;
        const float y = -2048.0f + 16.0f * (float)row;
        fprintf(file, "sample %u %u %08x\n", column, row, bits_of(ground_height_m(LAND, x, y)));
    }
    for (uint32_t i = 0; i < CAMPS; i++) {
        const muster_vec3 centre = camp_centre(LAND, i);
        fprintf(file, "camp %u %08x %08x\n", i, bits_of(centre.x), bits_of(centre.y));
    }
    box_file = file;
    town_build(&host, NULL);
}

static void print_ground_script(const struct state *state, void *context)
{
    FILE *file = context;
    for (uint32_t i = 0; i < POINTS; i++) {
        const float x = -1990.25f + 3.75f * (float)i * 1.0625f;
        const float y = -1990.25f + (float)(i * 617 % 3980);
        float height_m = 0.0f;
        assert_true(state->host->space->ground_height(state->world, x, y, &height_m));
        fprintf(file, "ground %.6f %.2f %08x\n", (double)x, (double)y, bits_of(height_m));
    }
}

struct walk {
    float x, y;
    float heading; // of the first leg
    float turn;    // from a leg to the next
    bool is_sprinting;
};

static void print_move(FILE *file, struct scene *scene, float heading, uint32_t speed, bool sprint)
{
    // As the step of the parameter that is sent.
    const float sent = -3.15f + 0.01f * (float)(uint32_t)((heading + 3.15f) * 100.0f + 0.5f);
    fprintf(file, "move %.2f %u %u\n", (double)sent, speed, sprint ? 1 : 0);
    scene_move(scene, 0, heading, speed, sprint);
}

static void print_walk(FILE *file, struct scene *scene, struct walk walk)
{
    scene_put(scene, 0, walk.x, walk.y);
    scene_run(scene, STAND_TICKS);
    const uint32_t slot = scene_slot(scene, 0);
    const muster_vec3 begin = scene_at(scene, 0);
    fprintf(file, "walk %08x %08x %08x %08x\n", bits_of(begin.x), bits_of(begin.y),
        bits_of(begin.z), bits_of(scene_view(scene)->velocity[slot].z));
    float heading = walk.heading;
    for (uint32_t tick = 0; tick < WALK_TICKS; tick++) {
        const bool is_sprinting = walk.is_sprinting && tick / LEG_TICKS % 2 == 0;
        const uint32_t speed = tick / LEG_TICKS % 3 == 2 ? 2 : 4;
        if (tick % LEG_TICKS == 0) {
            heading = muster_angle_wrap(heading + walk.turn);
            print_move(file, scene, heading, speed, is_sprinting);
        } else {
            scene_move(scene, 0, heading, speed, is_sprinting);
        }
        scene_step(scene);
        if (tick % WALK_SHARE == WALK_SHARE - 1) {
            const muster_vec3 at = scene_at(scene, 0);
            fprintf(file, "at %u %08x %08x %08x\n", tick + 1, bits_of(at.x), bits_of(at.y),
                bits_of(at.z));
        }
    }
}

static void print_world(FILE *file)
{
    static const struct walk walks[] = {
        {-700.0f, -450.0f, 0.3f, 0.7f, true},  // over hills
        {21.0f, 21.0f, 1.0f, 1.9f, false},     // in the town, along walls
        {640.0f, 380.0f, -2.0f, -1.1f, true},  // in the battle square
        {1975.0f, 1700.0f, -0.2f, 0.1f, true}, // against the fence
    };
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.has_land = true, .camps = 2});
    scene_join(&scene, 0, 0);
    scene_step(&scene);
    const struct memory *memory = scene_memory(&scene);
    fprintf(file, "world %u %u\n", memory->land, memory->camp_count);
    scene_do(&scene, print_ground_script, file);
    for (uint32_t i = 0; i < sizeof walks / sizeof walks[0]; i++) {
        print_walk(file, &scene, walks[i]);
    }
    scene_tear_down(&scene);
}

static void print_all(FILE *file)
{
    fprintf(file, "%s", about);
    print_land(file);
    print_world(file);
}

static void the_land_is_that_of_the_page(void **state)
{
    (void)state;
    FILE *made = tmpfile();
    FILE *file = fopen(path, "r");
    assert_non_null(made);
    assert_non_null(file);
    print_all(made);
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

static void who_joins_is_told_of_the_land(void **state)
{
    (void)state;
    struct scene scene;
    scene_set_up(&scene, &(struct scene_def){.camps = 3});
    const uint32_t land = scene_memory(&scene)->land;
    scene_join(&scene, 5, 0);
    scene_step(&scene);
    muster_outgoing outgoing;
    assert_true(muster_instance_pop_outgoing(scene.instance, &outgoing));
    assert_int_equal(outgoing.message_index, MESSAGE_LAND);
    assert_int_equal(outgoing.audience, MUSTER_TO_PLAYER);
    assert_int_equal(outgoing.target, 5);
    const uint8_t expected[] = {
        (uint8_t)land, (uint8_t)(land >> 8), (uint8_t)(land >> 16), (uint8_t)(land >> 24), 3};
    assert_int_equal(outgoing.length, sizeof expected);
    assert_memory_equal(outgoing.bytes, expected, sizeof expected);
    assert_false(muster_instance_pop_outgoing(scene.instance, &outgoing));
    scene_tear_down(&scene);
}

static void lands_of_two_worlds_differ(void **state)
{
    (void)state;
    struct scene scenes[2];
    for (uint32_t i = 0; i < 2; i++) {
        scene_set_up(&scenes[i], &(struct scene_def){.seed = 8 + i});
        scene_step(&scenes[i]);
    }
    assert_int_not_equal(scene_memory(&scenes[0])->land, scene_memory(&scenes[1])->land);
    scene_tear_down(&scenes[0]);
    scene_tear_down(&scenes[1]);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "print") == 0) {
        print_all(stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_land_is_that_of_the_page),
        cmocka_unit_test(who_joins_is_told_of_the_land),
        cmocka_unit_test(lands_of_two_worlds_differ),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
