/* A cheap upstream that speaks OpenAI's dialect: one thread, epoll, fixed answers.
 *
 * build: gcc -O2 -o upstream upstream.c
 * run:   upstream PORT SMALL_PICTURE BIG_PICTURE     (files of base64)
 *
 * A request is read whole, however it is framed, then answered by its path:
 *   .../chat/completions   a fixed JSON answer, or a stream of 50 events where the body asks for one
 *   anything else          {"created": .., "data": [{"b64_json": PICTURE}]}
 *   /stats                 requests and bytes so far, requests that broke the framing, and the last model's name
 * and by the folder in front of it:
 *   /big/...               the picture is the big one
 *   /slow/...              the answer comes 200 ms after the request
 *   /drip/...              a stream's events come 20 s apart
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384, BODY_KEPT = 8192, LINE_MAX_LENGTH = 64, NAME_MAX_LENGTH = 80, READ_SIZE = 1 << 18, EVENTS = 50 };
enum { SLOW_MS = 200, DRIP_MS = 20000 };
enum state { HEAD, BODY, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, ANSWERING };

struct text {
    char *bytes;
    size_t length;
};

struct connection {
    int socket;
    enum state state;
    char head[HEAD_MAX];
    size_t head_length;
    char body[BODY_KEPT];
    size_t body_length;
    char line[LINE_MAX_LENGTH];
    size_t line_length;
    int64_t left; /* bytes of the body, or of its chunk, that are still to come */
    uint64_t total;
    const char *out; /* what is being written: never freed, or `own` */
    size_t out_length, out_offset;
    char own[1024];
    int wants_write, is_stream, is_delayed, wants_usage;
    int events_left;
    uint64_t due;
    struct queue *queue; /* where it waits, or NULL */
    struct connection *next, *previous;
};

/* Connections that wait equally long, so that the first to come is the first that is due. */
struct queue {
    int milliseconds;
    struct connection *first, *last;
};

static int poll_socket;
static char read_buffer[READ_SIZE];
static struct text chat, small_picture, big_picture, stream_head, event, usage_event, stream_end;
static struct queue slow = {.milliseconds = SLOW_MS}, drip = {.milliseconds = DRIP_MS};
static uint64_t requests, bytes, broken;
static char last_model[NAME_MAX_LENGTH];

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void stop_waiting(struct connection *c) {
    struct queue *q = c->queue;
    if (!q) return;
    if (c->previous) c->previous->next = c->next;
    else q->first = c->next;
    if (c->next) c->next->previous = c->previous;
    else q->last = c->previous;
    c->queue = NULL;
}

static void wait_in(struct queue *q, struct connection *c) {
    c->due = now_ms() + (uint64_t)q->milliseconds;
    c->queue = q;
    c->next = NULL;
    c->previous = q->last;
    if (q->last) q->last->next = c;
    else q->first = c;
    q->last = c;
}

static void end(struct connection *c) {
    stop_waiting(c);
    close(c->socket);
    free(c);
}

static void begin(struct connection *c) {
    c->state = HEAD;
    c->head_length = c->body_length = c->line_length = 0;
    c->total = 0;
    c->is_stream = c->is_delayed = c->wants_usage = 0;
    c->out_length = c->out_offset = 0;
}

static void watch(struct connection *c, int writing) {
    if (c->wants_write == writing) return;
    struct epoll_event wanted = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_socket, EPOLL_CTL_MOD, c->socket, &wanted);
    c->wants_write = writing;
}

/* 1: all is out, 0: the socket is full, -1: the client is gone. */
static int flush(struct connection *c) {
    while (c->out_offset < c->out_length) {
        ssize_t n = send(c->socket, c->out + c->out_offset, c->out_length - c->out_offset, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return -1;
        if (n < 0) {
            watch(c, 1);
            return 0;
        }
        c->out_offset += (size_t)n;
    }
    watch(c, 0);
    return 1;
}

static int put(struct connection *c, struct text text) {
    c->out = text.bytes;
    c->out_length = text.length;
    c->out_offset = 0;
    return flush(c);
}

static int is_below(struct connection *c, const char *folder) {
    const char *path = strchr(c->head, ' ');
    return path && strncmp(path + 1, folder, strlen(folder)) == 0;
}

/* Each event is a write of its own, as vendors do it. */
static int stream_on(struct connection *c) {
    while (c->events_left > 0) {
        int written = put(c, --c->events_left == 0 && c->wants_usage ? usage_event : event);
        if (written < 1) return written;
        if (is_below(c, "/drip/")) {
            wait_in(&drip, c);
            return 0;
        }
    }
    c->is_stream = 0;
    int written = put(c, stream_end);
    if (written == 1) begin(c);
    return written;
}

static void note_model(struct connection *c) {
    const char *end_of_body = c->body + c->body_length, *from = memmem(c->body, c->body_length, "name=\"model\"", 12);
    if (from) from = memmem(from, (size_t)(end_of_body - from), "\r\n\r\n", 4);
    if (from) from += 4;
    else {
        from = memmem(c->body, c->body_length, "\"model\"", 7);
        if (!from) return;
        for (from += 7; from < end_of_body && strchr(": \"", *from);) from++;
    }
    size_t length = 0;
    while (from < end_of_body && *from != '\r' && *from != '"' && length < NAME_MAX_LENGTH - 1) last_model[length++] = *from++;
    last_model[length] = 0;
}

static int has(struct connection *c, const char *words) {
    return memmem(c->body, c->body_length, words, strlen(words)) != NULL;
}

static int answer_stats(struct connection *c) {
    char json[400];
    int length = snprintf(json, sizeof json, "{\"requests\":%llu,\"bytes\":%llu,\"broken\":%llu,\"model\":\"%s\"}",
                          (unsigned long long)requests, (unsigned long long)bytes, (unsigned long long)broken, last_model);
    int all = snprintf(c->own, sizeof c->own, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", length, json);
    return put(c, (struct text){c->own, (size_t)all});
}

static int answer(struct connection *c) {
    int written;
    c->is_delayed = 0;
    if (is_below(c, "/stats ")) written = answer_stats(c);
    else {
        requests++;
        bytes += c->total;
        note_model(c);
        int is_chat = strstr(c->head, "/chat/completions ") != NULL;
        if (is_chat && (has(c, "\"stream\":true") || has(c, "\"stream\": true"))) {
            c->is_stream = 1;
            c->wants_usage = has(c, "\"include_usage\":true") || has(c, "\"include_usage\": true");
            c->events_left = EVENTS + c->wants_usage;
            written = put(c, stream_head);
            return written < 1 ? written : stream_on(c);
        }
        written = put(c, is_chat ? chat : is_below(c, "/big/") ? big_picture : small_picture);
    }
    if (written == 1) begin(c);
    return written;
}

static int all_is_here(struct connection *c) {
    c->state = ANSWERING;
    if (!is_below(c, "/slow/")) return answer(c);
    c->is_delayed = 1;
    wait_in(&slow, c);
    return 0;
}

static void keep(struct connection *c, const char *from, size_t n) {
    size_t room = BODY_KEPT - c->body_length, kept = n < room ? n : room;
    memcpy(c->body + c->body_length, from, kept);
    c->body_length += kept;
    c->total += n;
}

/* Bytes that were taken of `n`, or -1. */
static ssize_t take_head(struct connection *c, const char *from, size_t n) {
    size_t room = HEAD_MAX - 1 - c->head_length, taken = n < room ? n : room, before = c->head_length;
    if (!taken) return -1;
    size_t look = before > 3 ? before - 3 : 0;
    memcpy(c->head + before, from, taken);
    char *blank = memmem(c->head + look, before + taken - look, "\r\n\r\n", 4);
    if (!blank) {
        c->head_length += taken;
        return (ssize_t)taken;
    }
    c->head_length = (size_t)(blank + 4 - c->head);
    blank[2] = 0;
    const char *chunked = strcasestr(c->head, "\r\ntransfer-encoding:"), *length = strcasestr(c->head, "\r\ncontent-length:");
    static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (strcasestr(c->head, "\r\nexpect: 100") && send(c->socket, go_on, sizeof go_on - 1, MSG_NOSIGNAL) < 0) return -1;
    size_t used = c->head_length - before;
    c->left = length ? atoll(length + 17) : 0;
    c->state = chunked ? CHUNK_SIZE : BODY;
    if (!chunked && !c->left && all_is_here(c) < 0) return -1;
    return (ssize_t)used;
}

static ssize_t take_body(struct connection *c, const char *from, size_t n) {
    size_t taken = (int64_t)n > c->left ? (size_t)c->left : n;
    keep(c, from, taken);
    c->left -= (int64_t)taken;
    if (c->left) return (ssize_t)taken;
    if (c->state == CHUNK_DATA) c->state = CHUNK_END;
    else if (all_is_here(c) < 0) return -1;
    return (ssize_t)taken;
}

static ssize_t take_line(struct connection *c, char one) {
    if (one != '\n') {
        if (one != '\r' && c->line_length < LINE_MAX_LENGTH - 1) c->line[c->line_length++] = one;
        return 1;
    }
    c->line[c->line_length] = 0;
    size_t length = c->line_length;
    c->line_length = 0;
    if (c->state == CHUNK_SIZE) {
        c->left = strtoll(c->line, NULL, 16);
        c->state = c->left ? CHUNK_DATA : TRAILER;
    } else if (c->state == CHUNK_END) c->state = CHUNK_SIZE;
    else if (length == 0 && all_is_here(c) < 0) return -1;
    return 1;
}

static int take(struct connection *c, const char *from, size_t n) {
    while (n) {
        ssize_t taken = -1;
        switch (c->state) {
        case HEAD: taken = take_head(c, from, n); break;
        case BODY:
        case CHUNK_DATA: taken = take_body(c, from, n); break;
        case CHUNK_SIZE:
        case CHUNK_END:
        case TRAILER: taken = take_line(c, *from); break;
        case ANSWERING: broken++; break; /* nothing is said before the answer is there */
        }
        if (taken < 0) return -1;
        from += taken;
        n -= (size_t)taken;
    }
    return 0;
}

static int go_on_writing(struct connection *c) {
    int written = flush(c);
    if (written < 1 || c->state != ANSWERING || c->is_delayed) return written;
    if (c->is_stream) return c->queue ? 0 : stream_on(c);
    begin(c);
    return 1;
}

static void serve(struct connection *c, uint32_t what) {
    if (what & EPOLLOUT && go_on_writing(c) < 0) {
        end(c);
        return;
    }
    if (!(what & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    ssize_t n = recv(c->socket, read_buffer, sizeof read_buffer, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN) || (n > 0 && take(c, read_buffer, (size_t)n) < 0)) end(c);
}

static void let_in(int listener) {
    int one = 1, accepted;
    while ((accepted = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = calloc(1, sizeof *c);
        if (!c) abort();
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->socket = accepted;
        begin(c);
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poll_socket, EPOLL_CTL_ADD, accepted, &wanted);
    }
}

static void answer_those_due(struct queue *q) {
    uint64_t now = q->first ? now_ms() : 0;
    while (q->first && q->first->due <= now) {
        struct connection *c = q->first;
        stop_waiting(c);
        if ((c->is_delayed ? answer(c) : stream_on(c)) < 0) end(c);
    }
}

static struct text reply(const char *body, size_t length) {
    struct text all = {malloc(length + 256), 0};
    if (!all.bytes) abort();
    all.length = (size_t)sprintf(all.bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", length);
    memcpy(all.bytes + all.length, body, length);
    all.length += length;
    return all;
}

static struct text picture_reply(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    rewind(file);
    char *body = malloc(size + 256);
    if (!body) abort();
    size_t length = (size_t)sprintf(body, "{\"created\":1700000000,\"data\":[{\"b64_json\":\"");
    if (fread(body + length, 1, size, file) != size) abort();
    fclose(file);
    length += size;
    length += (size_t)sprintf(body + length, "\"}]}");
    struct text all = reply(body, length);
    free(body);
    return all;
}

static struct text chunk(const char *data) {
    struct text all = {malloc(strlen(data) + 32), 0};
    if (!all.bytes) abort();
    all.length = (size_t)sprintf(all.bytes, "%zx\r\n%s\r\n", strlen(data), data);
    return all;
}

#define ID "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion"
#define FROM ",\"created\":1700000000,\"model\":\"upstream-model\",\"choices\":["
#define USAGE "],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":50,\"total_tokens\":69}}"

static void prepare(char **paths) {
    const char *whole = ID "\"" FROM "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello! This is a fixed answer, "
                        "long enough to look like a short turn of a conversation with a model.\"},\"logprobs\":null,"
                        "\"finish_reason\":\"stop\"}" USAGE;
    chat = reply(whole, strlen(whole));
    small_picture = picture_reply(paths[0]);
    big_picture = picture_reply(paths[1]);
    static char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream_head = (struct text){head, sizeof head - 1};
    event = chunk("data: " ID ".chunk\"" FROM "{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n");
    usage_event = chunk("data: " ID ".chunk\"" FROM USAGE "\n\n");
    stream_end = chunk("data: [DONE]\n\n");
    stream_end.bytes = realloc(stream_end.bytes, stream_end.length + 8);
    if (!stream_end.bytes) abort();
    memcpy(stream_end.bytes + stream_end.length, "0\r\n\r\n", 5);
    stream_end.length += 5;
}

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("listen");
        exit(1);
    }
    poll_socket = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_socket, EPOLL_CTL_ADD, listener, &wanted);
    return listener;
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: upstream PORT SMALL_PICTURE BIG_PICTURE\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    prepare(words + 2);
    int listener = listen_on(atoi(words[1]));
    struct epoll_event happened[512];
    for (;;) {
        int n = epoll_wait(poll_socket, happened, 512, slow.first ? 1 : drip.first ? 100 : -1);
        for (int i = 0; i < n; i++) {
            if (happened[i].data.ptr) serve(happened[i].data.ptr, happened[i].events);
            else let_in(listener);
        }
        answer_those_due(&slow);
        answer_those_due(&drip);
    }
}
