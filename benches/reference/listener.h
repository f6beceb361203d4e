/* What the bare servers share: a listener on a free port of 127.0.0.1, and the line that tells of it. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

/* `flags`: further ones for the type of its socket. */
static int open_listener(int flags) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    require(listener >= 0, "socket");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    require(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    require(listen(listener, 4096) == 0, "listen");
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}
