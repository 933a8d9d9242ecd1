// SPDX-License-Identifier: Apache-2.0
#include "skirmish.h"

// What is heard begins with the channel, 0 for all and 1 for the team, and the speaker's player
// index, low byte first; the text follows.

#define HEAD_BYTES 3u

// Printable: no control characters, whatever the language.
static bool is_text(const uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        if (bytes[i] < 0x20 || bytes[i] == 0x7F) {
            return false;
        }
    }
    return length > 0;
}

static void put_index(uint8_t *bytes, uint32_t player_index)
{
    bytes[0] = (uint8_t)(player_index & 0xFF);
    bytes[1] = (uint8_t)(player_index >> 8);
}

// Names are told to those who ask: most players never see most others.
static void tell_name(const muster_host *host, muster_world *world, const muster_message *message)
{
    if (message->length != 2) {
        return;
    }
    const uint32_t player_index = message->bytes[0] | (uint32_t)message->bytes[1] << 8;
    const uint32_t found = host->player_next(world, player_index);
    if (found != player_index) {
        return;
    }
    uint8_t bytes[2 + MUSTER_PLAYER_NAME_BYTES];
    const char *name = host->player(world, player_index)->name;
    uint32_t length = 0;
    while (length < MUSTER_PLAYER_NAME_BYTES && name[length] != '\0') {
        bytes[2 + length] = (uint8_t)name[length];
        length++;
    }
    put_index(bytes, player_index);
    (void)host->message_send(
        world, MESSAGE_NAMED, MUSTER_TO_PLAYER, message->player_index, bytes, 2 + length);
}

static void pass_on(const muster_host *host, muster_world *world, const muster_message *message)
{
    const struct state state = state_of(host, world);
    const bool is_for_team = message->message_index == MESSAGE_SAY_TEAM;
    const uint32_t slot = host->player_entity(world, message->player_index);
    if (!is_text(message->bytes, message->length) || (is_for_team && slot == MUSTER_NONE)) {
        return;
    }
    uint8_t bytes[HEAD_BYTES + CHAT_BYTES_MAX] = {is_for_team ? 1 : 0};
    put_index(&bytes[1], message->player_index);
    for (uint32_t i = 0; i < message->length; i++) {
        bytes[HEAD_BYTES + i] = message->bytes[i];
    }
    // When a tick has more to say than fits, what is said last is not heard.
    (void)host->message_send(world, MESSAGE_HEARD, is_for_team ? MUSTER_TO_TEAM : MUSTER_TO_ALL,
        is_for_team ? state.team[slot] : 0, bytes, HEAD_BYTES + message->length);
}

void chat_receive(const muster_host *host, muster_world *world, const muster_message *message)
{
    if (message->message_index == MESSAGE_WHO) {
        tell_name(host, world, message);
    } else {
        pass_on(host, world, message);
    }
}

void chat_tell_kill(const struct state *state, uint32_t killer_owner, uint32_t victim_owner)
{
    uint8_t bytes[4] = {0xFF, 0xFF};
    if (killer_owner != 0) {
        put_index(&bytes[0], killer_owner - 1);
    }
    put_index(&bytes[2], victim_owner - 1);
    (void)state->host->message_send(
        state->world, MESSAGE_BEATEN, MUSTER_TO_PLAYER, victim_owner - 1, bytes, sizeof bytes);
    if (killer_owner != 0) {
        (void)state->host->message_send(
            state->world, MESSAGE_BEATEN, MUSTER_TO_PLAYER, killer_owner - 1, bytes, sizeof bytes);
    }
}
