// SPDX-License-Identifier: Apache-2.0

// Plays a game as it is shipped: a module that is loaded by name.

#include "muster/frame.h"
#include "muster/instance.h"

#include <dlfcn.h>
#include <string.h>

// cmocka.h needs these and does not include them.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef const muster_game *module_function(void);

static const muster_game *load(void **out_library)
{
    *out_library = dlopen("games/hello.so", RTLD_NOW | RTLD_LOCAL);
    if (*out_library == NULL) {
        fail_msg("%s", dlerror());
    }
    void *symbol = dlsym(*out_library, "muster_game_module");
    assert_non_null(symbol);
    module_function *module;
    memcpy(&module, &symbol, sizeof module);
    return module();
}

static void step(muster_instance *instance, muster_frame_builder *builder)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(builder, &frame, &length);
    assert_int_equal(muster_instance_step(instance, frame, length), MUSTER_OK);
}

static void a_player_of_hello_walks_about_and_chats(void **state)
{
    (void)state;
    void *library;
    muster_instance_def def = muster_instance_default_def();
    def.game = load(&library);
    char reason[MUSTER_REASON_BYTES];
    assert_int_equal(muster_game_check(def.game, reason), MUSTER_OK);
    assert_string_equal(reason, "");
    muster_instance *instance;
    muster_frame_builder *builder;
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    assert_int_equal(muster_instance_create(&def, &instance), MUSTER_OK);
    assert_int_equal(muster_frame_builder_create(&builder_def, &builder), MUSTER_OK);

    const muster_player player = {.id = {7, 8}, .name = "ada"};
    muster_frame_begin(builder, 1, def.seed);
    assert_int_equal(muster_frame_add_join(builder, 0, &player), MUSTER_OK);
    step(instance, builder);

    const uint32_t steps[] = {315, 50}; // east, 5 m/s
    muster_frame_begin(builder, 2, def.seed);
    assert_int_equal(muster_frame_add_action(builder, 0, player.id, 1, 0, steps, 2), MUSTER_OK);
    assert_int_equal(
        muster_frame_add_message(builder, 0, player.id, 1, 0, (const uint8_t *)"hi", 2), MUSTER_OK);
    step(instance, builder);
    muster_outgoing outgoing;
    assert_true(muster_instance_pop_outgoing(instance, &outgoing));
    assert_memory_equal(outgoing.bytes, "hi", 2);

    for (uint64_t tick = 3; tick <= 61; tick++) {
        muster_frame_begin(builder, tick, def.seed);
        step(instance, builder);
    }
    const uint32_t slot = muster_instance_player(instance, 0)->entity_slot;
    const muster_vec3 position = muster_instance_view(instance)->position[slot];
    assert_true(position.x > 4.99f && position.x < 5.01f);
    assert_true(position.y > -0.01f && position.y < 0.01f);

    muster_frame_begin(builder, 62, def.seed);
    assert_int_equal(muster_frame_add_leave(builder, 0, player.id), MUSTER_OK);
    step(instance, builder);
    assert_int_equal(muster_instance_view(instance)->is_alive[slot], 0);
    muster_instance_destroy(instance);
    muster_frame_builder_destroy(builder);
    dlclose(library);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_player_of_hello_walks_about_and_chats),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
