// lines PORT FRAMING read|5ms|64KiB: the lines of standard input to each connection, a frame for each line.
// read:    what one read of the input brings is one send(2) for each connection.
// 5ms:     the first line after a pause goes out at once; those of the next 5 ms, or of another time, wait for each other, and are one
//          send(2).
// 64KiB:   frames are gathered until there are 64 KiB, or another number, however long that takes. It is the least that bytes can cost, and
//          no way to send lines that somebody waits for.
#include "framing.h"

#include <poll.h>

#define ROOM (1 << 20)

static char input[ROOM], frames[4 * ROOM];
static size_t input_len, frames_len;
static const struct framing *framing;

// Waits until a reader that is behind has taken something.
static int has_room(int fd) {
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    return poll(&one, 1, 1000) == 1 && (one.revents & POLLOUT);
}

static void flush_frames(void) {
    for (int i = 0; i < open_count && frames_len; i++) {
        size_t sent = 0;
        while (sent < frames_len) {
            ssize_t more = send(open_fds[i], frames + sent, frames_len - sent, MSG_NOSIGNAL);
            if (more < 0 && (errno != EAGAIN || !has_room(open_fds[i]))) break;
            if (more > 0) sent += (size_t)more;
        }
    }
    frames_len = 0;
}

// Takes what the input has; 0 at its end.
static int take(void) {
    ssize_t got = read(0, input + input_len, ROOM / 2 - input_len);
    if (got <= 0) return 0;
    input_len += (size_t)got;
    char *at = input, *end;
    while ((end = memchr(at, '\n', input_len - (size_t)(at - input)))) {
        int number_len = (int)strcspn(at, " \n");
        frames_len += framing->frame(frames + frames_len, at, (size_t)(end - at), number_len);
        at = end + 1;
    }
    input_len -= (size_t)(at - input);
    memmove(input, at, input_len);
    return 1;
}

int main(int argc, char **argv) {
    must(argc == 4, "lines PORT FRAMING read|5ms|64KiB");
    framing = framing_of(argv[2]);
    opening = framing->opening;
    double window = strstr(argv[3], "ms") ? atof(argv[3]) / 1000 : 0, sent_at = 0;
    size_t block = strstr(argv[3], "KiB") ? (size_t)atol(argv[3]) * 1024 : 0;
    int listener = listen_on(argv[1], 0), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    watch(epoll, 0);
    for (;;) {
        double wait = sent_at + window - now();
        struct timespec until_due = {.tv_nsec = wait > 0 ? (long)(wait * 1e9) : 0};
        int count = epoll_pwait2(epoll, events, EVENTS, frames_len && !block ? &until_due : NULL, NULL);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) {
                if (!take()) epoll_ctl(epoll, EPOLL_CTL_DEL, 0, NULL);
            } else if (fd == listener) {
                accept_all(listener, epoll);
            } else {
                serve_listener(fd);
            }
        }
        if (frames_len >= block && now() >= sent_at + window) {
            if (frames_len) sent_at = now();
            flush_frames();
        }
    }
}
