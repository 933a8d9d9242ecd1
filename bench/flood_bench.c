// SPDX-License-Identifier: Apache-2.0

// What players notice of an attack.
//
// A real server runs a world with 500 real clients, which are a process of their own. In every
// other round another process sends it, on loopback only, 100,000 forged packets and 1,000 requests
// with bad tokens a second: half of the forged ones from addresses that nobody has, half with the
// addresses of connected clients, so that they reach the cipher. The figures are the 99th
// percentile of tick times with and without the attack, what was sent and how it was refused, and
// the server's CPU time.
//
// Clients and attacker share the machine with the server, where in life they have their own: they
// therefore give way to it.
//
// Forging addresses takes raw sockets: where they are not allowed, the benchmark says so and is
// skipped.

#define _GNU_SOURCE // struct mmsghdr

#include "apps/server/server_process.h"
#include "apps/server/server_stats.h"
#include "core/bytes.h"
#include "drivers/clock.h"
#include "harness/random.h"
#include "live/crowd.h"
#include "net/netcode_packet.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CLIENT_COUNT    500u
#define ROUND_COUNT     5u // of each kind
#define ROUND_US        3000000u
#define SETTLE_US       500000u
#define JOIN_PERIOD_US  8000u // between two joins
#define JOIN_US_MAX     20000000u
#define JOINED_US       2000000u // until the world is as it will be
#define OTHERS_NICE     10
#define STEP_US         1000u
#define FORGED_PER_STEP 100u // 100,000 a second
#define FORGED_BYTES    80u  // payload
#define HEADER_BYTES    28u  // IPv4 and UDP
#define BOUND_COUNT     1000u
#define BOUND_US        100u // between two bounds of tick times
#define CODE_SKIPPED    3

// Why a packet was not let in: netcode's reasons, then the gateway's and the kernel's.
#define REASON_REQUEST_RATE MUSTER_NETCODE_COUNTER_COUNT
#define REASON_KERNEL       (MUSTER_NETCODE_COUNTER_COUNT + 1)
#define REASON_COUNT        (MUSTER_NETCODE_COUNTER_COUNT + 2)

_Static_assert(ROUND_COUNT >= 5 && ROUND_COUNT % 2 == 1, "the median must be one of the rounds");

// What the three processes share.
struct shared {
    _Atomic uint32_t playing_count; // by the clients
    _Atomic bool is_attacking;      // by the server
    _Atomic uint64_t sent_count;    // by the attacker
    uint16_t ports[CLIENT_COUNT];   // by the clients, before anybody plays
};

struct bench {
    struct configuration configuration;
    struct server_process *process;
    muster_login login;
    struct shared *shared;
    pid_t clients_pid;
    pid_t attacker_pid;
    pid_t network_thread;
    uint64_t refused[REASON_COUNT]; // in all rounds of attack
};

struct sample {
    uint64_t counts[BOUND_COUNT]; // ticks that took at most so long
    uint64_t total;
    uint64_t refused[REASON_COUNT];
    uint64_t sent;
    uint64_t cpu_ns;
    uint64_t network_ns; // of it, the network thread's
};

struct round {
    double p99_ms;
    double cpu_cores;
    double network_cores;
    double sent_per_s;
    double refused_per_s;
};

static void require(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "flood: %s\n", what);
        exit(1);
    }
}

// The clients.

static void run_clients(const struct bench *bench)
{
    const struct crowd_def def = {.login = bench->login, .client_count = CLIENT_COUNT, .seed = 1};
    struct crowd *crowd = crowd_create(&def);
    for (uint32_t i = 0; i < CLIENT_COUNT; i++) {
        bench->shared->ports[i] = crowd_port(crowd, i);
    }
    const uint64_t start_us = clock_monotonic_us();
    for (uint32_t joined_count = 0;;) {
        const uint64_t join_us = start_us + (uint64_t)joined_count * JOIN_PERIOD_US;
        if (joined_count < CLIENT_COUNT && join_us <= clock_monotonic_us()) {
            crowd_join(crowd, joined_count++);
        }
        crowd_step(crowd);
        atomic_store(&bench->shared->playing_count, crowd_playing_count(crowd));
    }
}

// The attacker.

struct attacker {
    int file;
    uint64_t random;
    const struct bench *bench;
    muster_address server;
    struct sockaddr_in to;
    uint8_t packets[FORGED_PER_STEP + 1][HEADER_BYTES + NETCODE_REQUEST_BYTES];
    struct iovec parts[FORGED_PER_STEP + 1];
    struct mmsghdr messages[FORGED_PER_STEP + 1];
};

static void store_u16_be(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

// The kernel fills in length and checksum of the IP header; UDP's may be left out.
static void write_headers(
    struct attacker *attacker, uint32_t index, uint32_t from, uint16_t port, uint32_t length)
{
    uint8_t *bytes = attacker->packets[index];
    memset(bytes, 0, HEADER_BYTES);
    bytes[0] = 0x45; // version 4, five words of header
    bytes[8] = 64;   // hops
    bytes[9] = IPPROTO_UDP;
    store_u16_be(bytes + 12, from >> 16);
    store_u16_be(bytes + 14, from & 0xffffu);
    memcpy(bytes + 16, attacker->server.ip, 4);
    store_u16_be(bytes + 20, port);
    store_u16_be(bytes + 22, attacker->server.port);
    store_u16_be(bytes + 24, 8 + length);
    attacker->parts[index] = (struct iovec){bytes, HEADER_BYTES + length};
    attacker->messages[index].msg_hdr = (struct msghdr){
        .msg_name = &attacker->to,
        .msg_namelen = sizeof attacker->to,
        .msg_iov = &attacker->parts[index],
        .msg_iovlen = 1,
    };
}

static void fill(struct attacker *attacker, uint8_t *bytes, uint32_t length)
{
    for (uint32_t i = 0; i + 8 <= length; i += 8) {
        bytes_store_u64(bytes + i, random_next(&attacker->random));
    }
}

// Any address of the loopback network but the clients' own.
static uint32_t nobody(struct attacker *attacker)
{
    return 0x7f010000u | (uint32_t)(random_next(&attacker->random) & 0xffffu);
}

// A payload packet with a sequence number that no client has used, which only its seal gives away.
static void forge(struct attacker *attacker, uint32_t index)
{
    const uint64_t bits = random_next(&attacker->random);
    const bool is_spoofed = index % 2 == 0;
    const uint16_t port = is_spoofed ? attacker->bench->shared->ports[bits % CLIENT_COUNT]
                                     : (uint16_t)(1024 + bits % 60000);
    const uint32_t from = is_spoofed ? 0x7f000001u : nobody(attacker);
    write_headers(attacker, index, from, port, FORGED_BYTES);
    uint8_t *bytes = attacker->packets[index] + HEADER_BYTES;
    fill(attacker, bytes, FORGED_BYTES);
    bytes[0] = NETCODE_PACKET_PAYLOAD | 4u << 4; // four bytes of sequence number
    bytes[4] = 0x7f;
}

static void forge_request(struct attacker *attacker, uint32_t index)
{
    write_headers(
        attacker, index, nobody(attacker), (uint16_t)(1024 + index), NETCODE_REQUEST_BYTES);
    uint8_t *bytes = attacker->packets[index] + HEADER_BYTES;
    fill(attacker, bytes, NETCODE_REQUEST_BYTES);
    bytes[0] = NETCODE_PACKET_REQUEST;
    memcpy(bytes + 1, NETCODE_VERSION, NETCODE_VERSION_BYTES);
    bytes_store_u64(bytes + NETCODE_REQUEST_PROTOCOL_OFFSET, attacker->bench->login.protocol_id);
    bytes_store_u64(bytes + NETCODE_REQUEST_EXPIRE_OFFSET, clock_unix_seconds() + 10);
}

static void run_attacker(const struct bench *bench)
{
    struct attacker *attacker = calloc(1, sizeof *attacker);
    require(attacker != NULL, "no memory");
    attacker->file = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    require(attacker->file >= 0, "no raw socket");
    attacker->random = 2;
    attacker->bench = bench;
    attacker->server = bench->login.addresses[0];
    attacker->to.sin_family = AF_INET;
    memcpy(&attacker->to.sin_addr, attacker->server.ip, 4);
    for (uint64_t at_us = clock_monotonic_us();; at_us += STEP_US) {
        clock_sleep_until_us(at_us);
        if (!atomic_load(&bench->shared->is_attacking)) {
            at_us = clock_monotonic_us();
            continue;
        }
        for (uint32_t i = 0; i < FORGED_PER_STEP; i++) {
            forge(attacker, i);
        }
        forge_request(attacker, FORGED_PER_STEP);
        for (uint32_t done = 0; done <= FORGED_PER_STEP;) {
            const int sent =
                sendmmsg(attacker->file, attacker->messages + done, FORGED_PER_STEP + 1 - done, 0);
            require(sent > 0, "a forged packet is not sent");
            done += (uint32_t)sent;
            atomic_fetch_add(&bench->shared->sent_count, (uint64_t)sent);
        }
    }
}

static pid_t start_process(void (*run)(const struct bench *bench), const struct bench *bench)
{
    const pid_t pid = fork();
    require(pid >= 0, "no process");
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setpriority(PRIO_PROCESS, 0, OTHERS_NICE);
        run(bench);
        _exit(1);
    }
    return pid;
}

// The server.

static void start_server(struct bench *bench)
{
    static const uint8_t private_key[MUSTER_NETCODE_KEY_BYTES] = {4, 5, 6};
    const muster_game *game = muster_game_module();
    struct driver_error error = {0};
    configuration_init(&bench->configuration);
    bench->configuration.settings.network.udp_port = 0;
    const struct server_process_def def = {
        .game = game,
        .settings = &bench->configuration.settings,
        .private_key = private_key,
        .seed = 1,
    };
    require(server_process_start(&def, &bench->process, &error) == MUSTER_OK, error.text);
    bench->login = muster_login_default();
    bench->login.protocol_id = server_protocol_id(game);
    bench->login.address_count = 1;
    bench->login.addresses[0] = server_process_address(bench->process);
    memcpy(bench->login.private_key, private_key, sizeof private_key);
}

// The thread of this process with a name.
static pid_t find_thread(const char *name)
{
    DIR *folder = opendir("/proc/self/task");
    require(folder != NULL, "no list of threads");
    pid_t found = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[64];
        char text[32] = {0};
        const pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);
        (void)snprintf(path, sizeof path, "/proc/self/task/%d/comm", thread);
        FILE *file = thread > 0 ? fopen(path, "r") : NULL;
        if (file == NULL) {
            continue;
        }
        const bool is_read = fgets(text, sizeof text, file) != NULL;
        fclose(file);
        if (is_read && strncmp(text, name, strlen(name)) == 0) {
            found = thread;
        }
    }
    closedir(folder);
    require(found != 0, "no thread of that name");
    return found;
}

static uint64_t thread_cpu_ns(pid_t thread)
{
    char path[64];
    unsigned long long ns = 0;
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", thread);
    FILE *file = fopen(path, "r");
    require(file != NULL && fscanf(file, "%llu", &ns) == 1, "no CPU time of a thread");
    fclose(file);
    return ns;
}

static void take_sample(struct bench *bench, struct sample *out_sample)
{
    muster_stats *stats = server_stats(server_process_server(bench->process));
    const muster_histogram *times = muster_stats_histogram(stats, SERVER_STAT_TICK_TIME, 0);
    for (uint32_t i = 0; i < BOUND_COUNT; i++) {
        out_sample->counts[i] = muster_histogram_count_to(times, (uint64_t)(i + 1) * BOUND_US);
    }
    out_sample->total = muster_histogram_count(times);
    for (uint32_t i = MUSTER_NETCODE_COUNTER_REFUSED_SIZE; i < MUSTER_NETCODE_COUNTER_COUNT; i++) {
        out_sample->refused[i] = (uint64_t)muster_stats_read(stats, SERVER_STAT_NETCODE, i);
    }
    out_sample->refused[REASON_REQUEST_RATE] = (uint64_t)muster_stats_read(
        stats, SERVER_STAT_GATEWAY, MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE);
    out_sample->refused[REASON_KERNEL] =
        (uint64_t)muster_stats_read(stats, SERVER_STAT_PACKETS_LOST, 0);
    out_sample->sent = atomic_load(&bench->shared->sent_count);
    out_sample->cpu_ns = clock_process_cpu_ns();
    out_sample->network_ns = thread_cpu_ns(bench->network_thread);
}

static double p99_ms_between(const struct sample *before, const struct sample *after)
{
    const uint64_t total = after->total - before->total;
    uint32_t i = 0;
    while (i < BOUND_COUNT - 1 && (after->counts[i] - before->counts[i]) * 100 < total * 99) {
        i++;
    }
    return (double)(i + 1) * BOUND_US / 1000.0;
}

static struct round run_round(struct bench *bench, bool is_attacking)
{
    static struct sample before;
    static struct sample after;
    atomic_store(&bench->shared->is_attacking, is_attacking);
    clock_sleep_until_us(clock_monotonic_us() + SETTLE_US);
    take_sample(bench, &before);
    clock_sleep_until_us(clock_monotonic_us() + ROUND_US);
    take_sample(bench, &after);
    uint64_t refused = 0;
    for (uint32_t i = 0; i < REASON_COUNT; i++) {
        const uint64_t count = after.refused[i] - before.refused[i];
        bench->refused[i] += is_attacking ? count : 0;
        refused += count;
    }
    return (struct round){
        .p99_ms = p99_ms_between(&before, &after),
        .cpu_cores = (double)(after.cpu_ns - before.cpu_ns) / 1e3 / ROUND_US,
        .network_cores = (double)(after.network_ns - before.network_ns) / 1e3 / ROUND_US,
        .sent_per_s = (double)(after.sent - before.sent) * 1e6 / ROUND_US,
        .refused_per_s = (double)refused * 1e6 / ROUND_US,
    };
}

// Figures.

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[ROUND_COUNT])
{
    qsort(values, ROUND_COUNT, sizeof values[0], compare);
    return values[ROUND_COUNT / 2];
}

static void print(const char *metric, double value, const char *unit)
{
    printf("{\"bench\":\"flood\",\"metric\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"}\n", metric,
        value, unit);
}

static const char *reason_name(uint32_t reason)
{
    switch (reason) {
    case REASON_REQUEST_RATE:
        return muster_gateway_counter_name(MUSTER_GATEWAY_COUNTER_REFUSED_REQUEST_RATE);
    case REASON_KERNEL:
        return "refused_by_kernel"; // no room in the socket
    default:
        return muster_netcode_counter_name((muster_netcode_counter)reason);
    }
}

static void print_refused(const struct bench *bench)
{
    for (uint32_t i = 0; i < REASON_COUNT; i++) {
        if (bench->refused[i] > 0) {
            const double seconds = ROUND_COUNT * (ROUND_US / 1e6);
            print(reason_name(i), (double)bench->refused[i] / seconds, "1/s");
        }
    }
}

static void measure(struct bench *bench)
{
    double quiet_ms[ROUND_COUNT];
    double attack_ms[ROUND_COUNT];
    double change_ms[ROUND_COUNT];
    double quiet_cores[ROUND_COUNT];
    double attack_cores[ROUND_COUNT];
    double quiet_network[ROUND_COUNT];
    double attack_network[ROUND_COUNT];
    double cost_ns[ROUND_COUNT];
    double sent_per_s[ROUND_COUNT];
    for (uint32_t i = 0; i < ROUND_COUNT; i++) {
        const struct round quiet = run_round(bench, false);
        const struct round attack = run_round(bench, true);
        require(attack.refused_per_s > 0, "nothing was refused");
        quiet_ms[i] = quiet.p99_ms;
        attack_ms[i] = attack.p99_ms;
        change_ms[i] = attack.p99_ms - quiet.p99_ms;
        quiet_cores[i] = quiet.cpu_cores;
        attack_cores[i] = attack.cpu_cores;
        quiet_network[i] = quiet.network_cores;
        attack_network[i] = attack.network_cores;
        cost_ns[i] = (attack.network_cores - quiet.network_cores) * 1e9 / attack.refused_per_s;
        sent_per_s[i] = attack.sent_per_s;
    }
    print("clients", atomic_load(&bench->shared->playing_count), "count");
    print("forged_packets", median(sent_per_s), "1/s");
    print_refused(bench);
    print("tick_p99_quiet", median(quiet_ms), "ms");
    print("tick_p99_attack", median(attack_ms), "ms");
    print("tick_p99_change", median(change_ms), "ms");
    print("cpu_quiet", median(quiet_cores), "cores");
    print("cpu_attack", median(attack_cores), "cores");
    print("network_cpu_quiet", median(quiet_network), "cores");
    print("network_cpu_attack", median(attack_network), "cores");
    print("cpu_per_refused_packet", median(cost_ns), "ns");
    print("disconnects",
        (double)server_read_summary(server_process_server(bench->process)).disconnects, "count");
}

static void wait_for_clients(struct bench *bench)
{
    const uint64_t end_us = clock_monotonic_us() + JOIN_US_MAX;
    while (atomic_load(&bench->shared->playing_count) < CLIENT_COUNT) {
        if (clock_monotonic_us() > end_us) {
            fprintf(stderr, "flood: only %u of %u clients are in the world\n",
                atomic_load(&bench->shared->playing_count), CLIENT_COUNT);
            exit(1);
        }
        clock_sleep_until_us(clock_monotonic_us() + 100000);
    }
    clock_sleep_until_us(clock_monotonic_us() + JOINED_US);
}

int main(void)
{
    static struct bench bench;
    const int raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0) {
        fprintf(stderr, "flood: skipped: forging addresses takes raw sockets (CAP_NET_RAW)\n");
        return CODE_SKIPPED;
    }
    close(raw);
    bench.shared =
        mmap(NULL, sizeof *bench.shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(bench.shared != MAP_FAILED, "no memory");
    start_server(&bench);
    bench.network_thread = find_thread("muster-network");
    bench.clients_pid = start_process(run_clients, &bench);
    bench.attacker_pid = start_process(run_attacker, &bench);
    wait_for_clients(&bench);
    measure(&bench);
    (void)kill(bench.attacker_pid, SIGKILL);
    (void)kill(bench.clients_pid, SIGKILL);
    (void)waitpid(bench.attacker_pid, NULL, 0);
    (void)waitpid(bench.clients_pid, NULL, 0);
    server_process_stop(bench.process);
    return 0;
}
