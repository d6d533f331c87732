// dates PORT [silent|deferred]: a date to each WebSocket once a second, in one burst: a loop of send(2). Silent, it is the floor of opening
// handshakes.
// deferred: silent, too; TCP_DEFER_ACCEPT, and the request is read right after the accept.
#include "floor.h"

static void burst(unsigned long number) {
    char frame[128];
    time_t seconds = time(NULL);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    int len = sprintf(frame + 2, "%lu ", number);
    len += (int)strftime(frame + 2 + len, 100, "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)", &parts);
    frame[0] = (char)0x81;
    frame[1] = (char)len;
    for (int i = 0; i < open_count; i++) send(open_fds[i], frame, (size_t)len + 2, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
    must(argc == 2 || argc == 3, "dates PORT [silent|deferred]");
    int silent = argc == 3, deferred = silent && strcmp(argv[2], "deferred") == 0;
    int listener = listen_on(argv[1], deferred), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    double due = now() + 1;
    for (unsigned long number = 1;;) {
        double wait = due - now();
        int count = epoll_wait(epoll, events, EVENTS, silent ? -1 : wait > 0 ? (int)(wait * 1000) + 1 : 0);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd != listener) {
                serve_listener(fd);
                continue;
            }
            while ((fd = accept_one(listener)) >= 0) {
                watch(epoll, fd);
                if (deferred) serve_listener(fd);
            }
        }
        if (!silent && now() >= due) {
            burst(number++);
            due += 1;
        }
    }
}
