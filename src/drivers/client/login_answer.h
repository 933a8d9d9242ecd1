// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What a server answers to POST /v1/sessions.

#include "muster/client_driver.h"

/// Reads an answer, of which nothing is believed: any program may listen where a server was
/// expected.
/// @param http_status  200 to 599
/// @param out_ticket   set to the ticket, or to zeros on failure
/// @param out_error    told why; left alone after success
/// @return MUSTER_ERR_DENIED for a refusal, MUSTER_ERR_MALFORMED for anything else
MUSTER_NODISCARD muster_status login_answer_read(uint32_t http_status,
    const char *body,
    uint32_t body_bytes,
    muster_client_ticket *out_ticket,
    muster_client_error *out_error);
