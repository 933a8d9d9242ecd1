// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A small game for simulations: players walk on a plane, gather what lies about, and shout.

#include "muster/game.h"

enum { SIM_ACTION_WALK = 0 };
enum { SIM_MESSAGE_SHOUT = 0 };
enum { SIM_FIELD_POSITION = 0, SIM_FIELD_SCORE = 1, SIM_FIELD_SECRET = 2 };

const muster_game *sim_game(void);
