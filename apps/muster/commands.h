// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Every command of the program; each stands in command_<name>.c.

#include "apps/muster/command.h"

extern const struct command command_bots;       ///< Runs bots against a server.
extern const struct command command_bench;      ///< Runs a benchmark program.
extern const struct command command_completion; ///< Prints shell completion.
extern const struct command command_config;     ///< Writes, checks and shows the configuration.
extern const struct command command_doctor;     ///< Checks the machine.
extern const struct command command_top;        ///< Shows a world in the terminal.
extern const struct command command_up;         ///< Runs a world.
extern const struct command command_relay;      ///< Carries packets as a bad network does.
extern const struct command command_replay;     ///< Runs a frame log again.
