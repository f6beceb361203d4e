/* What the bare blocking servers share: a listener, and echoing to one peer until it leaves.
 *
 * No limits, no deadlines, no draining: SIGTERM ends a server by default action. */
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <unistd.h>

#include "listener.h"

/* A listener. A peer that has gone is written to without a signal. */
static int open_blocking_listener(void) {
    signal(SIGPIPE, SIG_IGN);
    return open_listener(0);
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
