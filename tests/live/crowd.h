// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A crowd: clients with sockets of their own, that log in with tokens made by the server's key,
/// act as bots do, and lose some of their packets both ways.
///
///     struct crowd *crowd = crowd_create(&def);
///     crowd_join(crowd, 0);
///     while (...) crowd_step(crowd); // a millisecond
///     crowd_destroy(crowd);

#include "muster/client.h"
#include "muster/login.h"

struct crowd;

struct crowd_def {
    muster_login login; // as the server's
    uint32_t client_count;
    uint32_t loss_ppm; // each way
    uint64_t seed;
};

/// Stops the test with a message if something cannot be created.
struct crowd *crowd_create(const struct crowd_def *def);

void crowd_destroy(struct crowd *crowd);

/// Takes a fresh token for the player of that number, and begins to connect with it.
void crowd_join(struct crowd *crowd, uint32_t client_index);

/// The player says goodbye.
void crowd_leave(struct crowd *crowd, uint32_t client_index);

/// Loses all packets of a client, or no longer.
void crowd_set_cut(struct crowd *crowd, uint32_t client_index, bool is_cut);

/// Deaths that clients were told of, in a game that tells.
uint64_t crowd_death_count(const struct crowd *crowd);

/// Waits a millisecond, then receives, acts and sends.
void crowd_step(struct crowd *crowd);

/// The port of a client's socket.
uint16_t crowd_port(const struct crowd *crowd, uint32_t client_index);

/// Clients that are in the world.
uint32_t crowd_playing_count(const struct crowd *crowd);
