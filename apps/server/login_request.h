// SPDX-License-Identifier: Apache-2.0
#pragma once

/// The body of POST /v1/sessions: who is to be let in, as a studio's back end says it.

#include "muster/base.h"
#include "muster/host.h"

#define LOGIN_PROBLEM_BYTES 200
#define LOGIN_ID_TEXT_BYTES 33 // 32 hexadecimal digits and a zero

struct login_request {
    muster_player player; // id, name, party and tier
    bool has_id;
};

/// Reads {"name": TEXT, "player_id": HEX, "party_id": NUMBER, "tier": NUMBER}, each optional; an
/// empty body is an empty object.
/// @param out_problem  LOGIN_PROBLEM_BYTES, set to a sentence on failure
/// @return MUSTER_ERR_MALFORMED
MUSTER_NODISCARD muster_status login_request_read(
    const char *body, size_t length, struct login_request *out_request, char *out_problem);

/// Reads a player id of 32 hexadecimal digits.
/// @return false if it is none
bool login_id_read(const char *text, uint64_t out_id[2]);

/// Writes a player id as 32 hexadecimal digits.
void login_id_print(const uint64_t id[2], char out_text[LOGIN_ID_TEXT_BYTES]);
