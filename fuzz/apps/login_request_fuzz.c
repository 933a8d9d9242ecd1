// SPDX-License-Identifier: Apache-2.0

// Whatever is posted as a login, reading it ends with a player who can be written into a token, or
// with words that say why not.

#include "apps/server/login_request.h"
#include "wire/record.h"

#include <stdlib.h>
#include <string.h>

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_player(const struct login_request *request)
{
    const muster_player *player = &request->player;
    const size_t name_bytes = strnlen(player->name, sizeof player->name);
    require(name_bytes > 0 && name_bytes < sizeof player->name);
    require(record_is_text((const uint8_t *)player->name, name_bytes));
    require(player->tier <= 255);
    require(player->party_id <= INT64_MAX);
    require(player->entity_slot == MUSTER_NONE);
    require(request->has_id || (player->id[0] == 0 && player->id[1] == 0));

    char text[LOGIN_ID_TEXT_BYTES];
    uint64_t id[2];
    login_id_print(player->id, text);
    require(login_id_read(text, id) && id[0] == player->id[0] && id[1] == player->id[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct login_request request;
    char problem[LOGIN_PROBLEM_BYTES];
    if (login_request_read((const char *)bytes, length, &request, problem) == MUSTER_OK) {
        require(problem[0] == '\0');
        check_player(&request);
    } else {
        const size_t problem_bytes = strnlen(problem, sizeof problem);
        require(problem_bytes > 0 && problem_bytes < sizeof problem);
    }
    return 0;
}
