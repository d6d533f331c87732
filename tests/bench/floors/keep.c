// keep PORT FILE: the file's bytes for every request of a connection that is kept. Receive, send.
#include "floor.h"

static char *answer, request[16384];
static size_t answer_len, left[MOST];

// Sends what is left of an answer; the kernel says when it has room for more.
static void go_on(int fd) {
    while (left[fd] > 0) {
        ssize_t more = send(fd, answer + answer_len - left[fd], left[fd], MSG_NOSIGNAL);
        if (more < 0) return;
        left[fd] -= (size_t)more;
    }
}

static void serve(int fd, uint32_t events) {
    if (left[fd] > 0) {
        go_on(fd);
    } else if (events & EPOLLIN) {
        if (recv(fd, request, sizeof request, 0) > 0) {
            left[fd] = answer_len;
            go_on(fd);
        } else {
            close(fd);
        }
    }
}

static void watch_both(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd};
    left[fd] = 0;
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

int main(int argc, char **argv) {
    must(argc == 3, "keep PORT FILE");
    int listener = listen_on(argv[1], 0), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    answer = contents(argv[2], &answer_len);
    for (;;) {
        int count = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                serve(fd, events[i].events);
                continue;
            }
            while ((fd = accept_one(listener)) >= 0) watch_both(epoll, fd);
        }
    }
}
