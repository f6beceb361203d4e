/* Bare level-triggered epoll echo: one loop, one 64 KiB buffer for all peers, nothing kept per peer.
 *
 * It is the floor that a loop is compared with, so it has no limits, no deadlines and no unsent
 * output: a peer that does not take its reply at once is closed. SIGTERM ends it by default action. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "listener.h"

static char buffer[64 * 1024];

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
    int listener = open_listener(SOCK_NONBLOCK);
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
