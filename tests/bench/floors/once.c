// once PORT plain|deferred FILE: one answer per connection. Accept, read the request, send the file's bytes, close.
// deferred: TCP_DEFER_ACCEPT, and the request is read right after the accept, so that no connection is ever registered.
#include "floor.h"

static char *answer, request[16384];
static size_t answer_len;

static int serve(int fd) {
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got < 0 && errno == EAGAIN) return 0;
    if (got > 0) send(fd, answer, answer_len, MSG_NOSIGNAL);
    close(fd);
    return 1;
}

int main(int argc, char **argv) {
    must(argc == 4, "once PORT plain|deferred FILE");
    int deferred = strcmp(argv[2], "deferred") == 0, listener = listen_on(argv[1], deferred), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    answer = contents(argv[3], &answer_len);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                serve(fd);
                continue;
            }
            while ((fd = accept_one(listener)) >= 0)
                if (!deferred || !serve(fd)) watch(epoll, fd);
        }
    }
}
