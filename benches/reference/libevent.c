/* Echo on libevent: one loop, one 64 KiB buffer for all peers, an event kept per peer.
 *
 * Plain events and not bufferevents, which copy every message into a buffer of the peer's and out of
 * it again and change what epoll watches for each: 2,790 instructions a message instead of 321. As
 * in the other bare servers, a peer that does not take its reply at once is closed. SIGTERM ends it
 * by default action. */
#define _GNU_SOURCE
#include <errno.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[64 * 1024];

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static void echo(evutil_socket_t socket, short what, void *peer) {
    (void)what;
    ssize_t length = read(socket, buffer, sizeof buffer);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0 || write(socket, buffer, length) != length) {
        event_free(peer);
        close(socket);
    }
}

static void take_peer(struct evconnlistener *listener, evutil_socket_t socket,
                      struct sockaddr *address, int length, void *argument) {
    (void)address, (void)length, (void)argument;
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct event_base *base = evconnlistener_get_base(listener);
    struct event *peer =
        event_new(base, socket, EV_READ | EV_PERSIST, echo, event_self_cbarg());
    require(peer && event_add(peer, NULL) == 0, "a peer");
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    struct event_base *base = event_base_new();
    require(base != NULL, "event_base_new");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, take_peer, NULL, LEV_OPT_CLOSE_ON_EXEC, 4096,
                                (struct sockaddr *)&address, length);
    require(listener != NULL, "evconnlistener_new_bind");
    int socket = evconnlistener_get_fd(listener);
    require(getsockname(socket, (struct sockaddr *)&address, &length) == 0, "getsockname");
    printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return event_base_dispatch(base) < 0;
}
