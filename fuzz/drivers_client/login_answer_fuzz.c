// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // strnlen()

// What any program may answer where a server was expected. An answer is a ticket that can be used,
// or nothing of it is kept and a person is told why, in text that a terminal may show.

#include "core/assert.h"
#include "drivers/client/login_answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t room)
{
    const size_t length = strnlen(text, room);
    MUSTER_ASSERT(length > 0 && length < room);
    for (size_t i = 0; i < length; i++) {
        MUSTER_ASSERT((uint8_t)text[i] >= 0x20 && text[i] != 0x7F);
    }
}

// The first byte chooses the status.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t statuses[] = {201, 401, 503, 200};
    if (size == 0 || size > 8192) {
        return 0;
    }
    const uint32_t http_status = statuses[data[0] % 4];
    muster_client_ticket ticket;
    muster_client_error error = {0};
    const muster_status status =
        login_answer_read(http_status, (const char *)data + 1, (uint32_t)size - 1, &ticket, &error);
    if (status == MUSTER_OK) {
        muster_connect_token token;
        MUSTER_ASSERT(http_status == 201);
        MUSTER_ASSERT(muster_connect_token_read(ticket.token, &token) == MUSTER_OK);
        MUSTER_ASSERT(strnlen(ticket.player_id, sizeof ticket.player_id) == 32);
        MUSTER_ASSERT(ticket.tick_rate_hz >= 1 && ticket.token_lifetime_s >= 1);
        return 0;
    }
    const muster_client_ticket none = {0};
    MUSTER_ASSERT(memcmp(&ticket, &none, sizeof ticket) == 0);
    check_text(error.text, sizeof error.text);
    if (status == MUSTER_ERR_DENIED) {
        MUSTER_ASSERT(http_status >= 400 && error.http_status == http_status);
        check_text(error.code, sizeof error.code);
    } else {
        MUSTER_ASSERT(status == MUSTER_ERR_MALFORMED);
    }
    return 0;
}
