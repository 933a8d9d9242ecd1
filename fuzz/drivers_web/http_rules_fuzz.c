// SPDX-License-Identifier: Apache-2.0

// Who may ask for what: hosts, origins, lists of subprotocols and paths, each a text of the input
// closed by a zero. What is let through must be what the rules say, by a simpler look at it.

#include "core/assert.h"
#include "drivers/web/http_internal.h"

#include <string.h>
#include <strings.h>

#define TEXT_COUNT     4
#define TEXT_BYTES_MAX 300

// What libFuzzer calls; no header declares it.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void check_host(const char *host, const char *origin)
{
    static const char *const hosts[] = {"play.example.org"};
    if (!http_host_is_allowed(host, origin, false, hosts, 1)) {
        return;
    }
    MUSTER_ASSERT(http_host_is_allowed(host, "", true, hosts, 1));
    MUSTER_ASSERT(http_host_is_allowed(host, origin, true, hosts, 1) ==
                  (origin[0] == '\0' || strncasecmp(origin, "https:", 6) == 0));
    MUSTER_ASSERT(origin[0] == '\0' || strcasecmp(strstr(origin, "://") + 3, host) == 0);
    MUSTER_ASSERT(strncasecmp(host, "localhost", 9) == 0 ||
                  strncasecmp(host, hosts[0], strlen(hosts[0])) == 0 ||
                  strspn(host, "0123456789abcdefABCDEF.:%[]") > 0);
}

static void check_origin(const char *host, const char *origin)
{
    static const char *const origins[] = {"https://a.example.org", "http://b"};
    if (http_origin_is_allowed(origin, host, false, origins, 2)) {
        const size_t length = strlen(origin);
        const size_t host_bytes = strlen(host);
        const bool is_same = length >= host_bytes + 3 &&
                             strcasecmp(origin + length - host_bytes, host) == 0 &&
                             memcmp(origin + length - host_bytes - 3, "://", 3) == 0;
        MUSTER_ASSERT(is_same || length == 0 || strcasecmp(origin, origins[0]) == 0 ||
                      strcasecmp(origin, origins[1]) == 0);
    }
}

static void check_list(const char *list)
{
    if (http_list_has(list, "muster.1", false)) {
        MUSTER_ASSERT(http_list_has(list, "Muster.1", true));
        MUSTER_ASSERT(strstr(list, "muster.1") != NULL);
        MUSTER_ASSERT(strpbrk(list, "()<>@;:\\\"/[]?={}") == NULL);
    }
}

static void answer(
    void *context, const struct http_request *request, struct http_response *response)
{
    (void)context;
    (void)request;
    (void)response;
}

static void check_route(const char *path)
{
    static const struct http_route routes[] = {
        {HTTP_POST, "/v1/sessions", answer, NULL, false},
        {HTTP_GET, "/play/*", answer, NULL, false},
    };
    const struct http_listener_def listener = {.routes = routes, .route_count = 2};
    const char *tail;
    bool is_known;
    const struct http_route *route = http_find_route(&listener, HTTP_GET, path, &tail, &is_known);
    MUSTER_ASSERT((route != NULL) == (strncmp(path, "/play/", 6) == 0));
    MUSTER_ASSERT(is_known == (route != NULL || strcmp(path, "/v1/sessions") == 0));
    MUSTER_ASSERT(route == NULL ? tail[0] == '\0' : tail == path + 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char texts[TEXT_COUNT][TEXT_BYTES_MAX] = {{0}};
    uint32_t text = 0;
    for (size_t i = 0; i < length && text < TEXT_COUNT; i++) {
        const size_t used = strlen(texts[text]);
        if (bytes[i] == 0) {
            text++;
        } else if (used < TEXT_BYTES_MAX - 1) {
            texts[text][used] = (char)bytes[i];
        }
    }
    check_host(texts[0], texts[1]);
    check_origin(texts[0], texts[1]);
    check_list(texts[2]);
    check_route(texts[3]);
    return 0;
}
