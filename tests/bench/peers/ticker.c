// The program that websocketd starts for each client: a numbered date a second, and nothing that costs more than that.
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(void) {
    char text[100];
    for (unsigned long number = 1;; number++) {
        time_t seconds = time(NULL);
        strftime(text, sizeof text, "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)", gmtime(&seconds));
        printf("%lu %s\n", number, text);
        if (fflush(stdout)) return 1;
        sleep(1);
    }
}
