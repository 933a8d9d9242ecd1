// SPDX-License-Identifier: Apache-2.0
#include "muster/netcode.h"

const char *muster_netcode_counter_name(muster_netcode_counter counter)
{
    // No default: the compiler reports an enumerator that is missing here.
    switch (counter) {
    case MUSTER_NETCODE_COUNTER_PAYLOAD:
        return "payload";
    case MUSTER_NETCODE_COUNTER_KEEP_ALIVE:
        return "keep_alive";
    case MUSTER_NETCODE_COUNTER_DISCONNECT:
        return "disconnect";
    case MUSTER_NETCODE_COUNTER_REQUEST:
        return "request";
    case MUSTER_NETCODE_COUNTER_CHALLENGE:
        return "challenge";
    case MUSTER_NETCODE_COUNTER_RESPONSE:
        return "response";
    case MUSTER_NETCODE_COUNTER_DENIED:
        return "denied";
    case MUSTER_NETCODE_COUNTER_REPEATED:
        return "repeated";
    case MUSTER_NETCODE_COUNTER_REFUSED_SIZE:
        return "refused_size";
    case MUSTER_NETCODE_COUNTER_REFUSED_TYPE:
        return "refused_type";
    case MUSTER_NETCODE_COUNTER_REFUSED_SEQUENCE:
        return "refused_sequence";
    case MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS:
        return "refused_address";
    case MUSTER_NETCODE_COUNTER_REFUSED_REPLAY:
        return "refused_replay";
    case MUSTER_NETCODE_COUNTER_REFUSED_FORGED:
        return "refused_forged";
    case MUSTER_NETCODE_COUNTER_REFUSED_BODY:
        return "refused_body";
    case MUSTER_NETCODE_COUNTER_REFUSED_VERSION:
        return "refused_version";
    case MUSTER_NETCODE_COUNTER_REFUSED_PROTOCOL:
        return "refused_protocol";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_EXPIRED:
        return "refused_token_expired";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_FORGED:
        return "refused_token_forged";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_MALFORMED:
        return "refused_token_malformed";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_SERVER:
        return "refused_token_server";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKEN_USED:
        return "refused_token_used";
    case MUSTER_NETCODE_COUNTER_REFUSED_ADDRESS_CONNECTED:
        return "refused_address_connected";
    case MUSTER_NETCODE_COUNTER_REFUSED_ID_CONNECTED:
        return "refused_id_connected";
    case MUSTER_NETCODE_COUNTER_REFUSED_SERVER_FULL:
        return "refused_server_full";
    case MUSTER_NETCODE_COUNTER_REFUSED_TOKENS_FULL:
        return "refused_tokens_full";
    case MUSTER_NETCODE_COUNTER_REFUSED_PENDING_FULL:
        return "refused_pending_full";
    case MUSTER_NETCODE_COUNTER_REFUSED_NO_SLOT:
        return "refused_no_slot";
    case MUSTER_NETCODE_COUNTER_REFUSED_CHALLENGE:
        return "refused_challenge";
    case MUSTER_NETCODE_COUNTER_COUNT:
        break;
    }
    return "unknown";
}
