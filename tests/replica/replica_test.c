// SPDX-License-Identifier: Apache-2.0
#include "replica/scene.h"

static uint64_t seed = 1;

static void every_state_a_client_has_is_what_the_server_had(void **state)
{
    (void)state;
    for (uint32_t loss_percent = 0; loss_percent <= 20; loss_percent += 10) {
        struct scene *scene = scene_create(seed, 120, 3, 200.0f);
        scene->loss_percent = loss_percent;
        scene->delay_ticks_min = 2;
        scene->delay_ticks_max = 4;
        for (int tick = 0; tick < 600; tick++) {
            scene_tick(scene);
            for (uint32_t c = 0; c < scene->client_count; c++) {
                scene_check(scene, c);
            }
        }
        assert_int_equal(muster_replica_view_count(scene->clients[0].view), 120);
        scene_destroy(scene);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        seed = strtoull(argv[1], NULL, 0);
    }
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_a_client_has_is_what_the_server_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
