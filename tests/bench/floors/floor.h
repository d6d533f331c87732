// What the floors share: a listener and its epoll. A floor is the least that a server can do for one job: the system calls that the job
// takes, in one thread, and nothing that it could leave out. It checks no request and has no limits.
#ifndef FLOOR_H
#define FLOOR_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// Descriptors are below it.
#define MOST 1048576
#define EVENTS 1024
// How long the kernel keeps a connection that sends no request, in seconds, before it is accepted all the same.
#define DEFERRED_FOR 5

static inline void must(int good, const char *what) {
    if (!good) {
        perror(what);
        exit(1);
    }
}

// Listens on 127.0.0.1; with `deferred`, a connection is accepted when its request is there.
static inline int listen_on(const char *port, int deferred) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, seconds = DEFERRED_FOR;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(fd >= 0, "socket");
    must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0, "SO_REUSEADDR");
    // Accepted sockets inherit it.
    must(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0, "TCP_NODELAY");
    if (deferred) must(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds) == 0, "TCP_DEFER_ACCEPT");
    must(bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(listen(fd, 4096) == 0, "listen");
    return fd;
}

static inline int accept_one(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

static inline void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static inline void accept_all(int listener, int epoll) {
    int fd;
    while ((fd = accept_one(listener)) >= 0) watch(epoll, fd);
}

static inline int epoll_with(int listener) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    must(epoll >= 0, "epoll_create1");
    watch(epoll, listener);
    return epoll;
}

// The file's bytes, and how many; the load generator wants to see in an answer what the file says.
static inline char *contents(const char *path, size_t *len) {
    FILE *file = fopen(path, "rb");
    must(file != NULL, path);
    must(fseek(file, 0, SEEK_END) == 0, path);
    *len = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*len + 1);
    must(bytes != NULL && fread(bytes, 1, *len, file) == *len, path);
    fclose(file);
    return bytes;
}

// The answer to the one key that the load generator sends (RFC 6455 section 1.3 has both).
static const char OPENING[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// What a newcomer gets for its request.
static const char *opening = OPENING;

// The open connections in the order in which they were opened, without holes; `place_of` is one more than the place, and 0 for none.
static int open_fds[MOST], place_of[MOST], open_count;

static inline void keep(int fd) {
    open_fds[open_count++] = fd;
    place_of[fd] = open_count;
}

static inline void end(int fd) {
    if (place_of[fd]) {
        int last = open_fds[--open_count];
        open_fds[place_of[fd] - 1] = last;
        place_of[last] = place_of[fd];
        place_of[fd] = 0;
    }
    close(fd);
}

// Takes what a WebSocket says that only listens: its opening, or its end.
static inline void serve_listener(int fd) {
    static char request[16384];
    ssize_t got = recv(fd, request, sizeof request, 0);
    if (got <= 0) {
        end(fd);
    } else if (memcmp(request, "GET ", 4) == 0) {
        send(fd, opening, strlen(opening), MSG_NOSIGNAL);
        keep(fd);
    }
}

static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}
#endif
