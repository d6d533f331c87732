// dates PORT [spread|silent|deferred]: a date to each WebSocket once a second, in one burst: a loop of send(2).
// spread: in bursts of 500, which begin at equal distances. silent: it is the floor of opening handshakes.
// deferred: silent, too; TCP_DEFER_ACCEPT, and the request is read right after the accept.
#include "floor.h"

#define AT_ONCE 500

// To the connections from `first` to before `end`.
static void burst(unsigned long number, int first, int end) {
    char frame[128];
    time_t seconds = time(NULL);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    int len = sprintf(frame + 2, "%lu ", number);
    len += (int)strftime(frame + 2 + len, 100, "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)", &parts);
    frame[0] = (char)0x81;
    frame[1] = (char)len;
    for (int i = first; i < end; i++) send(open_fds[i], frame, (size_t)len + 2, MSG_NOSIGNAL);
}

int main(int argc, char **argv) {
    must(argc == 2 || argc == 3, "dates PORT [spread|silent|deferred]");
    const char *how = argc == 3 ? argv[2] : "";
    int spread = strcmp(how, "spread") == 0, deferred = strcmp(how, "deferred") == 0, silent = deferred || strcmp(how, "silent") == 0;
    int listener = listen_on(argv[1], deferred), epoll = epoll_with(listener);
    struct epoll_event events[EVENTS];
    double start = now() + 1, due = start;
    // The bursts of this second, which of them comes next, and the connections that they are for.
    int bursts = 1, next = 0, clients = 0;
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
            if (next == 0) {
                clients = open_count;
                bursts = spread && clients > AT_ONCE ? clients / AT_ONCE : 1;
            }
            burst(number, (int)((long)clients * next / bursts), (int)((long)clients * (next + 1) / bursts));
            if (++next == bursts) {
                next = 0;
                number++;
                start += 1;
            }
            due = start + (double)next / bursts;
        }
    }
}
