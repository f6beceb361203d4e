/* What the bare blocking servers share: a listener, and echoing to one peer until it leaves.
 *
 * No limits, no deadlines, no draining: SIGTERM ends a server by default action. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static int open_listener(void) {
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(listener >= 0, "socket");
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    require(bind(listener, (struct sockaddr *)&address, length) == 0, "bind");
    require(listen(listener, 4096) == 0, "listen");
    require(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

/* A peer, or -1: one that has gone again is none of the server's errors. */
static int accept_peer(int listener) {
    int peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    int on = 1;
    if (peer >= 0)
        setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return peer;
}

static int send_all(int peer, const char *bytes, ssize_t length) {
    while (length > 0) {
        ssize_t sent = write(peer, bytes, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return 0;
        bytes += sent;
        length -= sent;
    }
    return 1;
}

/* A blocking read, a blocking write, 4 KiB on the stack. */
static void echo(int peer) {
    char buffer[4096];
    for (;;) {
        ssize_t length = read(peer, buffer, sizeof buffer);
        if (length < 0 && errno == EINTR)
            continue;
        if (length <= 0 || !send_all(peer, buffer, length))
            break;
    }
    close(peer);
}
