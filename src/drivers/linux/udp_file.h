// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Making the file descriptor of a UDP socket.

#include "muster/packet.h"

/// Makes a socket of family AF_INET or AF_INET6 that never blocks and never fragments, and binds
/// it. One of AF_INET6 takes IPv4 too.
/// @param out_local  set to where it is bound
/// @return the file descriptor, or -1 with errno set
int udp_file_open(const muster_address *address, int family, muster_address *out_local);

/// Asks for a buffer of `bytes` bytes.
/// @param option        SO_RCVBUF or SO_SNDBUF
/// @param force_option  the same for a process that may go beyond the system's limit
/// @return what was granted
uint32_t udp_file_set_buffer(int file, int option, int force_option, uint32_t bytes);
