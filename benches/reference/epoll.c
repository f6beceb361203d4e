/* Bare level-triggered epoll echo: one loop, one 64 KiB buffer for all peers, nothing kept per peer.
 *
 * It is the floor that a loop is compared with, so it has no limits, no deadlines and no unsent
 * output: a peer that does not take its reply at once is closed. SIGTERM ends it by default action. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[64 * 1024];

static void require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

static int open_listener(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
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

static void take_peer(int poll, int listener) {
    int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (peer < 0)
        return; /* Level-triggered: whoever still waits is reported again. */
    int on = 1;
    setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = peer};
    require(epoll_ctl(poll, EPOLL_CTL_ADD, peer, &interest) == 0, "epoll_ctl");
}

static void echo(int peer) {
    ssize_t length = read(peer, buffer, sizeof buffer);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (length <= 0 || write(peer, buffer, length) != length)
        close(peer);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    int listener = open_listener();
    int poll = epoll_create1(EPOLL_CLOEXEC);
    require(poll >= 0, "epoll_create1");
    struct epoll_event events[1024], interest = {.events = EPOLLIN, .data.fd = listener};
    require(epoll_ctl(poll, EPOLL_CTL_ADD, listener, &interest) == 0, "epoll_ctl");
    for (;;) {
        int ready = epoll_wait(poll, events, 1024, -1);
        require(ready >= 0 || errno == EINTR, "epoll_wait");
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                take_peer(poll, listener);
            else
                echo(events[i].data.fd);
        }
    }
}
