// How a line is framed, and how the stream opens, in each way that the load generator reads.
#ifndef FRAMING_H
#define FRAMING_H
#include "floor.h"

static const char HIXIE_76[] = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n"
                               "Sec-WebSocket-Origin: http://localhost\r\nSec-WebSocket-Location: ws://localhost:40132/\r\n\r\n8jKS'y:G*Co,Wxa-";
static const char STREAM[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
static const char CHUNKED[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";

// The bytes of one line with its frame; `number` is what the line begins with.
static size_t frame_rfc6455(char *to, const char *line, size_t len, int number_len) {
    (void)number_len;
    size_t at = 0;
    to[at++] = (char)0x81;
    if (len < 126) {
        to[at++] = (char)len;
    } else {
        to[at++] = 126;
        to[at++] = (char)(len >> 8);
        to[at++] = (char)len;
    }
    memcpy(to + at, line, len);
    return at + len;
}

static size_t frame_hixie(char *to, const char *line, size_t len, int number_len) {
    (void)number_len;
    to[0] = 0;
    memcpy(to + 1, line, len);
    to[len + 1] = (char)0xFF;
    return len + 2;
}

static size_t plain_line(char *to, const char *line, size_t len, int number_len) {
    (void)number_len;
    memcpy(to, line, len);
    to[len] = '\n';
    return len + 1;
}

static size_t plain_event(char *to, const char *line, size_t len, int number_len) {
    return (size_t)sprintf(to, "id: 000000000000_%.*s\ndata: %.*s\n\n", number_len, line, (int)len, line);
}

static size_t chunk_of(char *to, size_t (*inner)(char *, const char *, size_t, int), const char *line, size_t len, int number_len) {
    static char text[1 << 17];
    size_t whole = inner(text, line, len, number_len), at = (size_t)sprintf(to, "%zx\r\n", whole);
    memcpy(to + at, text, whole);
    memcpy(to + at + whole, "\r\n", 2);
    return at + whole + 2;
}

static size_t chunked_line(char *to, const char *line, size_t len, int number_len) { return chunk_of(to, plain_line, line, len, number_len); }
static size_t chunked_event(char *to, const char *line, size_t len, int number_len) { return chunk_of(to, plain_event, line, len, number_len); }

static const struct framing {
    const char *name, *opening;
    size_t (*frame)(char *, const char *, size_t, int);
} framings[] = {
    {"rfc6455", OPENING, frame_rfc6455}, {"hixie-76", HIXIE_76, frame_hixie},   {"events-1.1", CHUNKED, chunked_event},
    {"events-1.0", STREAM, plain_event}, {"lines-1.1", CHUNKED, chunked_line}, {"lines-1.0", STREAM, plain_line},
};

static const struct framing *framing_of(const char *name) {
    for (size_t i = 0; i < sizeof framings / sizeof *framings; i++)
        if (strcmp(framings[i].name, name) == 0) return &framings[i];
    fprintf(stderr, "no framing %s\n", name);
    exit(1);
}
#endif
