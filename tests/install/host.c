// SPDX-License-Identifier: Apache-2.0

// A program of somebody else's, built against an installed Muster: it loads a game module that was
// built the same way, plays a second of it twice and compares the two worlds.

#include <dlfcn.h>
#include <muster/frame.h>
#include <muster/instance.h>
#include <stdio.h>
#include <string.h>

typedef const muster_game *module_function(void);

static const muster_game *load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, "muster_game_module") : NULL;
    if (symbol == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return NULL;
    }
    module_function *module;
    memcpy(&module, &symbol, sizeof module);
    return module();
}

static bool step(muster_instance *instance, muster_frame_builder *builder)
{
    const uint8_t *frame;
    uint32_t length;
    muster_frame_close(builder, &frame, &length);
    return muster_instance_step(instance, frame, length) == MUSTER_OK;
}

// A player joins and walks; returns the hash of the world after a second, 0 on failure.
static uint64_t play(const muster_game *game)
{
    muster_instance_def def = muster_instance_default_def();
    def.game = game;
    const muster_frame_builder_def builder_def = muster_frame_builder_default_def();
    muster_instance *instance = NULL;
    muster_frame_builder *builder = NULL;
    bool is_good = muster_instance_create(&def, &instance) == MUSTER_OK &&
                   muster_frame_builder_create(&builder_def, &builder) == MUSTER_OK;

    const muster_player player = {.id = {7, 8}, .name = "ada"};
    const uint32_t steps[] = {315, 50};
    for (uint64_t tick = 1; is_good && tick <= 60; tick++) {
        muster_frame_begin(builder, tick, def.seed);
        if (tick == 1) {
            is_good = muster_frame_add_join(builder, 0, &player) == MUSTER_OK;
        } else {
            is_good = muster_frame_add_action(builder, 0, player.id, (uint32_t)tick, 0, steps, 2) ==
                      MUSTER_OK;
        }
        is_good = is_good && step(instance, builder);
    }
    const uint64_t hash = is_good ? muster_instance_hash(instance) : 0;
    muster_frame_builder_destroy(builder);
    muster_instance_destroy(instance);
    return hash;
}

int main(int argc, char **argv)
{
    const muster_game *game = argc == 2 ? load(argv[1]) : NULL;
    if (game == NULL) {
        return 1;
    }
    const uint64_t hash = play(game);
    printf("%s: %016llx\n", game->name, (unsigned long long)hash);
    return hash != 0 && hash == play(game) ? 0 : 1;
}
