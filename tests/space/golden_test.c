// SPDX-License-Identifier: Apache-2.0

// The scenes end in states whose hashes are written here: every compiler, level of optimisation
// and instruction set must come to the same. The build also links this test to a library in which
// one sum is taken in another order; there it has to fail.

#include "space/scene_run.h"

struct golden {
    enum physics_scene_kind kind;
    bool is_planar;
    uint32_t tick_count;
    uint64_t hash;
};

static const struct golden goldens[] = {
    {PHYSICS_SCENE_OPEN, true, 60, UINT64_C(0xE4EFD166D4DE44BF)},
    {PHYSICS_SCENE_OPEN, false, 60, UINT64_C(0xC3EA47AFD8A41B16)},
    {PHYSICS_SCENE_CROWD, true, 60, UINT64_C(0xE5BA895F69EF3C27)},
    {PHYSICS_SCENE_CROWD, false, 60, UINT64_C(0x47BB228FE3F7A992)},
    {PHYSICS_SCENE_PILE, true, 150, UINT64_C(0x3D854C7B06DA2A89)},
    {PHYSICS_SCENE_PILE, false, 150, UINT64_C(0x3659BFBB477BE184)},
};

static void scenes_end_in_the_states_written_down(void **state)
{
    (void)state;
    const muster_parallel serial = muster_parallel_serial();
    uint32_t difference_count = 0;
    for (uint32_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        const struct golden *golden = &goldens[i];
        struct physics_scene scene;
        physics_scene_init(&scene, golden->kind, golden->is_planar, 2000);
        muster_space *space = test_scene(&scene, MUSTER_SPACE_FASTEST, 0);
        test_run_scene(&scene, space, &serial, 0, golden->tick_count);
        const uint64_t hash = test_state_hash(space);
        if (hash != golden->hash) {
            print_message("%s %s: 0x%016llX\n", physics_scene_name(golden->kind),
                golden->is_planar ? "planar" : "native", (unsigned long long)hash);
            difference_count++;
        }
        muster_space_destroy(space);
    }
    assert_int_equal(difference_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenes_end_in_the_states_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
