// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

typedef uint8_t GDExtensionBool;
typedef void *GDExtensionClassLibraryPtr;
typedef void (*(*GDExtensionInterfaceGetProcAddress)(const char *))(void);
typedef struct GDExtensionInitialization GDExtensionInitialization;
