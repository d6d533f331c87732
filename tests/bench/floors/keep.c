// keep PORT FILE [COUNT]: the file's bytes for every request of a connection that is kept. Receive, send.
// COUNT: so many answers, one for each `GET /many/NUMBER`; the body of each begins with its NUMBER, of eight digits.
#include "floor.h"

#define DIGITS 8

static char *answers, request[16384];
static size_t answer_len, count = 1, left[MOST], chosen[MOST];

// Sends what is left of an answer; the kernel says when it has room for more.
static void go_on(int fd) {
    while (left[fd] > 0) {
        ssize_t more = send(fd, answers + chosen[fd] * answer_len + answer_len - left[fd], left[fd], MSG_NOSIGNAL);
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
            chosen[fd] = count > 1 ? strtoul(request + strlen("GET /many/"), NULL, 10) % count : 0;
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

// A copy for each number.
static void number_answers(void) {
    char *first = answers, digits[DIGITS + 1];
    size_t body = (size_t)(strstr(first, "\r\n\r\n") + 4 - first);
    must((answers = malloc(count * answer_len)) != NULL, "malloc");
    for (size_t i = 0; i < count; i++) {
        memcpy(answers + i * answer_len, first, answer_len);
        snprintf(digits, sizeof digits, "%08zu", i % 100000000);
        memcpy(answers + i * answer_len + body, digits, DIGITS);
    }
}

int main(int argc, char **argv) {
    must(argc == 3 || argc == 4, "keep PORT FILE [COUNT]");
    int listener = listen_on(argv[1], 0), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    answers = contents(argv[2], &answer_len);
    if (argc == 4) {
        count = (size_t)atol(argv[3]);
        number_answers();
    }
    for (;;) {
        int ready = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                serve(fd, events[i].events);
                continue;
            }
            while ((fd = accept_one(listener)) >= 0) watch_both(epoll, fd);
        }
    }
}
