// SPDX-License-Identifier: Apache-2.0
#pragma once

/// A fast 64-bit hash of memory: the same on every machine, for noticing differences and damage,
/// never for secrets or keys from outside.

#include <stddef.h>
#include <stdint.h>

/// The hash of `length` bytes under a seed. Reads the bytes once; no alignment is needed.
uint64_t hash_bytes(const void *bytes, size_t length, uint64_t seed);

/// Adds a number to a hash; the order of additions matters.
uint64_t hash_combine(uint64_t hash, uint64_t number);
