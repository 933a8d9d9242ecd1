// SPDX-License-Identifier: Apache-2.0
#pragma once

/// What decoders of addresses share.

#include "muster/packet.h"

/// Turns an IPv4-mapped IPv6 address into the IPv4 address it stands for, and leaves others alone.
void address_unmap(muster_address *address);
