// lines PORT each|BYTES: the lines of standard input to each WebSocket, a frame for each line.
// each: one send(2) for each line and connection.
// BYTES: frames are gathered until there are so many bytes, and these are one send(2) for each connection. What is left at the end of the
// input is sent then.
#include "floor.h"

#define ROOM (1 << 20)

static char input[ROOM], frames[2 * ROOM];
static size_t input_len, frames_len;

static void flush_frames(void) {
    for (int i = 0; i < open_count && frames_len; i++) {
        size_t sent = 0;
        while (sent < frames_len) {
            ssize_t more = send(open_fds[i], frames + sent, frames_len - sent, MSG_NOSIGNAL);
            // A reader that is behind: the floor waits for it.
            if (more < 0 && errno != EAGAIN) break;
            if (more > 0) sent += (size_t)more;
        }
    }
    frames_len = 0;
}

static void frame(const char *line, size_t len, size_t block) {
    frames[frames_len++] = (char)0x81;
    if (len < 126) {
        frames[frames_len++] = (char)len;
    } else {
        frames[frames_len++] = 126;
        frames[frames_len++] = (char)(len >> 8);
        frames[frames_len++] = (char)len;
    }
    memcpy(frames + frames_len, line, len);
    frames_len += len;
    if (frames_len >= block) flush_frames();
}

// Takes what the input has; 0 at its end.
static int take(size_t block) {
    ssize_t got = read(0, input + input_len, ROOM - input_len);
    if (got <= 0) return 0;
    input_len += (size_t)got;
    char *at = input, *end;
    while ((end = memchr(at, '\n', input_len - (size_t)(at - input)))) {
        frame(at, (size_t)(end - at), block);
        at = end + 1;
    }
    input_len -= (size_t)(at - input);
    memmove(input, at, input_len);
    return 1;
}

int main(int argc, char **argv) {
    must(argc == 3, "lines PORT each|BYTES");
    size_t block = strcmp(argv[2], "each") == 0 ? 1 : (size_t)atol(argv[2]);
    int listener = listen_on(argv[1], 0), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    watch(epoll, 0);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                if (take(block)) continue;
                flush_frames();
                epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
            } else if (fd == listener) {
                accept_all(listener, epoll);
            } else {
                serve_listener(fd);
            }
        }
    }
}
