// SPDX-License-Identifier: Apache-2.0
#define _POSIX_C_SOURCE 200809L // strncasecmp()

#include "drivers/web/http_internal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WORD_BYTES_MAX  63u
#define LIST_SEPARATORS " \t,"

// Which requests are for whom and from where: hosts, origins, routes and places.

// The length of the name in "name:port" or "[address]:port".
static size_t name_length(const char *host)
{
    const char *bracket = host[0] == '[' ? strchr(host, ']') : NULL;
    return bracket != NULL ? (size_t)(bracket - host) + 1 : strcspn(host, ":");
}

static bool is_same_name(const char *name, size_t length, const char *allowed)
{
    return strlen(allowed) == length && strncasecmp(name, allowed, length) == 0;
}

// A page of a stranger can have its name point at this machine, but not an address.
static bool is_plain_address(const char *name, size_t length)
{
    char text[MUSTER_ADDRESS_TEXT_BYTES];
    muster_address address;
    if (length >= sizeof text) {
        return false;
    }
    memcpy(text, name, length);
    text[length] = '\0';
    return muster_address_parse(text, &address) == MUSTER_OK;
}

// Whether a page comes from a host. Who is asked by TLS is no friend of a page that came without:
// somebody on the way may have written that.
static bool is_page_of(const char *origin, const char *host, bool has_tls)
{
    const char *scheme_end = strstr(origin, "://");
    return scheme_end != NULL && strcasecmp(scheme_end + strlen("://"), host) == 0 &&
           (!has_tls || strncasecmp(origin, "https:", strlen("https:")) == 0);
}

bool http_host_is_allowed(const char *host,
    const char *origin,
    bool has_tls,
    const char *const *hosts,
    uint32_t host_count)
{
    const size_t length = name_length(host);
    bool is_allowed = is_same_name(host, length, "localhost") || is_plain_address(host, length);
    for (uint32_t i = 0; i < host_count && !is_allowed; i++) {
        is_allowed = is_same_name(host, length, hosts[i]);
    }
    return is_allowed && (origin[0] == '\0' || is_page_of(origin, host, has_tls));
}

bool http_origin_is_allowed(const char *origin,
    const char *host,
    bool has_tls,
    const char *const *origins,
    uint32_t origin_count)
{
    bool is_allowed = origin[0] == '\0' || is_page_of(origin, host, has_tls);
    for (uint32_t i = 0; i < origin_count && !is_allowed; i++) {
        is_allowed = strcasecmp(origin, origins[i]) == 0;
    }
    return is_allowed;
}

bool http_list_has(const char *list, const char *word, bool is_case_free)
{
    bool has_word = false;
    for (const char *next = list + strspn(list, LIST_SEPARATORS); *next != '\0';) {
        const size_t length = strcspn(next, LIST_SEPARATORS);
        for (size_t i = 0; i < length; i++) {
            if (isalnum((unsigned char)next[i]) == 0 && strchr("._-", next[i]) == NULL) {
                return false;
            }
        }
        const bool is_word =
            length == strlen(word) && (is_case_free ? strncasecmp(next, word, length) == 0
                                                    : strncmp(next, word, length) == 0);
        has_word = (has_word || is_word) && length <= WORD_BYTES_MAX;
        next += length;
        next += strspn(next, LIST_SEPARATORS);
    }
    return has_word;
}

bool http_is_same_place(const muster_address *a, const muster_address *b)
{
    const size_t network_bytes = a->family == MUSTER_ADDRESS_IPV6 ? 8 : 4;
    return a->family == b->family && memcmp(a->ip, b->ip, network_bytes) == 0;
}

// Whether a route is for a path. A "*" at its end stands for anything, also nothing.
static bool path_fits(const char *pattern, const char *path, const char **out_tail)
{
    const size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*') {
        *out_tail = path + length - 1;
        return strncmp(pattern, path, length - 1) == 0;
    }
    *out_tail = "";
    return strcmp(pattern, path) == 0;
}

const struct http_route *http_find_route(const struct http_listener_def *listener,
    enum http_method method,
    const char *path,
    const char **out_tail,
    bool *out_is_path_known)
{
    *out_is_path_known = false;
    for (uint32_t i = 0; i < listener->route_count; i++) {
        const struct http_route *route = &listener->routes[i];
        if (path_fits(route->path, path, out_tail)) {
            *out_is_path_known = true;
            if (route->method == method) {
                return route;
            }
        }
    }
    *out_tail = "";
    return NULL;
}
