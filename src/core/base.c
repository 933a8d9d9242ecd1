// SPDX-License-Identifier: Apache-2.0
#include "muster/base.h"

const char *muster_status_name(muster_status status)
{
    // No default: the compiler reports an enumerator that is missing here.
    switch (status) {
    case MUSTER_OK:
        return "MUSTER_OK";
    case MUSTER_ERR_INVALID:
        return "MUSTER_ERR_INVALID";
    case MUSTER_ERR_NO_MEMORY:
        return "MUSTER_ERR_NO_MEMORY";
    case MUSTER_ERR_FULL:
        return "MUSTER_ERR_FULL";
    case MUSTER_ERR_MALFORMED:
        return "MUSTER_ERR_MALFORMED";
    case MUSTER_ERR_NOT_FOUND:
        return "MUSTER_ERR_NOT_FOUND";
    case MUSTER_ERR_IO:
        return "MUSTER_ERR_IO";
    case MUSTER_ERR_DENIED:
        return "MUSTER_ERR_DENIED";
    case MUSTER_ERR_VERSION:
        return "MUSTER_ERR_VERSION";
    case MUSTER_ERR_TIMED_OUT:
        return "MUSTER_ERR_TIMED_OUT";
    }
    return "MUSTER_UNKNOWN";
}
