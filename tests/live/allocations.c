// SPDX-License-Identifier: Apache-2.0
#include "live/allocations.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#elif __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#endif
#if defined(__SANITIZE_THREAD__)
#define IS_COMPLETE false
#else
#define IS_COMPLETE true
#endif

static struct {
    const char *names[ALLOCATIONS_NAME_MAX];
    _Atomic uint32_t name_count;
    _Atomic bool is_watching;
    _Atomic uint64_t count;
    _Atomic uint64_t others;
    struct allocations first; // by who counted 1
} watch;

static bool is_watched(const char *thread)
{
    for (uint32_t i = 0; i < atomic_load(&watch.name_count); i++) {
        if (strncmp(thread, watch.names[i], strlen(watch.names[i])) == 0) {
            return true;
        }
    }
    return false;
}

// Nothing in here may allocate.
static void note(size_t bytes, void *caller)
{
    if (!atomic_load(&watch.is_watching)) {
        return;
    }
    const int code = errno;
    char thread[16] = "";
    (void)prctl(PR_GET_NAME, thread);
    if (!is_watched(thread)) {
        atomic_fetch_add(&watch.others, 1);
    } else if (atomic_fetch_add(&watch.count, 1) == 0) {
        watch.first.first_bytes = bytes;
        watch.first.first_caller = caller;
        memcpy(watch.first.first_thread, thread, sizeof thread);
    }
    errno = code;
}

void allocations_watch(const char *const *names, uint32_t name_count)
{
    name_count = name_count < ALLOCATIONS_NAME_MAX ? name_count : ALLOCATIONS_NAME_MAX;
    memcpy(watch.names, names, name_count * sizeof names[0]);
    watch.first = (struct allocations){0};
    atomic_store(&watch.name_count, name_count);
    atomic_store(&watch.count, 0);
    atomic_store(&watch.others, 0);
    atomic_store(&watch.is_watching, true);
}

struct allocations allocations_end(void)
{
    atomic_store(&watch.is_watching, false);
    struct allocations allocations = watch.first;
    allocations.count = atomic_load(&watch.count);
    allocations.others = atomic_load(&watch.others);
    allocations.is_complete = IS_COMPLETE;
    return allocations;
}

#ifdef IS_SANITIZED

int __sanitizer_install_malloc_and_free_hooks(
    void (*malloc_hook)(const volatile void *memory, size_t bytes),
    void (*free_hook)(const volatile void *memory));

static void note_malloc(const volatile void *memory, size_t bytes)
{
    (void)memory;
    note(bytes, NULL);
}

static void note_free(const volatile void *memory)
{
    (void)memory;
}

__attribute__((constructor)) static void install(void)
{
    (void)__sanitizer_install_malloc_and_free_hooks(note_malloc, note_free);
}

#else

// glibc's own, under the names that it keeps for programs that replace the public ones.
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

__attribute__((visibility("default"))) void *malloc(size_t bytes);
__attribute__((visibility("default"))) void *calloc(size_t count, size_t bytes);
__attribute__((visibility("default"))) void *realloc(void *memory, size_t bytes);
__attribute__((visibility("default"))) void *aligned_alloc(size_t alignment, size_t bytes);
__attribute__((visibility("default"))) void *memalign(size_t alignment, size_t bytes);
__attribute__((visibility("default"))) int posix_memalign(
    void **out_memory, size_t alignment, size_t bytes);

void *malloc(size_t bytes)
{
    note(bytes, __builtin_return_address(0));
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    note(count * bytes, __builtin_return_address(0));
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    note(bytes, __builtin_return_address(0));
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    note(bytes, __builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes)
{
    note(bytes, __builtin_return_address(0));
    return __libc_memalign(alignment, bytes);
}

int posix_memalign(void **out_memory, size_t alignment, size_t bytes)
{
    note(bytes, __builtin_return_address(0));
    void *memory = __libc_memalign(alignment, bytes);
    if (memory == NULL) {
        return ENOMEM;
    }
    *out_memory = memory;
    return 0;
}

#endif
