// echo PORT: what a WebSocket sends, without its mask. Read, unmask, write. What a read leaves of a frame that came in part is kept in a
// buffer of the connection until the rest comes.
#include "floor.h"

#define ROOM 65536

struct half {
    size_t len;
    unsigned char bytes[ROOM];
};

static struct half *halves[MOST];
static unsigned char buffer[ROOM];

// Answers the first frame of these bytes; its length, or 0 if it is not whole.
static size_t answer(int fd, unsigned char *bytes, size_t len) {
    size_t at = 2, payload;
    if (len < 8) return 0;
    payload = bytes[1] & 127;
    if (payload == 126) {
        payload = (size_t)bytes[2] << 8 | bytes[3];
        at = 4;
    }
    if (len < at + 4 + payload) return 0;
    uint32_t mask, word;
    memcpy(&mask, bytes + at, 4);
    unsigned char *text = bytes + at + 4;
    size_t i = 0;
    for (; i + 4 <= payload; i += 4) {
        memcpy(&word, text + i, 4);
        word ^= mask;
        memcpy(text + i, &word, 4);
    }
    for (; i < payload; i++) text[i] ^= ((unsigned char *)&mask)[i & 3];
    // The answer's head has no mask: it fits before the text, where the mask was.
    unsigned char *head = text - at;
    memmove(head, bytes, at);
    head[1] &= 127;
    send(fd, head, at + payload, MSG_NOSIGNAL);
    return at + 4 + payload;
}

static void serve(int fd) {
    struct half *half = halves[fd];
    unsigned char *into = half ? half->bytes + half->len : buffer;
    ssize_t got = recv(fd, into, ROOM - (half ? half->len : 0), 0);
    if (got <= 0) {
        free(half);
        halves[fd] = NULL;
        close(fd);
        return;
    }
    if (!half && memcmp(buffer, "GET ", 4) == 0) {
        send(fd, OPENING, sizeof OPENING - 1, MSG_NOSIGNAL);
        return;
    }
    unsigned char *bytes = half ? half->bytes : buffer;
    size_t len = (size_t)got + (half ? half->len : 0), done = 0, one;
    while ((one = answer(fd, bytes + done, len - done)) > 0) done += one;
    if (done == len) {
        free(half);
        halves[fd] = NULL;
        return;
    }
    if (!half) must((half = halves[fd] = malloc(sizeof *half)) != NULL, "malloc");
    memmove(half->bytes, bytes + done, len - done);
    half->len = len - done;
}

int main(int argc, char **argv) {
    must(argc == 2, "echo PORT");
    int listener = listen_on(argv[1], 0), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listener) {
                accept_all(listener, epoll);
            } else {
                serve(fd);
            }
        }
    }
}
