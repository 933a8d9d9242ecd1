// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE // strnlen()

#include "login_job.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define SERVER_BYTES  (MUSTER_CLIENT_HOST_BYTES_MAX + sizeof ":65535")
#define API_KEY_BYTES 257u
#define OWNER_COUNT   2u

struct login_job {
    muster_allocator allocator;
    atomic_uint owner_count;
    atomic_bool is_done; // written by the thread, whose answer it publishes
    muster_client_login_def def;
    char server[SERVER_BYTES];
    char api_key[API_KEY_BYTES];
    char name[MUSTER_PLAYER_NAME_BYTES];
    muster_status status;
    muster_client_ticket ticket;
    muster_client_error error;
};

void login_job_release(struct login_job *job)
{
    // Released so that the last owner, who acquires, frees what nobody touches any more.
    if (job != NULL && atomic_fetch_sub_explicit(&job->owner_count, 1, memory_order_acq_rel) == 1) {
        const muster_allocator allocator = job->allocator;
        // A volatile pointer, so that secrets are not left in the heap.
        volatile unsigned char *bytes = (volatile unsigned char *)job;
        for (size_t i = 0; i < sizeof *job; i++) {
            bytes[i] = 0;
        }
        allocator.free(allocator.context, job, sizeof *job);
    }
}

static void *ask(void *context)
{
    struct login_job *job = context;
    job->status = muster_client_login_ask(&job->def, &job->ticket, &job->error);
    atomic_store_explicit(&job->is_done, true, memory_order_release); // for login_job_is_done()
    login_job_release(job);
    return NULL;
}

// Copies a text that may be missing; false if it has no room.
static bool copy_text(const char **text, char *room, size_t room_bytes)
{
    if (*text == NULL) {
        return true;
    }
    const size_t length = strnlen(*text, room_bytes);
    if (length == room_bytes) {
        return false;
    }
    memcpy(room, *text, length + 1);
    *text = room;
    return true;
}

static muster_status start_thread(struct login_job *job)
{
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) {
        return MUSTER_ERR_NO_MEMORY;
    }
    pthread_t thread;
    const bool is_started =
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0 &&
        pthread_create(&thread, &attributes, ask, job) == 0;
    (void)pthread_attr_destroy(&attributes);
    return is_started ? MUSTER_OK : MUSTER_ERR_IO;
}

muster_status login_job_start(const muster_client_login_def *def, struct login_job **out_job)
{
    *out_job = NULL;
    const muster_allocator allocator = muster_heap_allocator();
    struct login_job *job =
        allocator.alloc(allocator.context, sizeof *job, _Alignof(struct login_job));
    if (job == NULL) {
        return MUSTER_ERR_NO_MEMORY;
    }
    memset(job, 0, sizeof *job);
    job->allocator = allocator;
    job->def = *def;
    atomic_init(&job->owner_count, OWNER_COUNT);
    atomic_init(&job->is_done, false);
    muster_status status = MUSTER_ERR_INVALID;
    if (copy_text(&job->def.server, job->server, sizeof job->server) &&
        copy_text(&job->def.api_key, job->api_key, sizeof job->api_key) &&
        copy_text(&job->def.name, job->name, sizeof job->name)) {
        status = start_thread(job);
    }
    if (status != MUSTER_OK) {
        login_job_release(job); // there is no thread that would
        login_job_release(job);
        return status;
    }
    *out_job = job;
    return MUSTER_OK;
}

bool login_job_is_done(const struct login_job *job)
{
    return atomic_load_explicit(&job->is_done, memory_order_acquire); // of ask()
}

muster_status login_job_answer(const struct login_job *job,
    uint8_t out_token[MUSTER_CONNECT_TOKEN_BYTES],
    muster_client_error *out_error)
{
    memcpy(out_token, job->ticket.token, MUSTER_CONNECT_TOKEN_BYTES);
    *out_error = job->error;
    return job->status;
}
